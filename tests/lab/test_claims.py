"""What theory says of each row, measured through the production code: to 1e-12 where it says "equal"."""

from __future__ import annotations

import math

import pytest
import torch

from verigrad.lab.estimators import discounted, divergences, estimator, off_policy, on_policy
from verigrad.lab.measure import by_successes, exact
from verigrad.lab.theory import (
    figures,
    helps_below,
    holds,
    leave_one_out_trace,
    maxrl_factor,
    reinforce_trace,
    signal_factor,
    zscore_factor,
)
from verigrad.lab.world import make_world

LADDER = make_world()
TREE = make_world(3, 2, (0.2, 0.7))
AWAY = LADDER.off_policy(0.1)
ONE_TOKEN = make_world(3, 1, (0.2, 0.7)).off_policy(0.3)


@pytest.mark.parametrize("row", [*on_policy(), *divergences(), *discounted()], ids=lambda row: row.name)
@pytest.mark.parametrize("world", [LADDER, TREE], ids=["ladder", "tree"])
def test_every_claim_holds(world, row):
    assert holds(world, row, exact(world, row, 2), 2)


@pytest.mark.parametrize("row", off_policy(), ids=lambda row: row.name)
def test_every_claim_holds_off_policy(row):
    assert holds(AWAY, row, exact(AWAY, row, 3), 3)


@pytest.mark.parametrize("group", [2, 3, 4, 8, 16])
@pytest.mark.parametrize("p", [0.02, 0.1, 0.5, 0.9])
def test_leave_one_out_has_the_variance_of_its_formula(p, group):
    world, row = make_world(success=(p, 0.3)), estimator("", "leave_one_out", claim="leave-one-out")
    moments = by_successes(world, row, group)
    assert holds(world, row, moments, group)
    assert moments.trace == pytest.approx(leave_one_out_trace(world, group), abs=1e-12)
    plain = by_successes(world, estimator(""), group)
    assert plain.trace == pytest.approx(reinforce_trace(world, group), abs=1e-12)


@pytest.mark.parametrize("group", [2, 3, 4, 8, 16])
def test_leave_one_out_helps_below_the_stated_success_and_hurts_above(group):
    # two actions: p < (2 − c)/(3 − c), c = 2/(G − 1)
    border = helps_below(group)
    assert border == pytest.approx({2: 0.0, 3: 0.5, 4: 4 / 7, 8: 12 / 19, 16: 28 / 43}[group], abs=1e-14)
    for p in (0.02, 0.2, 0.45, 0.55, 0.64, 0.9):
        world = make_world(2, 1, (p,))
        ours = by_successes(world, estimator("", "leave_one_out"), group).trace
        assert (ours < by_successes(world, estimator(""), group).trace) == (p < border)


@pytest.mark.parametrize("ddof", [0, 1])
@pytest.mark.parametrize("group", [2, 3, 4, 8])
def test_group_zscore_multiplies_each_question_by_c(group, ddof):
    row = estimator("", "group_zscore", claim="c(p, G)", numbers={"ddof": ddof})
    moments = by_successes(LADDER, row, group)
    assert holds(LADDER, row, moments, group)
    found = figures(LADDER, row, moments, group)
    assert (found.angle < 1e-5) == (group < 4)  # 2 and 3: one factor for every p
    assert zscore_factor(0.1, group) == pytest.approx(zscore_factor(0.6, group), abs=1e-12) or group >= 4


def test_zscore_factor_by_hand():
    # G = 2: std 1/2 with chance 2p(1 − p). G = 3: √2/3 with chance 3p(1 − p).
    assert zscore_factor(0.3, 2) == pytest.approx(1.0, abs=1e-15)
    assert zscore_factor(0.3, 3) == pytest.approx(math.sqrt(2), abs=1e-15)


@pytest.mark.parametrize("group", [2, 3, 4, 8, 16])
def test_maxrl_multiplies_each_question_by_m(group):
    row = estimator("", "maxrl", claim="m(p, G)")
    assert holds(LADDER, row, by_successes(LADDER, row, group), group)


def test_maxrl_factor_by_hand():
    # G = 2: one right and one wrong, of 2p(1 − p), with ±1: 1 as for group_zscore. G = 3: 1 + (1 − p).
    assert maxrl_factor(0.3, 2) == pytest.approx(zscore_factor(0.3, 2), abs=1e-15)
    assert maxrl_factor(0.3, 3) == pytest.approx(1.7, abs=1e-15)
    # the gradient of log p is ∇p/p, reached from below; all questions weigh the same where all is right
    assert 9.9 < maxrl_factor(0.1, 64) < 10
    assert maxrl_factor(1.0, 4) == 1.0


