"""The embedded task: chains of additions and subtractions, with worked solutions.

    question  "7+5-3+8"      solution  "12 9 17"      answer  "17"

The worked solution is the running totals.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

from verigrad.tasks.splits import different
from verigrad.types import Problem


def chains(
    count: int, *, seed: int, split: str, min_terms: int = 4, max_terms: int = 6, max_operand: int = 9
) -> list[Problem]:
    """`count` different chains of one split ("train" or "validation"), the same for the same arguments.

    Terms are uniform on 1 … `max_operand`; the number of terms is uniform on `min_terms` … `max_terms`; each sign is
    + or − with equal chance. Totals may be negative.
    """
    stream = _stream(random.Random(f"{seed}/{split}"), min_terms, max_terms, max_operand)
    named = f"chains of {min_terms}–{max_terms} terms up to {max_operand}"
    return different(stream, count, split=split, what=named, remedy="for more terms")


def totals(question: str) -> list[int]:
    """The running totals of a chain: "7+5-3" → [12, 9]."""
    terms = question.replace("-", "+-").split("+")
    running, result = int(terms[0]), []
    for term in terms[1:]:
        running += int(term)
        result.append(running)
    return result


def _stream(draw: random.Random, min_terms: int, max_terms: int, max_operand: int) -> Iterator[Problem]:
    while True:
        count = draw.randint(min_terms, max_terms)
        question = str(draw.randint(1, max_operand))
        for _ in range(count - 1):
            question += draw.choice("+-") + str(draw.randint(1, max_operand))
        steps = totals(question)
        yield Problem(
            id=f"chains/{question}",
            question=question,
            answer=str(steps[-1]),
            solution=" ".join(map(str, steps)),
            details={"terms": count},
        )
