"""How bias and noise move with difficulty, group size, distance from π_old, clip range, λ and length spread."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from verigrad.lab.estimators import estimator, off_policy
from verigrad.lab.measure import by_successes, exact
from verigrad.lab.theory import figures, helps_below, leave_one_out_trace, reinforce_trace, zscore_factor
from verigrad.lab.world import make_world

GROUP = 4


@dataclass(frozen=True)
class Curve:
    """One line of a figure. `y` may hold NaN where there is nothing to show."""

    label: str
    x: list[float]
    y: list[float]


@dataclass(frozen=True)
class Sweep:
    """A figure: what is on the axes, what is to be seen, and the numbers."""

    key: str
    title: str
    x_label: str
    y_label: str
    caption: str
    curves: list[Curve] = field(default_factory=list)
    log_y: bool = False


def all_sweeps(quick: bool) -> list[Sweep]:
    """Every sweep, in the order in which a page shows them; `quick` takes every second point or fewer."""
    success = _points([0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9], quick)
    kl = _points([0.0, 0.01, 0.03, 0.1, 0.2, 0.4, 0.7, 1.0], quick)
    return [
        leave_one_out_noise(success),
        zscore_weights(success),
        zscore_direction(success),
        *off_policy_sweeps(kl),
        clip_range(_points([0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0], quick)),
        *lambda_sweeps(_points([0.0, 0.25, 0.5, 0.75, 0.9, 1.0], quick)),
        length_spread(_points([1.0, 1.3, 1.6, 2.0, 2.5, 3.0, 4.0, 6.0, 12.0], quick)),
    ]


def leave_one_out_noise(success: Sequence[float]) -> Sweep:
    """Noise of leave_one_out against REINFORCE, by success and G, on two-action questions and on longer ones."""
    curves = []
    for group in (2, 4, 8, 16):
        worlds = [make_world(success=(p, p)) for p in success]
        ratios = [leave_one_out_trace(world, group) / reinforce_trace(world, group) for world in worlds]
        curves.append(Curve(f"G = {group}", list(success), ratios))
    worlds = [make_world(horizon=1, success=(p, p)) for p in success]
    ratios = [leave_one_out_trace(world, 8) / reinforce_trace(world, 8) for world in worlds]
    curves.append(Curve("G = 8, two actions", list(success), ratios))
    return Sweep(
        "leave-one-out",
        "Leave-one-out against no baseline",
        "success probability p",
        "noise / REINFORCE's",
        "Below 1 the baseline helps. With two actions and G = 8 it does so for p < "
        f"{helps_below(8):.3f}; a baseline near 1 leaves the many right answers little, and gives the few wrong ones, "
        "whose scores are long, the most. Closed formula; the table's row holds it against enumeration.",
        curves,
        log_y=True,
    )


def zscore_weights(success: Sequence[float]) -> Sweep:
    """c(p, G), population std."""
    curves = [
        Curve(f"G = {group}", list(success), [zscore_factor(p, group) for p in success]) for group in (2, 3, 4, 8, 16)
    ]
    return Sweep(
        "zscore-weights",
        "What dividing by the group's std multiplies a question's gradient by",
        "success probability p",
        "c(p, G)",
        "E ĝ = c(p, G)·∇J of the question, 0/1 rewards, population std. Flat at G = 2 and 3; above, hard and easy "
        "questions gain against those of middling difficulty.",
        curves,
    )


def zscore_direction(success: Sequence[float]) -> Sweep:
    """Angle between E ĝ of group_zscore and ∇J, for questions at p and at 0.5, by the law of successes."""
    row = estimator("group_zscore", "group_zscore", claim="c(p, G)")
    curves = []
    for group in (2, 3, 4, 8, 16):
        angles = []
        for p in success:
            world = make_world(success=(p, 0.5))
            angles.append(figures(world, row, by_successes(world, row, group), group).angle)
        curves.append(Curve(f"G = {group}", list(success), angles))
    return Sweep(
        "zscore-direction",
        "Direction of group_zscore over two questions",
        "success probability of the one question (the other: 0.5)",
        "angle to ∇J, degrees",
        "The re-weighting turns the sum over questions away from ∇J. The expectation for one question alone is along "
        "its gradient at any G.",
        curves,
    )


def off_policy_sweeps(kl: Sequence[float]) -> list[Sweep]:
    """Bias and noise of each loss as π moves away from π_old."""
    rows = off_policy()
    bias: dict[str, list[float]] = {row.name: [] for row in rows}
    noise: dict[str, list[float]] = {row.name: [] for row in rows}
    start = make_world()
    for distance in kl:
        world = start.off_policy(distance)
        for row in rows:
            found = figures(world, row, exact(world, row, GROUP), GROUP)
            bias[row.name].append(found.bias)
            noise[row.name].append(found.noise / reinforce_trace(start, GROUP))
    told = f"Credit: leave_one_out, G = {GROUP}, weights 1/N, clip range 0.2; rollouts from π_old, gradient at π."
    return [
        Sweep(
            "off-policy-bias",
            "Bias off policy",
            "KL(π_old‖π), nats per response",
            "‖E ĝ − ∇J‖ / ‖∇J‖",
            f"{told} Only the whole response's ratio has no bias at any distance.",
            [Curve(name, list(kl), values) for name, values in bias.items()],
        ),
        Sweep(
            "off-policy-noise",
            "Noise off policy",
            "KL(π_old‖π), nats per response",
            "noise / REINFORCE's at π_old",
            f"{told} Noise: trace of the covariance. The whole response's ratio pays for its lack of bias here.",
            [Curve(name, list(kl), values) for name, values in noise.items()],
            log_y=True,
        ),
    ]


def clip_range(ranges: Sequence[float]) -> Sweep:
    """The bias that clipping itself adds: E[ppo_clip] − E[importance_weighted]."""
    curves = []
    for distance in (0.01, 0.1, 0.4):
        world = make_world().off_policy(distance)
        plain = estimator("", "leave_one_out", "importance_weighted", claim="biased")
        unclipped = exact(world, plain, GROUP).mean
        biases = []
        for width in ranges:
            row = estimator("", "leave_one_out", "ppo_clip", claim="biased", numbers=dict.fromkeys(CLIP, width))
            gap = exact(world, row, GROUP).mean - unclipped
            biases.append(float(gap.norm() / world.gradient().norm()))
        curves.append(Curve(f"KL = {distance:g}", list(ranges), biases))
    return Sweep(
        "clip-range",
        "Clipping's own bias",
        "clip range ε (low = high)",
        "‖E ppo_clip − E unclipped‖ / ‖∇J‖",
        "Against importance_weighted on the same rollouts, so that the bias of per-token ratios is not in it.",
        curves,
    )


CLIP = ("clip_low", "clip_high")


def lambda_sweeps(lambdas: Sequence[float]) -> list[Sweep]:
    """Bias and noise of GAE by λ, with a learned and with the exact V."""
    world = make_world()
    bias, noise = [], []
    for kind in ("learned", "exact"):
        found = []
        for chosen in lambdas:
            row = estimator("", "value", values=kind, claim="biased", numbers={"gae_lambda": chosen})
            found.append(figures(world, row, exact(world, row, GROUP), GROUP))
        bias.append(Curve(f"{kind} V", list(lambdas), [one.bias for one in found]))
        relative = [one.noise / reinforce_trace(world, GROUP) for one in found]
        noise.append(Curve(f"{kind} V", list(lambdas), relative))
    return [
        Sweep(
            "lambda-bias",
            "Bias of GAE",
            "λ",
            "‖E ĝ − ∇J‖ / ‖∇J‖",
            "With λ = 1 an error of V costs no bias; with the exact V no λ does.",
            bias,
        ),
        Sweep(
            "lambda-noise",
            "Noise of GAE",
            "λ",
            "noise / REINFORCE's",
            "A smaller λ trades the noise of the tokens to come for the error of V.",
            noise,
        ),
    ]


def length_spread(concentrations: Sequence[float]) -> Sweep:
    """Direction of sequence_mean as lengths vary more."""
    rows = [
        estimator("sequence_mean", normalizer="sequence_mean", claim="biased"),
        estimator("constant", normalizer="constant", claim="parallel"),
    ]
    spreads: list[float] = []
    angles: dict[str, list[float]] = {row.name: [] for row in rows}
    for concentration in sorted(concentrations, reverse=True):
        world = make_world(concentration=concentration)
        lengths = world.tree.lengths
        means = (world.probabilities * lengths).sum(1)
        spread = (world.probabilities * (lengths - means[:, None]).square()).sum(1).sqrt()
        spreads.append(float(spread.mean()))
        for row in rows:
            angles[row.name].append(figures(world, row, by_successes(world, row, GROUP), GROUP).angle)
    return Sweep(
        "length-spread",
        "Dividing by the response's own length",
        "standard deviation of the response length, tokens",
        "angle to ∇J, degrees",
        "1/(N·length) turns the expected gradient where lengths vary; 1/(N·constant) only scales it.",
        [Curve(name, spreads, values) for name, values in angles.items()],
    )


def _points(values: Sequence[float], quick: bool) -> list[float]:
    """All, or the first, every third after it, and the last."""
    return sorted({*values[::3], values[-1]}) if quick else list(values)
