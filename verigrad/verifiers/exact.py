r"""The exact tier: equality of plain strings and plain numbers, by rational arithmetic, in linear time.

Nothing here evaluates an expression. A plain number is an integer or decimal (`1,234.50`, `1{,}234`, `10,\!000`), a
fraction of two such (`3/4`, `\frac{3}{4}`, `\frac34`), with a sign, a leading `$` or `\$`, a trailing `%` or `\%`,
maths delimiters (`$…$`, `\(…\)`) and a trailing period as decoration. All else is left undecided.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

LONGEST_NUMBER = 400
"""Characters. A longer text is not read as a number, so that no huge integer is ever built."""

ROUNDING_PLACES = 6
"""Decimal places to which two differing numbers may agree and be roundings of each other; the symbolic tier decides."""

_COUNT = r"(?:[1-9][0-9]{0,2}(?:(?:,|\{,\})(?:\\!)?[0-9]{3})+|[0-9]+)"
_DECIMAL = rf"(?:{_COUNT}(?:\.[0-9]+)?|\.[0-9]+)"
_ARGUMENT = rf"(?:\{{\s*([+-]?{_DECIMAL})\s*\}}|([0-9]))"
_NUMBER = re.compile(
    rf"(?P<sign>[+-]?)\s*(?P<money>\\?\$)?\s*(?P<inner_sign>[+-]?)\s*"
    rf"(?:(?P<top>{_DECIMAL})(?:\s*/\s*(?P<bottom>{_DECIMAL}))?|\\[dtc]?frac\s*{_ARGUMENT}\s*{_ARGUMENT})"
    rf"\s*(?P<percent>\\?%)?"
)
_SEPARATORS = re.compile(r"[^0-9.+-]")
_WORDS = re.compile(r"[A-Za-z]+(?: [A-Za-z]+)*[.!?]?")
_MATHS_WORDS = frozenset({"e", "i", "ii", "pi", "ln", "lg", "log", "exp", "sin", "cos", "tan", "cot", "sec", "csc"})


@dataclass(frozen=True, slots=True)
class Number:
    """A plain number. `value` is as written: of `50%` it is 50. `places` counts decimals, None for a fraction."""

    value: Fraction
    places: int | None
    percent: bool
    money: bool = False


def equal(gold: str, answer: str) -> bool | None:
    """Whether two answers are equal where strings or exact numbers decide it; None where they do not.

    Equal strings are equal (after stripping white space), equal rationals are equal. A percentage equals the number
    as written and its hundredth: both conventions occur in gold answers. Two different numbers are different,
    unless one may be a rounding of the other (see `_may_be_rounding`). An empty answer, or words without a
    digit against a number, are different; spelt-out numbers are not read.
    """
    gold, answer = gold.strip(), answer.strip()
    if gold == answer:
        return True
    if not answer:
        return False
    gold_number = read_number(gold)
    if gold_number is None:
        return None
    answer_number = read_number(answer)
    if answer_number is None:
        return False if _only_words(answer) else None
    return _equal_numbers(gold_number, answer_number)


def read_number(text: str) -> Number | None:
    """The plain number that the whole of `text` is, or None. A zero denominator is no number."""
    text = text.strip()
    if len(text) > LONGEST_NUMBER:
        return None
    match = _NUMBER.fullmatch(_undecorated(text))
    if match is None or (match["sign"] and match["inner_sign"]):
        return None
    top, bottom = match["top"], match["bottom"]
    if top is None:
        top, bottom = match[6] or match[7], match[8] or match[9]
    denominator = _fraction(bottom) if bottom else Fraction(1)
    if denominator == 0:
        return None
    value = _fraction(top) / denominator
    negative = "-" in (match["sign"], match["inner_sign"])
    places = None if bottom else len(top.partition(".")[2])
    return Number(-value if negative else value, places, match["percent"] is not None, match["money"] is not None)


def _undecorated(text: str) -> str:
    text = text.removesuffix(".").rstrip()
    for opening, closing in (("$", "$"), (r"\(", r"\)"), (r"\[", r"\]")):
        if len(text) > 2 and text.startswith(opening) and text.endswith(closing):
            text = text.removeprefix(opening).removesuffix(closing).strip().removesuffix(".")
            break
    return text.replace("\N{MINUS SIGN}", "-")


def _fraction(digits: str) -> Fraction:
    return Fraction(_SEPARATORS.sub("", digits))


def _equal_numbers(gold: Number, answer: Number) -> bool | None:
    if (gold.money and answer.percent) or (gold.percent and answer.money):
        return False
    readings = [(gold, answer)]
    if gold.percent != answer.percent:
        readings.append((_hundredth(gold), answer) if gold.percent else (gold, _hundredth(answer)))
    if any(left.value == right.value for left, right in readings):
        return True
    return None if any(_may_be_rounding(left, right) for left, right in readings) else False


def _hundredth(number: Number) -> Number:
    return Number(number.value / 100, None if number.places is None else number.places + 2, False)


def _may_be_rounding(left: Number, right: Number) -> bool:
    """Whether |left − right| < 10^−p: p = 6 places, or the decimal's own if fewer, for a fraction against a decimal."""
    places = ROUNDING_PLACES
    if (left.places is None) != (right.places is None):
        written = left.places or right.places
        if not written:
            return False
        places = min(places, written)
    return abs(left.value - right.value) < Fraction(1, 10**places)


def _only_words(text: str) -> bool:
    """Whether `text` is words without a digit or operator, none of which (`ln e`, `cos pi`) could make a number."""
    return _WORDS.fullmatch(text) is not None and _MATHS_WORDS.isdisjoint(text.lower().rstrip(".!?").split())
