"""Weights of each normaliser by hand."""

from __future__ import annotations

import pytest

from verigrad.objective.normalizers import NORMALIZERS, Denominator, Sampled


def weights(name: str, lengths: list[int], share: float = 1.0, sampled: Sampled | None = None) -> list[float]:
    sampled = sampled or Sampled(len(lengths), sum(lengths), 7)
    return NORMALIZERS[name](Denominator.of(lengths, share, sampled))


def test_four_and_seven_tokens():
    # The course's example, per rollout (N = 1): 1/4 and 1/7 by the own length, 1/7 and 1/7 by the constant 7.
    one = Sampled(1, 11, 7)
    assert weights("sequence_mean", [4, 7], sampled=one) == [1 / 4, 1 / 7]
    assert weights("constant", [4, 7], sampled=one) == [1 / 7, 1 / 7]
    # N = 2, as in an update that holds both
    assert weights("sequence_mean", [4, 7]) == [1 / 8, 1 / 14]
    assert weights("constant", [4, 7]) == [1 / 14, 1 / 14]
    assert weights("sampled_rollouts", [4, 7]) == [1 / 2, 1 / 2]
    assert weights("tokens", [4, 7]) == weights("kept_tokens", [4, 7]) == [1 / 11, 1 / 11]


def test_what_was_dropped_still_counts():
    # 8 rollouts of 40 tokens were sampled, 2 are kept: N stays 8
    step = Sampled(8, 40, 10)
    assert weights("sampled_rollouts", [4, 7], sampled=step) == [1 / 8] * 2
    assert weights("sequence_mean", [4, 7], sampled=step) == [1 / 32, 1 / 56]
    assert weights("constant", [4, 7], sampled=step) == [1 / 80] * 2
    assert weights("tokens", [4, 7], sampled=step) == [1 / 40] * 2
    assert weights("kept_tokens", [4, 7], sampled=step) == [1 / 11] * 2


def test_an_update_stands_for_its_share_of_the_step():
    # half of the kept sequences: half of the 8 sampled rollouts
    assert weights("sampled_rollouts", [4], 0.5, Sampled(8, 40, 10)) == [1 / 4]
    assert weights("tokens", [4], 0.5, Sampled(8, 40, 10)) == [1 / 20]


@pytest.mark.parametrize("name", NORMALIZERS)
def test_weights_are_positive_and_one_for_each_sequence(name):
    found = weights(name, [3, 1, 5])
    assert len(found) == 3
    assert min(found) > 0
