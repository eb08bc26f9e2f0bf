"""The embedded sampler: its distribution, its slots, and its agreement with the trainer."""

from __future__ import annotations

import copy
import itertools
import random
from dataclasses import replace

import pytest
import torch
from scipy import stats

from tests.tiny import (
    ARCHITECTURES,
    CONTEXT,
    END_ID,
    make_chain,
    make_model,
    make_policy,
    make_prompt,
    make_request,
    make_sampler,
    random_ids,
    slow_distribution,
)
from verigrad.algorithms.score import trajectory
from verigrad.errors import ConfigError, DataError, NonFiniteError
from verigrad.kernels import SlotCache
from verigrad.policy import Policy
from verigrad.samplers import LocalSampler
from verigrad.types import Grade, Rollout, Sample, Status, StopReason


def mixed_requests(**params):
    """Five questions of 1 to 9 tokens with three rollouts each, budgets from 1 to 12 tokens."""
    return [
        make_request(
            random_ids(2 * q + 1, seed=q), question=q, rollout=r, **{"max_tokens": 1 + (q + 5 * r) % 12, **params}
        )
        for q in range(5)
        for r in range(3)
    ]


def by_key(completions):
    return {completion.request.key: completion for completion in completions}


def to_sample(completion):
    track = trajectory(Rollout(completion, Grade(0.0, 0.0, 0.0, Status.WRONG)))
    return Sample(track, (0.0,) * len(track.token_ids))


# What is drawn.

LETTERS = "abcdefg$"  # of a vocabulary of eight; "$" is the end token


def spell(ids):
    return "".join(LETTERS[token] for token in ids)


def outcomes(model, prompt, *, min_tokens=0, max_tokens, stop, **settings):
    """Every possible (ids, text, reason) with its probability, by walking through the tree of all responses."""
    leaves = {}

    def walk(ids, probability):
        logits = model(input_ids=torch.tensor([[*prompt, *ids]])).logits[0, -1].tolist()
        banned = [7] if len(ids) < min_tokens else []
        for token, p in enumerate(slow_distribution(logits, banned=banned, **settings)):
            response = (*ids, token)
            ends = [text.find(stop) + len(stop) for text in [spell(response)] if stop in text]
            if p == 0:
                continue
            if token == 7:
                leaves[response, spell(ids), StopReason.END_TOKEN] = probability * p
            elif ends and len(response) >= min_tokens and stop not in spell(ids):
                leaves[response, spell(response), StopReason.STOP_STRING] = probability * p
            elif len(response) == max_tokens:
                leaves[response, spell(response), StopReason.LENGTH] = probability * p
            else:
                walk(response, probability * p)

    with torch.no_grad():
        walk((), 1.0)
    assert sum(leaves.values()) == pytest.approx(1.0, abs=1e-9)
    return leaves


def p_value(counts, expected, total):
    """Pearson's χ², with outcomes of fewer than five expected draws pooled."""
    rare = [outcome for outcome, p in expected.items() if p * total < 5]
    observed = [counts.get(outcome, 0) for outcome in expected if outcome not in rare]
    wanted = [p * total for outcome, p in expected.items() if outcome not in rare]
    pooled = sum(expected[outcome] for outcome in rare) * total
    if pooled:
        observed.append(sum(counts.get(outcome, 0) for outcome in rare))
        wanted.append(pooled)
    scale = sum(observed) / sum(wanted)
    return stats.chisquare(observed, [scale * count for count in wanted]).pvalue


