"""The child process that asks Math-Verify, reasoning-gym or a user's function. Run as a script, JSON lines in and out.

    <- {"ready": true}                              once, when Math-Verify is loaded
    -> {"kind": "load", "gold": "", "answer": "package.module:function", "payload": ""}
    <- {"ready": true}                              before the first item that needs it
    -> {"kind": "math", "gold": "1/2", "answer": "\\\\frac{2}{4}", "payload": ""}
    <- {"equal": true} | {"status": "correct", "reward": 1.0, …} | {"error": "MemoryError: …"}

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
    try:
        check()
    except Exception as error:  # told to the parent, which must not wait for a worker that cannot start
        _reply(replies, {"error": _named(error)})
        return 1
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
    if request["kind"] == "math":
        return {"equal": equivalent(request["gold"], request["answer"])}
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


def check() -> None:
    """RuntimeError unless Math-Verify works: a broken installation parses nothing, and would call every answer wrong.

    It also loads the grammar, so that the first item does not pay for it.
    """
    if not equivalent("1/2", "\\frac{2}{4}"):
        raise RuntimeError("Math-Verify does not find 1/2 equal to \\frac{2}{4}; reinstall 'math-verify[antlr4_13_2]'")


def equivalent(gold: str, answer: str) -> bool:
    """Whether Math-Verify holds the two for equal, its own signal-based timeouts switched off.

    What it cannot parse or compare is not equal; only running out of memory is raised, as MemoryError.
    """
    from math_verify import parse, verify  # type: ignore[import-untyped]  # here, so that the module itself is free to import

    try:
        golds = parse(_as_maths(gold), parsing_timeout=None, raise_on_error=True)
        answers = parse(_as_maths(answer), parsing_timeout=None, raise_on_error=True)
        return any(_compare(verify, one, other) for one in golds for other in answers)
    except MemoryError:
        raise
    except Exception:  # sympy raises all sorts of things on odd input
        return False


def _compare(verify: object, gold: object, answer: object) -> bool:
    assert callable(verify)
    try:
        return bool(verify(gold, answer, timeout_seconds=None, raise_on_error=True))
    except MemoryError:
        raise
    except Exception:  # sympy raises all sorts of things on odd input
        return False


def _as_maths(text: str) -> str:
    """Math-Verify reads LaTeX between maths delimiters only; a text that has its own is left as it is."""
    return text if "$" in text.replace("\\$", "") else f"${text}$"


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
