"""A sweep's figures: learning curves of the cells against steps, updates, rollouts and seconds; sensitivity."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import EngFormatter, FixedLocator, MaxNLocator, NullLocator, PercentFormatter, StrMethodFormatter

from verigrad.report.cells import CellLog, SweepLog, average, groups_of
from verigrad.report.draw import COLOURS, GRID, MUTED, Style, bands, clean, legend, svg, with_rc
from verigrad.report.figures import Drawing
from verigrad.report.read import Record, RunLog, number, step_of

WIDTH, WIDE = 5.8, 11.8
OVERLAID = 8
"""So many cells, one colour each, go into one picture; more get a panel each."""

Curve = list[tuple[int, float, float]]
Panel = tuple[str, list[tuple[str, str, CellLog]]]


@dataclass(frozen=True, slots=True)
class Plan:
    """A chart of the cells' curves: y by key from evaluations or steps, against x."""

    key: str
    title: str
    x: str
    y: str
    source: str
    xlabel: str
    ylabel: str
    percent: bool = True


X_LABELS = {
    "step": "training step (0: base model)",
    "update": "optimiser updates",
    "rollouts_seen": "sampled rollouts",
    "seconds": "seconds of work",
}
PLANS = (
    *(
        Plan(f"accuracy_by_{x}", f"Accuracy by {name}", x, "accuracy", "eval", X_LABELS[x], "validation accuracy")
        for x, name in (
            ("step", "step"),
            ("update", "update"),
            ("rollouts_seen", "sampled rollouts"),
            ("seconds", "wall clock"),
        )
    ),
    Plan("greedy", "Greedy accuracy", "step", "greedy_accuracy", "eval", X_LABELS["step"], "greedy accuracy"),
    Plan("entropy", "Entropy", "step", "entropy_old", "step", X_LABELS["step"], "entropy (nats per token)", False),
    Plan("length", "Response length", "step", "mean_tokens", "eval", X_LABELS["step"], "tokens per response", False),
)


@with_rc
def draw_sweep(sweep: SweepLog) -> list[Drawing]:
    """Every figure that the sweep has data for, as SVG."""
    return [Drawing(key, title, definition, svg(figure, key, title)) for key, title, definition, figure in _all(sweep)]