@pytest.mark.parametrize(
    "settings",
    [
        {"max_tokens": 2},
        {"max_tokens": 3, "temperature": 0.7, "min_tokens": 2},
        {"max_tokens": 3, "top_p": 0.8, "min_tokens": 1},
        {"max_tokens": 3, "top_k": 5, "top_p": 0.9, "temperature": 1.5},
    ],
    ids=str,
)
def test_samples_have_the_exact_distribution(settings):
    total, prompt = 4000, (1, 2, 3)
    model = make_model(vocab_size=8, eos_token_id=7, initializer_range=0.3)
    exact = outcomes(copy.deepcopy(model).double(), prompt, stop="bc", **settings)
    sampler = LocalSampler(model, decode=spell, end_ids={7}, slots=512)
    requests = [make_request(prompt, rollout=n, stop=("bc",), **settings) for n in range(total)]
    counts, reasons = {}, set()
    for completion in sampler.sample(requests):
        outcome = (completion.token_ids, completion.text, completion.stop_reason)
        counts[outcome] = counts.get(outcome, 0) + 1
        reasons.add(completion.stop_reason)
        # the log-probs are those of this distribution too
        if counts[outcome] == 1:
            drawn = torch.tensor(completion.sampler_logprobs, dtype=torch.float64).sum().exp().item()
            assert drawn == pytest.approx(exact[outcome], rel=1e-4)
    assert counts.keys() <= exact.keys()
    assert reasons == set(StopReason)
    assert p_value(counts, exact, total) > 1e-3
    # and the test can fail: a temperature that is 30 % higher would be noticed
    other = {**settings, "temperature": 1.3 * settings.get("temperature", 1.0)}
    near = outcomes(copy.deepcopy(model).double(), prompt, stop="bc", **other)
    assert p_value(counts, {key: near.get(key, 1e-9) for key in exact}, total) < 1e-4


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@torch.no_grad()
def test_greedy_takes_the_likeliest_token_each_time(architecture):
    policy = make_policy(make_model(architecture))
    requests = [make_request(random_ids(n, seed=n), question=n, temperature=0.0, max_tokens=6) for n in (2, 5, 3)]
    for completion in make_sampler(policy).sample(requests):
        ids = list(completion.prompt.token_ids)
        for token in completion.token_ids:
            assert token == policy.model(torch.tensor([ids])).logits[0, -1].argmax().item()
            ids.append(token)
        assert set(completion.sampler_logprobs) == {0.0}


def test_greedy_and_sampled_requests_share_a_batch():
    sampler = make_sampler(make_policy())
    requests = [make_request((1, 2), question=q, temperature=float(q % 2), max_tokens=6) for q in range(6)]
    together = by_key(sampler.sample(requests))
    apart = by_key(sampler.sample(requests[::2])) | by_key(sampler.sample(requests[1::2]))
    assert {key: completion.token_ids for key, completion in together.items()} == {
        key: completion.token_ids for key, completion in apart.items()
    }
    assert len({apart[request.key].token_ids for request in requests[::2]}) == 1
    assert len({apart[request.key].token_ids for request in requests[1::2]}) == 3


def test_no_end_token_before_min_tokens():
    # after every token the model wants to end, with the next best far behind
    sampler = make_sampler(make_policy(make_chain(dict.fromkeys(range(END_ID), END_ID))))
    for minimum in (0, 1, 4):
        (completion,) = sampler.sample([make_request((1, 2), min_tokens=minimum, max_tokens=9)])
        assert len(completion.token_ids) == minimum + 1
        assert completion.token_ids.index(END_ID) == minimum


# Agreement with the trainer.


@pytest.mark.parametrize("settings", [{}, {"temperature": 0.7, "min_tokens": 3}], ids=str)
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_log_probs_are_those_that_the_trainer_scores(architecture, settings):
    model = make_model(architecture)
    model.generation_config.eos_token_id = list(range(100))  # many ways to end, so that banning them matters
    policy = make_policy(model)
    completions = list(make_sampler(policy, slots=4).sample(mixed_requests(**settings)))
    scores = policy.score([to_sample(completion) for completion in completions])
    for completion, score in zip(completions, scores, strict=True):
        assert score.logprobs == pytest.approx(completion.sampler_logprobs, abs=1e-4)
        if settings:  # the raw model's log-probs would not do
            track = to_sample(completion).trajectory
            raw = type(track)(track.token_ids, track.sampled, track.advantages, {}, temperature=1.0, min_tokens=0)
            (free,) = policy.score([Sample(raw, (0.0,) * len(raw.token_ids))])
            assert free.logprobs[0] != pytest.approx(completion.sampler_logprobs[0], abs=1e-2)


# Slots.


