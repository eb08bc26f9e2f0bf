"""How far the policy has moved from the one that sampled: sums per micro-batch, divided once per update."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from verigrad.objective.divergence import k3
from verigrad.objective.losses import sequence_sum
from verigrad.policy.pack import Batch

Sums = dict[str, float]


@dataclass(frozen=True, slots=True)
class ClipRange:
    """Where a loss clips: ratios below 1 − low (advantage < 0) and above 1 + high (advantage > 0)."""

    low: float
    high: float
    per_sequence: bool = False


def add_ratios(sums: Sums, logprobs: Float[Tensor, "trained"], batch: Batch, clip: ClipRange | None) -> None:
    """Adds what this batch tells of ρ = π_θ/π_old and of the reference, where their log-probs are among its streams."""
    old, reference = batch.streams.get("old_logprobs"), batch.streams.get("reference_logprobs")
    if old is not None:
        ratio = torch.exp(logprobs - old)
        sums["ratio"] = sums.get("ratio", 0.0) + ratio.sum().item()
        sums["ratio_max"] = max(sums.get("ratio_max", 0.0), ratio.max().item())
        sums["kl_k3_old"] = sums.get("kl_k3_old", 0.0) + k3(old.to(logprobs.dtype), logprobs).sum().item()
        if clip is not None:
            _add_clipped(sums, logprobs - old, batch, clip)
    if reference is not None:
        k3_sum = k3(logprobs, reference.to(logprobs.dtype)).sum().item()
        sums["kl_k3_reference"] = sums.get("kl_k3_reference", 0.0) + k3_sum


def ratio_metrics(sums: Sums) -> dict[str, float]:
    """Means over the update's trained tokens (the largest ratio apart)."""
    same = ("kl_k3_old", "kl_k3_reference", "kl_reference", "clip_fraction_low", "clip_fraction_high")
    names = {"ratio": "ratio_mean"} | {name: name for name in same}
    means = {new: sums[old] / sums["trained_tokens"] for old, new in names.items() if old in sums}
    return means | ({"ratio_max": sums["ratio_max"]} if "ratio_max" in sums else {})


def _add_clipped(sums: Sums, log_ratio: Tensor, batch: Batch, clip: ClipRange) -> None:
    """Counts the tokens whose gradient clipping takes away or caps."""
    if clip.per_sequence:
        counts = sequence_sum(torch.ones_like(log_ratio), batch.sequence_index)
        log_ratio = sequence_sum(log_ratio, batch.sequence_index) / counts
    ratio, advantages = log_ratio.exp(), batch.streams["advantages"]
    low = ((advantages < 0) & (ratio < 1 - clip.low)).sum().item()
    high = ((advantages > 0) & (ratio > 1 + clip.high)).sum().item()
    sums["clip_fraction_low"] = sums.get("clip_fraction_low", 0.0) + low
    sums["clip_fraction_high"] = sums.get("clip_fraction_high", 0.0) + high