@with_rc
def save_plots(sweep: SweepLog, folder: Path) -> list[Path]:
    """Writes every figure as PNG and SVG, `<sweep>-<figure>`, and returns the paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for key, _, _, figure in _all(sweep):
        for ending in ("png", "svg"):
            path = folder / f"{sweep.name}-{key}.{ending}"
            metadata = {"Date": None} if ending == "svg" else None
            figure.savefig(path, format=ending, dpi=160, facecolor="white", metadata=metadata)
            paths.append(path)
    return paths


def _all(sweep: SweepLog) -> Iterator[tuple[str, str, str, Figure]]:
    if sweep.numeric_axis:
        figure = _sensitivity(sweep, sweep.numeric_axis)
        yield (
            "sensitivity",
            f"Sensitivity to {sweep.numeric_axis}",
            "Final accuracy by value: mean over seeds with its 95 % t-interval, the seeds as dots, greedy dashed. A "
            "cross at 0 marks a value at which runs stopped themselves, with their number.",
            figure,
        )
    panels = _panels(sweep)
    replicated = any(len(cell.logs) > 1 for cell in sweep.cells)
    how = "Mean over seeds, with its 95 % t-interval" if replicated else "One seed"
    more = "; in grey the other cells." if len(panels) > 1 and not panels[0][1][0][0] else "."
    stopped = " A run that stopped itself ends at a cross." if any(cell.stopped for cell in sweep.cells) else ""
    for plan in PLANS:
        if plan.x == "update" and not _updates_differ(sweep):
            continue
        drawn = _chart(plan, panels, sweep.cells)
        if drawn is not None:
            temperature = ", sampled at the evaluation temperature" if plan.y == "accuracy" else ""
            yield plan.key, plan.title, f"{how}{temperature}{more}{stopped}", drawn


def _panels(sweep: SweepLog) -> list[Panel]:
    """Who is drawn where: all in one picture, a row of the file with its grid in each, or a cell in each."""
    groups = groups_of(sweep)
    if len(sweep.cells) <= OVERLAID:
        return [("", [(cell.name, COLOURS[place], cell) for place, cell in enumerate(sweep.cells)])]
    if len(groups) > 1:
        return [
            (row, [(_values(cell), COLOURS[place % len(COLOURS)], cell) for place, cell in enumerate(cells)])
            for row, cells in groups
        ]
    return [(cell.name, [("", COLOURS[0], cell)]) for cell in sweep.ranked]


def _chart(plan: Plan, panels: Sequence[Panel], cells: Sequence[CellLog]) -> Figure | None:
    if not any(_curve(plan, log) for cell in cells for log in cell.logs):
        return None
    single = len(panels) == 1
    columns = 1 if single else min(4, len(panels))
    rows = -(-len(panels) // columns)
    figure = Figure(figsize=(WIDTH if single else WIDE, 3.0 if single else 0.5 + 1.9 * rows), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
    for axes, (title, members) in zip(grid.flat, panels, strict=False):
        if not single and all(not label for label, _, _ in members):
            for other in cells:
                _mean(axes, plan, other, GRID)
        for _, colour, cell in members:
            _draw_cell(axes, plan, cell, colour)
        axes.set_title(title, fontsize=9)
        _finish(axes, plan)
    for axes in list(grid.flat)[len(panels) :]:
        axes.set_visible(False)
    if single:
        grid[0, 0].set_xlabel(plan.xlabel)
        grid[0, 0].set_ylabel(plan.ylabel)
    else:
        figure.supxlabel(plan.xlabel, fontsize=10)
        figure.supylabel(plan.ylabel, fontsize=10)
    entries: dict[str, tuple[str, str, Style]] = {
        label: (label, colour, "-") for _, members in panels for label, colour, _ in members if label
    }
    if len(entries) > 1 or single:
        extra = legend(figure, list(entries.values()))
        width, height = figure.get_size_inches()
        figure.set_size_inches(width, height + 0.2 * extra)
    return figure


def _draw_cell(axes: Axes, plan: Plan, cell: CellLog, colour: str) -> None:
    """Mean and band of the runs that went to the end; thin lines of each seed, a cross where one stopped itself."""
    finished = [run.log for run in cell.finished if run.log]
    whole = finished or [run.log for run in cell.runs if run.log and run.status != "stopped"]
    curves = [curve for log in whole if (curve := _curve(plan, log))]
    for curve in curves if len(curves) > 1 else []:
        axes.plot([x for _, x, _ in curve], [y for _, _, y in curve], color=colour, linewidth=0.7, alpha=0.35)
    bands(axes, average(curves), colour, "-", clip=plan.percent)
    for run in cell.stopped:
        broken = _curve(plan, run.log) if run.log else []
        if broken:
            axes.plot([x for _, x, _ in broken], [y for _, _, y in broken], ":", color=colour, linewidth=1.2)
            axes.plot(broken[-1][1], broken[-1][2], "x", color=colour, markersize=7, markeredgewidth=1.8)


def _mean(axes: Axes, plan: Plan, cell: CellLog, colour: str) -> None:
    curve = average([_curve(plan, run.log) for run in cell.finished if run.log])
    axes.plot([x for x, _ in curve], [y.estimate for _, y in curve], color=colour, linewidth=0.9)


def _curve(plan: Plan, log: RunLog) -> Curve:
    """(step, x, y) where the run has both."""
    place: Callable[[Record], float | None] = lambda row: number(row, plan.x)  # noqa: E731
    if plan.x == "update":
        updates = {step_of(row): number(row, "update") for row in log.steps}
        place = lambda row: updates.get(step_of(row), 0.0 if step_of(row) == 0 else None)  # noqa: E731
    rows = log.evaluations if plan.source == "eval" else log.steps
    found = ((step_of(row), place(row), number(row, plan.y)) for row in rows)
    return [(step, x, y) for step, x, y in found if x is not None and y is not None]


def _finish(axes: Axes, plan: Plan) -> None:
    clean(axes)
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True, min_n_ticks=1))
    if plan.x == "rollouts_seen":
        axes.xaxis.set_major_formatter(EngFormatter(sep=""))
    if plan.percent:
        axes.set_ylim(0, 1.02)
        axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    else:
        axes.set_ylim(bottom=0)


def _updates_differ(sweep: SweepLog) -> bool:
    """Whether cells made different numbers of updates: else the picture by step is the picture by update."""
    ends = {
        (number(log.steps[-1], "update") or 0) / max(1, step_of(log.steps[-1]))
        for cell in sweep.cells
        for log in cell.logs
        if log.steps
    }
    return len(ends) > 1


def _sensitivity(sweep: SweepLog, axis: str) -> Figure:
    """One picture, a colour per row of the file; more rows than colours get a panel each."""
    groups = groups_of(sweep)
    single = len(groups) <= OVERLAID
    columns = 1 if single else 4
    rows = 1 if single else -(-len(groups) // columns)
    figure = Figure(figsize=(WIDTH if single else WIDE, 3.0 if single else 0.5 + 1.9 * rows), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
    alone = len(groups) == 1 or not single
    for place, (row, cells) in enumerate(groups):
        axes = grid[0, 0] if single else grid.flat[place]
        _sensitivity_line(axes, axis, cells, COLOURS[0 if alone else place], dots=alone)
        axes.set_title("" if single else row, fontsize=9)
    values = sorted({float(cell.values[axis]) for cell in sweep.cells})
    for place, axes in enumerate(grid.flat):
        axes.set_visible(single or place < len(groups))
        _sensitivity_axes(axes, values)
    figure.supxlabel(axis, fontsize=10)
    figure.supylabel("final accuracy", fontsize=10)
    entries: list[tuple[str, str, Style]] = [(row, COLOURS[i % len(COLOURS)], "-") for i, (row, _) in enumerate(groups)]
    if alone:
        entries = [("sampled, mean over seeds", COLOURS[0], "-"), ("greedy", COLOURS[0], "--")]
    extra = legend(figure, entries)
    width, height = figure.get_size_inches()
    figure.set_size_inches(width, height + 0.2 * extra)
    return figure


def _sensitivity_axes(axes: Axes, values: Sequence[float]) -> None:
    if values[0] > 0 and values[-1] / values[0] >= 4:
        axes.set_xscale("log")
    axes.xaxis.set_major_locator(FixedLocator(values))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    clean(axes)
    axes.set_ylim(-0.03, 1.03)
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))


def _sensitivity_line(axes: Axes, axis: str, cells: Sequence[CellLog], colour: str, dots: bool) -> None:
    ordered = sorted(cells, key=lambda cell: float(cell.values[axis]))
    points = [(float(cell.values[axis]), cell.accuracy, cell) for cell in ordered]
    known = [(x, y, cell) for x, y, cell in points if y]
    marker = "o" if dots else "."
    axes.plot([x for x, _, _ in known], [y.estimate for _, y, _ in known], color=colour, marker=marker, linewidth=1.8)
    for x, y, cell in known if dots else []:
        axes.vlines(x, max(0.0, y.low), min(1.0, y.high), color=colour, linewidth=1.1, alpha=0.75)
        shares = [share for run in cell.finished if (share := number(run.last, "accuracy")) is not None]
        axes.plot([x] * len(shares), shares, "o", color=colour, markersize=3, alpha=0.45)
    greedy = [(x, value) for x, _, cell in known if (value := cell.over_finished("greedy_accuracy")) is not None]
    if dots and greedy:
        axes.plot([x for x, _ in greedy], [y for _, y in greedy], "--", color=colour, linewidth=1.2, alpha=0.8)
    for x, _, cell in points:
        if cell.stopped:
            axes.add_line(Line2D([x], [0.0], marker="X", color="#d55e00", markersize=9, linestyle=""))
            axes.annotate(
                f"{len(cell.stopped)} of {len(cell.runs)}\ndiverged",
                (x, 0.0),
                (0, 8),
                textcoords="offset points",
                ha="center",
                fontsize=8,
                color=MUTED,
            )


def _values(cell: CellLog) -> str:
    return ", ".join(f"{key.rpartition('.')[2]} = {value:g}" if isinstance(value, float) else f"{key} = {value}"
                     for key, value in cell.values.items())  # fmt: skip
