"""The runs of a sweep as child processes, some at a time. Each is `verigrad train` on its own config."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from verigrad.config import dump
from verigrad.runs.files import write_whole
from verigrad.sweep.plan import Run
from verigrad.sweep.state import FAILED, FINISHED, LOG, OUTCOME, STOPPED, State, write_outcome

Told = Callable[[Run, State], None]
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
EXIT_DONE, EXIT_STOPPED = 0, 3
POLL_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Child:
    """A run at work."""

    run: Run
    process: subprocess.Popen[bytes]


def execute(runs: Sequence[Run], jobs: int, begun: Callable[[Run], None], ended: Told) -> bool:
    """Runs all, `jobs` at a time, each until it ends in whatever way; False if interrupted.

    The first interrupt is passed on, so that every child ends its step and saves; the second makes them stop at once.
    A child that crashes costs its own run only.
    """
    waiting, at_work = deque(runs), list[Child]()
    environment = child_environment(jobs)
    with _passing_on(at_work) as interrupted:
        while at_work or (waiting and not interrupted()):
            while waiting and len(at_work) < jobs and not interrupted():
                run = waiting.popleft()
                begun(run)
                at_work.append(_start(run, environment))
            for child in [child for child in at_work if child.process.poll() is not None]:
                at_work.remove(child)
                state = _conclude(child, interrupted())
                if state:
                    ended(child.run, state)
            time.sleep(POLL_SECONDS)
        return not interrupted()


def child_environment(jobs: int, cores: int | None = None) -> Mapping[str, str]:
    """The cores shared out between the jobs; run.threads, and the user's own OMP_NUM_THREADS, come before it."""
    share = max(1, (cores or os.cpu_count() or 1) // jobs)
    return {"OMP_NUM_THREADS": str(share), **os.environ, "PYTHONUNBUFFERED": "1"}


def _start(run: Run, environment: Mapping[str, str]) -> Child:
    """In a session of its own: Ctrl-C on the terminal reaches it through us, once."""
    run.directory.mkdir(parents=True, exist_ok=True)
    config = run.directory / "config.toml"
    if not config.exists():
        write_whole(config, dump(run.config))
    (run.directory / OUTCOME).unlink(missing_ok=True)
    words = [sys.executable, "-m", "verigrad.cli.main", "train", str(config)]
    with (run.directory / LOG).open("ab") as log:
        process = subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,
        )
    return Child(run, process)


def _conclude(child: Child, interrupted: bool) -> State | None:
    """What became of a child, written down; None where it was interrupted and is to go on later."""
    code = child.process.returncode
    if interrupted and code not in (EXIT_DONE, EXIT_STOPPED):
        return None
    if code == EXIT_DONE:
        state = State(FINISHED)
    elif code == EXIT_STOPPED:
        state = State(STOPPED, _said(child.run.directory / LOG).removeprefix("stopped: "))
    else:
        state = State(FAILED, _said(child.run.directory / LOG) or _ending(code))
    write_outcome(child.run.directory, state, code)
    return state


def _said(log: Path) -> str:
    """The last line that is the command's own word, or else the last line."""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 20_000))
        lines = [line for line in file.read().decode(errors="replace").splitlines() if line.strip()]
    own = [line.removeprefix("verigrad: ") for line in lines[-1:] if line.startswith("verigrad: ")]
    return (own or lines[-1:] or [""])[0].removeprefix("error: ")[:1000]


def _ending(code: int) -> str:
    return f"killed by signal {-code}" if code < 0 else f"exit code {code}"


@contextmanager
def _passing_on(children: Sequence[Child]) -> Iterator[Callable[[], bool]]:
    """Hands interrupts to the children, and stops them if we are stopped by anything else."""
    asked = False

    def handle(number: int, frame: FrameType | None) -> None:
        nonlocal asked
        asked = True
        for child in children:
            if child.process.poll() is None:
                child.process.send_signal(signal.SIGINT)

    before = {number: signal.signal(number, handle) for number in SIGNALS}
    try:
        yield lambda: asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for child in children:
            if child.process.poll() is None:
                child.process.terminate()
