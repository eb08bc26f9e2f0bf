"""Normalisers: the one place where denominators are made, as weights for a whole optimiser update.

A normaliser maps the trained lengths of an update's sequences (tokens) to one weight per token of each sequence. The
update's loss is Σ w·ℓ, so micro-batches simply add up, and their size and order change nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

Normalizer = Callable[[Sequence[int]], list[float]]


def kept_tokens(lengths: Sequence[int]) -> list[float]:
    """w = 1 / (trained tokens of the update): the mean over tokens, as in SFT (CS336 A5 Algorithm 1).

    The denominator is random (it depends on what was kept), so that the scale of the gradient is not that of eq. 21.
    """
    total = sum(lengths)
    return [1.0 / total] * len(lengths)


NORMALIZERS: dict[str, Normalizer] = {
    "kept_tokens": kept_tokens,
}
