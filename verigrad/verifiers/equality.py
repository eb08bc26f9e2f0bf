"""Tier 1: whether two answers are equal, in this process, exactly and within fixed bounds of time and memory.

In this order: equal strings; plain numbers by rational arithmetic; both read and compared by the gold's type; the
number or formula that a sentence states. What is left open is for symbolic algebra, in a process that can be killed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from verigrad.verifiers import exact
from verigrad.verifiers.answers import read
from verigrad.verifiers.compare import Comparison
from verigrad.verifiers.expression import (
    CONSTANTS,
    Call,
    Collection,
    LimitExceeded,
    Node,
    Number,
    Relation,
    Unreadable,
    Words,
    names,
    prefixed,
    walk,
)
from verigrad.verifiers.lexer import LONGEST_TEXT, NEGATIONS
from verigrad.verifiers.naming import stated
from verigrad.verifiers.numeric import Undefined, Unknown
from verigrad.verifiers.prose import is_prose, is_sentence, stated_number
from verigrad.verifiers.spelling import unwrapped
from verigrad.verifiers.statements import stated_formula

LONGEST_OPEN = 500
"""Characters. A longer answer that tier 1 leaves open is wrong: no process is spent on it."""

GOLDS_KEPT = 4096
"""Gold answers whose trees are kept."""

_DECIMAL_COMMA = re.compile(r"[+-]?[0-9]+,[0-9]+")
_DECIMAL_POINT = re.compile(r"[+-]?[0-9]*\.[0-9]+")
_DENIAL = re.compile(rf"\\(?:{'|'.join(sorted(NEGATIONS))})(?![a-zA-Z])")
_ALGEBRA = re.compile(r"\\(?:int|lim|sum|prod|partial|iint|oint)\b|\\d?frac|\\sqrt|[\^_=]")


@dataclass(frozen=True, slots=True)
class Verdict:
    """`equal` is None where tier 1 leaves it open. Reasons: string, number, symbolic; mismatch, empty, limit; open."""

    equal: bool | None
    reason: str


OPEN = Verdict(None, "open")
MISMATCH = Verdict(False, "mismatch")
LIMIT = Verdict(False, "limit")


def equal(gold: str, answer: str) -> bool | None:
    """Whether two answers are equal, as far as tier 1 decides."""
    return decide(gold, answer).equal


def decide(gold: str, answer: str) -> Verdict:
    """The verdict of tier 1 on an extracted answer."""
    gold, answer = gold.strip(), answer.strip()
    if not answer or not gold:
        return Verdict(False, "empty")
    if gold == answer or gold == (answer := unwrapped(answer)):
        return Verdict(True, "string")
    if (verdict_of_numbers := _plainly(gold, answer)) is not None:
        return verdict_of_numbers
    if len(answer) > LONGEST_TEXT and not is_prose(answer):
        return LIMIT
    verdict_of_trees = _compared(gold, answer)
    if verdict_of_trees.equal is not True and is_sentence(answer):
        return _stated(gold, answer, verdict_of_trees)
    if verdict_of_trees is OPEN and len(answer) > LONGEST_OPEN:
        return LIMIT
    return verdict_of_trees


def _plainly(gold: str, answer: str) -> Verdict | None:
    """The verdict on two plain numbers."""
    verdict = exact.equal(gold, answer)
    if verdict or (verdict is None and _same_with_decimal_comma(gold, answer)):
        return Verdict(True, "number")
    return None if verdict is None else MISMATCH


def _same_with_decimal_comma(gold: str, answer: str) -> bool:
    """`1,22` and `1.22`: one decimal written in two ways."""
    for comma, point in ((gold, answer), (answer, gold)):
        if _DECIMAL_COMMA.fullmatch(comma) and _DECIMAL_POINT.fullmatch(point):
            return exact.equal(point, comma.replace(",", ".")) is True
    return False


def _compared(gold: str, answer: str) -> Verdict:
    gold_tree = _gold_tree(gold)
    try:
        answer_tree = read(answer)
    except LimitExceeded:
        return LIMIT
    except Unreadable:
        return OPEN if _ALGEBRA.search(answer) and not is_prose(answer) and not _DENIAL.search(answer) else MISMATCH
    if gold_tree is None:
        return OPEN
    try:
        verdict = Comparison("\0".join(sorted(map(prefixed, (gold_tree, answer_tree))))).equal(gold_tree, answer_tree)
    except LimitExceeded:
        return LIMIT
    except Undefined:
        return MISMATCH
    except Unknown:
        return OPEN
    if verdict is None:
        return OPEN
    if not verdict:
        return MISMATCH
    return Verdict(True, "number" if _is_number(gold_tree) and _is_number(answer_tree) else "symbolic")


@lru_cache(GOLDS_KEPT)
def _gold_tree(gold: str) -> Node | None:
    """The gold's tree; None where the grammar does not hold it."""
    try:
        return read(gold)
    except (LimitExceeded, Unreadable):
        return None


def _is_number(tree: Node) -> bool:
    return isinstance(tree, Number) or (
        isinstance(tree, Call) and tree.name in ("neg", "/", "+") and all(map(_is_number, tree.arguments))
    )


def _stated(gold: str, answer: str, otherwise: Verdict) -> Verdict:
    """A sentence against a gold value: the number or formula that it states. A formula is not read a second time."""
    closed = otherwise if otherwise.reason != "open" else MISMATCH
    if is_prose(gold) or _is_formula(answer):
        return closed
    if (number := stated_number(answer)) is not None:
        return _plainly(gold, number) or _compared(gold, number)
    gold_tree = _gold_tree(gold)
    if gold_tree is None or _is_number(gold_tree) or (formula := stated_formula(answer)) is None:
        return closed
    return _compared(gold, formula)


def _is_formula(text: str) -> bool:
    """Whether the grammar reads a value in the text: a constant, or `x = …` of one, alone or in a list with others."""
    try:
        tree = read(text)
    except (LimitExceeded, Unreadable):
        return False
    parts = tree.items if isinstance(tree, Collection) else (tree,)
    if len(parts) > 1 and sum(any(isinstance(one, Number) for one in walk(part)) for part in parts) < 2:
        return False  # a clause before it
    values = [stated(part, None) or part if isinstance(part, Relation) else part for part in parts]
    return any(names(value) <= CONSTANTS and not isinstance(value, Words) for value in values)
