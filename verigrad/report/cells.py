"""A sweep as values: its cells with their runs, what each cell came to, and which cells differ."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from statistics import fmean
from typing import Any

from verigrad.errors import DataError
from verigrad.report.read import Record, RunLog, accuracy, is_run, number, read_run, step_of
from verigrad.stats import Interval, crossed_difference, holm, paired_difference, seeds_interval

MANIFEST, OUTCOME = "sweep.json", "outcome.json"
ALPHA = 0.05


@dataclass(frozen=True)
class Replicate:
    """One seed of a cell. `log` is None where nothing has run; `status` as in outcome.json, "" while it is not over."""

    name: str
    seed: int
    status: str
    message: str
    log: RunLog | None

    @property
    def finished(self) -> bool:
        return self.status == "finished" and self.log is not None and bool(self.log.evaluations)

    @property
    def last(self) -> Record:
        return self.log.evaluations[-1] if self.log and self.log.evaluations else {}

    @cached_property
    def outcomes(self) -> Mapping[str, tuple[float, float]]:
        """Of each problem of the last evaluation: (first sampled response correct, share of correct ones)."""
        found: dict[str, list[float]] = {}
        try:
            rows = self.log.responses(step_of(self.last), "sampled") if self.log else ()
        except DataError:  # a damaged file of responses does not cost the report
            rows = ()
        for row in rows:
            found.setdefault(str(row.get("problem_id")), []).append(float(row.get("status") == "correct"))
        return {key: (values[0], fmean(values)) for key, values in found.items()}


@dataclass(frozen=True, slots=True)
class CellLog:
    """Runs that differ in their seed only. `row` is the cell's name in the file, `values` those of the grid's axes."""

    name: str
    row: str
    values: Record
    settings: Record
    runs: tuple[Replicate, ...]

    @property
    def finished(self) -> tuple[Replicate, ...]:
        return tuple(run for run in self.runs if run.finished)

    @property
    def stopped(self) -> tuple[Replicate, ...]:
        return tuple(run for run in self.runs if run.status == "stopped")

    @property
    def logs(self) -> list[RunLog]:
        """Of all runs that have begun, those that stopped themselves among them."""
        return [run.log for run in self.runs if run.log and run.log.evaluations]

    def mean(self, values: Iterable[float | None]) -> float | None:
        known = [value for value in values if value is not None]
        return fmean(known) if known else None

    @property
    def accuracy(self) -> Interval | None:
        """Of finished runs: mean and t-interval over seeds, cut at 0 and 1; of a single one its own, over problems."""
        shares = [share for run in self.finished if (share := accuracy(run.last))]
        if len(shares) < 2:
            return shares[0] if shares else None
        interval = seeds_interval([share.estimate for share in shares])
        return Interval(interval.estimate, max(0.0, interval.low), min(1.0, interval.high))

    def over_finished(self, key: str) -> float | None:
        """Mean over finished runs of a value of the last evaluation."""
        return self.mean(number(run.last, key) for run in self.finished)

    @property
    def best(self) -> float | None:
        """Mean over finished runs of the best evaluation: chosen by looking, so it flatters."""
        return self.mean(
            max((share.estimate for row in run.log.evaluations if (share := accuracy(row))), default=None)
            for run in self.finished
            if run.log
        )

    @property
    def below_base(self) -> int:
        """How many finished runs ended with an interval that lies below that of their base."""
        ends = [(accuracy(run.log.evaluations[0]), accuracy(run.last)) for run in self.finished if run.log]
        return sum(1 for base, last in ends if base and last and last.high < base.low)

    @property
    def entropy(self) -> float | None:
        """Mean over finished runs of the last step's exact entropy, nats per token."""
        return self.mean(number(run.log.steps[-1], "entropy_old") for run in self.finished if run.log and run.log.steps)

    def reached(self, target: float) -> list[Record]:
        """Of each finished run that got there, the first evaluation at `target` or above."""
        firsts = [
            next((row for row in run.log.evaluations if (share := accuracy(row)) and share.estimate >= target), None)
            for run in self.finished
            if run.log
        ]
        return [row for row in firsts if row is not None]


@dataclass(frozen=True, slots=True)
class SweepLog:
    """What a sweep has come to so far."""

    path: Path
    name: str
    description: str
    target: float
    axes: tuple[str, ...]
    cells: tuple[CellLog, ...]

    @property
    def ranked(self) -> list[CellLog]:
        """Best final accuracy first, those without any last."""
        return sorted(self.cells, key=lambda cell: -(cell.accuracy.estimate if cell.accuracy else -1.0))

    @property
    def numeric_axis(self) -> str:
        """The grid's only axis, where its values are numbers, and some row has two or more of them; else ""."""
        if len(self.axes) != 1 or len({cell.row for cell in self.cells}) == len(self.cells):
            return ""
        values = {cell.values.get(self.axes[0]) for cell in self.cells}
        numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
        return self.axes[0] if numbers and len(values) > 1 else ""


