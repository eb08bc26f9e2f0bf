"""Our answers beside Math-Verify and the course's grader on labelled pairs: `python -m benchmarks.grading CASES.jsonl`.

Rows hold gold, answer, equivalent, kind (bare or extract) and tier. Prints tables with agreement, errors and speed, for
the pairs whose label follows from the two strings, and for all. Math-Verify is measured where it is installed
(`pip install 'verigrad[bench]'`). `--course FILE` is the module of the course's own grader (CS336 assignment 5:
`grade(answer, gold, fast)`), where the reader has it; it has no time limit, and may hang. `--gold-list FILE` measures
speed alone, on the answers of a data set against themselves and one another.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import json
import platform
import random
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from verigrad.answers import Outcome, boxed_answers, compare, is_readable, lenient_answer

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


def ours(gold: str, answer: str) -> bool | None:
    """None where the verdict is UNDECIDED."""
    outcome = compare(gold, answer).outcome
    return None if outcome is Outcome.UNDECIDED else outcome is Outcome.EQUAL


def math_verify() -> Verdict | None:
    """Math-Verify with its own signal-based timeouts switched off, None where it is not installed."""
    with contextlib.suppress(ImportError):
        from math_verify import parse, verify

        def maths(text: str) -> str:
            return text if "$" in text.replace("\\$", "") else f"${text}$"

        def grade(gold: str, answer: str) -> bool:
            with contextlib.suppress(Exception):  # sympy raises all sorts of things on odd input
                read = [parse(maths(text), parsing_timeout=None) for text in (gold, answer)]
                return bool(verify(*read, timeout_seconds=None))
            return False

        return grade
    return None


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
        plain = case["gold"] if is_readable(case["gold"]) else lenient_answer(case["gold"])
        gold = boxed_answers(case["gold"]) or plain or case["gold"]
        return {**case, "gold": gold, "answer": lenient_answer(case["answer"]) or ""}

    print(f"\n{title}: {len(cases)} pairs\n")
    print("| grader | agree | wrongly accepted | wrongly refused | open | per second |")
    print("|---|---|---|---|---|---|")
    print(measure("ours", [found(case) for case in cases], ours))
    peer = math_verify()
    if peer is not None:
        peer("1/2", "0.5")  # loads its grammar
        print(measure("Math-Verify", cases, peer))
    if course:
        print(measure("the course's, fast", cases, course_grader(course, fast=True)))
        print(measure("the course's, full", cases, course_grader(course, fast=False)))


def speeds(golds: list[str]) -> None:
    """Verdicts per second of processor time on answers like these: each against itself respelled, and another."""
    draw = random.Random(0)
    pairs = [(gold, text) for gold in golds for text in (gold.replace(r"\frac", r"\dfrac") + " ", draw.choice(golds))]
    peer = math_verify()
    graders = {"ours": ours} | ({"Math-Verify": peer} if peer is not None else {})
    for name, grade in graders.items():
        some = pairs if name == "ours" else draw.sample(pairs, min(300, len(pairs)))
        grade("1/2", "0.5")
        started = time.process_time()
        for pair in some:
            grade(*pair)
        print(f"{name}: {len(some) / (time.process_time() - started):,.0f} a second on {len(some)} pairs")


def main() -> None:
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("cases", metavar="CASES.jsonl", type=Path)
    made.add_argument("--course", metavar="FILE", default="", help="the course's grader, a Python module")
    made.add_argument("--gold-list", metavar="FILE", type=Path, help="true answers, one a line")
    arguments = made.parse_args()
    cases = [json.loads(line) for line in arguments.cases.read_text(encoding="utf-8").splitlines()]
    print(f"{platform.platform()}, Python {platform.python_version()}")
    for kind in ("bare", "extract"):
        core = [case for case in cases if case["kind"] == kind and case["tier"] == "core"]
        table(f"core, {kind}", core, arguments.course)
    table("all", cases, arguments.course)
    if arguments.gold_list:
        speeds(arguments.gold_list.read_text(encoding="utf-8").splitlines())


if __name__ == "__main__":
    main()
