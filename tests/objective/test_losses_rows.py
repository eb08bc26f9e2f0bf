"""Losses against a slow textbook oracle, finite differences and one another."""

from __future__ import annotations

import math
from functools import partial

import pytest
import torch
from torch import Tensor

from verigrad.objective.losses import (
    LOSSES,
    cispo,
    dppo,
    gspo,
    importance_weighted,
    nll,
    policy_gradient,
    ppo_clip,
    sapo,
    sequence_importance_weighted,
    truncated_weights,
    value_loss,
)

INDEX = torch.tensor([0, 0, 0, 1, 1, 2])
GENERATOR = torch.Generator().manual_seed(0)
LOGPROBS, OLD = (-2 * torch.rand(6, generator=GENERATOR, dtype=torch.float64) for _ in range(2))
ADVANTAGES = torch.tensor([1.0, 1.0, 1.0, -0.5, -0.5, 2.0], dtype=torch.float64)
STREAMS = {"old_logprobs": OLD, "advantages": ADVANTAGES, "sequence_index": INDEX}
NUMBERS = {"clip_low": 0.2, "clip_high": 0.3, "clip_shift": 0.15, "gate_positive": 1.5, "gate_negative": 2.5}
# What a stopped gradient holds fixed is handed to the finite difference as a number.
STOPPED = {"sequence_importance_weighted", "cispo"}


def call(name: str, logprobs: Tensor, **changes: Tensor) -> Tensor:
    row = LOSSES[name]
    numbers = {key: NUMBERS[key] for key in row.numbers}
    return row.function(logprobs, *({**STREAMS, **changes}[stream] for stream in row.streams), **numbers)


def slow(name: str, logprobs: list[float]) -> list[float]:
    """The textbook, one token at a time."""
    results = []
    for t, (lp, advantage) in enumerate(zip(logprobs, ADVANTAGES.tolist(), strict=True)):
        mates = [u for u in range(6) if INDEX[u] == INDEX[t]]
        ratio = math.exp(lp - OLD[t].item())
        gaps = [logprobs[u] - OLD[u].item() for u in mates]
        match name:
            case "nll":
                results.append(-lp)
            case "policy_gradient":
                results.append(-lp * advantage)
            case "importance_weighted":
                results.append(-ratio * advantage)
            case "sequence_importance_weighted":
                results.append(-math.prod(math.exp(gap) for gap in gaps) * advantage * lp)
            case "ppo_clip":
                results.append(-min(ratio * advantage, min(max(ratio, 0.8), 1.3) * advantage))
            case "gspo":
                ratio = math.prod(math.exp(gap) for gap in gaps) ** (1 / len(gaps))
                results.append(-min(ratio * advantage, min(max(ratio, 0.8), 1.3) * advantage))
            case "cispo":
                results.append(-min(ratio, 1.3) * advantage * lp)
            case "sapo":
                tau = 1.5 if advantage > 0 else 2.5
                results.append(-4 / tau / (1 + math.exp(-tau * (ratio - 1))) * advantage)
            case "dppo":
                moved = math.exp(lp) - math.exp(OLD[t].item())
                away = (moved > 0.15 and advantage > 0) or (moved < -0.15 and advantage < 0)
                results.append(0.0 if away else -ratio * advantage)
    return results


@pytest.mark.parametrize("name", LOSSES)
def test_each_loss_is_its_textbook_formula(name):
    assert call(name, LOGPROBS).tolist() == pytest.approx(slow(name, LOGPROBS.tolist()), abs=1e-12)


@pytest.mark.parametrize("name", LOSSES)
def test_each_gradient_is_a_finite_difference(name):
    logprobs = LOGPROBS.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(call(name, logprobs).sum(), logprobs)

    def total(values: Tensor) -> float:
        if name in STOPPED:  # the factor in front of log π stays what it is at LOGPROBS
            return (call(name, LOGPROBS) / LOGPROBS * values).sum().item()
        return call(name, values).sum().item()

    step = 1e-6
    for t in range(6):
        nudge = torch.zeros(6, dtype=torch.float64)
        nudge[t] = step
        difference = (total(LOGPROBS + nudge) - total(LOGPROBS - nudge)) / (2 * step)
        assert gradient[t].item() == pytest.approx(difference, abs=1e-6)


def test_dppo_holds_back_some_of_these_tokens_and_not_all():
    held = call("dppo", LOGPROBS).eq(0)
    assert held.any() and not held.all()


@pytest.mark.parametrize("name", [name for name, row in LOSSES.items() if "old_logprobs" in row.streams])
def test_on_the_first_update_every_ratio_is_one(name):
    logprobs = LOGPROBS.clone().requires_grad_()
    changes = {"old_logprobs": LOGPROBS}
    (gradient,) = torch.autograd.grad(call(name, logprobs, **changes).sum(), logprobs)
    (plain,) = torch.autograd.grad(call("policy_gradient", logprobs).sum(), logprobs)
    torch.testing.assert_close(gradient, plain, atol=1e-12, rtol=0)


def one(value: float) -> Tensor:
    return torch.tensor([value], dtype=torch.float64)


@pytest.mark.parametrize(
    ("gap", "advantage", "loss", "moves"),
    [
        (0.5, 2.0, -1.2 * 2.0, False),  # ρ = 1.65 > 1.2 and rewarded: no more gain
        (0.5, -2.0, math.exp(0.5) * 2.0, True),  # ρ = 1.65 and punished: pushed back
        (-0.5, 2.0, -math.exp(-0.5) * 2.0, True),  # ρ = 0.61 and rewarded: pushed back
        (-0.5, -2.0, 0.8 * 2.0, False),  # ρ = 0.61 < 0.8 and punished: no more gain
    ],
)
def test_clipping_stops_gains_only(gap, advantage, loss, moves):
    for function in (ppo_clip, partial(gspo_of_one)):
        logprobs = one(gap).requires_grad_()
        found = function(logprobs, one(0.0), one(advantage), 0.2, 0.2)
        found.sum().backward()
        assert found.item() == pytest.approx(loss, abs=1e-12)
        assert (logprobs.grad.item() != 0.0) == moves


