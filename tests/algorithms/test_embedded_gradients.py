"""The gradient of each row on the shipped model and rollouts that it drew, against the formula written out slowly."""

from __future__ import annotations

import copy
from functools import cache
from typing import Any

import pytest
import torch

from tests.algorithms.oracles import EARLIER, ORACLES, VALUE, Step
from tests.tiny import distance, exact_norms, gradients, slow_scores
from verigrad.algorithms.collect import make_prompts, make_requests
from verigrad.algorithms.score import score, trajectory, unweighted
from verigrad.algorithms.table import make_row
from verigrad.config import build
from verigrad.data.templates import load_template
from verigrad.objective import Sampled
from verigrad.policy import Policy
from verigrad.policy.load import load_model
from verigrad.samplers import LocalSampler
from verigrad.tasks.chains import chains
from verigrad.types import Grade, Group, Rollout, SamplingParams
from verigrad.verifiers import find_verifier

BUDGET = 40
# Temperatures are kept in float32, where 1.25 is exact.
PARAMS = SamplingParams(temperature=1.25, min_tokens=4, max_tokens=BUDGET, stop=("</answer>",))


@cache
def loaded() -> tuple[Any, Any]:
    """The shipped weights, widened to float64."""
    model, tokenizer = load_model("embedded:chains", device="cpu")
    return exact_norms(model.double()), tokenizer


def policy_of(tokens_per_microbatch: int = 10_000) -> Policy:
    model, tokenizer = loaded()
    policy = Policy(copy.deepcopy(model), tokenizer, tokens_per_microbatch=tokens_per_microbatch)
    policy.add_value_head(1e-3)
    assert policy.value is not None
    state = policy.value.state()
    policy.value.restore({**state, "linear": {**state["linear"], "bias": torch.tensor([VALUE])}})
    return policy


@cache
def drawn() -> tuple[Group[Rollout], ...]:
    """Four rollouts of each of three questions, by the shipped model as it is, graded as in training."""
    policy, template = Policy.load("embedded:chains", device="cpu"), load_template("tiny")
    problems = chains(3, seed=3, split="train")
    prompts = make_prompts(problems, lambda problem: template.render(problem.question), policy.encode_prompt)
    requests = make_requests(prompts, range(3), PARAMS, rollouts=4, seed=0, generation="test")
    sampler = LocalSampler(policy.model, decode=policy.decode, end_ids=policy.end_ids, slots=12)
    groups: list[list[Rollout]] = [[], [], []]
    for completion in sorted(sampler.sample(requests), key=lambda one: one.request.key.rollout):
        grade = find_verifier("r1_zero")(completion.problem, completion.text)
        assert isinstance(grade, Grade)
        groups[completion.request.key.question].append(Rollout(completion, grade))
    return tuple(Group(prompt, tuple(rollouts)) for prompt, rollouts in zip(prompts, groups, strict=True))


def step() -> Step:
    rewards = [[rollout.grade.reward for rollout in group] for group in drawn()]
    return Step(rewards, [[len(rollout.completion.token_ids) for rollout in group] for group in drawn()], BUDGET)


def gradient(name: str, microbatch: int) -> dict[str, torch.Tensor]:
    """Of the step's one update, on the road that training takes."""
    row = make_row(build({"algorithm": {"name": name, "sequences_per_update": 0}}).algorithm)
    policy, facts = policy_of(microbatch), step()
    scored, _ = score(policy, drawn(), row.needs, 0)
    trajectories, _ = row.credit(row.select(scored), EARLIER)
    ((_, samples),) = row.updates(trajectories, "seed", Sampled(facts.rollouts, facts.tokens, BUDGET))
    policy.accumulate(samples, row.loss)
    return gradients(policy.model)


@cache
def slow_logprobs() -> tuple[Any, list[list[torch.Tensor]]]:
    """The model and the log-probs of each rollout, from all logits of one sequence after the other."""
    model, tokenizer = loaded()
    model = copy.deepcopy(model)
    ends = (tokenizer.eos_token_id,)
    return model, [[slow_scores(model, unweighted(trajectory(one)), ends)[0] for one in group] for group in drawn()]


def slow_gradient(name: str) -> dict[str, torch.Tensor]:
    model, logprobs = slow_logprobs()
    at, terms = step(), []
    for rs, row in zip(at.rewards, logprobs, strict=True):
        terms += [ORACLES[name](at, r, rs, new, new.detach()) for r, new in zip(rs, row, strict=True)]
    model.zero_grad()
    (-torch.stack(terms).sum()).backward(retain_graph=True)
    return gradients(model)


def test_what_was_drawn_can_tell_the_rows_apart():
    facts = step()
    assert any(0 < sum(rs) < len(rs) for rs in facts.rewards), "a group with signal"
    assert any(len(set(rs)) == 1 for rs in facts.rewards), "a group without, which dapo drops"
    assert len({length for row in facts.lengths for length in row}) > 2, "lengths that differ"


@pytest.mark.parametrize("microbatch", [10_000, 150], ids=["whole", "in parts"])
@pytest.mark.parametrize("name", ORACLES)
def test_the_gradient_of_each_row_on_the_shipped_model(name, microbatch):
    assert distance(gradient(name, microbatch), slow_gradient(name)) < 1e-8
