"""Worlds: enumeration, exact J and ∇J, exact values, chosen success and distance."""

from __future__ import annotations

import math

import pytest
import torch

from verigrad.lab.world import Tree, draw, make_world, response_logprobs

WORLDS = {"ladder": make_world(), "tree": make_world(3, 3, (0.2, 0.7, 0.4))}
both = pytest.mark.parametrize("world", WORLDS.values(), ids=WORLDS)


def test_responses_end_by_the_end_token_or_at_the_horizon():
    assert Tree(2, 3).responses == [(0,), (1, 0), (1, 1, 0), (1, 1, 1)]
    assert len(Tree(3, 3).responses) == 1 + 2 + 4 * 3
    assert Tree(2, 3).path == [(0,), (0, 1), (0, 1, 2), (0, 1, 2)]


@both
def test_probabilities_sum_to_one_and_success_is_what_was_asked_for(world):
    torch.testing.assert_close(world.probabilities.sum(1), torch.ones(world.questions).double())
    wanted = (0.1, 0.6) if world is WORLDS["ladder"] else (0.2, 0.7, 0.4)
    assert world.success.tolist() == pytest.approx(wanted, abs=1e-14)
    assert float(world.objective(world.logits)) == pytest.approx(sum(wanted) / len(wanted), abs=1e-14)


@both
def test_the_expected_score_is_zero(world):
    # CS336 A5 eq. 24, for whole responses
    expected = torch.einsum("qr,qrd->qd", world.probabilities, world.scores)
    assert expected.abs().max() < 1e-14


@both
@pytest.mark.parametrize(("gamma", "beta"), [(1.0, 0.0), (0.7, 0.0), (1.0, 0.3)])
def test_the_gradient_is_a_finite_difference_of_the_objective(world, gamma, beta):
    gradient, step = world.gradient(gamma, beta), 1e-5
    for place in range(0, len(gradient), 5):
        nudge = torch.zeros_like(gradient)
        nudge[place] = step
        ends = [float(world.objective(world.logits + s * nudge.view_as(world.logits), gamma, beta)) for s in (1, -1)]
        assert gradient[place].item() == pytest.approx((ends[0] - ends[1]) / (2 * step), abs=1e-9)


@both
def test_the_gradient_is_the_expected_score_times_reward(world):
    parts = torch.einsum("qr,qrd->qd", world.probabilities * world.rewards, world.scores) / world.questions
    torch.testing.assert_close(parts.flatten(), world.gradient(), atol=1e-14, rtol=0)


@both
def test_exact_values_obey_their_recursion(world):
    tree, values, policy = world.tree, world.exact_values(), world.logits.softmax(-1)
    for question in range(world.questions):
        for state, prefix in enumerate(tree.states):
            expected = 0.0
            for token in range(tree.vocabulary):
                longer = (*prefix, token)
                if longer in tree.responses:
                    following = world.rewards[question, tree.responses.index(longer)]
                else:
                    following = values[question, tree.states.index(longer)]
                expected += float(policy[question, state, token] * following)
            assert float(values[question, state]) == pytest.approx(expected, abs=1e-13)


@pytest.mark.parametrize("kl", [0.0, 0.1, 1.0])
def test_off_policy_moves_by_the_distance_asked_for(kl):
    world = WORLDS["tree"].off_policy(kl)
    new = response_logprobs(world.tree, world.logits)
    gap = sum(
        p * (math.log(p) - q)
        for p, q in zip(world.probabilities.flatten().tolist(), new.flatten().tolist(), strict=True)
    )
    assert gap / world.questions == pytest.approx(kl, abs=1e-9)
    assert torch.equal(world.probabilities, WORLDS["tree"].probabilities)


@both
def test_drawing_follows_the_probabilities(world):
    drawn = draw(world, 1, 100_000, seed=3)
    shares = torch.bincount(drawn, minlength=len(world.tree.responses)) / len(drawn)
    assert (shares - world.probabilities[1]).abs().max() < 0.006  # 4 standard errors of a share of one half


def test_greedy_takes_the_likeliest_token_each_time():
    world = WORLDS["tree"]
    response: tuple[int, ...] = ()
    while response not in world.tree.responses:
        response += (int(world.old_logits[1, world.tree.states.index(response)].argmax()),)
    assert world.greedy()[1] == world.rewards[1, world.tree.responses.index(response)]


def test_concentration_narrows_the_lengths():
    spreads = []
    for concentration in (1.0, 3.0):
        world = make_world(concentration=concentration)
        mean = (world.probabilities * world.tree.lengths).sum(1, keepdim=True)
        spreads.append(float((world.probabilities * (world.tree.lengths - mean).square()).sum()))
    assert spreads[1] < spreads[0]
