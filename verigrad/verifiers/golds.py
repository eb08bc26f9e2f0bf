"""Gold answers, checked before anything is sampled: each, given as the response, must be graded correct."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from verigrad.types import Grade, Problem, Status
from verigrad.verifiers.rules import FORMATS, find_verifier, gold_value

_SHOWN: dict[str, Callable[[str], str]] = {
    "r1_zero": "</think> <answer>{}</answer>".format,
    "r1_zero_course": "</think> <answer>{}</answer>".format,
    "think_answer": "</think>\n<answer>{}</answer>".format,
    "boxed": r"\boxed{{{}}}".format,
    "hash": "#### {}".format,
    "answer_is": "The answer is {}.".format,
    "last_number": "{}".format,
    "lenient": r"\boxed{{{}}}".format,
}
_UNCHECKED = frozenset({"countdown", "reasoning_gym"})
"""Judges whose gold answer is an example, or in a form that only its generator knows."""


def gold_faults(problems: Iterable[Problem], verifier: str) -> list[tuple[Problem, str]]:
    """The problems whose gold answer the verifier of this name does not accept as their answer, with its reason.

    A verifier that is no format with a judge (a function, a blend) has none.
    """
    form, _, judged = verifier.partition(":")
    if form not in FORMATS or judged in _UNCHECKED:
        return []
    verify = find_verifier(verifier)
    faults = []
    for problem in problems:
        outcome = verify(problem, _SHOWN[form](gold_value(problem.answer)))
        if not isinstance(outcome, Grade) or outcome.status is not Status.CORRECT:
            faults.append((problem, outcome.reason if isinstance(outcome, Grade) else "not read"))
    return faults
