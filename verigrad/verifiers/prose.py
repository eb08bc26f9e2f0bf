r"""The number that a sentence states, or a whole solution ends with. One candidate, or none: sentences do not hedge.

The candidate is the last number; a rounding after `≈` counts for less than a number before it. It is refused where
what stands beside it does not leave it alone (`sentences`), or where a connective or a comma joins it to the number
before it (`3 or 4`, `from 3 to 4`).
"""

from __future__ import annotations

import re
from fractions import Fraction

from verigrad.verifiers.exact import equal
from verigrad.verifiers.lexer import COUNTED, FUNCTIONS, UNIT_WORDS, UNITS
from verigrad.verifiers.sentences import COINS, is_finer, is_wrong, leaves_alone, left_side, what_follows
from verigrad.verifiers.spelling import GLUED

LONGEST_PROSE = 4000
"""Characters that are looked at, from the end."""

_WHOLE = r"(?:[1-9][0-9]{0,2}(?:(?:,[0-9]{3})+|(?: [0-9]{3})+)(?![0-9])|[0-9]+)"
_COUNT = rf"{_WHOLE}(?:[.,][0-9]+(?:[eE][+-]?[0-9]{{1,3}}\b)?)?|\.[0-9]+"
_LAST = re.compile(
    r"(?P<number>(?:[0-9]{1,20}\s*)?\\[dt]?frac\s?\{-?[0-9]{1,20}\}\s?\{[0-9]{1,20}\}"
    r"|[0-9]{1,9}(?: : [0-9]{1,9}|:[0-9]{1,9}){1,4}"
    rf"|(?:[0-9]{{1,20}} )?[0-9]{{1,20}}/[0-9]{{1,20}}(?![0-9.,]*/)|{_COUNT})"
)
_SIGN = re.compile(r"(?P<outer>[-+]?)(?P<coin>(?:\b(?:US|[A-Z]))?\\?\$ ?|[€£¥₹] ?)?(?P<inner>[-+]?)$")
_COINS = {"$": r"\$", r"\$": r"\$", r"US$": r"\$", r"US\$": r"\$"} | {sign: sign for sign in "€£¥₹"}
_DOLLARS = re.compile(r"\\\$")
_DELIMITED = re.compile(r"(?:\s|\\[a-zA-Z]+\s*(?:\{[^{}$]*\})?|\\.|[.,^{}°%])*\$")
_JOINED = re.compile(
    r"\b(?:maybe|perhaps|could|possibly|might|either|or|and|to|through|versus|vs|ou|et|oder|und|bis|o|y)\b|或|和|到|^\s*[,;~–-]\s*$",
    re.IGNORECASE,
)
_RELATED = re.compile(
    r"\b(?:out of|for every|remainder|attained|instead|as well as|else|if|when|where)\b"
    r"|\bat (?:\$?\s*[a-zA-Z]\s*=|\W*$)"
    r"|\b(?:in )?base\W*$|^[^\w.]*(?:\w+[^\w.]+)?(?:of|in|by)(?: the| every)?[\s$]*$",
    re.IGNORECASE,
)
"""Between two numbers of a sentence: the second tells more of the first."""

_RAISED_UNIT = re.compile(r"\s?(?:\\(?:text|mathrm)\s?\{)?\s?[a-zA-Z]{1,12}\s?\}?\s?\^\s?\{?\s?")
_EQUATED = re.compile(r"\s*\$?\s*(?:(=)|≈|\\approx)\s*\$?\s*")
_PLAINER = str.maketrans(
    {**dict.fromkeys("−–‐‑‒﹣－", "-"), **dict.fromkeys("\u00a0\u2007\u2009\u202f\u3000", " "), "⁄": "/", "％": "%"}
)
_THIN = re.compile(r"(?<=[0-9])(?:\\[,;:! ]|~)\s*(?=[0-9]{3}(?![0-9]))")
_COMMA = re.compile(r"(?<=[0-9])(?: ?\{,\}(?:\\!)? ?|,\\!\s*)(?=[0-9]{3}(?![0-9]))")
_UNSEEN = re.compile(r"\\(?:hspace|vspace|phantom|hphantom|label|tag|color|ref|cite)\s*\{[^{}]*\}")
_SENTENCE = re.compile(r"[.!?。！？।\n](?=\s|$|[^0-9])")
_FULL_STOP = re.compile(r"[.!?](?=\s)|[。！？\n]")
_SAYS = re.compile(r"\banswers?\s*(?:\*\*)?\s*(?:is|are|was|=|:)", re.IGNORECASE)
_TAKEN_BACK = re.compile(
    r"\b(?:wait|actually|instead|wrong|incorrect|mistaken?|correct(?:ion|ed)?|sorry|oops|but|however|no|nope|not|rather|false|or|"
    r"maybe|perhaps|recheck|double-check|alternatively)\b",
    re.IGNORECASE,
)
_ENVIRONMENT = re.compile(r"\\(?:begin|end)\s*\{[a-zA-Z]{1,20}\}")
_OPENING = re.compile(
    r"\W*(?:so|hence|thus|therefore|answer|about|around|roughly|approximately|approx|yes|ok|okay|finally|total|ans)\b"
    r"|≈|≅|\$?\\approx",
    re.IGNORECASE,
)
_RUN = re.compile(r"[^\W\d_]+")
_NOT_PROSE = (
    FUNCTIONS
    | frozenset(UNITS)
    | UNIT_WORDS
    | COUNTED
    | {"pi", "or", "and", "sqrt", "frac", "dfrac", "left", "right", "boxed"}
)


