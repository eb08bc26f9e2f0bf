"""The gradient of each row against a slow one, written out row by row, and the identities between rows."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from functools import cache, partial
from itertools import product
from statistics import mean
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.algorithms.oracles import EARLIER, EPS, ORACLES, VALUE, Objective, Step, clipped, dppo, grpo, sapo
from tests.tiny import (
    END_ID,
    distance,
    gradients,
    make_group,
    make_model,
    make_policy,
    make_sample,
    random_ids,
    slow_scores,
)
from verigrad.algorithms.score import score
from verigrad.algorithms.table import Row, make_row
from verigrad.config import ROWS, build
from verigrad.config.rows import CHOICES
from verigrad.objective import Sampled
from verigrad.policy import Policy
from verigrad.types import Group, Rollout, Sample

# Three questions of four rollouts; the rewards of the last do not differ. N = 12 rollouts, 13 + 12 + 10 = 35 tokens.
REWARDS = [(1, 0, 0, 1), (0, 1, 0, 0), (1, 1, 1, 1)]
LENGTHS = [(4, 2, 6, 1), (3, 5, 2, 2), (1, 4, 3, 2)]
N, TOKENS, BUDGET = 12, 35, 8
STEP = Step(REWARDS, LENGTHS, BUDGET)
DPPO_SHIFT = 2e-3
PROMPTS = [random_ids(3), random_ids(5, seed=1), random_ids(2, seed=2)]
RESPONSES = [
    [(*random_ids(length - 1, seed=10 * q + i), END_ID) for i, length in enumerate(row)]
    for q, row in enumerate(LENGTHS)
]
CELLS = list(product(range(3), range(4)))


def row_of(name: str, **algorithm: Any) -> Row:
    return make_row(build({"algorithm": {"name": name, "sequences_per_update": 0, **algorithm}}).algorithm)


def groups_of(rewards: Sequence[Sequence[float]] = REWARDS) -> list[Group[Rollout]]:
    return [make_group(prompt, RESPONSES[q], rewards[q]) for q, prompt in enumerate(PROMPTS)]


@cache
def base() -> Any:
    return make_model(dtype=torch.float64)


def moved(scale: float = 0.02) -> Any:
    """The base after some updates: every weight a little elsewhere."""
    model = copy.deepcopy(base())
    generator = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += scale * torch.randn(parameter.shape, generator=generator, dtype=parameter.dtype)
    return model


def policy_of(model: Any, **settings: Any) -> Policy:
    policy = make_policy(copy.deepcopy(model), **settings)
    policy.add_value_head(1e-3)
    assert policy.value is not None
    state = policy.value.state()
    policy.value.restore({**state, "linear": {**state["linear"], "bias": torch.tensor([VALUE])}})
    return policy


def samples_of(
    row: Row, groups: Sequence[Group[Rollout]], policy: Policy, reference: Any = None, *, later: bool = False
) -> list[Sample]:
    """The one update of a step, as the training loop makes it; with old log-probs too where it is a `later` one."""
    held = make_policy(reference) if reference is not None else None
    scored, _ = score(
        policy, groups, row.needs | {"old_logprobs"} if later else row.needs, 0, held, [0.5] * len(groups)
    )
    trajectories, _ = row.credit(row.select(scored), EARLIER)
    lengths = [len(rollout.completion.token_ids) for group in groups for rollout in group]
    ((_, samples),) = row.updates(trajectories, "seed", Sampled(len(lengths), sum(lengths), BUDGET))
    return samples


def gradient(
    row: Row, model: Any = None, groups: Sequence[Group[Rollout]] | None = None, microbatch: int = 10_000
) -> dict[str, Tensor]:
    """Of the step's first update, or of one at another `model`; rollouts are the base's, the reference is seed 7's."""
    reference = make_model(seed=7, dtype=torch.float64) if "reference_logprobs" in row.needs else None
    samples = samples_of(row, groups or groups_of(), policy_of(base()), reference, later=model is not None)
    policy = policy_of(model or base(), tokens_per_microbatch=microbatch)
    policy.accumulate(samples, row.loss)
    return gradients(policy.model)


def logprobs_of(model: Any) -> dict[tuple[int, int], Tensor]:
    """Log-probs of each response's tokens from all logits."""
    return {(q, i): slow_scores(model, make_sample(PROMPTS[q], RESPONSES[q][i]))[0] for q, i in CELLS}


def slow_gradient(oracle: Objective, model: Any) -> dict[str, Tensor]:
    model = copy.deepcopy(model)
    model.zero_grad()
    new = logprobs_of(model)
    with torch.no_grad():
        old = logprobs_of(base())
    (-sum(oracle(STEP, REWARDS[q][i], REWARDS[q], new[q, i], old[q, i]) for q, i in CELLS)).backward()
    return gradients(model)


