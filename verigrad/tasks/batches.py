"""Which questions belong to a step."""

from __future__ import annotations

import random


def batch_indices(count: int, size: int, *, seed: int, step: int, attempt: int = 0) -> list[int]:
    """The `size` questions of step `step` (the first is 1) out of `count`: a pure function of its arguments.

    Every epoch is a permutation of the questions, and the steps walk through the permutations laid end to end: a
    question is met again only when all have been met, also when size > count. A batch that spans the end of an epoch
    can hold a question twice. Nothing is stored, so a resumed run reads one integer, and asking for step k costs
    O(count log count) whatever k is.

    `attempt` > 0 is for refills: each has permutations of its own, which it walks through in the same way.
    """
    if count < 1 or size < 1 or step < 1 or attempt < 0:
        raise ValueError(
            f"count = {count}, size = {size}, step = {step}, attempt = {attempt}: the first three must be 1 or more, "
            "attempt 0 or more"
        )
    first, last = (step - 1) * size, step * size
    indices: list[int] = []
    for epoch in range(first // count, (last - 1) // count + 1):
        start = epoch * count
        order = _permutation(count, f"{seed}/{attempt}/{epoch}")
        indices += order[max(first - start, 0) : last - start]
    return indices


def _permutation(count: int, stream: str) -> list[int]:
    """Sorted by `random()`, whose values Python promises to keep between versions; `shuffle` has no such promise."""
    draw = random.Random(stream)
    keys = [draw.random() for _ in range(count)]
    return sorted(range(count), key=keys.__getitem__)
