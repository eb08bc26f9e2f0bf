"""What theory says of the rows, to be held against what was measured."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from verigrad.lab.estimators import Estimator
from verigrad.lab.measure import Moments
from verigrad.lab.world import World
from verigrad.objective import Denominator

EXACT = 1e-12
"""Largest difference from theory, in float64, that rounding explains."""

VISIBLE = 1e-3
"""Smallest relative bias that counts as one."""


@dataclass(frozen=True)
class Figures:
    """What is reported of an estimator.

    `bias` = ‖E ĝ − ∇J‖/‖∇J‖; `scale` = E ĝ·∇J/‖∇J‖²; `cosine` of E ĝ with ∇J; `angle` between them in degrees (NaN
    where E ĝ = 0); `noise` = trace of the covariance; `rollouts` for a signal-to-noise ratio of 1: the N at which the
    noise √trace equals the part of E ĝ along ∇J. The last does not depend on the scale of ĝ. `holds`: theory's claim
    does.
    """

    name: str
    claim: str
    bias: float
    scale: float
    cosine: float
    angle: float
    noise: float
    rollouts: float
    holds: bool


def figures(world: World, estimator: Estimator, moments: Moments, group: int) -> Figures:
    """The estimator's figures against the gradient of its own objective."""
    target, mean = target_of(world, estimator), moments.mean
    along = float(mean @ target) / float(target.norm())
    cosine = along / float(mean.norm()) if mean.norm() > EXACT else math.nan
    away = float((mean - target * (mean @ target) / (target @ target)).norm())
    return Figures(
        name=estimator.name,
        claim=estimator.claim,
        bias=float((mean - target).norm() / target.norm()),
        scale=along / float(target.norm()),
        cosine=cosine,
        angle=math.nan if math.isnan(cosine) else math.degrees(math.atan2(away, along)),
        noise=moments.trace,
        rollouts=moments.rollouts * moments.trace / along**2 if along > EXACT else math.inf,
        holds=holds(world, estimator, moments, group),
    )


def target_of(world: World, estimator: Estimator) -> Tensor:
    """The gradient that the estimator is measured against."""
    if estimator.reward_scale == 0.0:
        return world.gradient(beta=estimator.beta) - world.gradient()
    return world.gradient(estimator.gamma, estimator.beta)


def holds(world: World, estimator: Estimator, moments: Moments, group: int) -> bool:
    """Whether theory's claim about the estimator is what was measured."""
    target, mean = target_of(world, estimator), moments.mean
    n = world.questions * group
    match estimator.claim:
        case "unbiased":
            return _equal(mean, target)
        case "twice":
            return _equal(mean, 2 * target)
        case "leave-one-out":
            return _equal(mean, target) and abs(moments.trace - leave_one_out_trace(world, group)) < EXACT
        case "1 − 1/G":
            return _equal(mean, (1 - 1 / group) * target)
        case "1 − 1/N":
            return _equal(mean, (1 - 1 / n) * target)
        case "c(p, G)":
            ddof = int(estimator.numbers["ddof"])
            return _equal(mean, _by_question(world, estimator, lambda p: zscore_factor(p, group, ddof)))
        case "m(p, G)":
            return _equal(mean, _by_question(world, estimator, lambda p: maxrl_factor(p, group)))
        case "s(p, G)":
            return _equal(mean, _by_question(world, estimator, lambda p: signal_factor(p, group)))
        case "parallel":
            return float((mean - target * (mean @ target) / (target @ target)).norm()) < EXACT
        case "zero":
            return _equal(mean, torch.zeros_like(mean))
        case "biased":
            return float((mean - target).norm()) > VISIBLE * float(target.norm())


def zscore_factor(p: float, group: int, ddof: int = 0) -> float:
    """c(p, G) = E[σ̂]/(p(1 − p)): what `group_zscore` multiplies the gradient of a question by, with 0/1 rewards.

    σ̂² = (k/G)(1 − k/G) with k ~ Binomial(G, p) for ddof = 0; ddof = 1 divides by a std that is √(G/(G − 1)) larger.
    """
    total = 0.0
    for k in range(1, group):
        share = k / group
        total += math.comb(group, k) * p**k * (1 - p) ** (group - k) * math.sqrt(share * (1 - share))
    return total / (p * (1 - p)) * math.sqrt((group - ddof) / group)


def maxrl_factor(p: float, group: int) -> float:
    """m(p, G) = (1 − (1 − p)^{G−1})/p: what `maxrl` multiplies the gradient of a question by, with 0/1 rewards.

    The mean score of the right answers has expectation (1 − (1 − p)^G)·∇log p where there are any. The baseline takes
    off the mean score of all, whose expectation is 0 only with the groups in which nothing was right: these have
    (1 − p)^{G−1}·∇p, and no advantage.
    """
    return (1 - (1 - p) ** (group - 1)) / p


def signal_factor(p: float, group: int) -> float:
    """s(p, G) = 2 − p^{G−1} − (1 − p)^{G−1}: the factor of `signed_reward` on questions with signal, 0/1 rewards.

    A right rollout counts where one of the G − 1 others is wrong, a wrong one where one of them is right.
    """
    return 2 - p ** (group - 1) - (1 - p) ** (group - 1)


def reinforce_trace(world: World, group: int) -> float:
    """tr Cov of REINFORCE at π = π_old: (E[‖s‖² r²] − ‖g‖²)/G for each question, s its score, g its gradient."""
    squares, gradients = _question_parts(world)
    noise = ((world.probabilities * world.rewards * squares).sum(1) - gradients.square().sum(1)) / group
    return float(noise.sum()) / world.questions**2


def leave_one_out_trace(world: World, group: int) -> float:
    """tr Cov of leave_one_out at π = π_old, for each question

    (E[‖s‖² ((r − p)² + p(1 − p)/(G − 1))] − ‖g‖² + ‖g‖²/(G − 1))/G.
    """
    squares, gradients = _question_parts(world)
    p = world.success[:, None]
    spread = (world.rewards - p).square() + p * (1 - p) / (group - 1)
    norms = gradients.square().sum(1)
    noise = ((world.probabilities * squares * spread).sum(1) - norms + norms / (group - 1)) / group
    return float(noise.sum()) / world.questions**2


def helps_below(group: int) -> float:
    """The success probability below which leave_one_out has less variance than REINFORCE, for a two-action softmax.

    (2 − c)/(3 − c) with c = 2/(G − 1): 0 for G = 2, 1/2 for G = 3, 2/3 for large groups.
    """
    c = 2 / (group - 1)
    return max(0.0, (2 - c) / (3 - c))


def _by_question(world: World, estimator: Estimator, factor: Callable[[float], float]) -> Tensor:
    """∇J with each question's part times factor(p), and the weight that the normaliser gives a token for N = 1."""
    factors = torch.tensor([factor(float(p)) for p in world.success], dtype=torch.float64)
    (weight,) = estimator.normalizer(Denominator([1], 1.0, 1.0, world.tree.horizon))
    parts = target_of(world, estimator).view(world.questions, -1)
    return (weight * factors[:, None] * parts).flatten()


def _question_parts(world: World) -> tuple[Tensor, Tensor]:
    """‖s‖² of each response, [questions, responses], and E[s r] of each question."""
    gradients = torch.einsum("qr,qrd->qd", world.probabilities * world.rewards, world.scores)
    return world.scores.square().sum(-1), gradients


def _equal(found: Tensor, expected: Tensor) -> bool:
    return float((found - expected).norm()) < EXACT
