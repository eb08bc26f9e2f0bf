"""The child process that asks reasoning-gym or a user's function. Run as a script, JSON lines in and out.

    <- {"ready": true}                              once
    -> {"kind": "load", "gold": "", "answer": "package.module:function", "payload": ""}
    <- {"ready": true}                              before the first item that needs it
    -> {"kind": "function", "gold": "2", "answer": "1 + 1 = 2", "payload": "{…}"}
    <- {"status": "correct", "reward": 1.0, …} | {"error": "MemoryError: …"}

Arguments: time limit per item in seconds, address space in bytes, the folder that holds the package. The parent kills
this process at the time limit; should the parent have died meanwhile, the kernel's alarm ends it a second later,
whatever it is computing, and so does a limit on its processor time.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import signal
import sys
from typing import TextIO

START_LIMIT = 60.0
"""Seconds for an import; as in process.py, which this script does not load."""


def main() -> int:
    time_limit, memory, root = float(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    replies = _private_stdout()
    with contextlib.suppress(ValueError, OSError):  # macOS refuses RLIMIT_AS
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    _reply(replies, {"ready": True})
    for line in sys.stdin:
        request = json.loads(line)
        seconds = (START_LIMIT if request["kind"] == "load" else time_limit) + 1
        signal.setitimer(signal.ITIMER_REAL, seconds)  # default action: the kernel ends the process
        _limit_processor_time(seconds)
        try:
            reply = answer(request, root)
        except Exception as error:  # told to the parent
            reply = {"error": _named(error)}
        signal.setitimer(signal.ITIMER_REAL, 0)
        _reply(replies, reply)
    return 0


def answer(request: dict[str, str], root: str) -> dict[str, object]:
    """The reply to one request."""
    sys.path[:0] = [path for path in (os.getcwd(), root) if path not in sys.path]
    from verigrad.grading.scorers import function_score, generator_score, load  # only where the user's code runs

    if request["kind"] == "load":
        return load(request["answer"])
    score = function_score if request["kind"] == "function" else generator_score
    return score(request["answer"], json.loads(request["payload"]))


def _limit_processor_time(seconds: float) -> None:
    """The kernel ends the process after so many further seconds of its processor time."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    limit = int(used.ru_utime + used.ru_stime + seconds) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (limit, resource.getrlimit(resource.RLIMIT_CPU)[1]))


def _private_stdout() -> TextIO:
    """The pipe to the parent; descriptor 1 is pointed at stderr, so that no library's print can break the protocol."""
    replies = os.fdopen(os.dup(1), "w", encoding="ascii")
    os.dup2(2, 1)
    return replies


def _reply(replies: TextIO, message: dict[str, object]) -> None:
    replies.write(json.dumps(message) + "\n")
    replies.flush()


def _named(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".rstrip(": ")[:500]


if __name__ == "__main__":
    sys.exit(main())
