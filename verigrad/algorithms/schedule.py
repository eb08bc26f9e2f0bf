"""Schedule: a step's trajectories cut into optimiser updates, each with the weights of its denominator."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from itertools import pairwise

from verigrad.config.schema import Algorithm
from verigrad.objective import Denominator, Normalizer, Sampled
from verigrad.types import Sample, Trajectory


def updates(
    trajectories: Sequence[Trajectory],
    algorithm: Algorithm,
    normalizer: Normalizer,
    seed: str,
    sampled: Sampled | None = None,
) -> Iterator[tuple[int, list[Sample]]]:
    """(epoch from 1, samples) of each update; a pure function of its arguments.

    Every epoch is a new permutation, cut into the fewest updates that hold at most `sequences_per_update` sequences
    each, or at most `tokens_per_update` tokens on average, prompts included. The updates have nearly equal numbers of
    sequences, so that none is made of a few left-over ones.

    `sampled` is what the step sampled, for denominators that count it; without it, the trajectories themselves.
    """
    sampled = sampled or _counted(trajectories)
    for epoch in range(1, algorithm.epochs + 1):
        order = list(range(len(trajectories)))
        random.Random(f"{seed}/{epoch}").shuffle(order)
        for part in _parts([trajectories[index] for index in order], algorithm):
            lengths = [sum(track.sampled) for track in part]
            weights = normalizer(Denominator.of(lengths, len(part) / len(trajectories), sampled))
            yield epoch, [Sample(track, _spread(track, weight)) for track, weight in zip(part, weights, strict=True)]


def count_updates(trajectories: Sequence[Trajectory], algorithm: Algorithm) -> int:
    """How many updates a step will make."""
    return algorithm.epochs * _count(trajectories, algorithm)


def _counted(trajectories: Sequence[Trajectory]) -> Sampled:
    """Of trajectories of which none was dropped; the longest response stands for the budget."""
    lengths = [sum(track.sampled) for track in trajectories]
    return Sampled(len(lengths), sum(lengths), max(lengths, default=0))


def _count(trajectories: Sequence[Trajectory], algorithm: Algorithm) -> int:
    """How many parts an epoch is cut into, none of them empty."""
    count = 1
    if algorithm.sequences_per_update:
        count = -(-len(trajectories) // algorithm.sequences_per_update)
    elif algorithm.tokens_per_update:
        count = -(-sum(len(track.token_ids) for track in trajectories) // algorithm.tokens_per_update)
    return min(count, len(trajectories))


def _parts(trajectories: Sequence[Trajectory], algorithm: Algorithm) -> list[Sequence[Trajectory]]:
    count = _count(trajectories, algorithm)
    borders = [len(trajectories) * part // count for part in range(count + 1)] if count else []
    return [trajectories[start:end] for start, end in pairwise(borders)]


def _spread(track: Trajectory, weight: float) -> tuple[float, ...]:
    return tuple(weight if sampled else 0.0 for sampled in track.sampled)
