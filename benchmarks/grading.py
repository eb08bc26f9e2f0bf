"""Tier 1 beside Math-Verify on labelled pairs: `python -m benchmarks.grading CASES.jsonl [--course FILE]`.

Rows hold gold, answer, equivalent, kind (bare or extract) and tier. Prints tables with agreement, errors and speed, for
the pairs whose label follows from the two strings, and for all. FILE is the module of the course's own grader
(CS336 assignment 5: `grade(answer, gold, fast)`), where the reader has it; it has no time limit, and may hang.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import json
import platform
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from verigrad.grading import Grader
from verigrad.grading.worker import equivalent
from verigrad.types import Problem, Status
from verigrad.verifiers import equal, judge, lenient_answer

Cases = list[dict[str, Any]]
Verdict = Callable[[str, str], bool | None]


def measure(name: str, cases: Cases, grade: Verdict) -> str:
    """One row: agreement, wrongly accepted, wrongly refused, left open, graded per second."""
    counts: Counter[tuple[bool | None, bool]] = Counter()
    started = time.perf_counter()
    for case in cases:
        counts[grade(case["gold"], case["answer"]), case["equivalent"]] += 1
    speed = len(cases) / (time.perf_counter() - started)
    agree = counts[True, True] + counts[False, False]
    left = counts[None, True] + counts[None, False]
    return (
        f"| {name} | {agree / len(cases):.1%} | {counts[True, False]} | {counts[False, True]} | {left} | {speed:.0f} |"
    )


def both_tiers(grader: Grader) -> Verdict:
    """What the library says: tier 1, and Math-Verify in a worker where that is open."""

    def grade(gold: str, answer: str) -> bool:
        return grader.submit(Problem("p", "", gold), answer).result().status is Status.CORRECT

    return grade


def course_grader(path: str, fast: bool) -> Verdict:
    """The course's `grade` from a file; what it raises on is refused."""
    spec = importlib.util.spec_from_file_location("course_grader", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    def grade(gold: str, answer: str) -> bool:
        with contextlib.suppress(Exception):
            return bool(module.grade(answer, gold, fast))
        return False

    return grade


def table(title: str, cases: Cases, course: str) -> None:
    """One table. Pairs of kind extract are found in their texts first, by us; the others read whole texts."""

    def found(case: dict[str, Any]) -> dict[str, Any]:
        if case["kind"] == "bare":
            return case
        return {**case, **{name: lenient_answer(case[name]) or "" for name in ("gold", "answer")}}

    ours = [found(case) for case in cases]
    print(
        f"\n{title}: {len(cases)} pairs\n\n| grader | agree | wrongly accepted | wrongly refused | open | per second |"
    )
    print("|---|---|---|---|---|---|")
    print(measure("tier 1", ours, equal))

    with Grader(lambda problem, answer: judge(problem.answer, answer), workers=1, time_limit=5.0) as grader:
        print(measure("both tiers", ours, both_tiers(grader)))
    print(measure("Math-Verify", cases, equivalent))
    if course:
        print(measure("the course's, fast", cases, course_grader(course, fast=True)))
        print(measure("the course's, full", cases, course_grader(course, fast=False)))


def main() -> None:
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("cases", metavar="CASES.jsonl", type=Path)
    made.add_argument("--course", metavar="FILE", default="", help="the course's grader, a Python module")
    arguments = made.parse_args()
    cases = [json.loads(line) for line in arguments.cases.read_text(encoding="utf-8").splitlines()]
    print(f"{platform.platform()}, Python {platform.python_version()}")
    for kind in ("bare", "extract"):
        core = [case for case in cases if case["kind"] == kind and case["tier"] == "core"]
        table(f"core, {kind}", core, arguments.course)
    table("all", cases, arguments.course)


if __name__ == "__main__":
    main()
