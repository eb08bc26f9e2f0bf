"""`verigrad export`: a checkpoint as a Hugging Face directory with a model card made from the run's own numbers."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console

from verigrad import __version__
from verigrad.errors import DataError, UsageError
from verigrad.report import RunLog, read_run
from verigrad.report.card import model_card
from verigrad.runs import STATE, Checkpoint, checkpoints, sync, sync_tree

MARK = "verigrad.json"
"""What an export was made of, and its files: another export may take their place, and nothing else is lost."""
GENERATION = "generation_config.json"


def export(directory: Path, out: Path, *, step: int | None = None, license_id: str = "") -> int:
    """Writes the checkpoint of `step` (default: the newest) of a run into `out`, whole or not at all.

    Weights and tokenizer are those of the checkpoint, file by file; the trainer's state stays behind. UsageError where
    `out` holds anything that is not an earlier export.
    """
    run = read_run(directory)
    checkpoint = _checkpoint(directory, step)
    out = out.expanduser()
    _check_free(out)
    place = out.resolve()
    aside = place.with_name(f".{place.name}.tmp")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        _remove(aside)
        _fill(aside, run, checkpoint, place.name, license_id)
        _put(aside, place)
    except OSError as error:
        _remove(aside)
        raise DataError(
            f"{directory}: step {checkpoint.step} cannot be exported to {out} ({error}); give another --out, or, where "
            "the run is at work and has deleted this checkpoint, export again"
        ) from None
    console = Console(soft_wrap=True)
    console.print(f"step {checkpoint.step} of {directory}: {out}", markup=False, highlight=False)
    console.print(
        "its README.md is the model card, with the resolved config and its paths: read it before you publish it",
        markup=False,
        highlight=False,
    )
    return 0


def _checkpoint(directory: Path, step: int | None) -> Checkpoint:
    found = {checkpoint.step: checkpoint for checkpoint in checkpoints(directory / "checkpoints")}
    if not found:
        raise DataError(f"{directory}: there is no checkpoint in it; give the directory of a `verigrad train` run")
    if step is None:
        return found[max(found)]
    if step not in found:
        raise UsageError(
            f"--step {step}: {directory} has no checkpoint of it; it has {', '.join(map(str, sorted(found)))} "
            "(run.keep_checkpoints says how many are kept)"
        )
    return found[step]


def _check_free(out: Path) -> None:
    """Refuses a place that holds something which was not exported."""
    if not out.exists():
        return
    if not out.is_dir():
        raise UsageError(f"--out {out}: is a file; give a directory")
    present = {str(path.relative_to(out)) for path in out.rglob("*") if not path.is_dir()}
    foreign = sorted(present - _exported(out))
    if foreign:
        raise UsageError(
            f"--out {out}: holds {len(foreign)} files that no export wrote ({', '.join(foreign[:3])}); give an empty "
            "or new directory"
        )


def _exported(out: Path) -> set[str]:
    """The files of an earlier export."""
    try:
        mark = json.loads((out / MARK).read_text(encoding="utf-8"))
        return {MARK, *map(str, mark["files"])}
    except (OSError, ValueError, KeyError, TypeError):
        return set()


def _fill(aside: Path, run: RunLog, checkpoint: Checkpoint, name: str, license_id: str) -> None:
    shutil.copytree(checkpoint.directory, aside, ignore=shutil.ignore_patterns(STATE))
    (aside / "README.md").write_text(model_card(run, checkpoint.step, name, license_id), encoding="utf-8")
    before = aside / GENERATION
    given = json.loads(before.read_text(encoding="utf-8")) if before.exists() else {}
    _write_json(before, _generation(given, run))
    files = sorted(str(path.relative_to(aside)) for path in aside.rglob("*") if path.is_file())
    made_of = {"verigrad": __version__, "run": run.name, "step": checkpoint.step}
    _write_json(aside / MARK, {**made_of, "files": files})
    sync_tree(aside)


def _generation(given: Mapping[str, Any], run: RunLog) -> dict[str, Any]:
    """The checkpoint's settings with the sampling of the run's evaluations; without top_k transformers would use 50."""
    temperature = run.setting("eval.temperature", 1.0)
    sampling = {"do_sample": True, "temperature": temperature, "top_p": run.setting("eval.top_p", 1.0), "top_k": 0}
    kept = {key: value for key, value in given.items() if key not in (*sampling, "_from_model_config")}
    return {**kept, **(sampling if temperature else {"do_sample": False}), "max_new_tokens": _budget(run)}


def _budget(run: RunLog) -> int:
    return int(run.setting("eval.max_tokens", 1024))


def _write_json(path: Path, values: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")


def _put(aside: Path, out: Path) -> None:
    """Renames into place. An earlier export is moved away first, and deleted when the new one is there."""
    old = out.with_name(f".{out.name}.old")
    _remove(old)
    if out.exists():
        out.rename(old)
    try:
        aside.rename(out)
    except OSError:
        if old.exists():
            old.rename(out)
        raise
    sync(out.parent)
    _remove(old)


def _remove(path: Path) -> None:
    if path.exists():
        shutil.rmtree(path)
