"""The counts of a step reach the weights of its updates."""

from __future__ import annotations

import pytest

from tests.tiny import make_sample
from verigrad.algorithms.schedule import updates
from verigrad.config import build
from verigrad.objective import NORMALIZERS, Sampled

TRACKS = [make_sample((1,), (2,) * length).trajectory for length in (4, 7, 2, 5)]


def weights(name: str, size: int, *sampled: Sampled) -> list[list[float]]:
    """For each update, the weight of each sequence."""
    algorithm = build({"algorithm": {"sequences_per_update": size}}).algorithm
    return [
        [max(sample.weights) for sample in samples]
        for _, samples in updates(TRACKS, algorithm, NORMALIZERS[name], "0/1", *sampled)
    ]


def test_without_counts_the_trajectories_are_what_was_sampled():
    assert weights("sampled_rollouts", 0) == [[1 / 4] * 4]
    assert weights("tokens", 0) == [[1 / 18] * 4]
    assert weights("constant", 0) == [[1 / (4 * 7)] * 4]


@pytest.mark.parametrize("size", [0, 2, 3, 1])
def test_what_was_dropped_counts_in_every_update(size):
    # 8 rollouts were sampled and 4 are kept: an update that holds k of those stands for 2k sampled ones
    step = Sampled(rollouts=8, tokens=40, max_tokens=10)
    for found in weights("sampled_rollouts", size, step):
        assert found == pytest.approx([1 / (2 * len(found))] * len(found))
    for found in weights("tokens", size, step):
        assert found == pytest.approx([1 / (10 * len(found))] * len(found))
    for found in weights("constant", size, step):
        assert found == pytest.approx([1 / (20 * len(found))] * len(found))
