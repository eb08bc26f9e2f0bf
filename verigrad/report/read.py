"""A run directory as values, in the formats of docs/run-directory.md. Reads a run that is still being written, too."""

from __future__ import annotations

import json
import math
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from verigrad.errors import DataError
from verigrad.stats import Interval

Record = Mapping[str, Any]

MARKS = ("config.toml", "metrics.jsonl", "eval.jsonl")
"""A directory is a run if it holds one of these."""


@dataclass(frozen=True, slots=True)
class RunLog:
    """What one run has written so far. Rows are ordered by step; rollouts are read when they are asked for."""

    path: Path
    name: str
    config: Record
    environment: Record
    evaluations: tuple[Record, ...]
    steps: tuple[Record, ...]
    updates: tuple[Record, ...]

    def setting(self, key: str, default: Any = "") -> Any:
        """The value of `section.key` in the config, `default` where it is not there."""
        value: Any = self.config
        for part in key.split("."):
            if not isinstance(value, Mapping) or part not in value:
                return default
            value = value[part]
        return value

    def rollout_steps(self) -> tuple[int, ...]:
        """The steps whose training rollouts are on disk."""
        return _steps_of(self.path / "rollouts")

    def response_steps(self) -> tuple[int, ...]:
        """The steps whose evaluation responses are on disk."""
        return _steps_of(self.path / "eval")

    def rollouts(self, step: int) -> tuple[Record, ...]:
        """Every training rollout of the step."""
        return tuple(read_jsonl(self.path / "rollouts" / f"step_{step:06d}.jsonl"))

    def responses(self, step: int, mode: str = "") -> tuple[Record, ...]:
        """Every evaluation response of the step, or those of one mode: "sampled" or "greedy"."""
        rows = read_jsonl(self.path / "eval" / f"step_{step:06d}.jsonl")
        return tuple(row for row in rows if not mode or row.get("mode", "sampled") == mode)


def read_run(path: Path) -> RunLog:
    """The run in a directory; DataError where it is none."""
    if not path.is_dir() or not is_run(path):
        raise DataError(
            f"{path}: not a run directory (none of {', '.join(MARKS)} is in it); give the directory that run.dir names"
        )
    metrics = list(read_jsonl(path / "metrics.jsonl"))
    steps = _once([row for row in metrics if row.get("kind") == "step"], "step")
    return RunLog(
        path=path,
        name=path.resolve().name,
        config=_read_toml(path / "config.toml"),
        environment=_read_json(path / "environment.json"),
        evaluations=_once(list(read_jsonl(path / "eval.jsonl")), "step"),
        steps=steps,
        updates=_once([row for row in metrics if row.get("kind") == "update"], "update"),
    )


def is_run(path: Path) -> bool:
    return any((path / mark).is_file() for mark in MARKS)


def find_runs(paths: Sequence[Path]) -> list[Path]:
    """Each path that is a run, and of each other directory the runs below it (a sweep), in order of name."""
    found: list[Path] = []
    for path in paths:
        below = sorted({mark.parent for mark in path.rglob("*") if mark.name in MARKS}) if path.is_dir() else []
        runs = [path] if is_run(path) else [run for run in below if is_run(run)]
        if not runs:
            raise DataError(
                f"{path}: no run in it (a run holds one of {', '.join(MARKS)}); give a run or sweep directory"
            )
        found += [run for run in runs if run not in found]
    return found


def read_jsonl(path: Path) -> Iterator[Record]:
    """The rows of a JSON-lines file, none if it does not exist. A last line that is half written is left out."""
    if not path.is_file():
        return
    with path.open(encoding="utf-8", errors="replace") as lines:
        broken = 0
        for number, line in enumerate(lines, start=1):
            if broken:
                raise DataError(f"{path}:{broken}: not a JSON object; remove the line, or restore the file")
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except ValueError:
                row = None
            if isinstance(row, dict):
                yield row
            else:
                broken = number  # only the last line may be: the run may be writing it now


def number(row: Record, key: str) -> float | None:
    """The value of a metric, None where it is absent or not a finite number."""
    value = row.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) else None


def accuracy(row: Record, prefix: str = "") -> Interval | None:
    """An evaluation's accuracy and interval as the run wrote them; `prefix` "greedy_" gives the greedy one."""
    share = number(row, f"{prefix}accuracy")
    if share is None:
        return None
    low, high = number(row, f"{prefix}accuracy_low"), number(row, f"{prefix}accuracy_high")
    return Interval(share, float("nan") if low is None else low, float("nan") if high is None else high)


def step_of(row: Record) -> int:
    return int(number(row, "step") or 0)


def _once(rows: list[Record], key: str) -> tuple[Record, ...]:
    """The rows in order of `key`, the last one of equals. A run that was cut off may have written a step twice."""
    by_key = {int(number(row, key) or 0): row for row in rows}
    return tuple(by_key[value] for value in sorted(by_key))


def _steps_of(folder: Path) -> tuple[int, ...]:
    names = (re.fullmatch(r"step_(\d+)\.jsonl", path.name) for path in folder.glob("step_*.jsonl"))
    return tuple(sorted(int(name[1]) for name in names if name))


def _read_toml(path: Path) -> Record:
    if not path.is_file():
        return {}
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: not valid TOML ({error}); restore the resolved config") from None


def _read_json(path: Path) -> Record:
    if not path.is_file():
        return {}
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DataError(
            f"{path}: not valid JSON ({error}); remove it, the report needs it for provenance only"
        ) from None
    return value if isinstance(value, dict) else {"environment": value}
