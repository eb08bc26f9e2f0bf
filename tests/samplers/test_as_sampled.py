"""Tokens as sampled are the truth: ids go from the sampler into the trainer's targets, and are never made from text."""

from __future__ import annotations

import pytest

from tests.tiny import END, END_ID, make_chain, make_model, make_policy, make_request, make_sampler, random_ids
from verigrad.algorithms.table import make_row
from verigrad.config import build
from verigrad.policy import pack
from verigrad.types import Grade, Group, Rollout, ScoredRollout, Status, StopReason

CORRECT = Grade(1.0, 1.0, 1.0, Status.CORRECT)


def trained_on(completions):
    """(ids before, target) pairs of every trained token of a step, by sequence, as the packed batches hold them."""
    row = make_row(build({"algorithm": {"name": "expert_iteration", "sequences_per_update": 2}}).algorithm)
    groups = [Group(c.prompt, (ScoredRollout(Rollout(c, CORRECT), {}),)) for c in completions]
    trajectories, _ = row.credit(row.select(groups), None)
    found = []
    for _, samples in row.updates(trajectories, "seed"):
        for batch in pack(samples, 30):
            for index in range(len(batch.rows)):
                own = batch.sequence_index == index
                before = batch.token_ids[batch.predictors[own]].tolist()
                found.append(list(zip(before, batch.targets[own].tolist(), strict=True)))
    return found


def pairs(completion):
    ids = (*completion.prompt.token_ids, *completion.token_ids)
    first = len(completion.prompt.token_ids)
    return [(ids[place - 1], ids[place]) for place in range(first, len(ids))]


@pytest.mark.parametrize("settings", [{}, {"temperature": 0.8, "min_tokens": 2, "stop": ("a", ">", "\n")}], ids=str)
def test_what_is_sampled_is_what_is_trained(settings):
    policy = make_policy(make_model())
    requests = [
        make_request(random_ids(1 + q, seed=q), question=q, rollout=r, max_tokens=12, **settings)
        for q in range(4)
        for r in range(3)
    ]
    completions = list(make_sampler(policy).sample(requests))
    assert sorted(trained_on(completions)) == sorted(pairs(completion) for completion in completions)


@pytest.mark.parametrize(
    ("texts", "stop", "reason"),
    [
        ((">", "\n", END), (), StopReason.END_TOKEN),  # its text is one token, ">\n", when tokenised anew
        (("<", "/", "a", "n", ">\n"), ("</an>",), StopReason.STOP_STRING),  # "</", "an" and half a token
    ],
    ids=["end token", "stop string inside a token"],
)
def test_text_that_would_be_tokenised_otherwise(texts, stop, reason):
    words = make_policy().tokenizer
    tokens = [END_ID if text == END else words.convert_tokens_to_ids(text.replace("\n", "Ċ")) for text in texts]
    chain = dict(zip([7, *tokens], tokens, strict=False))
    policy = make_policy(make_chain(chain))
    (completion,) = make_sampler(policy).sample([make_request((7,), stop=stop)])
    assert completion.token_ids == tuple(tokens)
    assert completion.stop_reason is reason
    again = policy.encode_response(completion.text)
    assert again != completion.token_ids[: len(again)]  # so that a trip through text would be seen
    (trained,) = trained_on([completion])
    assert [target for _, target in trained] == tokens
    assert trained == pairs(completion)
