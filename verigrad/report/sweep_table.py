"""A sweep in words and numbers: the same tables for the terminal, the page and Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Literal

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from verigrad.report.cells import ALPHA, CellLog, Comparison, SweepLog, compare_cells
from verigrad.report.compare import interval_text
from verigrad.report.read import number, step_of

SHOWN_PAIRS = 15
"""More pairs than this: those with the best cell are listed, and the page has the matrix of all."""

DROPPED = (3, 5, 7, 9, 10, 11)
"""Columns that a narrow terminal goes without: all but seeds, accuracies and rollouts to the target."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table as text, its first column to the left."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def cells_sheet(sweep: SweepLog) -> Sheet:
    """A row per cell, best first."""
    to = f"{100 * sweep.target:g} %"
    head = (
        "cell",
        "seeds",
        "diverged",
        "below base",
        "accuracy %",
        "best %",
        "greedy %",
        f"steps to {to}",
        f"rollouts to {to}",
    )
    return Sheet((*head, "seconds", "tokens", "entropy"), tuple(_cell(cell, sweep.target) for cell in sweep.ranked))


def cells_note(sweep: SweepLog) -> str:
    """What the columns are, in one paragraph."""
    replicated = any(len(cell.finished) > 1 for cell in sweep.cells)
    interval = "mean over seeds with its 95 % t-interval" if replicated else "95 % interval over problems, one seed"
    return (
        f"Accuracy: T = {_temperature(sweep)}, the last evaluation, {interval}{_population(sweep)}. Runs that stopped "
        "themselves (diverged) are counted beside, and are in no mean. Below base: finished runs whose interval lies "
        "below that of their base. Best: of the evaluations during training, chosen by looking, so it flatters. Steps "
        "and rollouts to the target: mean over the seeds that reached it (how many, "
        "where not all), to the first evaluation there. Seconds: of work, evaluations included. Tokens: mean length of "
        "evaluation responses. Entropy: exact, nats per token, last step."
    )


def pairs_sheet(pairs: Sequence[Comparison]) -> Sheet:
    rows = tuple(
        (f"{one.a} − {one.b}", _points(one), p_value(one.p_value), p_value(one.adjusted), verdict(one)) for one in pairs
    )
    return Sheet(("difference", "points [95 %]", "p", "p, Holm", ""), rows)


def pairs_shown(pairs: Sequence[Comparison]) -> list[Comparison]:
    """All, or where they are many, those with the best cell."""
    return list(pairs) if len(pairs) <= SHOWN_PAIRS else [one for one in pairs if one.a == pairs[0].a]


def pairs_note(pairs: Sequence[Comparison]) -> str:
    """How the pairs were tested, and how many differ."""
    if not pairs:
        return "No two cells have a finished seed in common: nothing to compare."
    seeds, problems = sorted({one.seeds for one in pairs}), sorted({one.problems for one in pairs})
    found = sum(one.significant for one in pairs)
    said = (
        f"{found} of {len(pairs)} pairs differ at {100 * ALPHA:g} % after Holm's correction for {len(pairs)} tests"
        f"{' (listed: those with the best cell)' if len(pairs_shown(pairs)) < len(pairs) else ''}. "
        f"Paired by problem (n = {_range(problems)}) and seed ({_range(seeds)}), final T = 1 answers. "
    )
    if seeds[-1] > 1:
        said += (
            "Test: seeds and problems as crossed random effects, so that a difference must hold for new seeds and new "
            "problems; with few seeds only large ones can. "
        )
    if seeds[0] == 1:
        said += "Of one seed: exact McNemar, which speaks about these two runs, not about other seeds. "
    return said + "Intervals are not adjusted. A pair that does not differ has not been shown to be equal."


def print_sweep(sweep: SweepLog, console: Console) -> None:
    """Cells and comparisons on the terminal."""
    pairs = compare_cells(sweep)
    sheet = cells_sheet(sweep)
    narrow = console.width < 80 + max(len(cell.name) for cell in sweep.cells) + 40
    console.print(_table(f"{sweep.name}: {sweep.description}", _without(sheet, DROPPED) if narrow else sheet))
    console.print(cells_note(sweep), markup=False, highlight=False)
    if pairs:
        console.print(_table("differences", pairs_sheet(pairs_shown(pairs))))
    console.print(pairs_note(pairs), markup=False, highlight=False)
    for line in troubles(sweep):
        console.print(line, markup=False, highlight=False)


