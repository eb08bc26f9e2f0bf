"""Intervals and tests for accuracies, each with its formula and where it comes from.

Accuracies are shares in [0, 1]. An interval here speaks about new problems of the same kind (the problem is the unit
that was drawn), except `seeds_interval`, which speaks about new seeds.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist, fmean, stdev


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate and its confidence limits, low ≤ estimate ≤ high."""

    estimate: float
    low: float
    high: float

    def overlaps(self, other: Interval) -> bool:
        """Whether the two have a point in common. Intervals that do overlap say nothing of equality."""
        return self.low <= other.high and other.low <= self.high


@dataclass(frozen=True, slots=True)
class PairedDifference:
    """b − a on the same problems. `gained`: wrong in a, right in b; `lost`: the reverse; `p_value`: exact McNemar."""

    difference: Interval
    gained: int
    lost: int
    n: int
    p_value: float


def wilson(successes: float, n: float, confidence: float = 0.95) -> Interval:
    """Score interval of a share: the p with |p̂ − p| ≤ z·√(p(1 − p)/n).

        centre = (p̂ + z²/2n)/(1 + z²/n),   half = z/(1 + z²/n) · √(p̂(1 − p̂)/n + z²/4n²)

    Wilson 1927, JASA 22:209–212. Unlike p̂ ± z·√(p̂(1 − p̂)/n) it stays within [0, 1] and has a width at p̂ = 0 and 1.
    Neither count need be whole: `mean_interval` passes an effective number of problems.
    """
    if not (n > 0 and 0 <= successes <= n):
        raise ValueError(
            f"{successes} successes of {n}: 0 <= successes <= n and n > 0 must hold; drop empty evaluations"
        )
    z = _normal_quantile(confidence)
    share = successes / n
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + (z / (2 * n)) ** 2)
    # at p̂ = 0 and 1 the limit is p̂ itself; rounding must not move it past
    return Interval(share, max(0.0, min(share, centre - half)), min(1.0, max(share, centre + half)))


def mean_interval(values: Sequence[float], samples: int = 1, confidence: float = 0.95) -> Interval:
    """Mean of per-problem shares, each over `samples` responses, clustered by problem.

        m = mean(v),   s² = Σ(v − m)²/(n − 1),   n_eff = n·m(1 − m)/s², within [n, n·samples]
        interval = wilson(m·n_eff, n_eff)

    The Wilson interval at the effective sample size (Korn & Graubard 1998, Survey Methodology 24:193–201; compared in
    Dean & Pagano 2015, J. Surv. Stat. Methodol. 3:484–503). Responses to one problem resemble each other, so n·samples
    responses tell less than that many problems would, but no less than n. With 0/1 values it is Wilson's exactly; where
    no spread was seen it stays honest, n_eff = n at m = 0 and 1. Normal-based: meant for n of about 30 or more.
    """
    if not values or min(values) < 0 or max(values) > 1 or samples < 1:
        raise ValueError("mean_interval needs at least one value, all within [0, 1], and samples >= 1")
    n, mean = len(values), fmean(values)
    spread = sum((value - mean) ** 2 for value in values) / max(n - 1, 1)
    if mean in (0.0, 1.0):
        effective = float(n)
    else:
        effective = min(n * mean * (1 - mean) / spread, n * samples) if spread > 0 else float(n * samples)
    effective = max(effective, float(n))  # shares vary no more than 0/1 outcomes of the same mean would
    limits = wilson(mean * effective, effective, confidence)
    return Interval(mean, min(limits.low, mean), max(limits.high, mean))


def pass_at_k(n: int, c: int, k: int) -> float:
    """Chance that k of a problem's n responses, drawn without replacement, hold a correct one, c being correct.

        pass@k = 1 − C(n − c, k)/C(n, k) = 1 − Π_{i = n−c+1}^{n} (1 − k/i)

    Chen et al. 2021, arXiv:2107.03374, eq. 1: the unbiased estimate of 1 − (1 − p)^k. The product never forms a large
    number. 1 − (1 − c/n)^k, which resampling with replacement gives, is biased low.
    """
    if not (0 <= c <= n and 1 <= k <= n):
        raise ValueError(
            f"pass@{k} of {c} correct in {n}: 0 <= c <= n and 1 <= k <= n must hold; sample more responses"
        )
    if n - c < k:
        return 1.0
    return 1.0 - math.prod(1.0 - k / i for i in range(n - c + 1, n + 1))


def paired_difference(a: Sequence[float], b: Sequence[float], confidence: float = 0.95) -> PairedDifference:
    """mean(b) − mean(a) of 0/1 outcomes on the same problems, its interval, and the exact McNemar test.

        g = #(a=0, b=1),  l = #(a=1, b=0),  p = min(1, 2·Σ_{i ≤ min(g, l)} C(g+l, i)/2^{g+l})
        d* = (g − l)/(n + 2),   interval = d* ± z·√(g + l + 1 − (g − l)²/(n + 2))/(n + 2)

    Under "no difference" each problem that changed is a fair coin: two-sided binomial (McNemar 1947, Psychometrika
    12:153–157), in whole numbers, no approximation. The interval is Agresti & Min's (2005, Stat. Med. 24:729–740):
    Wald's after ½ is added to each of the four cells; it has a width even if nothing changed. The estimate is the raw
    (g − l)/n.
    """
    if len(a) != len(b) or not a or not {*a, *b} <= {0, 1}:
        raise ValueError(
            f"paired outcomes must be 0 or 1, of the same problems, at least one; got {len(a)} and {len(b)}"
        )
    n = len(a)
    gained = sum(1 for before, after in zip(a, b, strict=True) if before < after)
    lost = sum(1 for before, after in zip(a, b, strict=True) if before > after)
    estimate = (gained - lost) / n
    centre = (gained - lost) / (n + 2)
    variance = gained + lost + 1 - (gained - lost) ** 2 / (n + 2)
    half = _normal_quantile(confidence) * math.sqrt(variance) / (n + 2)
    low, high = max(-1.0, min(estimate, centre - half)), min(1.0, max(estimate, centre + half))
    return PairedDifference(Interval(estimate, low, high), gained, lost, n, _sign_test(gained, lost))


