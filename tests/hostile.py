"""Hostile responses, and how they are graded: own ones, and the adversarial file beside the repository where it is.

Loads no test framework, so that a child process can use it too: `python -c "from tests.hostile import main; main()"`.
"""

from __future__ import annotations

import gzip
import json
import resource
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import wait
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeAlias

from verigrad.grading import Grader
from verigrad.types import Problem, Status
from verigrad.verifiers import Claim, find_verifier

DATA = Path(__file__).parents[2] / "shared" / "data" / "graders"
FILE, CASES = DATA / "adversarial.jsonl.gz", DATA / "cases.jsonl"
VERIFY = find_verifier("r1_zero")
Peaks: TypeAlias = dict[int, tuple[int, int]]
"""Of a worker, by its process id: peak memory and limit of address space, in bytes."""

LIMIT = 1.0
"""Seconds for a claim: the default of `verifier.time_limit`."""


@dataclass(frozen=True)
class Row:
    """A response, its gold answer, and whether it is to be accepted; "no-hang": either, but soon."""

    output: str
    gold: str
    expect: str


@dataclass(frozen=True)
class Graded:
    """What became of a row, and after how many seconds; `asked`: a worker was asked."""

    row: Row
    status: str
    seconds: float
    asked: bool

    @property
    def fooled(self) -> bool:
        return self.row.expect == "reject" and self.status == "correct"

    @property
    def found(self) -> bool:
        return self.row.expect == "accept" and self.status == "correct"


def answer(text: str) -> str:
    return f"so it is </think> <answer>{text}</answer>"


def claims(count: int) -> list[Row]:
    """Answers that only a worker can judge: Σ k up to n, right and wrong by turns, each another."""
    sums = [(n, n * (n + 1) // 2 + n % 2) for n in range(3, 3 + count)]
    return [Row(answer(rf"\sum_{{k=1}}^{{{n}}} k"), str(gold), "reject" if n % 2 else "accept") for n, gold in sums]


_HALF = [
    *("9**9**9**9", "9^{9^{9^{9}}}", "2^{9223372036854775807}", "99999999!", "((9!)!)!", r"\binom{10^9}{10^8}"),
    *(r"\operatorname{eye}(100000)", "[0]*10**10", "1<<10**11", "1" * 200_000, "x" * 1_000_000, "-" * 50_000 + "1"),
    *("{" * 20_000, r"\boxed{" * 5_000, r"\boxed{1}" * 20_000 + "{", r"\frac" * 20_000, "(" * 100_000, "|" * 9_999),
    *(" " * 200_000 + "x", r"\sqrt" * 3_000 + "2", "1+" * 5_000 + "1", "2^" * 3_000 + "2", "1,000," * 9_000),
    *("__import__('os').system('touch HACKED')", "().__class__.__base__.__subclasses__()", "open('HACKED','w')"),
    *(
        "eval('1/2')",
        r"\sum_{k=1}^{9999999} k^{k}",
        "1/0",
        "0/0",
        "nan",
        r"\infty",
        "\ud800",
        "\x00",
        "½or⅓",
        "1e999999999",
    ),
]
_NOT_3 = ["3 or 4", r"\{3, 4\}", "3, 4", "1 = 2 = 3 = 4", r"1 \le x \le 9", "3=4"]
_NO_ANSWER_3 = ["3", "</think> <answer>3", "</think> <answer>4</answer> 3", "</answer>3<answer>"]
_IS_3 = ["3", " 3 ", "3.0", r"\frac{6}{2}", r"\boxed{4} no: \boxed{3}", "$3$", "x = 3"]
_MINUS_HALF = ["−½", r"-\dfrac{2}{4}", "-0.5", r"-\left(\tfrac12\right)", r"-\frac{1}{2}"]

OWN = [
    *(Row(answer(text), r"\frac{1}{2}", "reject") for text in _HALF),
    *(Row(answer(text), "3", "reject") for text in _NOT_3),
    *(Row(answer(text), "", "reject") for text in ("", " ", r"\boxed{}", "$$")),
    *(Row(text, "3", "reject") for text in _NO_ANSWER_3),
    *(Row(answer(text), "3", "accept") for text in _IS_3),
    *(Row(answer(text), "-1/2", "accept") for text in _MINUS_HALF),
    *(Row("so " * 300_000 + answer(text), "x^2+1", "accept") for text in ("1+x^2", "x·x + 1", "x²+1")),
    *claims(2),
]


def read(path: Path) -> list[dict[str, str]]:
    open_one = gzip.open if path.suffix == ".gz" else open
    with open_one(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def file_rows() -> list[Row]:
    return [Row(row["output"], row["gold"], row["expect"]) for row in read(FILE)]


def each_graded(grader: Grader, rows: list[Row], peaks: Peaks | None = None) -> Iterator[Graded]:
    """Grades one row after the other.

    With `peaks` the clock starts when a worker is ready for the rows that need one, and its memory is watched.
    """
    ready = 0
    for row in rows:
        problem = Problem("hostile", "", row.gold)
        asked = isinstance(VERIFY(problem, row.output), Claim)
        if asked and peaks is not None:
            ready += 1
            check = grader.submit(Problem("ready", "", str(ready)), answer(rf"\sum_{{j=1}}^{{{ready}}} 1"))
            assert check.result().status is Status.CORRECT, check.result()
        started = time.monotonic()
        future = grader.submit(problem, row.output)
        while peaks is not None and not wait([future], 0.05).done:
            peaks.update(worker_peaks(grader))
        yield Graded(row, future.result().status.value, time.monotonic() - started, asked)


def worker_peaks(grader: Grader) -> Peaks:
    """Of the workers in use."""
    peaks = {}
    for lane in grader._pool._lanes:
        if (worker := lane._worker) is not None and worker._process.poll() is None:
            pid = worker._process.pid
            limit = resource.prlimit(pid, resource.RLIMIT_AS)[0] if sys.platform == "linux" else 0
            peaks[pid] = (peak_memory(pid), limit)
    return peaks


def peak_memory(pid: int | str = "self") -> int:
    """Bytes of resident memory at most, so far; 0 for a process that is gone."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except OSError:
        return 0
    lines = dict(line.split(":", 1) for line in status.splitlines())
    return int(lines.get("VmHWM", "0").split()[0]) * 1024


def main() -> None:
    """In a child, outside its main thread: rows on standard input, what became of them on standard output, as JSON."""
    rows = [Row(**row) for row in json.load(sys.stdin)]
    graded: list[Graded] = []
    peaks: Peaks = {}

    def work() -> None:
        with Grader(VERIFY, workers=1, time_limit=LIMIT) as grader:
            grader.warm()
            graded.extend(each_graded(grader, rows, peaks))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    found = {"graded": [asdict(one) for one in graded], "peaks": list(peaks.values()), "own_peak": peak_memory()}
    json.dump(found, sys.stdout)
