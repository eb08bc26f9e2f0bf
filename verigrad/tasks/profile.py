"""A difficulty profile: how often a model solves each training problem, and the problems of some pass rates.

A row holds `id`, `question_hash`, `n` (responses), `correct`, `pass_rate` (correct/n) and `mean_tokens` (per response).
Whose pass rates they are (model, template, verifier, temperature) is said by eval.jsonl beside the file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from verigrad.errors import DataError
from verigrad.types import Problem, Status

USED = {"id", "question_hash", "pass_rate"}
"""What a row must have to choose problems by."""


def question_hash(question: str) -> str:
    """16 hexadecimal digits that change with the question; runs of white space count as one space."""
    return hashlib.blake2b(" ".join(question.split()).encode(), digest_size=8).hexdigest()


def profile_rows(responses: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """A row for each problem of graded responses (lines of eval/step_….jsonl), in their order."""
    of_problem: dict[str, list[Mapping[str, Any]]] = {}
    for response in responses:
        of_problem.setdefault(response["problem_id"], []).append(response)
    rows = []
    for name, some in of_problem.items():
        correct = sum(response["status"] == Status.CORRECT for response in some)
        row = {"id": name, "question_hash": question_hash(some[0]["question"]), "n": len(some), "correct": correct}
        tokens = sum(response["tokens"] for response in some)
        rows.append({**row, "pass_rate": correct / len(some), "mean_tokens": tokens / len(some)})
    return rows


def with_pass_rate(
    problems: Sequence[Problem], rows: Iterable[Mapping[str, Any]], low: float, high: float, place: str
) -> list[Problem]:
    """The problems whose pass rate is within [low, high]. `place` names the profile in errors.

    DataError for a problem that the profile lacks or knows with another question, and where no problem is left.
    """
    profile: dict[str, Mapping[str, Any]] = {}
    for row in rows:
        if not row.keys() >= USED:
            raise DataError(f"task.profile = {place!r}: a row without {', '.join(sorted(USED - row.keys()))}")
        profile[str(row["id"])] = row
    kept = []
    for problem in problems:
        known = profile.get(problem.id)
        if known is None or known["question_hash"] != question_hash(problem.question):
            fault = "is not in it" if known is None else "had another question when it was profiled"
            raise DataError(
                f"task.profile = {place!r}: training problem {problem.id} {fault}; profile these problems with "
                "`verigrad evaluate CONFIG --profile`"
            )
        if low <= known["pass_rate"] <= high:
            kept.append(problem)
    if not kept:
        raise DataError(
            f"task.pass_rate = [{low:g}, {high:g}] leaves none of {len(problems)} training problems of {place}; "
            "widen it"
        )
    return kept
