"""Verifiers: what a response says, and whether it is right, as far as strings and exact numbers can tell.

A verifier is a pure function `(problem, response) -> Grade | Claim`. A `Claim` is an answer in the right format whose
equivalence to the gold answer needs symbolic algebra; `verigrad.grading` settles it in a process that can be killed.
"""

from verigrad.verifiers.exact import Number, equal, read_number
from verigrad.verifiers.extract import boxed_answer, course_answer, hash_answer, strict_answer
from verigrad.verifiers.rules import (
    LONGEST_ANSWER,
    VERIFIERS,
    Claim,
    Verifier,
    boxed,
    fail,
    find_verifier,
    judge,
    r1_zero,
    r1_zero_course,
    settle,
)

__all__ = [
    "LONGEST_ANSWER",
    "VERIFIERS",
    "Claim",
    "Number",
    "Verifier",
    "boxed",
    "boxed_answer",
    "course_answer",
    "equal",
    "fail",
    "find_verifier",
    "hash_answer",
    "judge",
    "r1_zero",
    "r1_zero_course",
    "read_number",
    "settle",
    "strict_answer",
]
