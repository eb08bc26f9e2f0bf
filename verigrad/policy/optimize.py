"""AdamW, the course of its learning rate, and what one optimiser update reports."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import torch
from torch import nn

from verigrad.config.schema import Optimizer as OptimizerConfig
from verigrad.errors import ConfigError


def make_optimizer(parameters: Iterable[nn.Parameter], config: OptimizerConfig) -> torch.optim.Optimizer:
    """AdamW (Loshchilov & Hutter 2019, arXiv:1711.05101), fused: one pass over memory per update.

    With `states` = 8bit or offloaded it is bitsandbytes' (Dettmers et al. 2021, arXiv:2110.02861): moments of 8 bits a
    number and a scale for each block, or in full in host memory that a GPU reads. ConfigError without it.
    """
    parameters = list(parameters)
    numbers: dict[str, Any] = {
        "lr": config.lr, "betas": config.betas, "eps": config.eps, "weight_decay": config.weight_decay
    }  # fmt: skip
    if config.states == "full":
        return torch.optim.AdamW(parameters, **numbers, fused=True)
    if config.states == "offloaded" and not parameters[0].is_cuda:
        raise ConfigError("optimizer.states = 'offloaded': moments leave a GPU, and there is none; use full or 8bit")
    try:
        from bitsandbytes.optim import AdamW8bit, PagedAdamW
    except ImportError as error:
        raise ConfigError(
            f"optimizer.states = {config.states!r}: bitsandbytes cannot be imported ({error}); "
            "install verigrad[lean], or use optimizer.states = 'full'"
        ) from None
    kind = AdamW8bit if config.states == "8bit" else PagedAdamW
    made: torch.optim.Optimizer = kind(parameters, **numbers)
    return made


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
