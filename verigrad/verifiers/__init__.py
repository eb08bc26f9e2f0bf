"""Verifiers: what a response says, and whether it is right, as far as this process can tell within fixed bounds.

A verifier is a pure function `(problem, response) -> Grade | Claim | Blend`. A `Claim` is an answer in the right format
that only symbolic algebra, or code of others, can judge; `verigrad.grading` settles it in a process that can be killed.
"""

from verigrad.verifiers.answers import plain_words, read
from verigrad.verifiers.claims import Blend, Claim, fail, mixed, scored, settle
from verigrad.verifiers.equality import Verdict, decide, equal
from verigrad.verifiers.exact import Number, read_number
from verigrad.verifiers.extract import boxed_answer, concluding_answer, course_answer, hash_answer, strict_answer
from verigrad.verifiers.golds import gold_faults
from verigrad.verifiers.lenient import lenient_answer
from verigrad.verifiers.rules import (
    FORMATS,
    JUDGES,
    VERIFIERS,
    Outcome,
    Verifier,
    blended,
    find_verifier,
    gold_value,
    is_strict,
    judge,
)

__all__ = [
    "FORMATS",
    "JUDGES",
    "VERIFIERS",
    "Blend",
    "Claim",
    "Number",
    "Outcome",
    "Verdict",
    "Verifier",
    "blended",
    "boxed_answer",
    "concluding_answer",
    "course_answer",
    "decide",
    "equal",
    "fail",
    "find_verifier",
    "gold_faults",
    "gold_value",
    "hash_answer",
    "is_strict",
    "judge",
    "lenient_answer",
    "mixed",
    "plain_words",
    "read",
    "read_number",
    "scored",
    "settle",
    "strict_answer",
]
