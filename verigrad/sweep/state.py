"""How far each run of a sweep is, from its directory alone: no model is loaded, no process started."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from verigrad.config import differences, load
from verigrad.errors import ConfigError
from verigrad.runs import newest_checkpoint, read_lines, to_line
from verigrad.runs.files import write_whole
from verigrad.sweep.plan import Run, Sweep

MANIFEST, OUTCOME, LOG = "sweep.json", "outcome.json", "log.txt"

NEW, BEGUN, FINISHED, STOPPED, FAILED = "new", "begun", "finished", "stopped", "failed"
"""`stopped`: the run stopped itself (exit code 3), which is a result. `failed`: it crashed, and is tried again."""


@dataclass(frozen=True, slots=True)
class State:
    """Where a run is; `message` is why it stopped or failed."""

    status: str
    message: str = ""

    @property
    def over(self) -> bool:
        return self.status in (FINISHED, STOPPED)


def state_of(run: Run) -> State:
    """ConfigError if the directory was begun with other settings than the sweep's."""
    begun = run.directory / "config.toml"
    if not begun.exists():
        return State(NEW)
    changed = differences(load(begun), run.config)
    if changed:
        raise ConfigError(
            f"{run.directory} was begun with other settings ({'; '.join(changed)}); remove it, give the sweep "
            "another dir, or set them back"
        )
    outcome = read_outcome(run.directory)
    if outcome:
        return outcome
    saved = newest_checkpoint(run.directory / "checkpoints")
    return State(FINISHED if saved and saved.step >= run.config.algorithm.steps else BEGUN)


def read_outcome(directory: Path) -> State | None:
    """How the run ended, None while it has not."""
    path = directory / OUTCOME
    if not path.exists():
        return None
    row = json.loads(path.read_text(encoding="utf-8"))
    return State(row["status"], row.get("message", ""))


def write_outcome(directory: Path, state: State, exit_code: int) -> None:
    write_whole(
        directory / OUTCOME, to_line({"status": state.status, "message": state.message, "exit_code": exit_code})
    )


def write_manifest(sweep: Sweep) -> None:
    """sweep.json: which runs belong to which cell, for the report and for any other reader."""
    cells = [
        {
            "name": cell.name,
            "row": cell.row,
            "values": dict(cell.values),
            "settings": dict(cell.settings),
            "runs": [{"dir": run.name, "seed": run.seed} for run in cell.runs],
        }
        for cell in sweep.cells
    ]
    facts = {"name": sweep.name, "description": sweep.description, "base": str(sweep.base), "target": sweep.target}
    sweep.directory.mkdir(parents=True, exist_ok=True)
    write_whole(sweep.directory / MANIFEST, json.dumps({**facts, "axes": sweep.axes, "cells": cells}, indent=1) + "\n")


def last_evaluation(directory: Path) -> dict[str, Any]:
    """The newest line of eval.jsonl, empty where there is none."""
    lines = read_lines(directory / "eval.jsonl")
    return lines[-1] if lines else {}


def result_line(run: Run, state: State) -> str:
    """A run's result for the terminal."""
    row = last_evaluation(run.directory)
    if state.status == FAILED:
        return f"failed: {state.message}; see {run.directory / LOG}"
    greedy = f"   greedy {row['greedy_accuracy']:.3f}" if "greedy_accuracy" in row else ""
    shown = (
        f"T = {row['temperature']:g} accuracy {row['accuracy']:.3f} [{row['accuracy_low']:.3f}, "
        f"{row['accuracy_high']:.3f}]{greedy}   {row['seconds']:.0f} s"
        if row
        else "no evaluation"
    )
    if state.status == STOPPED:
        return f"stopped itself: {state.message}" + (f"   (step {row['step']}: {shown})" if row else "")
    return shown
