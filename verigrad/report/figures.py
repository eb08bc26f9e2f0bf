"""The curves of one run or of several, as SVG that takes its colours from the page, or as PNG.

One run: a colour per quantity. Several runs: a colour per run, a line style per quantity; runs that differ in their
seed only become one colour, thin lines, with their mean and its 95 % t-interval on top.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from verigrad.report.compare import over_seeds, seed_groups
from verigrad.report.draw import COLOURS, MUTED, Style, bands, clean, legend, svg, with_rc
from verigrad.report.read import Record, RunLog, number, step_of

CLASSES = (
    ("format1_answer1", "format right, answer right", "#0072b2"),
    ("format1_answer0", "format right, answer wrong", "#e69f00"),
    ("format0", "format wrong", "#999999"),
)
MAX_PANELS = 12
WIDTH = 5.8
"""Inches: two figures beside each other on a laptop then have text of the size of a caption."""
MAX_POINTS = 800
STYLES: tuple[Style, ...] = ("-", "--", ":")


@dataclass(frozen=True, slots=True)
class Series:
    """One quantity by step: from which log, under which key, and the prefix of its interval's keys if it has one."""

    label: str
    source: str
    key: str
    interval: bool = False
    scale: Callable[[Record], float] | None = None


@dataclass(frozen=True, slots=True)
class Drawing:
    """A figure of the page: its SVG, a title, and one line that defines what is drawn."""

    key: str
    title: str
    definition: str
    svg: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What one line chart shows."""

    key: str
    title: str
    definition: str
    ylabel: str
    series: tuple[Series, ...]
    percent: bool = False


PLANS = (
    Plan(
        "accuracy",
        "Validation accuracy",
        "pass@1: mean over the validation problems of the share of correct responses, sampled at the evaluation "
        "temperature and, beside it, greedy. Bars: the 95 % interval written with the evaluation.",
        "accuracy",
        (
            Series("sampled", "eval", "accuracy", interval=True),
            Series("greedy", "eval", "greedy_accuracy", interval=True),
        ),
        percent=True,
    ),
    Plan(
        "pass_rate",
        "Training pass rate",
        "Share of the step's training rollouts that the verifier found correct, and share with the right format.",
        "share of rollouts",
        (Series("correct", "step", "pass_rate"), Series("format right", "step", "format_reward")),
        percent=True,
    ),
    Plan(
        "entropy",
        "Response entropy by step",
        "Exact entropy of the distribution that was sampled, at the sampling temperature, mean over the response "
        "tokens of the step's scored rollouts, before the step's updates.",
        "entropy (nats per token)",
        (Series("of the sampling policy", "step", "entropy_old"),),
    ),
    Plan(
        "update_entropy",
        "Entropy by update",
        "Exact entropy of the policy being trained, mean over the tokens of the update. Those tokens are selected "
        f"ones, so its level differs from the figure by step. Beyond {MAX_POINTS} updates: means of equal bins.",
        "entropy (nats per token)",
        (Series("over trained tokens", "update", "entropy"),),
    ),
    Plan(
        "length",
        "Response length",
        "Mean number of sampled tokens, the end token included, of the step's correct and incorrect training rollouts.",
        "tokens per response",
        (Series("correct", "step", "mean_tokens_correct"), Series("incorrect", "step", "mean_tokens_incorrect")),
    ),
    Plan(
        "questions",
        "Questions solved, rollouts kept",
        "Questions of the step with at least one correct rollout, of all its questions; and rollouts trained on, of "
        "all rollouts.",
        "share",
        (
            Series("questions solved", "step", "questions_solved", scale=lambda row: number(row, "questions") or 0),
            Series("rollouts kept", "step", "kept", scale=lambda row: number(row, "rollouts") or 0),
        ),
        percent=True,
    ),
)


@with_rc
def draw_all(runs: Sequence[RunLog]) -> list[Drawing]:
    """Every figure that the runs have data for, as SVG."""
    drawings = [
        Drawing(plan.key, plan.title, plan.definition, svg(figure, plan.key, plan.title))
        for plan in PLANS
        if (figure := line_chart(plan, runs)) is not None
    ]
    stacked = class_chart(runs)
    if stacked is not None:
        title = "Format and answer classes"
        definition = (
            "Share of the evaluation's sampled responses in each class; the verifier is named with the evaluations."
        )
        drawings.append(Drawing("classes", title, definition, svg(stacked, "classes", title)))
    return drawings


@with_rc
def save_png(path: Path, runs: Sequence[RunLog], key: str = "accuracy") -> None:
    """Writes one figure, named by its key, as PNG at twice the laptop's resolution; a README's learning curve."""
    plan = next(plan for plan in PLANS if plan.key == key)
    figure = line_chart(plan, runs)
    if figure is None:
        raise ValueError(f"the runs have no data for {key!r}; evaluate or train first")
    figure.savefig(path, format="png", dpi=200, facecolor="white")


def line_chart(plan: Plan, runs: Sequence[RunLog]) -> Figure | None:
    """The chart of a plan; None where no run has any of its series."""
    groups = _coloured(runs)
    figure = Figure(layout="constrained")
    axes = figure.add_subplot()
    # intervals at the same step stand beside each other
    shift = 0.006 * max((step_of(row) for run in runs for row in run.evaluations), default=0)
    drawn: set[str] = set()
    for group, colour in groups:
        for index, series in enumerate(plan.series):
            hue = COLOURS[index] if len(groups) == 1 else colour
            if _draw_group(axes, group, series, hue, STYLES[index], shift * index * series.interval):
                drawn.add(series.label)
    if not drawn:
        return None
    _finish(axes, plan, runs)
    labels = [series.label for series in plan.series if series.label in drawn]
    if len(groups) == 1:
        entries = [(label, COLOURS[_position(plan, label)], STYLES[_position(plan, label)]) for label in labels]
    else:
        entries = [(_group_label(group), colour, "-") for group, colour in groups]
        entries += [(label, MUTED, STYLES[_position(plan, label)]) for label in labels if len(labels) > 1]
    rows = legend(figure, entries) if len(entries) > 1 or len(runs) > 1 else 0
    figure.set_size_inches(WIDTH, 2.9 + 0.2 * rows)
    return figure


def class_chart(runs: Sequence[RunLog]) -> Figure | None:
    """Stacked bars of the format and answer classes by evaluated step, a panel per run."""
    shown = [run for run in runs if any(_shares(row) for row in run.evaluations)][:MAX_PANELS]
    if not shown:
        return None
    columns = min(3, len(shown))
    rows = -(-len(shown) // columns)
    figure = Figure(figsize=(WIDTH, 0.6 + (2.6 if rows == 1 else 1.8 * rows)), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False, sharey=True)
    for axes, run in zip(panels.flat, shown, strict=False):
        _class_panel(axes, run, titled=len(runs) > 1)
    for axes in list(panels.flat)[len(shown) :]:
        axes.set_visible(False)
    for axes in panels[:, 0]:
        axes.set_ylabel("share of responses")
    legend(figure, [(label, colour, "") for _, label, colour in CLASSES])
    return figure


def points(run: RunLog, series: Series) -> list[tuple[float, float]]:
    """(step, value) of a series, where the run has it; (update, value) of the updates, thinned to bin means."""
    rows = {"eval": run.evaluations, "step": run.steps, "update": run.updates}[series.source]
    curve: list[tuple[float, float]] = []
    for row in rows:
        value = number(row, series.key)
        whole = series.scale(row) if series.scale else 1.0
        if value is not None and whole:
            curve.append((number(row, "update") or 0 if series.source == "update" else step_of(row), value / whole))
    return _binned(curve)


def _draw_group(axes: Axes, group: Sequence[RunLog], series: Series, colour: str, style: Style, shift: float) -> bool:
    """A run's curve, or the curves of several seeds with their mean; whether there was anything to draw."""
    curves = [curve for run in group if (curve := points(run, series))]
    if not curves:
        return False
    alone = len(group) == 1
    for curve in curves:
        marker = "o" if alone and len(curve) <= 60 else ""
        width, alpha = (1.8, 1.0) if alone else (0.8, 0.45)
        if len(curve) > 1 or alone:
            xs, ys = zip(*((x + shift, y) for x, y in curve), strict=True)
            axes.plot(xs, ys, style, color=colour, marker=marker, markersize=4, linewidth=width, alpha=alpha)
    if alone and series.interval:
        _error_bars(axes, group[0], series, colour, shift)
    if len(curves) > 1:
        mean = over_seeds(curves)
        bands(axes, mean, colour, style, clip=series.source == "eval")
    return True


