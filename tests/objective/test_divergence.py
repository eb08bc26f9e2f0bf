"""Divergences: by hand, their expectations and the gradients they have as losses, by summing over a vocabulary."""

from __future__ import annotations

import math

import pytest
import torch

from verigrad.objective.divergence import DIVERGENCES, exact_kl, k1, k2, k3

LOGITS = torch.tensor([0.3, -1.0, 0.8, 0.0], dtype=torch.float64)
REFERENCE = torch.tensor([-0.2, 0.5, 0.1, 0.4], dtype=torch.float64).log_softmax(-1)


def expected_gradient(name: str) -> torch.Tensor:
    """Σ_a π(a) ∇k(a): the gradient of the loss, averaged over the tokens that π draws."""
    logits = LOGITS.clone().requires_grad_()
    logprobs = logits.log_softmax(-1)
    loss = (LOGITS.softmax(-1) * DIVERGENCES[name](logprobs, REFERENCE)).sum()
    return torch.autograd.grad(loss, logits)[0]


def true_gradient(forward: bool) -> torch.Tensor:
    logits = LOGITS.clone().requires_grad_()
    log_p = logits.log_softmax(-1)
    gap = REFERENCE.exp() * (REFERENCE - log_p) if forward else log_p.exp() * (log_p - REFERENCE)
    return torch.autograd.grad(gap.sum(), logits)[0]


def test_by_hand():
    # d = ln 2: k1 = 0.6931, k2 = 0.2402, k3 = 1/2 − 1 + 0.6931
    ours, theirs = torch.tensor([0.0], dtype=torch.float64), torch.tensor([-math.log(2)], dtype=torch.float64)
    assert k1(ours, theirs).item() == pytest.approx(math.log(2), abs=1e-15)
    assert k2(ours, theirs).item() == pytest.approx(math.log(2) ** 2 / 2, abs=1e-15)
    assert k3(ours, theirs).item() == pytest.approx(math.log(2) - 0.5, abs=1e-15)


def test_k1_and_k3_have_the_expectation_of_the_exact_kl():
    p, logprobs = LOGITS.softmax(-1), LOGITS.log_softmax(-1)
    exact = exact_kl(LOGITS[None], REFERENCE[None]).item()
    slow = sum(q.item() * (math.log(q) - r.item()) for q, r in zip(p, REFERENCE, strict=True))
    assert exact == pytest.approx(slow, abs=1e-14)
    for divergence in (k1, k3):
        assert (p * divergence(logprobs, REFERENCE)).sum().item() == pytest.approx(exact, abs=1e-14)
    assert (k3(logprobs, REFERENCE) >= 0).all()


def test_as_losses_they_have_these_gradients():
    assert expected_gradient("k1").abs().max() < 1e-15
    torch.testing.assert_close(expected_gradient("k2"), true_gradient(forward=False), atol=1e-14, rtol=0)
    torch.testing.assert_close(expected_gradient("k3"), true_gradient(forward=True), atol=1e-14, rtol=0)


def test_a_banned_token_adds_nothing():
    ours = torch.tensor([[0.0, 0.0, -math.inf]], dtype=torch.float64)
    theirs = torch.tensor([[0.0, math.log(3), -math.inf]], dtype=torch.float64)
    # ½ ln(½/¼) + ½ ln(½/¾) = ½ ln(4/3)
    assert exact_kl(ours, theirs).item() == pytest.approx(0.5 * math.log(4 / 3), abs=1e-14)
