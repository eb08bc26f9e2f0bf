"""Whether two answers are equal: each read and made a value once, the values compared by the table of rules."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from functools import lru_cache
from math import gcd

from verigrad.answers.lexer import tokens
from verigrad.answers.parser import parse
from verigrad.answers.probe import Probe
from verigrad.answers.rules import Comparison
from verigrad.answers.tables import (
    CARDINALS,
    DEGREE,
    DOLLAR,
    EVERYTHING,
    INVISIBLE,
    MULTIPLES,
    PERCENT,
    TENS,
    UPRIGHT,
    WORDS,
)
from verigrad.answers.tree import Budget, LimitExceeded, Node, Undefined, Unknown, Unreadable, Words
from verigrad.answers.values import Kind, Value, make

parse_errors = (LimitExceeded, OverflowError, Unreadable, RecursionError)
"""What reading a text may raise."""


GOLDS_KEPT = 4096
"""Gold answers whose values are kept."""


class Outcome(Enum):
    """What is known of two answers."""

    EQUAL = "equal"
    DIFFERENT = "different"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class Verdict:
    """An outcome and its reason: string, number, symbolic; mismatch, empty, unreadable, limit; undecided."""

    outcome: Outcome
    reason: str

    def __bool__(self) -> bool:
        return self.outcome is Outcome.EQUAL


MISMATCH = Verdict(Outcome.DIFFERENT, "mismatch")


EMPTY = Verdict(Outcome.DIFFERENT, "empty")


UNREADABLE = Verdict(Outcome.DIFFERENT, "unreadable")


LIMIT = Verdict(Outcome.DIFFERENT, "limit")


SAME_TEXT = Verdict(Outcome.EQUAL, "string")


SAME_NUMBER = Verdict(Outcome.EQUAL, "number")


SYMBOLIC = Verdict(Outcome.EQUAL, "symbolic")


UNDECIDED = Verdict(Outcome.UNDECIDED, "undecided")


_DROPPED = str.maketrans("", "", INVISIBLE)


_PLAIN_NUMBER = re.compile(
    r"(-?)(?:([0-9]{1,40})(?:\.([0-9]{1,5}))?|([0-9]{1,40})/([1-9][0-9]{0,39})|\\[dt]?frac\{([0-9]{1,40})\}\{([1-9][0-9]{0,39})\})"
)


_DECIMAL_COMMA = re.compile(r"[+-]?(?:[0-9]+,[0-9]{2}|[0-9]+,[0-9]{4,}|0,[0-9]+)")


_DECIMAL_POINT = re.compile(r"[+-]?[0-9]*\.[0-9]+")


_TEXT = re.compile(rf"\\(?:{'|'.join(UPRIGHT)})\s*\{{([^{{}}]*)\}}")


_PLAIN_WORDS = re.compile(r"[^\W\d_]+(?:(?:\s+|['’\-])[^\W\d_]+)*")


_MARKS = ("**", "__", "```", "`", "*", '"', "$$", "$")


_QUOTES = (("“", "”"), ("„", "“"), ("«", "»"), ("‘", "’"), ("'", "'"), (r"\(", r"\)"), (r"\[", r"\]"))


_MARK_SIGNS = frozenset(mark[0] for mark in _MARKS) | {opening[0] for opening, _ in _QUOTES} | {""}


def compare(gold: str, answer: str) -> Verdict:
    """The verdict on an answer, never an exception: pure, and bounded in time and memory."""
    gold, answer = gold.strip(), answer.strip()
    if gold == answer and gold:
        return SAME_TEXT
    plain = _plain_number(gold)
    if plain is not None and (other := _plain_number(answer)) is not None:
        return SAME_NUMBER if plain == other else MISMATCH
    gold, answer = (unmarked(text.translate(_DROPPED)) for text in (gold, answer))
    if not gold or not answer:
        return EMPTY
    if gold == answer or (len(answer) < 1000 and gold.split() == answer.split()):
        return SAME_TEXT
    try:
        return _compared(gold, answer)
    except (LimitExceeded, OverflowError):
        return LIMIT
    except Unreadable:
        return UNREADABLE
    except Undefined:
        return MISMATCH
    except (Unknown, RecursionError):
        return UNDECIDED


def _plain_number(text: str) -> tuple[int, int] | None:
    """Numerator and denominator, in lowest terms, of the plainest numbers: most answers are no more than that."""
    match = _PLAIN_NUMBER.fullmatch(text)
    if match is None:
        return None
    sign, whole, decimals, top, bottom, above, below = match.groups()
    numerator, denominator = int(whole or top or above), int(bottom or below or 1)
    if decimals:
        numerator, denominator = int(whole + decimals), 10 ** len(decimals)
    shared = gcd(numerator, denominator)
    return (-numerator if sign else numerator) // shared, denominator // shared


def _compared(gold: str, answer: str) -> Verdict:
    budget = Budget()
    ours = _gold_value(gold)
    if ours is None:
        return SAME_TEXT if _bare(gold) == _bare(answer) else UNDECIDED
    for one, other in ((gold, answer), (answer, gold)):
        if _DECIMAL_COMMA.fullmatch(one) and _DECIMAL_POINT.fullmatch(other):
            return SAME_NUMBER if Fraction(one.replace(",", ".")) == Fraction(other) else MISMATCH
    tree = _read(answer, short_units=ours.unit is not None)
    probe = Probe("\0".join(sorted((gold, answer))), budget)
    theirs = make(tree, probe, is_gold=False)
    equal = Comparison(probe).whole(ours, theirs)
    if equal is None:
        return UNDECIDED
    if not equal:
        return MISMATCH
    return SAME_NUMBER if ours.kind is theirs.kind is Kind.NUMBER else SYMBOLIC


@lru_cache(GOLDS_KEPT)
def _gold_value(gold: str) -> Value | None:
    """The gold answer's value; None where it cannot be read."""
    try:
        return make(_read(gold), Probe(gold, Budget()), is_gold=True)
    except (*parse_errors, Undefined, Unknown):
        return None