def _error_bars(axes: Axes, run: RunLog, series: Series, colour: str, shift: float) -> None:
    rows = [row for row in run.evaluations if number(row, f"{series.key}_low") is not None]
    rows = [
        row for row in rows if number(row, series.key) is not None and number(row, f"{series.key}_high") is not None
    ]
    for row in rows:
        low, high = (number(row, f"{series.key}_{side}") or 0.0 for side in ("low", "high"))
        axes.vlines(step_of(row) + shift, low, high, color=colour, linewidth=1.1, alpha=0.75)


def _finish(axes: Axes, plan: Plan, runs: Sequence[RunLog]) -> None:
    clean(axes)
    source = plan.series[0].source
    axes.set_xlabel(
        {"eval": "training step (0: base model)", "step": "training step", "update": "optimiser update"}[source]
    )
    axes.set_ylabel(
        plan.ylabel + (_n_text(runs) if source == "eval" else _rollouts_text(plan, runs) if source == "step" else "")
    )
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    if plan.percent:
        top = max(0.05, float(axes.dataLim.y1))
        axes.set_ylim(0, min(1.02, 1.1 * top))
        axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=None))
    else:
        axes.set_ylim(0, 1.08 * float(axes.dataLim.y1) or 1)


def _n_text(runs: Sequence[RunLog]) -> str:
    return _range_text([number(row, "n") for run in runs for row in run.evaluations], "problems")


