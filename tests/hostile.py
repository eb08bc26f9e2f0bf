"""Hostile responses, and how they are graded: own ones, and the adversarial file beside the repository where it is.

Loads no test framework, so that a child process can use it too: `python -c "from tests.hostile import main; main()"`.
"""

from __future__ import annotations

import gzip
import json
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from verigrad.grading import Grader
from verigrad.types import Problem
from verigrad.verifiers import find_verifier

DATA = Path(__file__).parents[2] / "shared" / "data" / "graders"
FILE, CASES = DATA / "adversarial.jsonl.gz", DATA / "cases.jsonl"
VERIFY = find_verifier("r1_zero")


@dataclass(frozen=True)
class Row:
    """A response, its gold answer, and whether it is to be accepted; "no-hang": either, but soon."""

    output: str
    gold: str
    expect: str


@dataclass(frozen=True)
class Graded:
    """What became of a row, and after how many seconds of this process's time."""

    row: Row
    status: str
    seconds: float

    @property
    def fooled(self) -> bool:
        return self.row.expect == "reject" and self.status == "correct"

    @property
    def found(self) -> bool:
        return self.row.expect == "accept" and self.status == "correct"


def answer(text: str) -> str:
    return f"so it is </think> <answer>{text}</answer>"


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
]


def read(path: Path) -> list[dict[str, str]]:
    open_one = gzip.open if path.suffix == ".gz" else open
    with open_one(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def file_rows() -> list[Row]:
    return [Row(row["output"], row["gold"], row["expect"]) for row in read(FILE)]


def each_graded(rows: list[Row]) -> Iterator[Graded]:
    """Grades one row after the other."""
    with Grader(VERIFY, workers=1, time_limit=1.0) as grader:
        for row in rows:
            started = time.process_time()
            grade = grader.submit(Problem("hostile", "", row.gold), row.output).result()
            yield Graded(row, grade.status.value, time.process_time() - started)
        assert grader._pool._lanes == [], "built-in verifiers ask no worker"


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
    thread = threading.Thread(target=lambda: graded.extend(each_graded(rows)))
    thread.start()
    thread.join()
    json.dump({"graded": [asdict(one) for one in graded], "own_peak": peak_memory()}, sys.stdout)