@dataclass(frozen=True, slots=True)
class Comparison:
    """a − b in final T = 1 accuracy. `adjusted` is Holm's p-value over all pairs of the sweep; `seeds` both have."""

    a: str
    b: str
    difference: Interval
    p_value: float
    adjusted: float
    seeds: int
    problems: int

    @property
    def significant(self) -> bool:
        return self.adjusted < ALPHA


def is_sweep(path: Path) -> bool:
    return (path / MANIFEST).is_file()


def read_sweep(path: Path) -> SweepLog:
    """The sweep that was last run in a directory, from its sweep.json."""
    try:
        plan = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
        cells = tuple(
            CellLog(
                cell["name"],
                cell["row"],
                cell["values"],
                cell["settings"],
                tuple(_replicate(path, run["dir"], run["seed"]) for run in cell["runs"]),
            )
            for cell in plan["cells"]
        )
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{path / MANIFEST}: not what `verigrad sweep` writes ({error!r}); run the sweep again"
        ) from None
    return SweepLog(path, plan["name"], plan["description"], plan["target"], tuple(plan["axes"]), cells)


def compare_cells(sweep: SweepLog) -> list[Comparison]:
    """Every pair of cells that have a finished seed in common, best cell first, with Holm's correction over all."""
    pairs = []
    for a, b in itertools.combinations(sweep.ranked, 2):
        tested = _compare(a, b)
        if tested:
            pairs.append((a.name, b.name, *tested))
    adjusted = holm([pair[3] for pair in pairs])
    return [
        Comparison(a, b, difference, p, corrected, seeds, problems)
        for (a, b, difference, p, seeds, problems), corrected in zip(pairs, adjusted, strict=True)
    ]


def _compare(a: CellLog, b: CellLog) -> tuple[Interval, float, int, int] | None:
    """(a − b, p, seeds, problems) on shared seeds and problems: crossed random effects; of one seed, exact McNemar."""
    ours, theirs = ({run.seed: run.outcomes for run in cell.finished} for cell in (a, b))
    seeds = sorted(ours.keys() & theirs.keys())
    if not seeds:
        return None
    problems = sorted(set.intersection(*(set(side[seed]) for side in (ours, theirs) for seed in seeds)))
    if len(problems) < 2:
        return None
    if len(seeds) == 1:
        first, second = ([side[seeds[0]][problem][0] for problem in problems] for side in (theirs, ours))
        one = paired_difference(first, second)
        return one.difference, one.p_value, 1, len(problems)
    differences = [[ours[seed][problem][1] - theirs[seed][problem][1] for problem in problems] for seed in seeds]
    test = crossed_difference(differences)
    return test.difference, test.p_value, len(seeds), len(problems)


def _replicate(sweep: Path, name: str, seed: int) -> Replicate:
    directory = sweep / name
    log = read_run(directory) if directory.is_dir() and is_run(directory) else None
    outcome: dict[str, Any] = {}
    if (directory / OUTCOME).is_file():
        outcome = json.loads((directory / OUTCOME).read_text(encoding="utf-8"))
    status = str(outcome.get("status", ""))
    if not status and log and log.steps and step_of(log.steps[-1]) >= log.setting("algorithm.steps", math.inf):
        status = "finished"
    return Replicate(name, seed, status, str(outcome.get("message", "")), log)


def groups_of(sweep: SweepLog) -> list[tuple[str, list[CellLog]]]:
    """Cells by their row of the file, where it has rows and a grid; else one group of all."""
    if not sweep.axes or not any(cell.row for cell in sweep.cells):
        return [("", list(sweep.cells))]
    rows: dict[str, list[CellLog]] = {}
    for cell in sweep.cells:
        rows.setdefault(cell.row, []).append(cell)
    return list(rows.items()) if any(len(cells) > 1 for cells in rows.values()) else [("", list(sweep.cells))]


def average(runs: Sequence[Sequence[tuple[int, float, float]]]) -> list[tuple[float, Interval]]:
    """Curves of (step, x, y), one per seed → (mean x, mean y with its t-interval) at each step that all have."""
    tables = [{step: (x, y) for step, x, y in curve} for curve in runs if curve]
    if not tables:
        return []
    shared = sorted(set.intersection(*(set(table) for table in tables)))
    if len(tables) == 1:
        return [(x, Interval(y, y, y)) for x, y in (tables[0][step] for step in shared)]
    return [
        (fmean(table[step][0] for table in tables), seeds_interval([table[step][1] for table in tables]))
        for step in shared
    ]