@pytest.mark.parametrize("group", [2, 4, 8])
def test_signed_rewards_of_questions_with_signal_are_weighed_by_s(group):
    row = estimator("", "signed_reward", select="signal", claim="s(p, G)")
    assert holds(LADDER, row, by_successes(LADDER, row, group), group)


def test_signal_factor_by_hand():
    # G = 2: one right and one wrong; 2 − p − (1 − p) = 1. G = 3 at p = 1/2: 2 − 1/4 − 1/4.
    assert signal_factor(0.3, 2) == pytest.approx(1.0, abs=1e-15)
    assert signal_factor(0.5, 3) == 1.5
    assert signal_factor(0.3, 64) == pytest.approx(2.0, abs=1e-9)


def test_dppo_without_a_limit_is_importance_weighted():
    wide = estimator("", "leave_one_out", "dppo", numbers={"clip_shift": 1.0})
    plain = estimator("", "leave_one_out", "importance_weighted")
    assert torch.equal(exact(AWAY, wide, 2).mean, exact(AWAY, plain, 2).mean)
    held = estimator("", "leave_one_out", "dppo", numbers={"clip_shift": 0.01})
    assert not torch.equal(exact(AWAY, held, 2).mean, exact(AWAY, plain, 2).mean)


def test_per_token_ratios_are_exact_on_policy_and_for_one_token_and_biased_beyond():
    row = estimator("", "leave_one_out", "importance_weighted")
    assert holds(LADDER, row, exact(LADDER, row, 3), 3)
    assert holds(ONE_TOKEN, row, exact(ONE_TOKEN, row, 3), 3)
    assert figures(AWAY, row, exact(AWAY, row, 3), 3).bias > 0.1


def test_clipping_has_a_bias_of_its_own():
    # One token: unclipped ratios are unbiased there, so that all of the bias is clipping's.
    bias = []
    for width in (0.05, 0.2, 0.5, 100.0):
        row = estimator("", "leave_one_out", "ppo_clip", numbers={"clip_low": min(width, 1.0), "clip_high": width})
        bias.append(figures(ONE_TOKEN, row, exact(ONE_TOKEN, row, 3), 3).bias)
    assert bias == sorted(bias, reverse=True)  # a token is cut off or is not: equal where none crosses the limit
    assert bias[0] > bias[2] + 0.01
    assert bias[3] < 1e-12


def test_an_exact_value_leaves_no_bias_at_any_lambda_and_a_learned_one_none_at_one():
    for kind, lam, unbiased in [("exact", 0.0, True), ("exact", 0.7, True), ("learned", 0.7, False)]:
        row = estimator("", "value", values=kind, numbers={"gae_lambda": lam})
        assert holds(LADDER, row, exact(LADDER, row, 2), 2) == unbiased


def test_sequence_mean_is_right_when_all_lengths_are_equal():
    row = estimator("", normalizer="sequence_mean")
    level = make_world(3, 1, (0.2, 0.7))
    assert holds(level, row, exact(level, row, 2), 2)


def test_kl_in_the_reward_adds_its_gradient_to_the_task():
    row = estimator("", kl_in_reward=0.3, beta=0.3)
    assert holds(LADDER, row, exact(LADDER, row, 2), 2)


def test_figures_by_hand():
    # Twice the gradient: bias 1, scale 2, angle 0. Noise 8 at N = 4 and E ĝ = 2‖∇J‖: N·8/(2‖∇J‖)².
    row, target = estimator("twice"), LADDER.gradient()
    moments = exact(LADDER, row, 2)
    doubled = type(moments)(2 * target, 8.0, 4)
    found = figures(LADDER, row, doubled, 2)
    assert (found.bias, found.scale, found.cosine) == pytest.approx((1.0, 2.0, 1.0), abs=1e-12)
    assert found.rollouts == pytest.approx(4 * 8.0 / float(4 * target @ target), rel=1e-12)
    assert not found.holds
    away = figures(LADDER, row, type(moments)(torch.zeros_like(target), 1.0, 4), 2)
    assert math.isnan(away.angle)
    assert math.isinf(away.rollouts)