def test_each_row_has_an_oracle():
    assert (STEP.rollouts, STEP.tokens, STEP.correct_tokens) == (N, TOKENS, 4 + 1 + 5 + 10)
    assert ORACLES.keys() == ROWS.keys() - {"sft"}


@pytest.mark.parametrize("where", ["first update", "later"])
@pytest.mark.parametrize("name", ORACLES)
def test_the_gradient_of_each_row_is_the_one_of_its_formula(name, where):
    model = None if where == "first update" else moved()
    assert distance(gradient(row_of(name), model), slow_gradient(ORACLES[name], model or base())) < 1e-8


@pytest.mark.parametrize("name", ORACLES)
def test_scoring_the_old_policy_changes_nothing_in_the_first_update(name):
    # A step of one update does without: the current log-probs, held fixed, are the old ones.
    row = row_of(name)
    assert "old_logprobs" not in row.needs
    assert distance(gradient(row, base()), gradient(row)) < 1e-12


def test_away_from_the_old_policy_something_is_clipped_and_something_is_not():
    # else "later" above would say little of clipping
    new, old = logprobs_of(moved()), logprobs_of(base())
    ratios = torch.cat([torch.exp(new[cell] - old[cell]).detach() for cell in CELLS])
    assert (ratios < 0.8).any() and (ratios > 1.28).any() and ((ratios > 0.8) & (ratios < 1.2)).any()
    shifts = torch.cat([(torch.exp(new[cell]) - torch.exp(old[cell])).abs().detach() for cell in CELLS])
    assert (shifts > DPPO_SHIFT).any() and (shifts < DPPO_SHIFT).any()


def sequence_weighted(at, r, rs, new, old):
    return torch.exp((new - old).sum()).detach() * r * new.sum() / N


@pytest.mark.parametrize(
    ("algorithm", "oracle"),
    [
        ({"name": "off_policy", "loss": "sequence_importance_weighted"}, sequence_weighted),
        (
            {"name": "grpo", "ddof": 0},
            lambda at, r, rs, new, old: clipped(torch.exp(new - old), population(r, rs)).mean() / N,
        ),
        (
            # Every rollout says that its sampler's log-probs were −1.
            {"name": "reinforce", "importance_limit": 0.5},
            lambda at, r, rs, new, old: (torch.clip(torch.exp(old + 1), max=0.5) * r * new).sum() / N,
        ),
        # No probability of this model moves by the row's own 0.15.
        ({"name": "dppo", "clip": {"shift": DPPO_SHIFT}}, partial(dppo, shift=DPPO_SHIFT)),
        ({"name": "sapo", "gate": {"positive": 2.0, "negative": 4.0}}, partial(sapo, positive=2.0, negative=4.0)),
        ({"name": "ppo", "gae_lambda": 0.5}, lambda at, r, rs, new, old: decayed(r, new, old)),
        ({"name": "reinforce", "gamma": 0.9}, lambda at, r, rs, new, old: 0.9 ** (len(new) - 1) * r * new.sum() / N),
        ({"name": "reinforce_baseline", "credit": "greedy"}, lambda at, r, rs, new, old: (r - 0.5) * new.sum() / N),
    ],
    ids=["sequence_importance_weighted", "ddof", "importance_limit", "shift", "gate", "gae_lambda", "gamma", "greedy"],
)
def test_options_beside_the_row_by_their_formulas(algorithm, oracle):
    assert distance(gradient(row_of(**algorithm), moved()), slow_gradient(oracle, moved())) < 1e-8


def population(r: float, rs: Sequence[float]) -> float:
    spread = (sum((other - mean(rs)) ** 2 for other in rs) / len(rs)) ** 0.5
    return (r - mean(rs)) / (spread + EPS)


def decayed(r: float, new: Tensor, old: Tensor) -> Tensor:
    """V = 1/4 everywhere: δ is 0 but at the last token, where it is r − 1/4, and A_t = (1/2)^(T−t)·(r − 1/4)."""
    ratio, last = torch.exp(new - old), len(new) - 1
    tokens = [clipped(ratio[t], 0.5 ** (last - t) * (r - VALUE)) for t in range(len(new))]
    return torch.stack(tokens).sum() / TOKENS


@pytest.mark.parametrize("estimator", ["k2", "k3"])
def test_a_divergence_in_the_loss_adds_its_gradient_with_the_same_weights(estimator):
    row = row_of("grpo", divergence={"in_loss": 0.3, "estimator": estimator})
    model = moved()
    with torch.no_grad():
        held = logprobs_of(make_model(seed=7, dtype=torch.float64))
    new = logprobs_of(model)
    terms = []
    for q, i in CELLS:
        d = new[q, i] - held[q, i]
        terms.append((d.square() / 2 if estimator == "k2" else torch.exp(-d) - 1 + d).mean() / N)
    model.zero_grad()
    (0.3 * sum(terms)).backward()
    slow = slow_gradient(grpo, model)
    both = {name: slow[name] + tensor for name, tensor in gradients(model).items()}
    assert distance(gradient(row, moved()), both) < 1e-8


