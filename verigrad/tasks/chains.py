"""The embedded task: chains of additions and subtractions, with worked solutions.

    question  "7+5-3+8"      solution  "12 9 17"      answer  "17"

The worked solution is the running totals. Every question text belongs to one split for good: the split is a hash of
the text, so a validation question is in no training set, whatever seed or parameters made it.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator

from verigrad.types import Problem

VALIDATION_SHARE = 1 / 8


def chains(
    count: int, *, seed: int, split: str, min_terms: int = 4, max_terms: int = 6, max_operand: int = 9
) -> list[Problem]:
    """`count` different chains of one split ("train" or "validation"), the same for the same arguments.

    Terms are uniform on 1 … `max_operand`; the number of terms is uniform on `min_terms` … `max_terms`; each sign is
    + or − with equal chance. Totals may be negative.
    """
    if split not in ("train", "validation"):
        raise ValueError(f"split = {split!r}: must be 'train' or 'validation'")
    problems: dict[str, Problem] = {}
    draws = 0
    for problem in _stream(random.Random(f"{seed}/{split}"), min_terms, max_terms, max_operand):
        draws += 1
        if is_validation(problem.question) == (split == "validation"):
            problems.setdefault(problem.question, problem)
        if len(problems) == count:
            return list(problems.values())
        if draws > 100 * count + 100_000:
            raise ValueError(
                f"only {len(problems)} different chains of {min_terms}–{max_terms} terms up to {max_operand} found; "
                f"ask for fewer than {count} or for more terms"
            )
    raise AssertionError("the stream is endless")


def is_validation(question: str) -> bool:
    """Whether a question text is set aside: a hash of it, taken as a fraction, is below `VALIDATION_SHARE`."""
    digest = hashlib.blake2b(question.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") < VALIDATION_SHARE * 2**64


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
