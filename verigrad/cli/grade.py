"""`verigrad grade`: rows of {question, answer, response} in, the same rows with their grades out, in the same order."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

from pydantic import ValidationError
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from verigrad.config.load import explain
from verigrad.config.schema import Verifier as Settings
from verigrad.data.files import read_records
from verigrad.errors import ConfigError, DataError
from verigrad.grading.offline import (
    DEFAULT_COLUMNS,
    Columns,
    Graded,
    Line,
    Tally,
    cores,
    graded_apart,
    graded_here,
    open_grader,
    read_lines,
    read_row,
)
from verigrad.types import Status

JOB_BYTES = 8 * 2**20
"""Bytes of rows for which starting a further process pays."""


__all__ = ["Columns", "grade", "settings", "weights"]

TABLES = (".csv", ".parquet")
"""Ends of names of files that are no JSON lines."""


def grade(source: Path, out: Path, settings: Settings, *, jobs: int = 0, columns: Columns = DEFAULT_COLUMNS) -> int:
    """Grades the rows of `source` into `out`, which is written whole or not at all, and prints a summary.

    `jobs` processes grade at most, 0 for as many as there are cores; a small file is graded in this one. What an
    interrupted run had graded stays in a file beside `out`, and the same command goes on from there.
    """
    if jobs < 0:
        raise ConfigError(f"jobs = {jobs}: processes that grade; use 1 or more, or 0 for as many as there are cores")
    open_grader(settings).close()  # settings that do not fit are refused before anything else
    if not source.is_file():
        raise DataError(f"{source}: no such file; give JSON lines, CSV or Parquet with question, answer and response")
    aside = out.with_name(f"{out.name}.{_label(settings, columns)}.partial")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        jobs = min(jobs or cores(), 1 + source.stat().st_size // JOB_BYTES)
        tally = _grade_file(source, aside, settings, jobs, columns)
        aside.replace(out)
    except OSError as error:
        raise DataError(f"{error.filename or out}: {error.strerror}; give another place") from None
    _print_summary(tally, out, settings.name, Console())
    return 0


def settings(values: Mapping[str, Any]) -> Settings:
    """The section [verifier] of a config with these values. ConfigError where one does not fit."""
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        raise ConfigError(explain(error, Settings)) from None


def weights(words: Sequence[str]) -> dict[str, float]:
    """`boxed=0.75` → {"boxed": 0.75}."""
    found = {}
    for word in words:
        name, _, weight = word.rpartition("=")
        try:
            found[name] = float(weight)
        except ValueError:
            raise ConfigError(f"--weight {word}: must be NAME=W, a verifier and a number") from None
    return found


def _label(settings: Settings, columns: Columns = DEFAULT_COLUMNS) -> str:
    """The verifier's name, and a hash of what else decides a verdict, where that is not the default."""
    name = settings.name.replace(":", "-")
    chosen = {key: getattr(settings, key) for key in ("function", "weights", "tolerance")}
    if chosen == {key: getattr(Settings(), key) for key in chosen} and columns == DEFAULT_COLUMNS:
        return name
    return f"{name}-{hashlib.sha256(json.dumps([chosen, columns]).encode()).hexdigest()[:8]}"


def _lines(source: Path) -> Iterator[Line]:
    """The rows as lines of JSON with their numbers; those of a table are written as such."""
    if source.suffix.lower() not in TABLES:
        yield from read_lines(source)
        return
    for number, record in enumerate(read_records(source), start=1):
        yield number, json.dumps(dict(record.values), default=str).encode()


def _grade_file(source: Path, aside: Path, settings: Settings, jobs: int, columns: Columns) -> Tally:
    tally, size = _graded_before(source, aside)
    try:
        with aside.open("a", encoding="utf-8") as file:
            file.truncate(size)
            lines = islice(_lines(source), tally.statuses.total(), None)
            if jobs > 1:
                with closing(graded_apart(source, lines, settings, jobs, columns)) as graded:
                    _write(graded, file, tally, source.stat().st_size)
            else:
                with open_grader(settings) as grader:
                    _write(graded_here(source, lines, grader, columns), file, tally, source.stat().st_size)
    except DataError:  # nothing of a file with a bad row is kept
        aside.unlink()
        raise
    return tally


def _graded_before(source: Path, aside: Path) -> tuple[Tally, int]:
    """What an interrupted run wrote of the rows that `source` still begins with, and its size in bytes."""
    tally, size = Tally(), 0
    if aside.exists():
        with aside.open("rb") as lines:
            for (number, row_line), line in zip(_lines(source), lines, strict=False):
                row = read_row(source, number, row_line)
                graded = json.loads(line) if line.endswith(b"\n") else {}
                if any(name not in graded or graded[name] != value for name, value in row.items()):
                    break
                tally.add(graded)
                size += len(line)
    return tally, size


def _write(graded: Iterator[Graded], file: TextIO, tally: Tally, total: int) -> None:
    """Writes what comes, and adds it to `tally`."""
    columns = (TextColumn("grading"), BarColumn(), TextColumn("{task.fields[rows]} rows"), TimeRemainingColumn())
    terminal = Console(stderr=True)
    with Progress(*columns, console=terminal, transient=True, disable=not terminal.is_terminal) as progress:
        task = progress.add_task("grading", total=total, rows=tally.statuses.total())
        size = 0
        for number, part in enumerate(graded, start=1):
            file.write(part.text)
            tally.merge(part.tally)
            size += part.size
            if number % 16 == 0:  # it takes longer than a row
                progress.update(task, advance=size, rows=tally.statuses.total())
                size = 0


def _print_summary(tally: Tally, out: Path, verifier: str, console: Console) -> None:
    rows = tally.statuses.total()
    table = Table(title=f"{rows} rows, verifier {verifier}", title_justify="left")
    table.add_column("status")
    table.add_column("rows", justify="right")
    table.add_column("share", justify="right")
    for status in Status:
        count = tally.statuses[status]
        table.add_row(status.value, str(count), f"{count / rows:.1%}" if rows else "")
    console.print(table)
    if rows:
        console.print(f"mean reward {tally.reward / rows:.4f}, mean format reward {tally.format_reward / rows:.4f}")
    if tally.labelled:
        _print_confusion(tally.labelled, console)
    failed = sum(count for status, count in tally.statuses.items() if status.failed)
    if failed:
        console.print(f"{failed} verdicts are the verifier's own failures, not wrong answers; see `reason` in the rows")
    console.print(f"graded rows: {out}", soft_wrap=True, highlight=False, markup=False)


def _print_confusion(labelled: Counter[tuple[bool, Status]], console: Console) -> None:
    table = Table(title=f"{labelled.total()} rows with a label", title_justify="left")
    table.add_column("label")
    for status in Status:
        table.add_column(status.value, justify="right")
    for label in (True, False):
        table.add_row("correct" if label else "wrong", *(str(labelled[label, status]) for status in Status))
    console.print(table)