def _rollouts_text(plan: Plan, runs: Sequence[RunLog]) -> str:
    scored = plan.series[0].key == "entropy_old"
    counts = [number(row, "scored_rollouts" if scored else "rollouts") for run in runs for row in run.steps]
    return _range_text(counts, "scored rollouts a step" if scored else "rollouts a step")


def _range_text(counts: Sequence[float | None], noun: str) -> str:
    known = sorted({int(count) for count in counts if count})
    if not known:
        return ""
    return f"\nn = {known[0]:,}{f' to {known[-1]:,}' if len(known) > 1 else ''} {noun}"


def _class_panel(axes: Axes, run: RunLog, titled: bool) -> None:
    steps = [(str(step_of(row)), shares) for row in run.evaluations if (shares := _shares(row))]
    clean(axes)
    bottom = [0.0] * len(steps)
    for key, _, colour in CLASSES:
        heights = [shares.get(key, 0.0) for _, shares in steps]
        axes.bar(range(len(steps)), heights, 0.8, bottom=bottom, color=colour, linewidth=0)
        bottom = [low + height for low, height in zip(bottom, heights, strict=True)]
    every = max(1, -(-len(steps) // (14 if not titled else 6)))
    axes.set_xticks(range(0, len(steps), every), [step for step, _ in steps[::every]])
    axes.set_ylim(0, 1)
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    counts = [sum(row["classes"].values()) for row in run.evaluations if _shares(row)]
    axes.set_xlabel(
        f"training step{_range_text(counts, 'responses').replace(chr(10), ', ')}", fontsize=9 if titled else 10
    )
    if titled:
        axes.set_title(run.name, fontsize=9)


def _shares(row: Record) -> dict[str, float]:
    counts = row.get("classes")
    if not isinstance(counts, dict) or not sum(counts.values()):
        return {}
    return {key: value / sum(counts.values()) for key, value in counts.items()}


def _coloured(runs: Sequence[RunLog]) -> list[tuple[list[RunLog], str]]:
    """Runs that differ in the seed only share a colour."""
    grouped = {run.path: group for group in seed_groups(runs) for run in group}
    groups: list[list[RunLog]] = []
    for run in runs:
        group = grouped.get(run.path, [run])
        if group not in groups:
            groups.append(group)
    return [(group, COLOURS[index % len(COLOURS)]) for index, group in enumerate(groups)]


def _group_label(group: Sequence[RunLog]) -> str:
    return group[0].name if len(group) == 1 else f"{group[0].name} and {len(group) - 1} more seeds, mean ± 95 % (t)"


def _position(plan: Plan, label: str) -> int:
    return [series.label for series in plan.series].index(label)


def _binned(curve: list[tuple[float, float]]) -> list[tuple[float, float]]:
    size = -(-len(curve) // MAX_POINTS)
    if size <= 1:
        return curve
    bins = [curve[start : start + size] for start in range(0, len(curve), size)]
    return [(sum(x for x, _ in part) / len(part), sum(y for _, y in part) / len(part)) for part in bins]