def markdown(sweep: SweepLog) -> str:
    """Both tables and their notes as Markdown."""
    pairs = compare_cells(sweep)
    parts = [_pipes(cells_sheet(sweep)), cells_note(sweep)]
    parts += [_pipes(pairs_sheet(pairs_shown(pairs)))] if pairs else []
    return "\n\n".join([*parts, pairs_note(pairs), *troubles(sweep)]) + "\n"


def troubles(sweep: SweepLog) -> list[str]:
    """Runs that are not among the finished ones, each with why."""
    lines = []
    for cell in sweep.cells:
        for run in cell.runs:
            at = f" after step {step_of(run.log.steps[-1])}" if run.log and run.log.steps else ""
            if run.status == "stopped":
                lines.append(f"{run.name} stopped itself{at}: {run.message}")
            elif run.status == "failed":
                lines.append(f"{run.name} failed{at}: {run.message}")
            elif not run.finished:
                lines.append(f"{run.name} is not finished{at}")
    return lines


def p_value(p: float) -> str:
    return f"{p:.3f}" if p >= 0.001 else f"{p:.0e}"


def verdict(one: Comparison) -> str:
    return "differ" if one.significant else "not shown to differ"


def _cell(cell: CellLog, target: float) -> tuple[str, ...]:
    reached = cell.reached(target)
    some = f" ({len(reached)} of {len(cell.finished)})" if reached and len(reached) < len(cell.finished) else ""

    def to(key: str) -> str:
        values = [value for row in reached if (value := number(row, key)) is not None]
        return f"{fmean(values):,.0f}{some}" if values else "—"

    return (
        cell.name,
        str(len(cell.finished)),
        str(len(cell.stopped) or "—"),
        str(cell.below_base or "—"),
        interval_text(cell.accuracy, unit=False),
        _percent(cell.best),
        _percent(cell.over_finished("greedy_accuracy")),
        to("step"),
        to("rollouts_seen"),
        _plain(cell.over_finished("seconds"), ".0f"),
        _plain(cell.over_finished("mean_tokens"), ".1f"),
        _plain(cell.entropy, ".3f"),
    )


def _points(one: Comparison) -> str:
    low, high = (f"{100 * limit:+.1f}" for limit in (one.difference.low, one.difference.high))
    return f"{100 * one.difference.estimate:+.1f} [{low}, {high}]"


def _temperature(sweep: SweepLog) -> str:
    return _range(sorted({run.last["temperature"] for cell in sweep.cells for run in cell.runs if run.last})) or "1"


def _population(sweep: SweepLog) -> str:
    counts = sorted({int(run.last["n"]) for cell in sweep.cells for run in cell.runs if run.last})
    return f", n = {_range(counts)} problems" if counts else ""


def _range(values: Sequence[float]) -> str:
    return f"{values[0]:g}{f'–{values[-1]:g}' if len(values) > 1 else ''}" if values else ""


def _percent(value: float | None) -> str:
    return "—" if value is None else f"{100 * value:.1f}"


def _plain(value: float | None, form: str) -> str:
    return "—" if value is None else format(value, form)


def _without(sheet: Sheet, columns: Sequence[int]) -> Sheet:
    def kept(row: Sequence[str]) -> tuple[str, ...]:
        return tuple(cell for place, cell in enumerate(row) if place not in columns)

    return Sheet(kept(sheet.head), tuple(map(kept, sheet.rows)))


def _table(title: str, sheet: Sheet) -> Table:
    table = Table(title=escape(title), title_justify="left")
    for place, name in enumerate(sheet.head):
        wrap = not place or "%" not in name or " to " in name
        least = max(map(len, name.split())) if name else None
        justify: Literal["left", "right"] = "right" if place else "left"
        table.add_column(name, justify=justify, overflow="fold", no_wrap=not wrap, min_width=least)
    for row in sheet.rows:
        table.add_row(*map(escape, row))
    return table


def _pipes(sheet: Sheet) -> str:
    def line(cells: Sequence[str]) -> str:
        return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"

    return "\n".join([line(sheet.head), "|---|" + "---:|" * (len(sheet.head) - 1), *map(line, sheet.rows)])
