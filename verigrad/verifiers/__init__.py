"""Verifiers: what a response says, and whether it is right: formats × judges over `verigrad.answers`.

A verifier is a pure function `(problem, response) -> Grade | Claim | Blend`. A `Claim` is an answer that only code of
others can judge, a user's function or a generator's own scorer; `verigrad.grading` settles it in a process that can be
killed.
"""

from verigrad.verifiers.claims import Blend, Claim, fail, mixed, scored, settle
from verigrad.verifiers.golds import gold_faults
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
    "Outcome",
    "Verifier",
    "blended",
    "fail",
    "find_verifier",
    "gold_faults",
    "gold_value",
    "is_strict",
    "judge",
    "mixed",
    "scored",
    "settle",
]
