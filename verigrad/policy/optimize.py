"""AdamW, the course of its learning rate, and what one optimiser update reports."""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import nn

from verigrad.config.schema import Optimizer as OptimizerConfig


def make_optimizer(parameters: Iterable[nn.Parameter], config: OptimizerConfig) -> torch.optim.AdamW:
    """AdamW (Loshchilov & Hutter 2019, arXiv:1711.05101), fused: one pass over memory per update."""
    return torch.optim.AdamW(
        parameters,
        lr=config.lr,
        betas=config.betas,
        eps=config.eps,
        weight_decay=config.weight_decay,
        fused=True,
    )


def learning_rate(update: int, config: OptimizerConfig) -> float:
    """Rate of the update with this number, counted from 0: a pure function, so that resuming restarts no schedule.

    Linear warm-up: lr·(update + 1)/warmup_steps. Then constant, or towards 0 at `schedule_updates` with progress x in
    [0, 1]: lr·(1 − x) or lr·(1 + cos πx)/2.
    """
    if update < config.warmup_steps:
        return config.lr * (update + 1) / config.warmup_steps
    if config.schedule == "constant":
        return config.lr
    progress = min(1.0, (update - config.warmup_steps) / (config.schedule_updates - config.warmup_steps))
    if config.schedule == "linear":
        return config.lr * (1 - progress)
    return config.lr * (1 + math.cos(math.pi * progress)) / 2