@pytest.mark.parametrize("slots", [1, 2, 5, 15, 512])
def test_the_number_of_slots_changes_nothing(slots):
    policy = make_policy()
    expected = by_key(make_sampler(policy, slots=15).sample(mixed_requests()))
    found = by_key(make_sampler(policy, slots=slots).sample(mixed_requests()))
    assert found.keys() == expected.keys()
    for key, completion in found.items():
        assert completion.token_ids == expected[key].token_ids
        assert completion.sampler_logprobs == pytest.approx(expected[key].sampler_logprobs, abs=1e-5)


def test_a_response_is_the_same_to_the_last_bit_whatever_shares_its_batch():
    """The embedded model, on a CPU in float32: alone, among others, in another order, admitted late."""
    policy = Policy.load("embedded:chains")
    prompts = [make_prompt(policy.encode_prompt(f"{n}+{n * n}-3=<think>")) for n in range(1, 41)]
    requests = [
        make_request(prompt, question=q, rollout=r, max_tokens=30, stop=("</answer>",))
        for q, prompt in enumerate(prompts)
        for r in range(4)
    ]
    sampler = make_sampler(policy, slots=64)
    expected = by_key(sampler.sample(requests))
    shuffled = random.Random(0).sample(requests, len(requests))
    for others in ([requests[7]], requests[5:9], requests[:65], shuffled, shuffled[:100]):
        for key, completion in by_key(sampler.sample(others)).items():
            assert completion.token_ids == expected[key].token_ids
            assert completion.sampler_logprobs == expected[key].sampler_logprobs


def few_shot_requests(policy, rollouts):
    """Twelve questions behind three worked examples, whose 44 tokens are the same in every prompt."""
    opening = "".join(f"{n}+{n}=<think>{2 * n}</think> <answer>{2 * n}</answer> " for n in (3, 4, 8))
    shared = len(policy.encode_prompt(opening))
    prompts = []
    for question in range(12):
        ids = policy.encode_prompt(f"{opening}{question + 1}+{3 * question}-2=<think>")
        prompts.append(replace(make_prompt(ids), template_tokens=shared))
    return [
        make_request(prompt, question=question, rollout=rollout, max_tokens=20, stop=("</answer>",))
        for question, prompt in enumerate(prompts)
        for rollout in range(rollouts)
    ]


@pytest.mark.parametrize("compute", ["same", "bfloat16"])
def test_prompts_that_begin_alike_are_the_same_to_the_last_bit_in_any_company(compute):
    policy = Policy.load("embedded:chains")
    sampler = make_sampler(policy, slots=64, compute=compute)
    requests = few_shot_requests(policy, rollouts=8)
    expected = by_key(sampler.sample(requests))
    firsts = few_shot_requests(policy, rollouts=1)  # blocks of other sizes
    for others in ([requests[7]], requests[5:9], firsts, random.Random(0).sample(requests, 70)):
        for key, completion in by_key(sampler.sample(others)).items():
            assert completion.token_ids == expected[key].token_ids
            assert completion.sampler_logprobs == expected[key].sampler_logprobs


def test_what_prompts_begin_with_is_run_once_and_changes_nothing(monkeypatch):
    policy = Policy.load("embedded:chains")
    requests = few_shot_requests(policy, rollouts=3)
    shared = requests[0].prompt.template_tokens
    fed = []
    forward = policy.backbone.embed_tokens.register_forward_hook(lambda *call: fed.append(call[1][0].shape[0]))
    begun = by_key(make_sampler(policy).sample(requests))
    with_beginning = sum(fed)
    fed.clear()
    plain = [replace(one, prompt=replace(one.prompt, template_tokens=0)) for one in requests]
    whole = by_key(make_sampler(policy).sample(plain))
    forward.remove()
    assert shared >= 32 and with_beginning < sum(fed) - 8 * shared
    for key, completion in begun.items():
        assert completion.token_ids == whole[key].token_ids
        assert completion.sampler_logprobs == pytest.approx(whole[key].sampler_logprobs, abs=1e-4)


