r"""The number that a sentence states, or a whole solution ends with. One candidate, or none: sentences do not hedge.

The candidate is the last number. It is refused where it is part of an expression (`x^2`, `3 + 4`, `f(4)`, `2x`), or
where a connective or a comma joins it to the number before (`3 or 4`, `from 3 to 4`).
"""

from __future__ import annotations

import re

from verigrad.verifiers.lexer import COUNTED, FUNCTIONS, UNIT_WORDS, UNITS
from verigrad.verifiers.spelling import GLUED

LONGEST_PROSE = 4000
"""Characters that are looked at, from the end."""

_COUNT = r"(?:[1-9][0-9]{0,2}(?:,[0-9]{3})+(?![0-9])|[0-9]+)(?:[.,][0-9]+)?|\.[0-9]+"
_LAST = re.compile(
    rf"(?P<number>\\[dt]?frac\s?\{{-?[0-9]{{1,20}}\}}\s?\{{[0-9]{{1,20}}\}}|(?:{_COUNT})(?:/[0-9]{{1,20}}(?![0-9.,]*/))?)"
)
_JOINED = re.compile(
    r"\b(?:maybe|perhaps|possibly|might|either|or|and|to|through|versus|vs|ou|et|oder|und|bis|o|y)\b|或|和|到|^\s*[,;~–-]\s*$",
    re.IGNORECASE,
)
_SENTENCE = re.compile(r"[.!?。！？।\n](?=\s|$|[^0-9])")
_ENVIRONMENT = re.compile(r"\\(?:begin|end)\s*\{[a-zA-Z]{1,20}\}")
_RUN = re.compile(r"[^\W\d_]+")
_NOT_PROSE = (
    FUNCTIONS
    | frozenset(UNITS)
    | UNIT_WORDS
    | COUNTED
    | {"pi", "or", "and", "sqrt", "frac", "dfrac", "left", "right", "boxed"}
)
_SHORT_UNITS = frozenset("g m s h L l t € $ % ° ²".split())


def is_prose(text: str) -> bool:
    """Whether the text has words of a language: two at least, or one in a script other than Latin and Greek."""
    return count_words(text, 2) > 1


def count_words(text: str, enough: int = 2) -> int:
    """Words of a language, mathematical names and units apart, up to `enough`; one of another script counts as many."""
    count = 0
    text = GLUED.sub(r" \1 ", _ENVIRONMENT.sub(" ", text[-LONGEST_PROSE:]))
    for run in _RUN.finditer(text):
        word = run[0]
        if not word.isascii():
            other = any(ord(letter) >= 0x400 for letter in word)
            count += enough if other else len(word) > 1
        elif len(word) > 1 and word not in _NOT_PROSE and text[run.start() - 1 : run.start()] != "\\":
            count += 1
        if count >= enough:
            break
    return count


_SAID = re.compile(r"\b(?:is|are|be|was|equals|gives|to)\s+[-−]$")


def stated_number(text: str) -> str | None:
    """The last number of a text, with its sign, where it stands by itself; else None."""
    text = text[-LONGEST_PROSE:]
    found = list(_LAST.finditer(text))
    if not found:
        return None
    last = found[-1]
    before, after = text[: last.start()], text[last.end() :]
    sign = ""
    if before.endswith(("-", "−")) and (_SAID.search(before) or not re.search(r"[\w)}]\s*[-−]$", before)):
        before, sign = before[:-1], "-"
    if _is_part(before, after):
        return None
    if len(found) > 1:
        between = text[found[-2].end() : last.start()]
        if _JOINED.search(_SENTENCE.split(between)[-1]) and not _SENTENCE.search(between):
            return None
    return sign + last["number"].rstrip(",")


def _is_part(before: str, after: str) -> bool:
    """Whether what stands around a number makes it part of an expression or a word."""
    close = before[-1:]
    if close and (close in "^_{[\\.:" or (close.isalnum() and ord(close) < 0x2E80)):
        return True
    if before.rstrip()[-1:] in ("+", "*", "/", "×", "÷", "·", "-", "−", "<", ">", "^", "~"):
        return not before.rstrip().endswith("**")
    if re.search(r"[A-Za-z]\($", before) or re.search(r"\\[a-zA-Z]+\s*$", before):
        return re.search(r"\\(?:approx|quad|qquad|text|mathbf)\s*$", before) is None
    follows = re.match(r"\s*\**\s*(\S?)", after)
    assert follows is not None
    if follows[1] and follows[1] in "^_+*/×÷·<>={[(!":
        return not (follows[1] in "([" or after.lstrip().startswith("*"))
    run = re.match(r"\s*([A-Za-z]+)", after)
    if run is None:
        return False
    word = run[1]
    return (
        len(word) < 3
        and word not in UNITS
        and not (word in _SHORT_UNITS and not after[:1].isalpha())
        and not (after[:1].isalpha() and after[run.end() : run.end() + 1] in ("²", "³"))
        and not (after[:1] == " " and len(word) == 2)
    )