def is_prose(text: str) -> bool:
    """Whether the text has words of a language: two at least, or one in a script other than Latin and Greek."""
    return count_words(text, 2) > 1


def is_sentence(text: str) -> bool:
    """Whether the text is prose, or begins as a sentence does: `So $12$`, `about 12`, `≈ 12`."""
    return _OPENING.match(text) is not None or is_prose(text)


def count_words(text: str, enough: int = 2) -> int:
    """Words of a language, mathematical names and units apart, up to `enough`; one of another script counts as many."""
    count = 0
    text = GLUED.sub(r" \1 ", _ENVIRONMENT.sub(" ", text[-LONGEST_PROSE:]))
    for run in _RUN.finditer(text):
        word = run[0]
        if not word.isascii():
            other = any(ord(letter) >= 0x400 for letter in word)
            count += enough if other else len(word) > 1 or word in "àáèéêíóò"
        elif len(word) > 1 and word not in _NOT_PROSE and text[run.start() - 1 : run.start()] != "\\":
            count += 1
        if count >= enough:
            break
    return count


def stated_number(text: str) -> str | None:
    r"""What a text states last, as an answer: `5`, `-\$3`, `5\text{ km}`, `x = 5`; None if no number stands alone."""
    text = _UNSEEN.sub(" ", text[-LONGEST_PROSE:].translate(_PLAINER))
    text = _answered(_COMMA.sub(",", _THIN.sub(" ", text)))
    found = list(_LAST.finditer(text))
    if len(found) > 1 and _RAISED_UNIT.fullmatch(text, found[-2].end(), found[-1].start()):
        found.pop()
    if not found:
        return None
    last = found[-1]
    if len(found) > 1:
        before = found[-2]
        between = text[before.end() : last.start()]
        if not _SENTENCE.search(between) and (
            _JOINED.search(between) or _RELATED.search(between) or is_finer(text[last.end() :], between)
        ):
            return None
        if (equated := _EQUATED.fullmatch(between)) and (earlier := _alone(text, before, equated=True)) is not None:
            if equated[1] is None:
                return earlier
            if equal(earlier, last["number"]) is not True:
                return None
    return _alone(text, last)


def _answered(text: str) -> str:
    """The text up to the end of the last sentence with "answer is", if that holds a number and is not taken back."""
    says = list(_SAYS.finditer(text))
    end = _FULL_STOP.search(text, says[-1].end()) if says else None
    if end is None or _TAKEN_BACK.search(text, end.end()) or not re.search("[0-9]", text[says[-1].end() : end.start()]):
        return text
    return text[: end.end()]


def _alone(text: str, number: re.Match[str], equated: bool = False) -> str | None:
    """The number with its sign, unit and name, where it is left alone; `equated` says that a relation follows it."""
    before, after = text[: number.start()], "" if equated else text[number.end() :]
    if re.search(r"(?<!\*)\*$", before) and re.match(r"\*(?!\*)", after):
        before, after = before[:-1], after[1:]
    signs = _SIGN.search(before)
    assert signs is not None
    coin = (signs["coin"] or "").strip()
    if coin.endswith("$") and (equated or _DELIMITED.match(after)):
        coin, after = "", after.replace("$", " ", 1)
    elif re.match(r"[\s}.,]*(?<!\s)\$", after) and _DOLLARS.sub("", text[: number.start()]).count("$") % 2:
        after = after.replace("$", " ", 1)  # the end of a formula
    before = before[: signs.start()]
    minus = "-" if "-" in (signs["outer"], signs["inner"]) else ""
    glued = before[-1:].isalnum() or before[-1:] in (")", "]", "}", "_", "^", "\\")
    if (signs["outer"] and signs["inner"]) or (glued and (signs["outer"] or coin)) or not leaves_alone(before):
        return None
    digits, followed = _digits(number["number"]), what_follows(after)
    pair = before.endswith("(") and "," in number["number"]
    if followed is None or pair or is_wrong(_SENTENCE.split(before)[-1], after, _SENTENCE.split(after)[0]):
        return None
    factor, unit = followed
    if factor > 1:
        if not re.fullmatch(r"[0-9,]*\.?[0-9]+", digits):
            return None
        digits = str(Fraction(digits.replace(",", "")) * factor)
    coin, unit = (unit, "") if unit in COINS else (_COINS.get(coin, ""), "" if coin else unit)
    side = left_side(before)
    return f"{side} = {minus}{coin}{digits}{unit}" if side else f"{minus}{coin}{digits}{unit}"


def _digits(number: str) -> str:
    """The number as answers are written: a decimal comma is a point, spaces between thousands are left out."""
    if re.fullmatch(r"[0-9]+,[0-9]+", number) and not re.fullmatch(r"[1-9][0-9]{0,2},[0-9]{3}", number):
        return number.replace(",", ".")
    return number.replace(" ", "") if re.fullmatch(r"[0-9 .]+", number) else number