def spied(monkeypatch):
    """Lists of what is prefilled (prompts) and decoded (rows of each pass)."""
    prompts, rows = [], []
    prefill, decode = SlotCache.prefill, SlotCache.decode
    monkeypatch.setattr(SlotCache, "prefill", lambda self, p, s, b: prompts.extend(p) or prefill(self, p, s, b))
    monkeypatch.setattr(SlotCache, "decode", lambda self, t, r: rows.append(len(t)) or decode(self, t, r))
    return prompts, rows


def test_a_prompt_is_run_once_for_all_its_rollouts(monkeypatch):
    prompts, _ = spied(monkeypatch)
    requests = mixed_requests()
    list(make_sampler(make_policy()).sample(requests))
    assert sorted(prompts) == sorted({request.prompt.token_ids for request in requests})
    assert len(prompts) == 5


@pytest.mark.parametrize("temperature", [0.0, 0.3, 1.0])
def test_rollouts_that_have_drawn_the_same_tokens_are_one_row(monkeypatch, temperature):
    # each different beginning is decoded once, but for whole responses, whose last token is never fed
    _, rows = spied(monkeypatch)
    requests = [
        make_request(prompt, question=question, rollout=rollout, max_tokens=6, temperature=temperature)
        for question, prompt in enumerate([(1, 2), (3,)])
        for rollout in range(24)
    ]
    completions = by_key(make_sampler(make_policy()).sample(requests))
    beginnings = {
        (key.question, completion.token_ids[:count])
        for key, completion in completions.items()
        for count in range(1, len(completion.token_ids))
    }
    assert sum(rows) == len(beginnings) < sum(len(completion.token_ids) - 1 for completion in completions.values())
    monkeypatch.undo()
    for request in requests[::7]:  # and alone each is the same
        (alone,) = make_sampler(make_policy()).sample([request])
        assert alone.token_ids == completions[request.key].token_ids


@pytest.mark.parametrize("slots", [3, 8, 64])
def test_a_row_is_decoded_until_its_end_and_no_further(monkeypatch, slots):
    # the first token of a response comes from its prompt; each later one is a row in a decoding pass
    _, rows = spied(monkeypatch)
    completions = list(make_sampler(make_policy(), slots=slots).sample(mixed_requests()))
    assert sum(rows) == sum(len(completion.token_ids) - 1 for completion in completions)
    assert max(rows) <= slots


def test_a_short_response_is_not_kept_waiting_by_a_long_one():
    requests = [make_request((1, 2), question=q, max_tokens=length) for q, length in enumerate((20, 2, 9))]
    lengths = [len(completion.token_ids) for completion in make_sampler(make_policy()).sample(requests)]
    assert lengths == [2, 9, 20]


def test_the_cache_is_kept_and_grows_when_it_must():
    sampler = make_sampler(make_policy(), slots=4)
    list(sampler.sample([make_request((1, 2), max_tokens=8)]))
    first = sampler._cache
    # for 1 row, 8 tokens and a prompt of 2, in whole multiples
    assert (first.slots, first.capacity, first.prompts, first.prompt_width) == (64, 8, 1, 16)
    list(sampler.sample([make_request((1,), max_tokens=3)]))
    assert sampler._cache is first
    list(sampler.sample([make_request((1, 2), rollout=n, max_tokens=8) for n in range(3)]))
    assert sampler._cache is first
    list(sampler.sample([make_request((1, 2), rollout=n, max_tokens=20) for n in range(9)]))
    assert (sampler._cache.slots, sampler._cache.capacity, sampler._cache.prompts) == (64, 24, 1)
    list(sampler.sample([make_request((1, n), max_tokens=8) for n in range(9)]))
    assert sampler._cache.prompts == 4  # no more of them are live at once than slots
    list(sampler.sample([make_request(random_ids(17), max_tokens=8)]))
    assert sampler._cache.prompt_width == 32
    sampler.close()
    assert sampler._cache is None


# Limits.


@pytest.mark.parametrize("room", [1, 4])
def test_the_context_bounds_the_response(room):
    request = make_request(random_ids(CONTEXT - room), max_tokens=1000)
    (completion,) = make_sampler(make_policy(make_chain({t: t + 1 for t in range(END_ID - 2)}))).sample([request])
    assert len(completion.token_ids) == room
    assert completion.stop_reason is StopReason.LENGTH


