"""The run on the terminal: a row per evaluated step, or, of several runs, a row per run."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from verigrad.report.compare import interval_text, sentences
from verigrad.report.read import Record, RunLog, accuracy, number, step_of

COLUMNS = ("accuracy % [95 %]", "greedy %", "format %", "pass rate %", "entropy", "tokens", "seconds")
ROWS = 40
"""A longer run shows this many steps, evenly spaced, the first and the last among them."""


def print_runs(runs: Sequence[RunLog], console: Console) -> None:
    """Prints what `write_report` puts on its page, in short."""
    if len(runs) == 1:
        console.print(steps_table(runs[0]))
        for sentence in sentences(runs[0]):
            console.print(sentence, highlight=False, markup=False)
    else:
        console.print(runs_table(runs))


def steps_table(run: RunLog) -> Table:
    """A row per step that was evaluated or, where none was, per step."""
    evaluations = {step_of(row): row for row in run.evaluations}
    steps = {step_of(row): row for row in run.steps}
    shown = sorted(evaluations or steps)
    table = _table(f"{run.name}: {_what(run)}", "step")
    for step in _thinned(shown):
        table.add_row(str(step), *_cells(evaluations.get(step, {}), steps.get(step, {})))
    if len(shown) > ROWS:
        table.caption = f"{ROWS} of {len(shown)} steps"
    return table


def runs_table(runs: Sequence[RunLog]) -> Table:
    """A row per run: its last evaluation and its last step, after the accuracy that it began with."""
    table = _table("last evaluation of each run", "run", "step", "base %")
    for run in runs:
        last = run.evaluations[-1] if run.evaluations else {}
        step = run.steps[-1] if run.steps else {}
        base = interval_text(accuracy(run.evaluations[0]), unit=False) if run.evaluations else "—"
        table.add_row(escape(run.name), str(step_of(last)) if last else "—", base, *_cells(last, step))
    return table


def _what(run: RunLog) -> str:
    parts = [str(run.setting(key)) for key in ("algorithm.name", "task.name", "model.path")]
    return ", ".join(part for part in parts if part)


def _table(title: str, *left: str) -> Table:
    table = Table(title=escape(title), title_justify="left")
    for column in (*left, *COLUMNS):
        table.add_column(column, justify="left" if column == "run" else "right")
    return table


def _cells(evaluation: Record, step: Record) -> list[str]:
    seconds = number(evaluation, "seconds") if evaluation else number(step, "seconds")
    tokens = number(evaluation, "mean_tokens") if evaluation else number(step, "mean_tokens")
    return [
        interval_text(accuracy(evaluation), unit=False),
        _text(number(evaluation, "greedy_accuracy"), lambda x: f"{100 * x:.1f}"),
        _text(number(evaluation, "format_rate"), lambda x: f"{100 * x:.1f}"),
        _text(number(step, "pass_rate"), lambda x: f"{100 * x:.1f}"),
        _text(number(step, "entropy_old"), lambda x: f"{x:.3f}"),
        _text(tokens, lambda x: f"{x:.1f}"),
        _text(seconds, lambda x: f"{x:.0f}"),
    ]


def _text(value: float | None, form: Callable[[float], str]) -> str:
    return "—" if value is None else form(value)


def _thinned(steps: Sequence[int]) -> list[int]:
    if len(steps) <= ROWS:
        return list(steps)
    return [steps[round(i * (len(steps) - 1) / (ROWS - 1))] for i in range(ROWS)]
