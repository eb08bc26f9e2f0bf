"""Judges beside mathematical equality: the same text, a letter, a number within a tolerance, an expression that hits a
target, and the scorer of the generator that made the problem."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction

from verigrad.types import Grade, Problem, Status
from verigrad.verifiers.answers import read
from verigrad.verifiers.budget import Budget
from verigrad.verifiers.claims import Claim, fail, settle
from verigrad.verifiers.compare import NEAR
from verigrad.verifiers.exact import read_number
from verigrad.verifiers.expression import (
    Collection,
    LimitExceeded,
    Measure,
    Node,
    Number,
    Relation,
    Unreadable,
    operations,
    walk,
)
from verigrad.verifiers.fields import rational
from verigrad.verifiers.naming import stated
from verigrad.verifiers.numeric import Undefined
from verigrad.verifiers.probe import Probe
from verigrad.verifiers.spelling import unwrapped

TOLERANCE = 1e-6
"""Relative, of `numeric`."""

LONGEST_EXPRESSION = 500
"""Characters of a countdown expression."""

_LETTER = re.compile(
    r"(?:(?:the\s+)?(?:(?:correct|final|right)\s+)?(?:option|choice|answer|opción)(?:\s+is\b)?)?"
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


def multiple_choice(problem: Problem, answer: str) -> Grade:
    r"""One letter: `C`, `(C)`, `c.`, `\text{C}`, `C) because`, `option C`. Two letters are no choice."""
    claim = Claim(problem.answer, answer.strip(), 1.0)
    chosen, right = _choice(unwrapped(answer)), _choice(problem.answer)
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
    gold, value = _real(problem.answer), _real(unwrapped(answer))
    if gold is None:
        return fail(claim, Status.ERROR, "the gold answer is no number")
    if value is None:
        return settle(claim, False, "mismatch")
    room = Fraction(tolerance) * (abs(gold) or 1)
    return settle(claim, abs(value - gold) <= room, "number" if abs(value - gold) <= room else "mismatch")


def _real(text: str) -> Fraction | None:
    """The value of a real constant, of `x = 5` too; a unit is left out, a percentage as written."""
    if (number := read_number(text)) is not None:
        return number.value
    try:
        tree: Node | None = read(text)
        probe = Probe(text)
        if isinstance(tree, Relation):
            tree = stated(tree, None) if _agrees(tree, probe) else None
        value: Decimal | Fraction | None = None if tree is None else probe.real(tree)
    except (LimitExceeded, Unreadable):
        return None
    return None if value is None else Fraction(value)


def _agrees(chain: Relation, probe: Probe) -> bool:
    """Whether no two numbers that stand beside one another in it differ, by more than a rounding after a ≈."""
    values = [probe.real(side) for side in chain.sides]
    for sign, one, other in zip(chain.operators, values, values[1:], strict=False):
        if one is None or other is None:
            continue
        room = abs(Fraction(one)) * (NEAR if sign == "≈" else Fraction(TOLERANCE))
        if abs(Fraction(one) - Fraction(other)) > room:
            return False
    return True


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
        tree = read(text)
        used = Counter(node.value for node in walk(tree) if isinstance(node, Number))
        used[Fraction(1)] -= sum(1 for node in walk(tree) if node == Number(Fraction(1)))  # of divisions: 1/x
        if any(isinstance(node, Collection | Measure | Relation) for node in walk(tree)):
            return False
        if not operations(tree) <= {"+", "-", "*", "/", "neg"}:
            return False
        return +used == Counter(map(Fraction, numbers)) and rational(tree, Budget()) == target
    except (LimitExceeded, Unreadable, Undefined):
        return False


def scored_by_generator(problem: Problem, answer: str) -> Claim:
    """reasoning-gym's own score of the answer, 0 to 1; the data set's name is the first part of the problem's id."""
    entry = {"question": problem.question, "answer": problem.answer, "metadata": dict(problem.details)}
    payload = json.dumps({"dataset": problem.id.partition("/")[0], "entry": entry}, default=str)
    return Claim(problem.answer, answer.strip(), 1.0, "reasoning_gym", payload, needs="reasoning_gym")
