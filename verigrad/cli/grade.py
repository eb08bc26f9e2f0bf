"""`verigrad grade`: rows of {question, answer, response} in, the same rows with their grades out, in the same order."""

from __future__ import annotations

import json
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from verigrad.errors import DataError
from verigrad.grading import Grader
from verigrad.types import Grade, Problem, Status
from verigrad.verifiers import find_verifier

LABELS = ("label", "is_correct", "equivalent")
"""Columns in which a row may say whether its response is correct; the first that is there counts."""

OPEN_ROWS = 1024
"""Rows read ahead of the oldest one that is still being graded; bounds memory."""


@dataclass(slots=True)
class _Tally:
    """Sums over the rows written so far."""

    statuses: Counter[Status] = field(default_factory=Counter)
    labelled: Counter[tuple[bool, Status]] = field(default_factory=Counter)
    reward: float = 0.0
    format_reward: float = 0.0

    def add(self, graded: Mapping[str, Any]) -> None:
        """Count a graded row; its label is its own word on whether the response is correct, if it is true or false."""
        status = Status(graded["status"])
        self.statuses[status] += 1
        label = next((graded[name] for name in LABELS if name in graded), None)
        if isinstance(label, bool):
            self.labelled[label, status] += 1
        self.reward += graded["reward"]
        self.format_reward += graded["format_reward"]


def grade(source: Path, out: Path, verifier: str, *, workers: int, time_limit: float) -> int:
    """Grades the rows of `source` into `out`, which is written whole or not at all, and prints a summary.

    What an interrupted run had graded stays in a file beside `out`, and the same command goes on from there.
    """
    verify = find_verifier(verifier)
    if not source.is_file():
        raise DataError(f"{source}: no such file; give a file of JSON lines with question, answer and response")
    aside = out.with_name(f"{out.name}.{verifier.replace(':', '-')}.partial")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with Grader(verify, workers=workers, time_limit=time_limit) as grader:
            tally = _grade_file(source, aside, grader)
        aside.replace(out)
    except OSError as error:
        raise DataError(f"{error.filename or out}: {error.strerror}; give another place") from None
    _print_summary(tally, out, verifier, Console())
    return 0


def _grade_file(source: Path, aside: Path, grader: Grader) -> _Tally:
    tally, size = _graded_before(source, aside)
    try:
        with aside.open("a", encoding="utf-8") as file:
            file.truncate(size)
            _grade_rows(source, file, grader, tally)
    except DataError:  # nothing of a file with a bad row is kept
        aside.unlink()
        raise
    return tally


def _graded_before(source: Path, aside: Path) -> tuple[_Tally, int]:
    """What an interrupted run wrote of the rows that `source` still begins with, and its size in bytes."""
    tally, size = _Tally(), 0
    if aside.exists():
        with aside.open("rb") as lines:
            for (_, _, row), line in zip(_rows(source), lines, strict=False):
                graded = json.loads(line) if line.endswith(b"\n") else {}
                if any(name not in graded or graded[name] != value for name, value in row.items()):
                    break
                tally.add(graded)
                size += len(line)
    return tally, size


def _grade_rows(source: Path, file: TextIO, grader: Grader, tally: _Tally) -> None:
    """Grades the rows behind those that `tally` has counted."""
    done = tally.statuses.total()
    waiting: deque[tuple[dict[str, Any], Future[Grade]]] = deque()

    def write_oldest() -> None:
        row, future = waiting.popleft()
        graded = {**row, **_columns(future.result())}
        tally.add(graded)
        file.write(json.dumps(graded) + "\n")  # ASCII: a response may hold lone surrogates

    columns = (TextColumn("grading"), BarColumn(), TextColumn("{task.fields[rows]} rows"), TimeRemainingColumn())
    terminal = Console(stderr=True)
    with Progress(*columns, console=terminal, transient=True, disable=not terminal.is_terminal) as progress:
        task = progress.add_task("grading", total=source.stat().st_size, rows=0)
        for number, (place, size, row) in enumerate(_rows(source), start=1):
            progress.update(task, advance=size, rows=number)
            if number <= done:
                continue
            waiting.append((row, grader.submit(_problem(place, row), _text(place, row, "response"))))
            if len(waiting) > OPEN_ROWS:
                write_oldest()
        while waiting:
            write_oldest()


def _rows(source: Path) -> Iterator[tuple[str, int, dict[str, Any]]]:
    """Where a row is, its size in bytes, and the row. Blank lines are no rows."""
    with source.open("rb") as lines:  # text mode would be no different, but for the byte counts
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            place = f"{source}:{number}"
            try:
                row = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise DataError(f"{place}: not JSON ({error}); each line must be one JSON object") from None
            if not isinstance(row, dict):
                raise DataError(f"{place}: a JSON {type(row).__name__}; each line must be one JSON object")
            yield place, len(line), row


def _problem(place: str, row: dict[str, Any]) -> Problem:
    answer = row.get("answer")
    if isinstance(answer, int | float) and not isinstance(answer, bool):
        whole = isinstance(answer, float) and answer.is_integer()  # 145.0 is 145
        row = {**row, "answer": f"{answer:.0f}" if whole else str(answer)}
    text = _text(place, row, "answer")
    if not text.strip():
        raise DataError(f"{place}: answer is blank; give the true answer, or remove the row")
    return Problem(id=place, question=_text(place, row, "question"), answer=text)


def _text(place: str, row: dict[str, Any], key: str) -> str:
    if key not in row:
        raise DataError(f"{place}: no {key!r}; a row needs question, answer and response, it has {', '.join(row)}")
    value = row[key]
    if not isinstance(value, str):
        raise DataError(f"{place}: {key} = {value!r}: text is needed")
    return value


def _columns(verdict: Grade) -> dict[str, object]:
    return {
        "reward": verdict.reward,
        "format_reward": verdict.format_reward,
        "answer_reward": verdict.answer_reward,
        "status": verdict.status.value,
        "extracted": verdict.extracted,
        "reason": verdict.reason,
    }


def _print_summary(tally: _Tally, out: Path, verifier: str, console: Console) -> None:
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
