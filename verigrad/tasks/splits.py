"""Which split a generated question belongs to: a hash of its text decides, for good.

A validation question is therefore in no training set, whatever seed or parameters made it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from verigrad.types import Problem

VALIDATION_SHARE = 1 / 8


def is_validation(question: str) -> bool:
    """Whether a question text is set aside: a hash of it, taken as a fraction, is below `VALIDATION_SHARE`."""
    digest = hashlib.blake2b(question.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") < VALIDATION_SHARE * 2**64


def different(stream: Iterable[Problem], count: int, *, split: str, what: str, remedy: str) -> list[Problem]:
    """The first `count` problems of an endless stream that differ in their question and are of the split.

    ValueError where so many do not turn up in 100 · count + 100,000 draws; the error says of `what` there are
    too few, and the `remedy`.
    """
    if split not in ("train", "validation"):
        raise ValueError(f"split = {split!r}: must be 'train' or 'validation'")
    problems: dict[str, Problem] = {}
    for draws, problem in enumerate(stream, start=1):
        if is_validation(problem.question) == (split == "validation"):
            problems.setdefault(problem.question, problem)
        if len(problems) == count:
            return list(problems.values())
        if draws > 100 * count + 100_000:
            raise ValueError(f"only {len(problems)} different {what} found; ask for fewer than {count} or {remedy}")
    raise AssertionError("the stream is endless")
