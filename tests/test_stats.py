"""Each estimator against hand arithmetic and a slow oracle."""

import itertools
import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verigrad.stats import Interval, mean_interval, paired_difference, pass_at_k, seeds_interval, wilson


def test_wilson_by_hand():
    # p̂ = 0.5, n = 10, z = 1.959964, z² = 3.841459: centre = (0.5 + 0.19207)/1.38415 = 0.5
    # half = 1.959964/1.384146 · √(0.025 + 0.0096036) = 1.416010 · 0.186020 = 0.263407
    interval = wilson(5, 10)
    assert interval.estimate == 0.5
    assert interval.low == pytest.approx(0.236593, abs=1e-5)
    assert interval.high == pytest.approx(0.763407, abs=1e-5)


def test_wilson_of_no_success_is_zero_to_z2_over_n_plus_z2():
    # p̂ = 0: high = (z²/n)/(1 + z²/n) = 3.841459/(20 + 3.841459)
    interval = wilson(0, 20)
    assert (interval.estimate, interval.low) == (0.0, 0.0)
    assert interval.high == pytest.approx(3.841459 / 23.841459, abs=1e-6)
    assert wilson(20, 20).low == pytest.approx(1 - interval.high, abs=1e-12)
    assert wilson(20, 20).high == 1.0


@given(st.integers(1, 300).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), st.floats(0.5, 0.999))
def test_wilson_limits_solve_the_score_equation(counts, confidence):
    successes, n = counts
    interval = wilson(successes, n, confidence)
    assert 0 <= interval.low <= interval.estimate <= interval.high <= 1
    from statistics import NormalDist

    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    for limit in (interval.low, interval.high):
        assert abs(successes / n - limit) == pytest.approx(z * math.sqrt(limit * (1 - limit) / n), abs=1e-9)


@given(st.lists(st.integers(0, 1), min_size=1, max_size=200))
def test_mean_interval_of_single_responses_is_wilson(outcomes):
    clustered, plain = mean_interval(outcomes), wilson(sum(outcomes), len(outcomes))
    for name in ("estimate", "low", "high"):
        assert getattr(clustered, name) == pytest.approx(getattr(plain, name), abs=1e-12)


def test_mean_interval_by_hand():
    # v = 0, ½, ½, 1: m = ½, s² = (¼ + 0 + 0 + ¼)/3 = 1/6, n_eff = 4·¼·6 = 6
    six = mean_interval([0, 0.5, 0.5, 1], samples=2)
    assert (six.low, six.high) == pytest.approx((wilson(3, 6).low, wilson(3, 6).high), abs=1e-12)
    # v = 0, 0, 1, 1: the two responses of a problem always agree, so they count once: 4·¼/⅓ = 3, no less than n = 4
    assert mean_interval([0, 0, 1, 1], samples=2) == wilson(2, 4)
    # all problems alike: no more than the 3·4 responses may count
    assert mean_interval([0.5, 0.5, 0.5], samples=4) == wilson(6, 12)


def test_mean_interval_covers_the_truth_about_95_times_in_100():
    draw = random.Random(3)
    covered = 0
    for _ in range(2000):  # half of the problems are hopeless, half are solved with p = 0.6: the true mean is 0.3
        rates = [draw.choice((0.0, 0.6)) for _ in range(60)]
        values = [sum(draw.random() < rate for _ in range(4)) / 4 for rate in rates]
        interval = mean_interval(values, samples=4)
        covered += interval.low <= 0.3 <= interval.high
    assert 0.94 <= covered / 2000 <= 0.96


@pytest.mark.parametrize("n", [1, 4, 7])
def test_pass_at_k_counts_the_subsets(n):
    for c, k in itertools.product(range(n + 1), range(1, n + 1)):
        subsets = list(itertools.combinations([1] * c + [0] * (n - c), k))
        assert pass_at_k(n, c, k) == pytest.approx(sum(any(subset) for subset in subsets) / len(subsets), abs=1e-12)


def test_pass_at_k_is_unbiased_where_resampling_is_not():
    # p = 0.3, n = 6, k = 3: the truth is 1 − 0.7³ = 0.657
    chances = [math.comb(6, c) * 0.3**c * 0.7 ** (6 - c) for c in range(7)]
    assert sum(p * pass_at_k(6, c, 3) for c, p in enumerate(chances)) == pytest.approx(0.657, abs=1e-12)
    assert sum(p * (1 - (1 - c / 6) ** 3) for c, p in enumerate(chances)) < 0.62


