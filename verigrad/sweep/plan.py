"""From a sweep file to its runs, every config built and checked before the first one starts."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from verigrad.config import Config, explain, load_with, nearest, read_tables, settings
from verigrad.errors import ConfigError, UsageError
from verigrad.sweep.schema import NamedCell, SweepFile

OWN = ("run.dir", "run.seed")
"""What the sweep sets itself."""
FREE = ("task.params", "verifier.weights")
"""Tables whose keys no schema knows."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run: a cell with a seed. `name` is its directory's, below the sweep's."""

    name: str
    cell: str
    seed: int
    config: Config

    @property
    def directory(self) -> Path:
        return Path(self.config.run.dir)


@dataclass(frozen=True, slots=True)
class Cell:
    """Runs that differ in their seed only. `values` are those of the axes, `settings` all that the file sets."""

    name: str
    row: str
    values: Mapping[str, Any]
    settings: Mapping[str, Any]
    runs: tuple[Run, ...]


@dataclass(frozen=True, slots=True)
class Sweep:
    """A sweep file, resolved. `axes` are the settings that a grid varies."""

    name: str
    description: str
    base: Path
    directory: Path
    target: float
    axes: tuple[str, ...]
    cells: tuple[Cell, ...]

    @property
    def runs(self) -> tuple[Run, ...]:
        """Seed by seed, so that a sweep that is stopped early has something of every cell."""
        return tuple(run for turn in itertools.zip_longest(*(cell.runs for cell in self.cells)) for run in turn if run)


def load_sweep(path: str | Path) -> Sweep:
    """The sweep of a file. ConfigError or DataError, in one line, if the file or any cell's config is not valid."""
    path = Path(path)
    try:
        file = SweepFile.model_validate(read_tables(path))
    except ValidationError as error:
        raise ConfigError(f"{path}: {explain(error, SweepFile)}") from None
    rows = [(cell, _flat(file.set) | _flat(cell.set), dict(file.grid) | dict(cell.grid)) for cell in _rows(file, path)]
    _check_keys(path, rows)
    axes = tuple(dict.fromkeys(key for _, _, grid in rows for key in grid))
    directory = Path(file.sweep.dir or f"runs/sweeps/{path.stem}")
    base = path.parent / file.base
    cells: list[Cell] = []
    for row, given, grid in rows:
        for point in itertools.product(*grid.values()):
            values = dict(zip(grid, point, strict=True))
            name = ",".join(
                [*([row.name] if row.name else []), *(f"{_short(k, axes)}={_word(values[k])}" for k in values)]
            )
            name = name or base.stem
            cells.append(_cell(path, base, directory, name, row.name, values, {**given, **values}, file.seeds))
    _check_names(path, cells, file.seeds)
    return Sweep(path.stem, file.description, base, directory, file.sweep.target, axes, tuple(cells))


def _rows(file: SweepFile, path: Path) -> Sequence[NamedCell]:
    names = [cell.name for cell in file.cell]
    for name in names:
        if names.count(name) > 1 and not any(cell.grid for cell in file.cell if cell.name == name):
            raise ConfigError(f"{path}: {names.count(name)} cells are called {name!r}; give each a name of its own")
    return file.cell or (NamedCell.model_construct(name="", set={}, grid={}),)


def _cell(
    path: Path,
    base: Path,
    directory: Path,
    name: str,
    row: str,
    values: Mapping[str, Any],
    given: Mapping[str, Any],
    seeds: Sequence[int],
) -> Cell:
    runs = []
    for seed in seeds:
        where = f"{name}/seed={seed}"
        try:
            config = load_with(base, {**given, "run.seed": seed, "run.dir": str(directory / where)})
            _check_parts(config)
        except UsageError as error:
            raise type(error)(f"{path}: cell {name!r}: {error}") from None
        runs.append(Run(where, name, seed, config))
    return Cell(name, row, values, given, tuple(runs))


def _check_parts(config: Config) -> None:
    """What a run would refuse when it starts, as far as that can be known without a model."""
    from verigrad.data import load_template
    from verigrad.grading import verifier_for

    load_template(config.task.template)
    verifier_for(config.verifier, train=True)


def _check_keys(path: Path, rows: Sequence[tuple[NamedCell, Mapping[str, Any], Mapping[str, Any]]]) -> None:
    known = [key for key, *_ in settings()]
    for _, given, grid in rows:
        for key in (*given, *grid):
            if key in OWN:
                remedy = "use seeds = […]" if key == "run.seed" else "use dir of [sweep]"
                raise ConfigError(f"{path}: {key} is set by the sweep; {remedy}")
            if key not in known and not key.startswith(tuple(f"{table}." for table in FREE)):
                raise ConfigError(f"{path}: {key!r} names no setting; {_nearest(key, known)}")
        for key in given.keys() & grid.keys():
            raise ConfigError(f"{path}: {key} is both set and an axis of the grid; keep one of the two")


def _nearest(key: str, known: Sequence[str]) -> str:
    """The closest setting; not the list of all 80."""
    meant, _, _ = nearest(key, known).partition("known: ")
    return f"{meant}`verigrad train --help` lists every setting"


def _check_names(path: Path, cells: Sequence[Cell], seeds: Sequence[int]) -> None:
    names = [cell.name for cell in cells]
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(f"{path}: two cells would be called {name!r}; remove a repeated value, or rename one")
    for seed in seeds:
        if list(seeds).count(seed) > 1:
            raise ConfigError(f"{path}: seeds holds {seed} twice: the two runs would be one; remove it")


def _flat(tables: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Dotted keys, whether they were quoted in the file or not."""
    pairs: Iterator[tuple[str, Any]] = ((prefix + key, value) for key, value in tables.items())
    flat: dict[str, Any] = {}
    for key, value in pairs:
        flat |= _flat(value, f"{key}.") if isinstance(value, Mapping) else {key: value}
    return flat


def _short(key: str, axes: Sequence[str]) -> str:
    """The last word of an axis, or all of it where two axes end alike."""
    last = key.rpartition(".")[2]
    return key if sum(axis.rpartition(".")[2] == last for axis in axes) > 1 else last


def _word(value: Any) -> str:
    """A value as part of a file name: 3e-4 is 0.0003."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return f"{value:.10g}"
    text = "+".join(_word(one) for one in value) if isinstance(value, list | tuple) else str(value)
    return re.sub(r"[^A-Za-z0-9._+=-]+", "-", text).strip("-.") or "empty"