@pytest.mark.parametrize(
    ("length", "message"),
    [
        (CONTEXT, "problem 17: its prompt has 64 tokens and the model's context is 64; leave such problems out"),
        (0, "problem 17: its prompt has no tokens"),
    ],
)
def test_a_prompt_without_room_or_tokens_is_refused_before_anything_is_sampled(length, message):
    requests = [make_request((1, 2)), make_request(make_prompt(random_ids(length), name="17"))]
    with pytest.raises(DataError, match=message):
        next(iter(make_sampler(make_policy()).sample(requests)))


@pytest.mark.parametrize("difference", [{"top_p": 0.9}, {"top_k": 3}, {"stop": ("x",)}], ids=str)
def test_requests_of_one_call_agree_on_how_tokens_are_cut(difference):
    requests = [make_request((1, 2)), make_request((1, 2), **difference)]
    with pytest.raises(ConfigError, match="requests of one call differ in top_p, top_k or stop; sample"):
        list(make_sampler(make_policy()).sample(requests))


@pytest.mark.parametrize("settings", [{}, {"temperature": 0.0}, {"top_p": 0.9, "top_k": 3}], ids=str)
@pytest.mark.parametrize("broken", [float("nan"), float("inf")])
def test_weights_that_have_diverged_are_named_and_nothing_is_drawn_from_them(broken, settings):
    policy = make_policy()
    sampler = make_sampler(policy)
    with torch.no_grad():
        policy.head.weight[5, 3] = broken
    sampler.load(3, policy.named_tensors())
    with pytest.raises(NonFiniteError, match="sampling from policy version 3: its logits are not numbers, so "):
        list(sampler.sample([make_request((1, 2), **settings)]))


def test_ids_beyond_the_tokenizer_are_sampled_as_they_are():
    # published models have more rows than their tokenizer has words; such an id has no text
    policy = make_policy(make_chain({1: 270, 270: 2, 2: END_ID}))
    (completion,) = make_sampler(policy).sample([make_request((1,), stop=("zz",))])
    assert completion.token_ids == (270, 2, END_ID)
    assert completion.text == policy.decode([2])


# Weights.


def sampled(sampler):
    return {key: completion.token_ids for key, completion in by_key(sampler.sample(mixed_requests())).items()}


@pytest.mark.parametrize("architecture", ["Qwen2", "Gemma"])
def test_weights_are_copied_into_a_module_of_its_own(architecture):
    trainer, other = make_policy(make_model(architecture, seed=1)), make_policy(make_model(architecture, seed=2))
    expected = sampled(make_sampler(trainer))
    sampler = make_sampler(other)
    assert sampled(sampler) != expected
    sampler.load(1, trainer.named_tensors())
    assert sampled(sampler) == expected
    for (_, theirs), (_, ours) in zip(trainer.named_tensors(), other.named_tensors(), strict=True):
        assert theirs.data_ptr() != ours.data_ptr()
    with torch.no_grad():
        trainer.head.weight.zero_()
    assert sampled(sampler) == expected  # until the next load
    sampler.load(2, trainer.named_tensors())
    assert sampled(sampler) != expected


def test_a_shared_module_needs_no_copy_and_follows_the_trainer():
    policy = make_policy(lr=1e-2)
    sampler = make_sampler(policy)
    before = [tensor.data_ptr() for _, tensor in policy.named_tensors()]
    sampler.load(1, policy.named_tensors())
    first = sampled(sampler)
    completions = list(sampler.sample(mixed_requests()))
    samples = [Sample(to_sample(c).trajectory, tuple(map(float, to_sample(c).trajectory.sampled))) for c in completions]
    policy.update(samples, lambda logprobs, batch: logprobs)
    sampler.load(2, policy.named_tensors())
    assert [tensor.data_ptr() for _, tensor in policy.named_tensors()] == before
    assert sampled(sampler) != first
    for completion, score in itertools.islice(
        ((c, policy.score([to_sample(c)])[0]) for c in sampler.sample(mixed_requests())), 4
    ):
        assert score.logprobs == pytest.approx(completion.sampler_logprobs, abs=1e-4)
