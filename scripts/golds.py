"""How many ground truths of the published files are found and grade themselves correct.

    python scripts/golds.py DIRECTORY       prints the table of docs/datasets.md

DIRECTORY holds `gsm8k/train.jsonl` and the like, as the data sets' own repositories publish them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from verigrad.config.schema import Task
from verigrad.data import load_problems
from verigrad.verifiers import gold_faults

FILES = (
    ("gsm8k", "gsm8k/train.jsonl"),
    ("gsm8k", "gsm8k/test.jsonl"),
    ("svamp", "svamp/test.jsonl"),
    ("mawps", "mawps/addsub.jsonl"),
    ("mawps", "mawps/multiarith.jsonl"),
    ("mawps", "mawps/singleeq.jsonl"),
    ("mawps", "mawps/singleop.jsonl"),
)
VERIFIERS = ("r1_zero", "r1_zero_course", "boxed")
HEAD = ("| `task.name` | file | rows | ground truths found | grade themselves correct |", "|---|---|---|---|---|")


def lines(folder: Path) -> Iterator[str]:
    """A row of the table for each file that is there. Correct: by each of the verifiers."""
    for name, file in FILES:
        path = folder / file
        if not path.exists():
            continue
        rows = sum(bool(line.strip()) for line in path.read_text(encoding="utf-8").split("\n"))
        problems = load_problems(Task(name=name, path=str(path)), "validation")
        wrong = {problem.id for verifier in VERIFIERS for problem, _ in gold_faults(problems, verifier)}
        found = sum(bool(problem.answer) for problem in problems)
        yield f"| `{name}` | {file} | {rows:,} | {found:,} | {len(problems) - len(wrong):,} |"


def main(folder: Path) -> int:
    print("\n".join([*HEAD, *lines(folder)]))
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
