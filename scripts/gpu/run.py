"""Runs the stages of docs/gpu.md on this machine, each in a process of its own that is killed at its limit.

Results are written as they are made, so that a run that is cut off leaves what it had: `results.jsonl` (a JSON line per
table row, and one per stage), `report.txt` (the same tables), `output.txt` (everything else that was printed),
`runs.tgz` (the runs' metrics and evaluations). Standard library only: what is missing is installed here first.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import Any

from scripts.gpu.kit import ROOT, install, join_model, problem_files
from scripts.gpu.stages import NAMES, Setup, Stage, make_stages

PACKAGES = ("torch", "triton", "transformers", "tokenizers", "peft", "numpy", "pydantic", "jaxtyping", "gguf", "pytest")
LEAST_SECONDS = 10
"""A stage is not begun when less is left of the whole time."""


class Results:
    """The files of a run; each line is on disk when `write` returns."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.lines = folder, folder / "results.jsonl"
        self.report, self.output = folder / "report.txt", folder / "output.txt"

    def write(self, line: dict[str, Any]) -> None:
        with self.lines.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line, ensure_ascii=False) + "\n")

    def say(self, text: str) -> None:
        """To the report and to the terminal."""
        print(text, flush=True)
        with self.report.open("a", encoding="utf-8") as file:
            file.write(text + "\n")


def run_command(
    command: Sequence[str], seconds: float, out: Path, err: Path, environment: dict[str, str]
) -> int | None:
    """The exit status of a command, or None where it had to be killed, with all that it had started."""
    with out.open("ab") as output, err.open("ab") as errors:
        child = subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=errors,
            start_new_session=True,
        )
        try:
            return child.wait(max(1.0, seconds))
        except subprocess.TimeoutExpired:
            return None
        finally:
            _kill(child)


def _kill(child: subprocess.Popen[bytes]) -> None:
    """Ends a child and its process group, if any of it is left."""
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def run_stage(stage: Stage, limit: float, results: Results, environment: dict[str, str]) -> bool:
    """Runs one stage and what sums it up; whether it ended well or was left out for a reason."""
    results.say(f"\n## {stage.name}: {stage.shows}\n")
    if stage.skip:
        results.write({"stage": stage.name, "status": "skipped", "reason": stage.skip})
        results.say(f"skipped: {stage.skip}")
        return True
    with results.output.open("a", encoding="utf-8") as file:
        file.write(f"\n## {stage.name}\n$ {' '.join(stage.command)}\n")
    started = time.monotonic()
    text = results.report if stage.tables else results.output
    status = run_command(stage.command, limit, text, results.output, environment)
    seconds = time.monotonic() - started
    if stage.summary:
        run_command(stage.summary, 30, results.report, results.output, environment)
    word = "cut off" if status is None else "failed" if status else "done"
    line = {"stage": stage.name, "status": word, "seconds": round(seconds, 1), "limit": round(limit), "exit": status}
    results.write(line)
    results.say(f"\n{word} after {seconds:.0f} s of at most {limit:.0f}")
    if word == "failed":
        tail = results.output.read_text(encoding="utf-8", errors="replace").splitlines()[-15:]
        results.say("\n".join(tail))
    return word == "done"


def describe(results: Results, added: Sequence[str]) -> None:
    """What this machine is: the first line of the results, before anything can fail."""
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            versions[package] = "missing"
    query = [
        "nvidia-smi",
        "--query-gpu=name,memory.total,driver_version,clocks.max.sm,power.limit",
        "--format=csv,noheader",
    ]
    try:
        gpu = subprocess.run(query, capture_output=True, text=True, timeout=20).stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        gpu = "no nvidia-smi"
    line = {"python": platform.python_version(), "system": platform.platform(), "cores": os.cpu_count(), "gpu": gpu}
    results.write({"stage": "versions", "status": "done", **line, "versions": versions, "installed": list(added)})
    results.say(f"## versions\n\n{json.dumps({**line, **versions, 'installed': list(added)}, indent=1)}")


def keep_runs(work: Path, results: Results) -> None:
    """The small files of the runs: settings, metrics, evaluations."""
    with tarfile.open(results.folder / "runs.tgz", "w:gz") as archive:
        for name in ("config.toml", "environment.json", "metrics.jsonl", "eval.jsonl"):
            for file in sorted(work.rglob(name)):
                archive.add(file, file.relative_to(work))


def parse(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/gpu/run.sh", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--stages", default="", help=f"names, with commas (default: all): {', '.join(NAMES)}")
    parser.add_argument("--minutes", type=float, default=9.0, help="of all stages together (default: %(default)s)")
    parser.add_argument(
        "--out", type=Path, default=Path(os.environ.get("OUT") or "gpu-results"), help="where results go"
    )
    parser.add_argument("--dry-run", action="store_true", help="on the CPU, at tiny sizes: to see that it runs")
    parser.add_argument(
        "--install-only", action="store_true", help="take in wheels and pieces of the model; run nothing"
    )
    arguments = parser.parse_args(words)
    arguments.names = [name for name in arguments.stages.split(",") if name] or list(NAMES)
    for name in arguments.names:
        if name not in NAMES:
            parser.error(f"--stages {name}: no such stage; known: {', '.join(NAMES)}")
    return arguments


def main(words: Sequence[str] | None = None) -> int:
    arguments = parse(words)
    ends = time.monotonic() + 60 * arguments.minutes
    results = Results(arguments.out.resolve())
    site, added = install()
    sys.path[:0] = [str(site)] if added else []
    describe(results, added)
    model = join_model()
    results.say(f"model: {model or 'not here, or not all of its pieces are'}")
    if arguments.install_only:
        return 0
    paths = [*([str(site)] if added else []), str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(paths),
        "PYTHONUNBUFFERED": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "HF_HUB_OFFLINE": "1",
    }
    work = Path(tempfile.mkdtemp(prefix="verigrad-gpu-"))
    well = True
    try:
        files = problem_files(work, tiny=arguments.dry_run)
        setup = Setup(sys.executable, arguments.dry_run, results.lines, work, model, files)
        for stage in make_stages(setup):
            if stage.name not in arguments.names:
                continue
            left = ends - time.monotonic()
            if left < LEAST_SECONDS:
                results.write({"stage": stage.name, "status": "skipped", "reason": "no time is left"})
                results.say(f"\n## {stage.name}: no time is left")
                continue
            well = run_stage(stage, min(stage.seconds, left), results, environment) and well
            keep_runs(work, results)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
