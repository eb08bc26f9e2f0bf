"""Checkpoints: a Hugging Face directory with the trainer's state in it, whole or absent."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from verigrad.runs.files import sync, sync_tree, write_whole

STATE = "trainer.pt"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A complete checkpoint of a step."""

    step: int
    directory: Path

    def state(self) -> dict[str, Any]:
        """The trainer's state as it was saved. Tensors and plain values only: nothing in the file is executed."""
        import torch  # here: a look at which steps are saved, of many runs, needs no second to load it

        loaded: dict[str, Any] = torch.load(self.directory / STATE, map_location="cpu", weights_only=True)
        return loaded


def save_checkpoint(
    parent: Path, step: int, export: Callable[[Path], None], state: dict[str, Any], keep: int
) -> Checkpoint:
    """Writes step's checkpoint aside, flushes it, renames it, points `latest` at it, then deletes all but `keep`."""
    import torch

    parent.mkdir(parents=True, exist_ok=True)
    aside, directory = parent / f".step_{step:06d}.tmp", parent / f"step_{step:06d}"
    for leftover in (aside, directory):
        if leftover.exists():
            shutil.rmtree(leftover)
    aside.mkdir()
    export(aside)
    torch.save(state, aside / STATE)
    sync_tree(aside)
    aside.rename(directory)
    sync(parent)
    write_whole(parent / "latest", directory.name + "\n")
    for old in checkpoints(parent)[:-keep] if keep else []:
        shutil.rmtree(old.directory)
    return Checkpoint(step, directory)


def newest_checkpoint(parent: Path) -> Checkpoint | None:
    """The complete checkpoint of the highest step, or None. Directories are renamed into place, so all are complete."""
    return max(checkpoints(parent), key=lambda checkpoint: checkpoint.step, default=None)


def checkpoints(parent: Path) -> list[Checkpoint]:
    """Every complete checkpoint below `parent`, by step."""
    found = [path for path in parent.glob("step_*") if (path / STATE).is_file()]
    return sorted((Checkpoint(int(path.name[5:]), path) for path in found), key=lambda checkpoint: checkpoint.step)