def gspo_of_one(logprobs: Tensor, old: Tensor, advantages: Tensor, low: float, high: float) -> Tensor:
    return gspo(logprobs, old, advantages, torch.tensor([0]), low, high)


def test_cispo_clips_the_weight_and_keeps_the_gradient():
    logprobs = one(0.5).requires_grad_()
    cispo(logprobs, one(0.0), one(2.0), 0.2).sum().backward()
    assert logprobs.grad.item() == pytest.approx(-1.2 * 2.0, abs=1e-12)


@pytest.mark.parametrize(("advantage", "tau"), [(2.0, 1.0), (-2.0, 1.05)])
def test_the_gate_of_sapo_fades_on_both_sides_of_one(advantage, tau):
    def weight(gap: float) -> float:
        logprobs = one(gap).requires_grad_()
        sapo(logprobs, one(0.0), one(advantage), 1.0, 1.05).sum().backward()
        return -logprobs.grad.item() / advantage

    # ρ = 1: 4·(1/2)·(1/2)·1 = 1. ρ = 3: σ = 1/(1 + e^{−2τ}), weight 4σ(1 − σ)·3
    assert weight(0.0) == pytest.approx(1.0, abs=1e-12)
    sigma = 1 / (1 + math.exp(-2 * tau))
    assert weight(math.log(3)) == pytest.approx(12 * sigma * (1 - sigma), abs=1e-12)
    assert weight(math.log(9)) < 0.1 and weight(math.log(0.1)) < 0.1


def test_a_sharper_gate_for_punished_tokens_keeps_less_of_them():
    gradients = []
    for tau in (1.0, 1.05, 3.0):
        logprobs = one(math.log(3)).requires_grad_()
        sapo(logprobs, one(0.0), one(-1.0), 1.0, tau).sum().backward()
        gradients.append(logprobs.grad.item())
    assert gradients == sorted(gradients, reverse=True)


@pytest.mark.parametrize(
    ("before", "now", "advantage", "moves"),
    [
        (0.01, 0.05, 1.0, True),  # five times as likely, which ppo_clip stops: 0.04 is not beyond 0.15
        (0.90, 0.70, -1.0, False),  # ρ = 0.78: 0.20 is
        (0.90, 0.78, -1.0, True),  # 0.12 is not
        (0.50, 0.70, 1.0, False),  # pushed further up, by 0.20
        (0.50, 0.70, -1.0, True),  # pushed back
        (0.50, 0.30, 1.0, True),  # pushed back
        (0.50, 0.30, -1.0, False),  # pushed further down
    ],
)
def test_dppo_stops_by_what_a_probability_moved(before, now, advantage, moves):
    logprobs = one(math.log(now)).requires_grad_()
    found = dppo(logprobs, one(math.log(before)), one(advantage), 0.15)
    found.sum().backward()
    expected = -now / before * advantage if moves else 0.0  # −ρA; its slope by log π is the same
    assert found.item() == pytest.approx(expected, abs=1e-12)
    assert logprobs.grad.item() == pytest.approx(expected, abs=1e-12)


def test_a_step_on_a_rewarded_token_raises_its_probability():
    for loss in (nll, partial(policy_gradient, advantages=one(1.0))):
        logits = torch.zeros(3, dtype=torch.float64, requires_grad=True)
        loss(logits.log_softmax(-1)[:1]).sum().backward()
        assert (logits - 0.1 * logits.grad).softmax(-1)[0] > 1 / 3


def test_old_logprobs_carry_no_gradient_to_the_policy():
    old = LOGPROBS.clone().requires_grad_()
    weights = truncated_weights(old, OLD, 2.0)
    assert not weights.requires_grad
    assert weights.tolist() == pytest.approx([min(math.exp(a - b), 2.0) for a, b in zip(LOGPROBS, OLD, strict=True)])
    stopped = sequence_importance_weighted(old, OLD, ADVANTAGES, INDEX)
    (gradient,) = torch.autograd.grad(stopped.sum(), old)
    ratio = [math.exp((LOGPROBS - OLD)[INDEX.eq(i)].sum()) for i in range(3)]
    assert gradient.tolist() == pytest.approx([-ratio[i] * a for i, a in zip(INDEX, ADVANTAGES.tolist(), strict=True)])


def test_value_loss_by_hand():
    # (0.9 − 0.5)²/2 = 0.08; clipped to 0.2 ± 0.1: (0.3 − 0.5)²/2 = 0.02, and the larger counts
    assert value_loss(one(0.9), one(0.2), one(0.5), 0.0).item() == pytest.approx(0.08, abs=1e-15)
    assert value_loss(one(0.9), one(0.2), one(0.5), 0.1).item() == pytest.approx(0.08, abs=1e-15)
    # V has moved on to the target 0.5, but the clipped one, 0.3, has not: 0.02
    assert value_loss(one(0.5), one(0.2), one(0.5), 0.1).item() == pytest.approx(0.02, abs=1e-15)


def test_unclipped_is_ppo_clip_without_limits():
    wide = ppo_clip(LOGPROBS, OLD, ADVANTAGES, 1.0, 1e9)
    torch.testing.assert_close(wide, importance_weighted(LOGPROBS, OLD, ADVANTAGES), atol=1e-15, rtol=0)
