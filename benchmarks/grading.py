"""Tier 1 beside Math-Verify on labelled pairs: `python -m benchmarks.grading CASES.jsonl`.

Rows hold gold, answer, equivalent, kind (bare or extract) and tier. Prints a table with agreement, errors and speed.
"""

from __future__ import annotations

import json
import platform
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from verigrad.grading.worker import equivalent
from verigrad.verifiers import equal, lenient_answer


def measure(name: str, cases: list[dict[str, Any]], grade: Callable[[str, str], bool | None]) -> str:
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


def main(path: str) -> None:
    cases = [json.loads(line) for line in Path(path).read_text(encoding="utf-8").splitlines()]
    print(f"{platform.platform()}, Python {platform.python_version()}")
    for kind in ("bare", "extract"):
        chosen = [case for case in cases if case["kind"] == kind and case["tier"] == "core"]
        print(
            f"\n{kind}: {len(chosen)} pairs\n\n"
            "| grader | agree | wrongly accepted | wrongly refused | open | per second |"
        )
        print("|---|---|---|---|---|---|")
        find: Callable[[str], str] = str if kind == "bare" else lambda text: lenient_answer(text) or ""
        print(measure("tier 1", chosen, lambda gold, answer, find=find: equal(find(gold), find(answer))))
        print(measure("Math-Verify", chosen, equivalent))


if __name__ == "__main__":
    main(sys.argv[1])