def _read(text: str, *, short_units: bool = False) -> Node:
    words = plain_words(text)
    if words is not None:
        return Words(words)
    return parse(text, short_units=short_units)


def _value(text: str) -> Value | None:
    """The value of a text that is read as an answer; None where it is none."""
    try:
        found = make(_read(unmarked(text)), Probe(text, Budget()), is_gold=False)
    except (*parse_errors, Undefined, Unknown):
        return None
    return None if found.kind is Kind.NOTHING else found


def is_readable(text: str) -> bool:
    """Whether the text is one answer, alone."""
    return _value(text) is not None


def is_bare(text: str) -> bool:
    """Whether nothing stands beside the value: no unit in words, no name but a letter before an `=`."""
    found = _value(text)
    if found is None or len(found.name or "") > 2:
        return False
    spelled = any(token.kind in ("word", "letters") and len(token.text) > 1 for token in tokens(text))
    return found.unit is None or (found.unit in (PERCENT, DEGREE, DOLLAR) and not spelled)


def constant(text: str) -> Fraction | None:
    """The real number that an answer is, to 70 digits; of `x = 5` too; a unit is left out, a percentage as written."""
    found = _value(text)
    if found is None or found.kind is not Kind.NUMBER:
        return None
    try:
        return Probe(text, Budget()).real(found.tree)
    except LimitExceeded:
        return None


def unmarked(text: str) -> str:
    """The answer without marks around the whole of it: `**12**`, `"12"`, `$12$`, `12.` At most three of them."""
    for _ in range(3):
        text = text.strip()
        if text[:1] not in _MARK_SIGNS:
            break
        inner = _inside_marks(text)
        if inner == text:
            break
        text = inner
    return text


def _inside_marks(text: str) -> str:
    for opening, closing in (*((mark, mark) for mark in _MARKS), *_QUOTES):
        if len(text) > len(opening + closing) and text.startswith(opening) and text.endswith(closing):
            inner = text[len(opening) : -len(closing)].strip()
            return text if opening in inner or closing in inner or not inner else inner
    return text


def plain_words(text: str) -> str | None:
    """Words, in lower case and without `\\text`, if that is all there is: no names of mathematics, no numbers."""
    if len(text) > 2000 or text[:1].isdigit():
        return None
    bare = _TEXT.sub(r"\1", text) if "\\" in text else text
    bare = bare.strip().rstrip("\\").strip("$.()*!\"'“” ").strip()
    if not bare or not _PLAIN_WORDS.fullmatch(bare):
        return None
    folded = " ".join(bare.casefold().split())
    runs = re.findall(r"[^\W\d_]+", bare)
    for run in runs:
        if WORDS.get(run, ("", ""))[0] in ("function", "symbol") or run.lower() in CARDINALS | TENS:
            return None
    if len(runs) > 1 and (runs[0].lower() in MULTIPLES or folded in EVERYTHING):
        return folded
    longest = max(runs, key=len)
    is_word = len(longest) >= 3 and re.search("[aeiouyAEIOUY]|[^A-Za-z]", longest)
    return folded if is_word or folded in ("no", "yes") else None


def _bare(text: str) -> str:
    """What cannot be read, without `\\text` and case: dates, for one, are equal as texts only."""
    return " ".join(_TEXT.sub(r"\1", text[:2000]).casefold().rstrip(".").split())
