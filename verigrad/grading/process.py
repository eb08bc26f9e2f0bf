"""One worker process and its pipes. Every exchange has a deadline; what breaks it is a `WorkerFailure`."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

MEMORY_LIMIT = 1024**3
"""Bytes of address space of one worker."""

SLOW_SHARE = 0.25
"""Share of the time limit after which the pool begins to start a successor."""

START_LIMIT = 60.0
"""Seconds until a new worker must be ready, or an import done: much on a busy machine."""

KILL_LIMIT = 10.0
"""Seconds to wait for the kernel to take a killed process away."""


class WorkerFailure(Exception):
    """The worker did not answer; the message says why in a few words."""


class WorkerTimeout(WorkerFailure):
    """The deadline passed."""


def worker_command(time_limit: float) -> list[str]:
    """How a worker is started: as a script, so that the user's `__main__` is never imported again."""
    script = Path(__file__).with_name("worker.py")
    package_root = Path(__file__).parents[2]
    return [sys.executable, "-P", str(script), str(time_limit), str(MEMORY_LIMIT), str(package_root)]


class WorkerDied(WorkerFailure):
    """A signal ended the process."""


class WorkerProcess:
    """A child speaking JSON lines. Used by one thread at a time; `kill` may be called from any."""

    def __init__(self, command: Sequence[str]) -> None:
        """Start the child; it is ready once `wait_until_ready` has returned. OSError where it cannot be started."""
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            env=os.environ | {"PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "1"},
            start_new_session=True,  # an interrupt from the keyboard is the parent's to handle
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._requests, self._replies = self._process.stdin, self._process.stdout
        os.set_blocking(self._requests.fileno(), False)

    def wait_until_ready(self, seconds: float = START_LIMIT) -> None:
        """Wait for the child's first line. WorkerFailure with its own words where it reports an error."""
        reply = self._exchange(b"", seconds)
        if "error" in reply:
            raise WorkerFailure(str(reply["error"]))

    def ask(self, message: Mapping[str, str], seconds: float, when_slow: Callable[[], None]) -> dict[str, object]:
        """Send one line, return the line that answers it. After a WorkerFailure the worker is of no further use.

        `when_slow` is called once, if there is no answer after SLOW_SHARE of the time.
        """
        return self._exchange(json.dumps(dict(message)).encode() + b"\n", seconds, when_slow)

    def kill(self) -> None:
        """End the process at once. The pipes stay open for the thread that reads them."""
        self._process.kill()

    def dispose(self) -> None:
        """Kill, reap, close the pipes."""
        self.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):  # stuck in the kernel: not ours to wait for
            self._process.wait(KILL_LIMIT)
        self._requests.close()
        self._replies.close()

    def _exchange(
        self, request: bytes, seconds: float, when_slow: Callable[[], None] | None = None
    ) -> dict[str, object]:
        deadline = time.monotonic() + seconds
        slow_at = deadline - (1 - SLOW_SHARE) * seconds
        received = b""
        with selectors.DefaultSelector() as selector:
            selector.register(self._replies, selectors.EVENT_READ)
            if request:
                selector.register(self._requests, selectors.EVENT_WRITE)
            while not received.endswith(b"\n"):
                remaining = deadline - time.monotonic()
                if remaining <= 0:
                    raise WorkerTimeout(f"no answer within {seconds:g} s")
                if when_slow is not None and time.monotonic() >= slow_at:
                    when_slow()
                    when_slow = None
                pause = remaining if when_slow is None else min(remaining, max(0.0, slow_at - time.monotonic()))
                for key, _ in selector.select(pause):
                    if key.fileobj is self._replies:
                        received += self._read()
                    else:
                        request = request[self._write(request) :]
                        if not request:
                            selector.unregister(self._requests)
        return _decoded(received)

    def _read(self) -> bytes:
        chunk = os.read(self._replies.fileno(), 65536)
        if not chunk:
            raise self._death()
        return chunk

    def _write(self, request: bytes) -> int:
        try:
            return os.write(self._requests.fileno(), request)
        except BrokenPipeError:
            raise self._death() from None

    def _death(self) -> WorkerFailure:
        try:
            status = self._process.wait(KILL_LIMIT)
        except subprocess.TimeoutExpired:
            return WorkerFailure("worker closed its pipe")
        if status < 0:
            return WorkerDied(f"worker died: {signal.Signals(-status).name}")
        return WorkerFailure(f"worker ended: exit status {status}")


def _decoded(line: bytes) -> dict[str, object]:
    try:
        reply = json.loads(line)
    except ValueError:
        reply = None
    if not isinstance(reply, dict):
        raise WorkerFailure(f"worker answered nonsense: {line[:80]!r}")
    return reply