@pytest.mark.parametrize("name", ORACLES)
def test_neither_micro_batches_nor_the_order_of_groups_change_the_gradient(name):
    row, model = row_of(name), moved()
    whole = gradient(row, model)
    assert distance(gradient(row, model, microbatch=1), whole) < 1e-11
    assert distance(gradient(row, model, microbatch=20), whole) < 1e-11
    assert distance(gradient(row, model, groups_of()[::-1]), whole) < 1e-11


def at(loss: str, credit: str = "group_mean", normalizer: str = "sampled_rollouts") -> dict[str, Tensor]:
    return gradient(row_of("off_policy", loss=loss, credit=credit, normalizer=normalizer))


@pytest.mark.parametrize("loss", [name for name, facts in CHOICES["loss"].items() if facts.ratio])
def test_on_the_first_update_every_ratio_loss_is_reinforce(loss):
    assert distance(at(loss), at("policy_gradient")) < 1e-12


def test_rejection_fine_tuning_is_reinforce_over_the_budget():
    # as CS336 A5 (2026) asks: the correct rollouts' likelihood is the policy gradient without a baseline
    plain = {name: tensor / BUDGET for name, tensor in gradient(row_of("reinforce")).items()}
    assert distance(gradient(row_of("rft")), plain) < 1e-12
    imitation = gradient(row_of("expert_iteration", normalizer="constant"))
    assert distance(imitation, plain) < 1e-12


def test_signed_rewards_are_the_constant_baseline_of_one_half_doubled():
    # 2r − 1 = 2(r − 1/2); the running mean of earlier batches is given as 1/2
    doubled = gradient(row_of("reinforce", credit="signed_reward"))
    row = row_of("reinforce_baseline")
    scored, _ = score(policy_of(base()), groups_of(), row.needs, 0)
    tracks, _ = row.credit(row.select(scored), {"count": 2.0, "sum": 1.0})
    ((_, samples),) = row.updates(tracks, "seed", Sampled(N, TOKENS, BUDGET))
    policy = policy_of(base())
    policy.accumulate(samples, row.loss)
    assert distance(doubled, {name: 2 * tensor for name, tensor in gradients(policy.model).items()}) < 1e-12


def test_leave_one_out_group_mean_and_dr_grpo_point_the_same_way():
    # leave_one_out = G/(G − 1) × group_mean, with G = 4; dr_grpo divides by the budget of 8 tokens too
    rloo, centred, dr = gradient(row_of("rloo")), at("policy_gradient"), gradient(row_of("dr_grpo"))
    assert distance(rloo, {name: 4 / 3 * tensor for name, tensor in centred.items()}) < 1e-12
    assert distance(dr, {name: tensor / BUDGET for name, tensor in centred.items()}) < 1e-12


CENTRED = [name for name, facts in CHOICES["credit"].items() if facts.centred]


@pytest.mark.parametrize("reward", [0, 1])
@pytest.mark.parametrize("credit", CENTRED)
def test_equal_rewards_have_a_gradient_of_zero(credit, reward):
    found = gradient(row_of("grpo", credit=credit), groups=groups_of([(reward,) * 4] * 3))
    assert all(not tensor.any() for tensor in found.values())


def test_equal_rewards_of_a_group_add_nothing_to_the_others():
    # without the third question, but with its rollouts in N
    row = row_of("rloo")
    samples = samples_of(row, groups_of(), policy_of(base()))
    third = {PROMPTS[2] + response for response in RESPONSES[2]}
    assert sum(sample.trajectory.token_ids in third for sample in samples) == 4
    policy = policy_of(base())
    policy.accumulate([sample for sample in samples if sample.trajectory.token_ids not in third], row.loss)
    assert distance(gradients(policy.model), gradient(row)) < 1e-12


@pytest.mark.parametrize("name", ORACLES)
def test_a_step_makes_a_rewarded_token_likelier(name):
    # Two responses of one token, the first rewarded. The direction, which a sign too many would turn.
    row, policy = row_of(name), policy_of(base(), lr=1e-3)
    group = make_group(PROMPTS[0], [(11,), (12,)], (1, 0))
    samples = samples_of(row, [group], policy)

    def chances() -> list[float]:
        return [slow_scores(policy.model, make_sample(PROMPTS[0], (token,)))[0].item() for token in (11, 12)]

    before = chances()
    policy.update(samples, row.loss)
    after = chances()
    assert after[0] > before[0]
    assert after[0] - after[1] > before[0] - before[1]
