"""The ways of measuring agree with one another and with a slow oracle."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest
import torch

from verigrad.lab.estimators import Estimator, divergences, estimator, off_policy, on_policy
from verigrad.lab.measure import by_successes, exact, gradients, monte_carlo
from verigrad.lab.world import make_world

LADDER = make_world()
TREE = make_world(3, 2, (0.2, 0.7))
ROWS = {row.name: row for row in [*on_policy(), *off_policy(), *divergences()]}
AWAY = LADDER.off_policy(0.2)


def same(a, b, tolerance: float = 1e-12) -> None:
    assert float((a.mean - b.mean).norm()) < tolerance
    assert a.trace == pytest.approx(b.trace, abs=tolerance)
    assert a.rollouts == b.rollouts


def in_order(world, row: Estimator, group: int):
    """Every ordered batch of all questions at once: slow, and without multinomial weights."""
    alone = list(product(range(len(world.tree.responses)), repeat=group))
    batches = [tuple(enumerate(rows)) for rows in product(alone, repeat=world.questions)]
    chances = torch.tensor(
        [
            float(torch.stack([world.probabilities[q, list(places)].prod() for q, places in batch]).prod())
            for batch in batches
        ],
        dtype=torch.float64,
    )
    grown = gradients(world, row, batches, group)
    mean = chances @ grown
    return mean, float(chances @ (grown - mean).square().sum(1))


@pytest.mark.parametrize("name", ["leave_one_out", "batch_zscore", "expert_iteration", "grpo"])
def test_enumeration_by_multisets_and_by_question_equals_all_ordered_batches(name):
    mean, trace = in_order(LADDER, ROWS[name], 2)
    found = exact(LADDER, ROWS[name], 2)
    assert float((found.mean - mean).norm()) < 1e-13
    assert found.trace == pytest.approx(trace, abs=1e-13)


@pytest.mark.parametrize(
    "name",
    [
        "reinforce",
        "leave_one_out",
        "group_zscore",
        "sequence_mean",
        "grpo",
        "maxrl",
        "signed_reward, signal",
    ],
)
@pytest.mark.parametrize("group", [2, 3])
def test_the_law_of_successes_equals_enumeration(name, group):
    for world in (LADDER, TREE):
        same(by_successes(world, ROWS[name], group), exact(world, ROWS[name], group))


@pytest.mark.parametrize("row", off_policy(), ids=lambda row: row.name)
def test_the_law_of_successes_equals_enumeration_off_policy(row):
    same(by_successes(AWAY, row, 3), exact(AWAY, row, 3))


@pytest.mark.parametrize("name", ["leave_one_out", "batch_mean", "k1 in the reward"])
def test_drawing_agrees_within_a_percent(name):
    known, drawn = exact(LADDER, ROWS[name], 2), monte_carlo(LADDER, ROWS[name], 2, 200_000)
    assert float((drawn.mean - known.mean).norm() / known.mean.norm()) < 0.01
    assert drawn.trace == pytest.approx(known.trace, rel=0.01)


@pytest.mark.parametrize("name", ["reinforce", "ppo_clip", "gspo", "k3 in the loss", "exact in the loss", "grpo"])
def test_one_batch_equals_differentiating_its_loss_by_the_parameters(name):
    # Oracle: log-probs from the logits, the loss spelt out sequence by sequence, autograd to the parameters.
    row, batch = ROWS[name], ((0, (1, 3, 2)), (1, (0, 1, 4)))
    logits = AWAY.logits.clone().requires_grad_()
    total = torch.zeros((), dtype=torch.float64)
    for question, places in batch:
        rewards = [AWAY.rewards[question, place].item() * row.reward_scale for place in places]
        mean = sum(rewards) / 3
        std = (sum((r - mean) ** 2 for r in rewards) / 2) ** 0.5
        for place, reward in zip(places, rewards, strict=True):
            response, path = AWAY.tree.responses[place], list(AWAY.tree.path[place])
            logprobs = logits.log_softmax(-1)[question, path, list(response)]
            old = AWAY.old_logits.log_softmax(-1)[question, path, list(response)]
            ratio = torch.exp(logprobs - old)
            advantage = 1.5 * (reward - mean)
            if name == "grpo":
                advantage = (reward - mean) / std if std else 0.0
            if name == "reinforce":
                loss = -reward * logprobs
            elif name == "exact in the loss":
                ours = logits.log_softmax(-1)[question, path]
                theirs = AWAY.reference_logits.log_softmax(-1)[question, path]
                loss = 0.1 * (ours.exp() * (ours - theirs)).sum(-1)
            elif name == "k3 in the loss":
                gap = AWAY.reference_logits.log_softmax(-1)[question, path, list(response)] - logprobs
                loss = 0.1 * (gap.exp() - 1 - gap)
            else:
                ratio = torch.exp((logprobs - old).mean()).expand(len(path)) if name == "gspo" else ratio
                loss = -torch.minimum(ratio * advantage, ratio.clamp(0.8, 1.2) * advantage)
            total = total + loss.sum() / (6 * (len(path) if name == "grpo" else 1))
    (slope,) = torch.autograd.grad(total, logits)
    found = gradients(AWAY, row, [batch], 3)[0]
    torch.testing.assert_close(found, -slope.flatten(), atol=1e-14, rtol=0)


def test_the_order_of_rollouts_and_of_questions_does_not_matter():
    for name in ("group_zscore", "batch_zscore", "expert_iteration", "ppo_clip"):
        a = gradients(LADDER, ROWS[name], [((0, (1, 2, 2)), (1, (0, 3, 4)))], 3)
        b = gradients(LADDER, ROWS[name], [((1, (4, 0, 3)), (0, (2, 1, 2)))], 3)
        torch.testing.assert_close(a, b, atol=1e-15, rtol=0)


def test_a_step_in_which_nothing_was_right_gives_no_gradient():
    wrong = int((LADDER.rewards[0] == 0).nonzero()[0])
    found = gradients(LADDER, ROWS["expert_iteration"], [((0, (wrong, wrong)),)], 2)
    assert torch.equal(found, torch.zeros_like(found))


def test_leave_one_out_is_a_multiple_of_group_mean_batch_by_batch():
    batches = [((0, places),) for places in product(range(5), repeat=3)]
    ours = gradients(LADDER, ROWS["leave_one_out"], batches, 3)
    centred = gradients(LADDER, ROWS["group_mean"], batches, 3)
    torch.testing.assert_close(ours, 1.5 * centred, atol=1e-15, rtol=0)


def test_on_the_first_update_clipping_changes_nothing():
    batches = [((0, places),) for places in product(range(5), repeat=3)]
    plain = gradients(LADDER, ROWS["policy_gradient, no ratio"], batches, 3)
    for name in ("importance_weighted", "ppo_clip", "gspo", "cispo", "sapo", "dppo", "sequence_importance_weighted"):
        torch.testing.assert_close(gradients(LADDER, ROWS[name], batches, 3), plain, atol=1e-15, rtol=0)
    constant = replace(estimator("dr_grpo", "group_mean", "ppo_clip", "constant"), claim="parallel")
    scaled = gradients(LADDER, constant, batches, 3) * LADDER.tree.horizon * 1.5
    torch.testing.assert_close(scaled, plain, atol=1e-15, rtol=0)
