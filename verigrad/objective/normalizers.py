"""Normalisers: the one place where denominators are made, as weights for a whole optimiser update.

A normaliser maps what an update stands for to one weight per token of each of its sequences. The update's loss is
Σ w·ℓ, so micro-batches simply add up, and their size and order change nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sampled:
    """What a step sampled, kept or not: rollouts, their response tokens, and the token budget of one response."""

    rollouts: int
    tokens: int
    max_tokens: int


@dataclass(frozen=True, slots=True)
class Denominator:
    """What an update stands for.

    `lengths` are the trained tokens of each of its sequences. `sampled_rollouts` (N) and `sampled_tokens` are the
    update's share, by sequences, of what the step sampled: a rollout that selection dropped, because it was wrong or
    its group had no signal, still counts. `constant` is the token budget of one response.
    """

    lengths: Sequence[int]
    sampled_rollouts: float
    sampled_tokens: float
    constant: int

    @classmethod
    def of(cls, lengths: Sequence[int], share: float, sampled: Sampled) -> Denominator:
        """Of an update that holds `share` of the step's kept sequences."""
        return cls(lengths, sampled.rollouts * share, sampled.tokens * share, sampled.max_tokens)


Normalizer = Callable[[Denominator], list[float]]


def sampled_rollouts(update: Denominator) -> list[float]:
    """w = 1/N: the mean over sampled rollouts of a sum over tokens, as the policy gradient has it.

    CS336 A5 eq. 21 (2026: 14).
    """
    return [1.0 / update.sampled_rollouts] * len(update.lengths)


def sequence_mean(update: Denominator) -> list[float]:
    """w = 1/(N·length of the own response): the mean over rollouts of a mean over tokens.

    GRPO, arXiv:2402.03300; CS336 A5 eq. 29 (2026: 27).
    Not the gradient of J where lengths vary: a token of a long response counts less, right or wrong.
    """
    return [1.0 / (update.sampled_rollouts * length) for length in update.lengths]


def constant(update: Denominator) -> list[float]:
    """w = 1/(N·max_tokens): `sampled_rollouts` up to a constant.

    Dr. GRPO, arXiv:2503.20783; CS336 A5 (2026) eq. 33, Z = B·G·L.
    """
    return [1.0 / (update.sampled_rollouts * update.constant)] * len(update.lengths)


def tokens(update: Denominator) -> list[float]:
    """w = 1/(the update's share of the step's sampled tokens): the token mean of DAPO, arXiv:2503.14476, eq. 8.

    DAPO divides by the tokens of the rollouts that it keeps; that is `kept_tokens`. Here what was dropped counts too,
    so that filtering alone does not change the scale. Where nothing is dropped and a step is one update, both are the
    same.
    """
    return [1.0 / update.sampled_tokens] * len(update.lengths)


def kept_tokens(update: Denominator) -> list[float]:
    """w = 1/(trained tokens of the update): the mean over tokens, as in SFT (CS336 A5 Algorithm 1).

    The denominator is random (it depends on what was kept), so that the scale of the gradient is not that of
    `sampled_rollouts`.
    """
    return [1.0 / sum(update.lengths)] * len(update.lengths)


NORMALIZERS: dict[str, Normalizer] = {
    "sampled_rollouts": sampled_rollouts,
    "sequence_mean": sequence_mean,
    "constant": constant,
    "tokens": tokens,
    "kept_tokens": kept_tokens,
}
