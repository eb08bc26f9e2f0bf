"""The course of the learning rate, and AdamW, by hand."""

from __future__ import annotations

import math

import pytest
import torch

from verigrad.config.schema import Optimizer
from verigrad.policy.optimize import learning_rate, make_optimizer


def course(updates, **settings):
    return [learning_rate(update, Optimizer(lr=8.0, **settings)) for update in updates]


def test_constant():
    assert course([0, 1, 10**6]) == [8.0, 8.0, 8.0]


def test_warm_up_rises_linearly_and_is_never_zero():
    # 8·1/4, 8·2/4, 8·3/4, 8·4/4, then constant
    assert course(range(6), warmup_steps=4) == [2.0, 4.0, 6.0, 8.0, 8.0, 8.0]


def test_linear_falls_to_zero_where_the_schedule_ends():
    # progress (update − 2)/(6 − 2) = 0, 1/4, 1/2, 3/4, 1, and no further
    expected = [4.0, 8.0, 8.0, 6.0, 4.0, 2.0, 0.0, 0.0]
    assert course(range(8), warmup_steps=2, schedule="linear", schedule_updates=6) == expected


def test_cosine_falls_to_zero_where_the_schedule_ends():
    # 8·(1 + cos πx)/2 at x = 0, 1/4, 1/2, 3/4, 1, and no further
    expected = [8.0, 4 + 4 * math.sqrt(0.5), 4.0, 4 - 4 * math.sqrt(0.5), 0.0, 0.0]
    assert course(range(6), schedule="cosine", schedule_updates=4) == pytest.approx(expected, abs=1e-12)


def test_two_updates_of_adamw_by_hand():
    # Loshchilov & Hutter 2019, Algorithm 2: θ ← θ(1 − ηλ) − η·m̂/(√v̂ + ε), m̂ and v̂ corrected for their start at 0
    lr, (b1, b2), eps, decay = 0.1, (0.8, 0.9), 1e-3, 0.5
    parameter = torch.nn.Parameter(torch.tensor([1.0], dtype=torch.float64))
    optimizer = make_optimizer([parameter], Optimizer(lr=lr, betas=(b1, b2), eps=eps, weight_decay=decay))
    theta, m, v = 1.0, 0.0, 0.0
    for update, gradient in enumerate([3.0, -1.0], start=1):
        parameter.grad = torch.tensor([gradient], dtype=torch.float64)
        optimizer.step()
        m, v = b1 * m + (1 - b1) * gradient, b2 * v + (1 - b2) * gradient**2
        step = (m / (1 - b1**update)) / (math.sqrt(v / (1 - b2**update)) + eps)
        theta = theta * (1 - lr * decay) - lr * step
        assert parameter.item() == pytest.approx(theta, abs=1e-14)
    assert theta == pytest.approx(0.772008, abs=1e-6)
