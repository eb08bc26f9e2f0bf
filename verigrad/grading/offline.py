"""Rows of {question, answer, response}, graded in order: in this process, or in batches by several.

What a batch gives back is text and sums, so that the process that writes does next to nothing for a row.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
from collections import Counter, deque
from collections.abc import Generator, Iterable, Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from verigrad.config.schema import Verifier as Settings
from verigrad.errors import DataError, GraderFailures
from verigrad.grading.chosen import verifier_for
from verigrad.grading.grader import Grader
from verigrad.types import Grade, Problem, Status

LABELS = ("label", "is_correct", "equivalent")
"""Columns in which a row may say whether its response is correct; the first that is there counts."""

OPEN_ROWS = 1024
"""Rows read ahead of the oldest one that is still being graded; bounds memory."""

BATCH_ROWS, BATCH_BYTES = 256, 2**20
"""A batch ends at the first of the two."""

Line: TypeAlias = tuple[int, bytes]
"""A line that is not blank, with its number in the file, from 1."""


class Columns(NamedTuple):
    """What the columns of question, true answer and response are called."""

    question: str = "question"
    answer: str = "answer"
    response: str = "response"


DEFAULT_COLUMNS = Columns()


@dataclass(slots=True)
class Tally:
    """Sums over graded rows."""

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

    def merge(self, other: Tally) -> None:
        for status, count in other.statuses.items():  # Counter.update takes ten times as long
            self.statuses[status] += count
        for cell, count in other.labelled.items():
            self.labelled[cell] += count
        self.reward += other.reward
        self.format_reward += other.format_reward


@dataclass(frozen=True, slots=True)
class Graded:
    """Rows of the result as lines of JSON; their sums; the size in bytes of the lines that they were read from."""

    text: str
    tally: Tally
    size: int


def open_grader(settings: Settings) -> Grader:
    return Grader(verifier_for(settings, train=False), workers=settings.workers, time_limit=settings.time_limit)


def read_lines(source: Path) -> Iterator[Line]:
    """The lines of a file but for blank ones, which are no rows."""
    with source.open("rb") as lines:  # text mode would be no different, but for the byte counts
        yield from ((number, line) for number, line in enumerate(lines, start=1) if line.strip())


def read_row(source: Path, number: int, line: bytes) -> dict[str, Any]:
    """DataError where the line is no row."""
    place = f"{source}:{number}"
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{place}: not JSON ({error}); each line must be one JSON object") from None
    if not isinstance(row, dict):
        raise DataError(f"{place}: a JSON {type(row).__name__}; each line must be one JSON object")
    return row


def graded_here(
    source: Path, lines: Iterable[Line], grader: Grader, columns: Columns = DEFAULT_COLUMNS
) -> Iterator[Graded]:
    """Row by row, in order, up to OPEN_ROWS of them open at a time."""
    for row, size in _graded_rows(source, lines, grader, columns):
        tally = Tally()
        tally.add(row)
        yield Graded(_written(row), tally, size)


def _graded_rows(
    source: Path, lines: Iterable[Line], grader: Grader, columns: Columns
) -> Iterator[tuple[dict[str, Any], int]]:
    """The rows with their grades, and the sizes of their lines."""
    waiting: deque[tuple[dict[str, Any], int, Future[Grade]]] = deque()

    def oldest() -> tuple[dict[str, Any], int]:
        row, size, future = waiting.popleft()
        return {**row, **_columns(future.result())}, size

    for number, line in lines:
        place, row = f"{source}:{number}", read_row(source, number, line)
        response = _text(place, row, "response", columns)
        waiting.append((row, len(line), grader.submit(_problem(place, row, columns), response)))
        if len(waiting) > OPEN_ROWS:
            yield oldest()
    while waiting:
        yield oldest()


def graded_apart(
    source: Path, lines: Iterable[Line], settings: Settings, jobs: int, columns: Columns = DEFAULT_COLUMNS
) -> Generator[Graded]:
    """Batch by batch, in order, in `jobs` processes, each with a grader of its own; two batches a process are open."""
    others = multiprocessing.active_children()
    executor = ProcessPoolExecutor(
        jobs, multiprocessing.get_context("spawn"), initializer=_start, initargs=(settings.model_dump(),)
    )
    waiting: deque[Future[Graded]] = deque()
    try:
        for batch in _batches(lines):
            waiting.append(executor.submit(_grade_batch, source, batch, columns))
            if len(waiting) >= 2 * jobs:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    except BaseException as error:
        for child in multiprocessing.active_children():
            if child not in others:
                child.kill()  # a batch may take long, and nobody waits for it any more
        if isinstance(error, BrokenProcessPool):
            raise GraderFailures(
                "a process that grades has died, perhaps for lack of memory; what was graded is kept: give the same "
                f"command again, with --jobs below {jobs}"
            ) from None
        raise
    finally:
        executor.shutdown(cancel_futures=True)


def _batches(lines: Iterable[Line]) -> Iterator[list[Line]]:
    batch: list[Line] = []
    size = 0
    for number, line in lines:
        batch.append((number, line))
        size += len(line)
        if len(batch) >= BATCH_ROWS or size >= BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


_OWN: list[Grader] = []
"""The grader of a process that grades batches."""


def _start(settings: Mapping[str, Any]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # an interrupt from the keyboard is the parent's to handle
    _OWN.append(open_grader(Settings(**settings)))


def _grade_batch(source: Path, lines: list[Line], columns: Columns) -> Graded:
    tally, texts, size = Tally(), [], 0
    for row, length in _graded_rows(source, lines, _OWN[0], columns):
        texts.append(_written(row))
        tally.add(row)
        size += length
    return Graded("".join(texts), tally, size)


def _written(row: Mapping[str, Any]) -> str:
    return json.dumps(row) + "\n"  # ASCII: a response may hold lone surrogates


def _problem(place: str, row: dict[str, Any], columns: Columns) -> Problem:
    """The problem of a row; its id is that of the row, if it has one in words; other columns are its details."""
    answer = row.get(columns.answer)
    if isinstance(answer, int | float) and not isinstance(answer, bool):
        whole = isinstance(answer, float) and answer.is_integer()  # 145.0 is 145
        row = {**row, columns.answer: f"{answer:.0f}" if whole else str(answer)}
    text = _text(place, row, "answer", columns)
    if not text.strip():
        raise DataError(f"{place}: {columns.answer} is blank; give the true answer, or remove the row")
    details = {name: value for name, value in row.items() if name not in columns}
    identity = row["id"] if isinstance(row.get("id"), str) else place
    return Problem(id=identity, question=_text(place, row, "question", columns), answer=text, details=details)


def _text(place: str, row: dict[str, Any], role: str, columns: Columns) -> str:
    """The cell of a role's column."""
    key = getattr(columns, role)
    if key not in row:
        needed = f"{columns.question}, {columns.answer} and {columns.response}"
        raise DataError(
            f"{place}: no {key!r}; a row needs {needed}, it has {', '.join(row)}; --{role}-column names another"
        )
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
        **({"parts": dict(verdict.parts)} if verdict.parts else {}),
    }


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