def test_pass_at_k_of_many_samples_is_finite():
    assert pass_at_k(100_000, 1, 50_000) == pytest.approx(0.5)
    assert pass_at_k(10, 3, 1) == pytest.approx(0.3)


def test_mcnemar_by_hand():
    # 5 gained, 1 lost: p = 2·(C(6,0) + C(6,1))/2⁶ = 14/64; 4 unchanged, so n = 10 and the difference is 0.4
    before = [0] * 5 + [1] + [1, 1, 0, 0]
    after = [1] * 5 + [0] + [1, 1, 0, 0]
    result = paired_difference(before, after)
    assert (result.gained, result.lost, result.n) == (5, 1, 10)
    assert result.p_value == 14 / 64
    # d* = 4/12, half = 1.959964·√(7 − 16/12)/12 = 0.388806
    assert result.difference.estimate == pytest.approx(0.4)
    assert result.difference.low == pytest.approx(4 / 12 - 0.388806, abs=1e-5)
    assert result.difference.high == pytest.approx(4 / 12 + 0.388806, abs=1e-5)


@pytest.mark.parametrize(("gained", "lost"), [(0, 0), (1, 0), (3, 3), (2, 7), (9, 1)])
def test_mcnemar_enumerates_coins(gained, lost):
    changed = gained + lost
    coins = [sum(flips) for flips in itertools.product((0, 1), repeat=changed)]
    extreme = sum(abs(heads - changed / 2) >= abs(gained - changed / 2) for heads in coins)
    result = paired_difference([0] * gained + [1] * lost + [1], [1] * gained + [0] * lost + [1])
    assert result.p_value == pytest.approx(extreme / len(coins), abs=1e-15)


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1)), min_size=1, max_size=60))
def test_swapping_the_runs_changes_the_sign_only(pairs):
    a, b = zip(*pairs, strict=True)
    there, back = paired_difference(a, b), paired_difference(b, a)
    assert there.p_value == back.p_value
    assert there.difference.estimate == -back.difference.estimate
    assert there.difference.low == pytest.approx(-back.difference.high)
    assert -1 <= there.difference.low <= there.difference.estimate <= there.difference.high <= 1


def test_mcnemar_of_many_problems_does_not_overflow():
    assert 0 < paired_difference([0] * 3000 + [1] * 2800, [1] * 3000 + [0] * 2800).p_value < 0.01


def test_seeds_interval_by_hand():
    # 1, 2, 3: mean 2, s = 1, t₂(0.975) = 4.302653, half = 4.302653/√3 = 2.484138
    interval = seeds_interval([1, 2, 3])
    assert interval.estimate == 2
    assert interval.high - 2 == pytest.approx(2.484138, abs=1e-6)
    assert 2 - interval.low == pytest.approx(2.484138, abs=1e-6)


def test_overlap_is_symmetric_and_counts_a_shared_end():
    low, high = Interval(0.1, 0.0, 0.2), Interval(0.3, 0.2, 0.4)
    assert low.overlaps(high)
    assert high.overlaps(low)
    assert not low.overlaps(Interval(0.5, 0.3, 0.6))


@pytest.mark.parametrize(
    "call",
    [
        lambda: wilson(3, 2),
        lambda: wilson(0, 0),
        lambda: wilson(1, 2, confidence=1.0),
        lambda: mean_interval([]),
        lambda: mean_interval([1.5]),
        lambda: pass_at_k(2, 3, 1),
        lambda: pass_at_k(2, 1, 3),
        lambda: paired_difference([0, 1], [1]),
        lambda: paired_difference([0.5], [1]),
        lambda: seeds_interval([0.5]),
    ],
)
def test_impossible_input_is_refused_with_the_rule(call):
    with pytest.raises(ValueError, match=r"must|needs|run 2"):
        call()


def test_importing_stats_does_not_load_scipy():
    import subprocess
    import sys

    code = "import sys, verigrad.stats; sys.exit(bool({'scipy', 'numpy', 'torch'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
