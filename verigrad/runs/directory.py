"""The run directory: one place, one writer, each step once (docs/run-directory.md)."""

from __future__ import annotations

import fcntl
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from importlib import metadata
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from verigrad.config import Config, differences, dump, load
from verigrad.errors import ConfigError, UsageError
from verigrad.runs.checkpoints import Checkpoint, newest_checkpoint, save_checkpoint
from verigrad.runs.files import sync, write_whole
from verigrad.runs.records import read_lines, to_line

Logger = Callable[[str, Mapping[str, Any]], None]


class RunDirectory:
    """Opens or creates `config.run.dir` and holds its lock until closed.

    UsageError if another process holds it, ConfigError naming the keys if it was begun with other settings. Log lines
    of steps after the newest checkpoint are dropped: those steps are run again.
    """

    def __init__(self, config: Config, loggers: Iterable[Logger] = ()) -> None:
        self.path = Path(config.run.dir)
        self._config, self._loggers = config, tuple(loggers)
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(f"run.dir = {config.run.dir!r} cannot be made: {error.strerror}; choose another") from None
        self._lock = _lock(self.path / "lock")
        try:
            self._begin_or_continue()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> RunDirectory:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    @property
    def checkpoint(self) -> Checkpoint | None:
        """The newest complete checkpoint."""
        return newest_checkpoint(self.path / "checkpoints")

    def log(self, name: str, line: Mapping[str, Any]) -> None:
        """Appends a line to metrics.jsonl or eval.jsonl (`name` without its ending) and tells the loggers."""
        with (self.path / f"{name}.jsonl").open("a", encoding="utf-8") as file:
            file.write(to_line(line))
        for logger in self._loggers:
            logger(name, line)

    def write_responses(self, name: str, step: int, lines: Iterable[Mapping[str, Any]]) -> None:
        """Writes rollouts/ or eval/ of a step, whole."""
        folder = self.path / name
        folder.mkdir(exist_ok=True)
        write_whole(folder / f"step_{step:06d}.jsonl", map(to_line, lines))

    def save(self, step: int, export: Callable[[Path], None], state: dict[str, Any]) -> None:
        """Saves a checkpoint, the lines up to it first: a power cut takes no line of a step that is not run again."""
        for log in self.path.glob("*.jsonl"):
            sync(log)
        save_checkpoint(self.path / "checkpoints", step, export, state, self._config.run.keep_checkpoints)

    def close(self) -> None:
        self._lock.close()

    def _begin_or_continue(self) -> None:
        resolved = self.path / "config.toml"
        if resolved.exists():
            changed = differences(load(resolved), self._config)
            if changed:
                raise ConfigError(
                    f"{self.path} was begun with other settings ({'; '.join(changed)}); "
                    "continue it with its own settings, or give another run.dir"
                )
        else:
            write_whole(resolved, dump(self._config))
        if not (self.path / "environment.json").exists():
            write_whole(self.path / "environment.json", to_line(environment(self._config.run.seed)))
        done = self.checkpoint.step if self.checkpoint else -1
        for name in ("metrics", "eval"):
            _truncate(self.path / f"{name}.jsonl", done)
        for name in ("rollouts", "eval"):
            for path in (self.path / name).glob("step_*.jsonl"):
                if int(path.stem[5:]) > done:
                    path.unlink()


def environment(seed: int) -> dict[str, Any]:
    """Versions, machine, threads, git commit and seed."""
    import torch

    packages = ("verigrad", "torch", "transformers", "tokenizers", "numpy", "mpmath")
    return {
        "started": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "seed": seed,
        "python": sys.version.split()[0],
        "packages": {name: _version(name) for name in packages},
        "machine": platform.machine(),
        "system": platform.platform(),
        "processor": _processor(),
        "cpus": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else "",
        "git_commit": _git_commit(),
        "command": sys.argv,
    }


def _lock(path: Path) -> IO[str]:
    """An exclusive lock that the kernel gives back when the process ends, however it ends."""
    file = path.open("a+", encoding="utf-8")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.seek(0)
        holder = file.read().strip() or "unknown"
        file.close()
        raise UsageError(
            f"{path.parent} is in use by process {holder}; wait for it, stop it, or give another run.dir"
        ) from None
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
    return file


def _truncate(path: Path, done: int) -> None:
    """Drops the lines of steps after `done`, and a line that was cut off."""
    if path.exists():
        write_whole(path, "".join(to_line(line) for line in read_lines(path) if line["step"] <= done))


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    names = [line for line in info.read_text().splitlines() if line.startswith("model name")] if info.exists() else []
    return names[0].partition(":")[2].strip() if names else platform.processor()


def _git_commit() -> str:
    try:
        done = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
