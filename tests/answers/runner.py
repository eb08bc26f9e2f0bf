"""Labelled pairs as data, and every verdict that has changed: `python -m tests.answers.runner [--accept]`.

`cases/*.tsv` hold a verdict (equal, different, undecided), a gold answer and an answer a line, tabs between them: the
last accepted state, which is right by the rules of docs/verifiers.md. `--accept` writes today's verdicts, after a
reader has gone through the changes.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from verigrad.answers import compare

CASES = Path(__file__).with_name("cases")
SHARED = Path(__file__).parents[2].parent / "shared" / "data"
"""Labelled data that are not ours; absent on most machines."""

Pair = tuple[str, str, str]
"""Verdict, gold answer, answer."""


def read(path: Path) -> list[Pair]:
    lines = path.read_text(encoding="utf-8").splitlines()
    return [(verdict, gold, answer) for verdict, gold, answer in (line.split("\t") for line in lines)]


def judged(pairs: list[Pair]) -> list[Pair]:
    return [(compare(gold, answer).outcome.value, gold, answer) for _, gold, answer in pairs]


def changes(pairs: list[Pair]) -> list[str]:
    """One line for each verdict that is no longer what it was."""
    return [
        f"{before} -> {now}: {gold} ~ {answer}"
        for (before, gold, answer), (now, _, _) in zip(pairs, judged(pairs), strict=True)
        if before != now
    ]


def rows(name: str) -> Iterator[dict[str, Any]]:
    """The rows of a file of labelled data, nothing where it is not at hand."""
    path = SHARED / name
    if path.exists():
        yield from map(json.loads, path.read_text(encoding="utf-8").splitlines())


def main(words: list[str]) -> int:
    changed = 0
    for path in sorted(CASES.glob("*.tsv")):
        pairs = read(path)
        found = changes(pairs)
        changed += len(found)
        print("\n".join([f"{path.name}: {len(pairs)} pairs, {len(found)} changed", *found]))
        if words == ["--accept"]:
            path.write_text("".join("\t".join(pair) + "\n" for pair in judged(pairs)), encoding="utf-8")
    return 1 if changed and words != ["--accept"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
