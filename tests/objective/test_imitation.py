"""Expert iteration's pieces by hand, and its first update against REINFORCE."""

from __future__ import annotations

import pytest
import torch

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
from verigrad.algorithms.table import make_row
from verigrad.config import build
from verigrad.objective import CREDITS, LOSSES
from verigrad.types import Group, ScoredRollout


def row_of(**algorithm):
    return make_row(
        build({"algorithm": {"name": "expert_iteration", "sequences_per_update": 0, **algorithm}}).algorithm
    )


def scored(groups):
    return [Group(group.prompt, tuple(ScoredRollout(rollout, {}) for rollout in group)) for group in groups]


def test_nll_is_the_negated_log_prob():
    assert LOSSES["nll"].function(torch.tensor([-0.5, -2.0])).tolist() == [0.5, 2.0]
    assert LOSSES["nll"].streams == LOSSES["nll"].numbers == ()


def test_the_gradient_of_nll_equals_finite_differences_and_the_formula():
    # ℓ = −log softmax(z)[a], so ∂ℓ/∂z_v = π_v − 1[v = a]
    logits = torch.tensor([0.3, -1.2, 2.0, 0.0], dtype=torch.float64, requires_grad=True)

    def loss(z):
        return LOSSES["nll"].function(z.log_softmax(-1)[2:3]).sum()

    (gradient,) = torch.autograd.grad(loss(logits), logits)
    step = 1e-6
    for v in range(4):
        nudge = step * torch.eye(4, dtype=torch.float64)[v]
        slope = (loss(logits + nudge) - loss(logits - nudge)) / (2 * step)
        assert gradient[v].item() == pytest.approx(slope.item(), abs=1e-8)
        assert gradient[v].item() == pytest.approx(logits.softmax(-1)[v].item() - (v == 2), abs=1e-12)


def test_the_credit_of_imitation_is_one_for_every_token():
    groups = scored([make_group((1, 2), [(3, 4, 5), (6,)], (1, 0)), make_group((7,), [(8, 9)], (1,))])
    advantages, state = CREDITS["one"].credit(groups, {"kept": 1.0})
    assert advantages == [[(1.0, 1.0, 1.0), (1.0,)], [(1.0, 1.0)]]
    assert state == {"kept": 1.0}
    assert CREDITS["one"].needs == ()


def test_kept_tokens_by_hand():
    # responses of 4 and 7 tokens: every trained token weighs 1/11, prompt tokens nothing
    row = row_of(normalizer="kept_tokens")
    groups = scored([make_group((1, 2), [random_ids(4), random_ids(7)], (1, 1))])
    trajectories, _ = row.credit(row.select(groups), None)
    ((_, samples),) = row.updates(trajectories, "seed")
    assert sorted(sample.weights for sample in samples) == [(0.0, 0.0) + (1 / 11,) * 4, (0.0, 0.0) + (1 / 11,) * 7]
    assert sum(weight for sample in samples for weight in sample.weights) == pytest.approx(1.0, abs=1e-15)


def test_kept_tokens_is_the_denominator_of_its_own_update():
    # two updates of one sequence each: 1/4 and 1/7, not 1/11
    row = row_of(normalizer="kept_tokens", sequences_per_update=1)
    groups = scored([make_group((1,), [random_ids(4), random_ids(7)], (1, 1))])
    trajectories, _ = row.credit(row.select(groups), None)
    found = sorted(sample.weights[-1] for _, samples in row.updates(trajectories, "seed") for sample in samples)
    assert found == [1 / 7, 1 / 4]


@pytest.mark.parametrize("microbatch", [1, 10_000])
def test_expert_iteration_on_its_first_update_is_reinforce_up_to_its_denominator(microbatch):
    # REINFORCE with reward r ∈ {0, 1} and no baseline (CS336 A5 eq. 21), negated for a minimiser:
    #     −ĝ = −1/N Σ_i r_i Σ_t ∇log π(a_t|s_t)      N = 6 sampled rollouts, 3 of them correct
    # expert iteration trains on the correct ones, weighted by 1/(their 4 + 3 + 5 = 12 tokens):
    #     ∇L = −1/12 Σ_{i: r_i = 1} Σ_t ∇log π(a_t|s_t) = (N/12)·(−ĝ) = (6/12)·(−ĝ)
    lengths, rewards = [(4, 2, 6), (1, 3, 5)], [(1, 0, 0), (0, 1, 1)]
    responses = [[(*random_ids(n - 1, seed=10 * q + n), END_ID) for n in row] for q, row in enumerate(lengths)]
    prompts = [random_ids(3), random_ids(5, seed=1)]
    policy = make_policy(make_model(dtype=torch.float64), tokens_per_microbatch=microbatch)

    row = row_of()
    groups = scored(map(make_group, prompts, responses, rewards))
    trajectories, _ = row.credit(row.select(groups), None)
    ((_, samples),) = row.updates(trajectories, "seed")
    policy.accumulate(samples, row.loss)
    expert = gradients(policy.model)

    policy.model.zero_grad()
    terms = [
        r * slow_scores(policy.model, make_sample(prompt, response))[0].sum()
        for prompt, group, reward in zip(prompts, responses, rewards, strict=True)
        for response, r in zip(group, reward, strict=True)
    ]
    (-sum(terms) / len(terms)).backward()
    reinforce = gradients(policy.model)
    assert len(terms) == 6
    assert distance(expert, {name: 6 / 12 * tensor for name, tensor in reinforce.items()}) < 1e-11


def test_later_updates_have_no_ratios():
    # after an update the policy differs from the one that sampled; the gradient is still that of plain likelihood
    row, policy = row_of(epochs=2), make_policy(make_model(dtype=torch.float64), lr=1e-2)
    groups = scored([make_group((1, 2), [random_ids(4), random_ids(5, seed=1)], (1, 1))])
    trajectories, _ = row.credit(row.select(groups), None)
    (_, first), (epoch, second) = row.updates(trajectories, "seed")
    assert epoch == 2
    policy.update(first, row.loss)
    policy.model.zero_grad()
    policy.accumulate(second, row.loss)
    ours = gradients(policy.model)
    policy.model.zero_grad()
    (-sum(slow_scores(policy.model, sample)[0].sum() for sample in second) / 9).backward()
    assert distance(ours, gradients(policy.model)) < 1e-11
