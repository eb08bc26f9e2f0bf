"""Judges beside mathematical equality: the same text, a letter, a number within a tolerance, an expression that hits a
target, and the scorer of the generator that made the problem."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction

from verigrad.answers import (
    Call,
    Number,
    constant,
    lm_eval_text,
    parse,
    parse_errors,
    unmarked,
    walk,
)
from verigrad.types import Grade, Problem, Status
from verigrad.verifiers.claims import Claim, fail, settle

TOLERANCE = 1e-6
"""Relative, of `numeric`."""

LONGEST_EXPRESSION = 500
"""Characters of a countdown expression."""

_ARITHMETIC = frozenset({"+", "*", "/", "neg"})
_LETTER = re.compile(
    r"(?:(?:the\s+)?(?:(?:correct|final|right)\s+)?(?:option|choice|answer)(?:\s+is\b)?)?"
    r"\s*[(\[]?\s*([A-Za-z])\s*(?:[)\].:]+\s*(.*)|)",
    re.DOTALL | re.IGNORECASE,
)
_TEXT = re.compile(r"\\(?:text|textbf|mathrm|mathbf|mbox)\s*\{([^{}]*)\}")
_SECOND_LETTER = re.compile(
    r"(?<![A-Za-z])[A-J](?![A-Za-z'’])|(?:^\s*(?:and|or|[,/&])|\bor)\s*[(\[]?(?:[b-j](?![A-Za-z'’])|a(?=\s*(?:$|[)\].,;]|or\b)))"
)


def exact_match(problem: Problem, answer: str) -> Grade:
    """The same text, runs of white space being one space."""
    claim = Claim(problem.answer, answer, 1.0)
    return settle(claim, bool(answer.strip()) and answer.split() == problem.answer.split(), "string")


def lm_eval(problem: Problem, answer: str) -> Grade:
    """Equality of lm-evaluation-harness for gsm8k: the same text without commas, dollar signs and a last full stop."""
    right = lm_eval_text(problem.answer) == lm_eval_text(answer)
    return settle(Claim(problem.answer, answer, 1.0), right, "string" if right else "mismatch")


def multiple_choice(problem: Problem, answer: str) -> Grade:
    r"""One letter: `C`, `(C)`, `c.`, `\text{C}`, `C) because`, `option C`. Two letters are no choice."""
    claim = Claim(problem.answer, answer.strip(), 1.0)
    chosen, right = _choice(unmarked(answer)), _choice(problem.answer)
    return settle(claim, chosen is not None and chosen == right, "string" if chosen == right else "mismatch")


def _choice(text: str) -> str | None:
    text = _TEXT.sub(r"\1", text[:2000]).strip().strip("$*").strip()
    match = _LETTER.fullmatch(text)
    if match is None or _SECOND_LETTER.search(match[2] or ""):
        return None
    return match[1].upper()


def numeric(problem: Problem, answer: str, tolerance: float = TOLERANCE) -> Grade:
    """A real number within |answer − gold| ≤ tolerance·|gold|, or tolerance itself where the gold is 0."""
    claim = Claim(problem.answer, answer.strip(), 1.0)
    gold, value = constant(problem.answer), constant(answer)
    if gold is None:
        return fail(claim, Status.ERROR, "the gold answer is no number")
    if value is None:
        return settle(claim, False, "mismatch")
    room = Fraction(tolerance) * (abs(gold) or 1)
    return settle(claim, abs(value - gold) <= room, "number" if abs(value - gold) <= room else "mismatch")


def countdown(problem: Problem, answer: str) -> Grade:
    """An expression of + − × ÷ that uses each given number once and makes the target.

    Numbers and target are the problem's `details`: `numbers` (or `nums`) and `target`. What follows `=` is ignored.
    """
    claim = Claim(problem.answer, answer.strip(), 1.0)
    numbers, target = problem.details.get("numbers", problem.details.get("nums")), problem.details.get("target")
    if not isinstance(numbers, Sequence) or not isinstance(target, int):
        return fail(claim, Status.ERROR, "the problem has no numbers and target")
    right = _makes(answer.partition("=")[0], [int(number) for number in numbers], target)
    return settle(claim, right, "number" if right else "mismatch")


def _makes(text: str, numbers: list[int], target: int) -> bool:
    if len(text) > LONGEST_EXPRESSION:
        return False
    try:
        tree = parse(text)
    except parse_errors:
        return False
    parts = list(walk(tree))
    if not all(isinstance(part, Number) or (isinstance(part, Call) and part.name in _ARITHMETIC) for part in parts):
        return False
    used = Counter(part.value for part in parts if isinstance(part, Number))
    return used == Counter(map(Fraction, numbers)) and constant(text) == target


def scored_by_generator(problem: Problem, answer: str) -> Claim:
    """reasoning-gym's own score of the answer, 0 to 1; the data set's name is the first part of the problem's id."""
    entry = {"question": problem.question, "answer": problem.answer, "metadata": dict(problem.details)}
    payload = json.dumps({"dataset": problem.id.partition("/")[0], "entry": entry}, default=str)
    return Claim(problem.answer, answer.strip(), 1.0, "reasoning_gym", payload, needs="reasoning_gym")