def seeds_interval(values: Sequence[float], confidence: float = 0.95) -> Interval:
    """Mean over independent runs that differ in their seed: mean ± t_{k−1}·s/√k, s with k − 1.

    Student 1908, Biometrika 6:1–25. Needs two runs or more; with three, t = 4.30, so it is wide, and rightly so.
    It covers what the seed decides, not the choice of problems, which the runs share.
    """
    if len(values) < 2:
        raise ValueError(f"{len(values)} seeds show no spread; run 2 or more")
    from scipy import special  # type: ignore[import-untyped,unused-ignore]  # here: half a second to load

    quantile = float(special.stdtrit(len(values) - 1, 0.5 + _checked(confidence) / 2))
    mean = fmean(values)
    half = quantile * stdev(values) / math.sqrt(len(values))
    return Interval(mean, mean - half, mean + half)


@dataclass(frozen=True, slots=True)
class CrossedDifference:
    """Mean difference over seeds × problems, and the two-sided p-value of "no difference" (t with `df`)."""

    difference: Interval
    p_value: float
    df: float
    seeds: int
    problems: int


def crossed_difference(differences: Sequence[Sequence[float]], confidence: float = 0.95) -> CrossedDifference:
    """Mean of d[s][p] = b − a for seed s on problem p, where both seeds and problems are samples of many.

        d_sp = μ + α_s + β_p + ε_sp
        MS_s = n·Var(d_s·)   MS_p = k·Var(d_·p)   MS_e = Σ(d_sp − d_s· − d_·p + d)²/((k − 1)(n − 1))
        V = max(MS_s, MS_e) + max(MS_p − MS_e, 0)      t = d/√(V/kn)      df = (k − 1)·(V/max(MS_s, MS_e))²

    Crossed random effects: an effect seen must hold for new seeds and for new problems. t and df are those of readers ×
    cases studies (Obuchowski & Rockette 1995, Commun. Stat. Simul. 24:285–308; Hillis 2007, Stat. Med. 26:596–619). Our
    deviation: MS_s is at least MS_e, which it is on average, lest three seeds that agree by chance look certain. With k
    seeds, n problems; 2 or more of both. Pooling the k·n pairs in one McNemar test instead would take the seeds for
    one, and find differences that a fourth seed reverses.
    """
    k, n = len(differences), len(differences[0]) if differences else 0
    if k < 2 or n < 2 or any(len(row) != n for row in differences):
        raise ValueError(
            f"{k} seeds × {n} problems: 2 or more of both, and the same problems for each seed, are needed"
        )
    from scipy import special

    seeds, problems = [fmean(row) for row in differences], [fmean(column) for column in zip(*differences, strict=True)]
    mean = fmean(seeds)
    by_seed = n * sum((one - mean) ** 2 for one in seeds) / (k - 1)
    by_problem = k * sum((one - mean) ** 2 for one in problems) / (n - 1)
    rest = sum(
        (d - s - p + mean) ** 2
        for row, s in zip(differences, seeds, strict=True)
        for d, p in zip(row, problems, strict=True)
    ) / ((k - 1) * (n - 1))
    top = max(by_seed, rest)
    variance = top + max(by_problem - rest, 0.0)
    if variance == 0:  # every difference is the same
        return CrossedDifference(Interval(mean, mean, mean), float(mean == 0), math.inf, k, n)
    error = math.sqrt(variance / (k * n))
    df = (k - 1) * (variance / top) ** 2 if top > 0 else math.inf
    df = min(df, 1e9)
    half = float(special.stdtrit(df, 0.5 + _checked(confidence) / 2)) * error
    p_value = min(1.0, 2 * float(special.stdtr(df, -abs(mean) / error)))
    return CrossedDifference(Interval(mean, mean - half, mean + half), p_value, df, k, n)


def holm(p_values: Sequence[float]) -> list[float]:
    """P-values adjusted for their number m: p'_(i) = max over j ≤ i of min(1, (m − j + 1)·p_(j)), p_(1) the smallest.

    Holm 1979, Scand. J. Stat. 6:65–70. Calling those below 5 % different errs at all, in any of the m, 5 % of the time,
    whatever their dependence.
    """
    adjusted = [0.0] * len(p_values)
    largest = 0.0
    for rank, place in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[place]))
        adjusted[place] = largest
    return adjusted


def _sign_test(gained: int, lost: int) -> float:
    """Two-sided chance that a fair coin splits gained + lost at least as unevenly."""
    changed = gained + lost
    term = tail = 1
    for i in range(min(gained, lost)):
        term = term * (changed - i) // (i + 1)
        tail += term
    return min(1.0, 2 * tail / (1 << changed))


def _normal_quantile(confidence: float) -> float:
    return NormalDist().inv_cdf(0.5 + _checked(confidence) / 2)


def _checked(confidence: float) -> float:
    if not 0 < confidence < 1:
        raise ValueError(f"confidence = {confidence}: must lie between 0 and 1, e.g. 0.95")
    return confidence
