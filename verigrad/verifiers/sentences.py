r"""What may stand beside the number that a sentence states. All that is not known to leave the number alone refuses it.

Before it: a word, `=`, `≈`, the end of a clause, and what opens a quotation, a formula or bold type. After it: the end,
punctuation, what closes those, a unit (which is kept), or a word. Words that compute with it or deny it refuse it too.
"""

from __future__ import annotations

import re

from verigrad.verifiers.lexer import (
    AFTER_NUMBERS,
    FRACTION_WORDS,
    FUNCTIONS,
    MULTIPLIERS,
    OPERATOR_WORDS,
    SHORT_UNITS,
    UNIT_WORDS,
    UNITS,
)
from verigrad.verifiers.words import is_word

WINDOW = 240
"""Characters before and after a number that are looked at."""

LETTER = r"[^\W\d_²³¹¼-¾⁰-ₜ⅐-↉①-⓿]"
"""Of a word; `\\w` takes raised digits and fractions too."""

_NAMES = FUNCTIONS | {name.lower() for name in FUNCTIONS} | frozenset("pi sqrt frac theta alpha beta infty".split())
_DIGIT_WORDS = frozenset(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen".split()
)
_BEFORE = (
    frozenset(
        "negative minus plus times over than but versus root square squared cube cubed twice double triple thrice "
        "modulo mod choose power exponent add adding subtract subtracting factorial logarithm sine cosine tangent step "
        "equation theorem lemma exercise figure "
        "one two three four five six seven eight nine ten eleven twelve twenty thirty forty fifty sixty seventy eighty "
        "ninety menos moins plus fois mal más mais raíz raiz racine wurzel negativo negativa négatif negativ".split()
    )
    | FRACTION_WORDS
    | frozenset(MULTIPLIERS)
)
_COMPUTED = re.compile(
    r"(?:root|square|cube|half|third|thirds|quarters?|fourths?|fifths?|sixths?|eighths?|tenths?|double|triple|factorial|"
    r"log|logarithm|sine|cosine|tangent|sin|cos|tan|exponential|reciprocal|inverse|negative|opposite|power|multiples?|"
    r"factors?|divisors?|absolute value|percent|raíz(?: cuadrada)?|raiz(?: quadrada)?|racine(?: carrée)?|mitad|moitié)"
    r" (?:of|de|aus)$|(?:divided|multiplied|divisible|dividido|multiplicado|divisé|multiplié) (?:by|por|entre|par)$"
    r"|(?:raised|close|opposite|congruent) to$",
    re.IGNORECASE,
)
_DENIED = re.compile(
    r"(?:\b(?:not|never|no|neither|nor|without|except|cannot|nicht|kein|keine|pas|não|nunca|nie|non)|n['’]t)"
    r"(?: \w+){0,2}$",
    re.IGNORECASE,
)
_WRONG = re.compile(
    r"\b(?:wrong|incorrect|mistaken|no way|not (?:the|right|correct|true)|doubt(?:s|ed|ful)?|untrue|"
    r"(?:is|it['’]s) false|false that)\b",
    re.IGNORECASE,
)
_ASKED = re.compile(r"^\W*(?:is|are|was|were|does|do|did|can|could|would|should|will|has|have)\b", re.IGNORECASE)
_DENIES = re.compile(r"[^.!?\n]{0,40}\?\W*(?:no|nope|not|never|wrong)\b", re.IGNORECASE)
_ANSWER = r"(?:answer|result|solution|value)"
_OF_ANSWER = (
    r"(?:twice|half|double|triple|thrice|root|square|cube|third|quarter|negative|opposite|reciprocal|inverse|logarithm|"
    r"percent|%|multiple|power|minus|plus|times|negation|derivative|integral|conjugate|magnitude|modulus|complement|sine|"
    r"cosine|factorial)"
)
_SUBJECT_COMPUTES = re.compile(
    rf"\b{_OF_ANSWER}(?: of)? (?:the|this|that|my|our|your|its)(?: (?:final|correct|right))? {_ANSWER}s?\b"
    rf"|\b{_ANSWER} (?:squared|cubed|doubled|halved|tripled|plus|minus|times|divided|multiplied|modulo|mod|raised)\b"
    r"|\b(?:its|whose) (?:\w+ )?(?:root|square|cube|double|half|triple|reciprocal|inverse|negative|opposite)\b",
    re.IGNORECASE,
)
_SCRIPT_BEFORE = re.compile(r"(?:不是|不等于|不等於|负|負|减|減|乘|加|除以|根号|根號|マイナス)$")
_SCRIPT_AFTER = re.compile(r"(?:分之|次方|平方(?![米公厘千英])|百|的?倍|[の]?乗)")
_SCRIPT_MULTIPLIERS = {"万": 10**4, "萬": 10**4, "亿": 10**8, "億": 10**8}

_OPENING = re.compile(
    r"(?:\\[(,;:!]|\\\[|\\(?:text|textbf|textit|mathbf|mathrm|emph|boxed|fbox)\s*\{|\\(?:left|displaystyle|quad|qquad)"
    r"|(?<![A-Za-z0-9)\]}])(?:\*\*|__)|(?<![A-Za-z0-9)\]}\\])\(|[\"'“”„«»`「『（【$])$"
)
_CLOSED_WORD = re.compile(rf"(?:(?<![A-Za-z\\]){LETTER}+[)\]}}\"'”’»`$*]{{0,4}}|\*\*|[）」』】])$")
_APPROXIMATELY = re.compile(r"(?:≈|≅|≃|\\approx|\\Rightarrow|\\implies|⇒)$")
_CLOSING = re.compile(r"\\[)\],;:!]|\\right|\*\*|__|[)\]}\"”’»`」』）】$]")
_WORD = re.compile(rf"{LETTER}+(?:['’]{LETTER}+)?$")
_NEXT_WORD = re.compile(rf"{LETTER}+(?:['’]{LETTER}+)?")
_TEXT = re.compile(r"\s*(?:\\(?:text|mathrm|textrm|mbox|rm|textbf)\s*\{)?\s*")
_SIGN_AFTER = re.compile(
    r"\s*(?:\\?%|\\\$|\$(?=[\s.,;:!?*)]|$)|[€£¥₹]|\^\s*\{?\s*\\circ\s*\}?(?:\s?[CF]\b)?|°(?:\s?[CF]\b)?)"
)
COINS = frozenset({r"\$", "€", "£", "¥", "₹"})
_SIGNS = {sign: sign for sign in (r"\%", *COINS)} | {"%": r"\%", "$": r"\$"}
_SCALES = {"C": "celsius", "F": "fahrenheit"}
_POWER = re.compile(r"\}?\s*(?:[²³]|\^\s*\{?\s*[23]\s*\}?)")
_RATE = re.compile(r"\s*(?:/|per )\s*([A-Za-z]+)\b")
_SPACE = re.compile(r"\s+|~")
_PICTURE = re.compile("[\u2600-\u27bf\U0001f300-\U0001faff]")
_FULL_STOP = re.compile(r"\.(?:$|[\s)\]}\"”’»*$]|[A-Z][a-z])")
_DASH = re.compile(r"[-–—]+\s+([A-Za-z]{2,})\s+([A-Za-z]+)")
_COMPUTES_AFTER = re.compile(
    rf"to (?:the )?(?:(?:{'|'.join(sorted(FRACTION_WORDS))}|second|first|\w+th)\b|.{{0,40}}power)"
    rf"|(?:times|of|percent|by|plus) (?:(?:{'|'.join(sorted(_NAMES))})\b|the (?:square |cube )?root)"
    rf"|(?:times|point|base|below|root) (?:{'|'.join(sorted(_DIGIT_WORDS))})\b|below zero|less than|root\b|base\b"
)
_SYMBOL_NEXT = re.compile(r"[\s}]*(?:\\|\$?[A-Zb-z]\b|[(|√])")
_ARTICLE = re.compile(r" a\b")
_JOINING = frozenset({"and", "et", "und", "y", "e"})
_NUMERALS = frozenset("a an one two three four five six seven eight nine ten media medio demi demie un una".split())
_SUM_OF_NAMES = re.compile(r"[a-wA-W](?:\s*\+\s*[a-wA-W])+")
"""m + n, as problems ask for: a quantity with a name. x + y = 3 is a line."""

_NUMBERED = re.compile(r"\b(?:step|question|problem|part|case) [0-9]{1,3}$", re.IGNORECASE)
_COMPOUND = re.compile(r"-([a-z]+)")
_KINDS = (
    ("year", "month", "week", "day", "h", "min", "s"),
    ("mi", "yd", "ft", "in"),
    ("km", "m", "cm", "mm"),
    ("kg", "g"),
    ("lb", "oz"),
    ("L", "mL"),
    ("$", "¢"),
    ("€", "¢"),
)
"""Units of one kind, the largest first."""

_PREPOSITIONS = frozenset({"in", "am"})
_AFTER = OPERATOR_WORDS | FRACTION_WORDS | _NAMES


def leaves_alone(before: str) -> bool:
    """Whether what stands before a number leaves it alone."""
    window = before[-WINDOW:]
    bare = _opened(window.rstrip())
    if not bare:
        return len(before) <= WINDOW
    if bare.endswith("="):
        return re.search(r"(?:[<>!≠~/]|\\not|\\neq?)\s*$", bare[:-1]) is None
    if _APPROXIMATELY.search(bare) or bare[-1] in "。，：；！？、।،؟":
        return True
    if bare[-1] in ".?!":
        return bare != window
    if bare[-1] in ",;:→" or bare.endswith("=>"):
        return _is_clause(bare.removesuffix("=>") if bare.endswith("=>") else bare[:-1])
    return _is_plain(re.sub(r"(?<=[^\W\d_])[)\"”’»`*]{1,3}$", "", bare), glued=bare == window)


def _is_clause(text: str) -> bool:
    """Whether a text ends with a word: not with a letter that stands alone."""
    text = text.rstrip()
    symbol = re.search(r"(?:^|[^A-Za-z])[A-Za-z][)\]}$]*$", text)
    if _NUMBERED.search(text):
        return True
    return _CLOSED_WORD.search(text) is not None and symbol is None


def _is_plain(text: str, glued: bool) -> bool:
    """Whether a text ends with a word that neither computes nor denies."""
    if 0x400 <= ord(text[-1]) < 0x1D000 and text[-1].isprintable() and not 0x2000 <= ord(text[-1]) < 0x2E80:
        return _SCRIPT_BEFORE.search(text) is None
    run = _WORD.search(text)
    if run is None or glued or text[run.start() - 1 : run.start()] in ("\\", "_", "^"):
        return False
    word = run[0]
    if len(word) == 1:
        return word in ("a", "A") or "À" <= word <= "ɏ"
    if word in _NAMES or word.lower() in _BEFORE or not is_word(word):
        return False
    if word.lower() in _JOINING and not _is_clause(text[: run.start()]):
        return False
    return _COMPUTED.search(text) is None and _DENIED.search(text) is None


def is_wrong(before: str, after: str = "", rest: str = "") -> bool:
    """Whether the sentence around a number calls something wrong, denies its question, or tells of the answer's root.

    `rest` is what of `after` belongs to the sentence.
    """
    if _WRONG.search(before + rest) or _SUBJECT_COMPUTES.search(before):
        return True
    return _ASKED.match(before) is not None and _DENIES.match(after) is not None


def left_side(before: str) -> str:
    r"""What is equal to the number, where it has letters that are no words: `x` of "so we get x = 5"; else ""."""
    window = before[-WINDOW:].rstrip()
    side = _opened(window)
    if not side.endswith("="):
        return ""
    side = re.split(r"[.?!;:,。，：；]\s|\n", side[:-1])[-1]
    start = 0
    for run in re.finditer(r"(?<![\\\w{^])[^\W\d_]{2,}(?![\w(²³])", side):
        word = run[0]
        if is_word(word) and word not in _NAMES and not (word.isupper() and len(word) < 5 and word.isascii()):
            start = run.end()
    side = re.sub(r"(?<![A-Za-z])m?\\(?:angle|triangle)\s", " ", side[start:]).replace("$", " ").strip(" *\"'")
    if _SUM_OF_NAMES.fullmatch(side):
        return ""
    plain = re.sub(r"\\(?:[dt]?frac|times|cdot|div|left|right|approx|text|[(\[,;:! ])", " ", side)
    plain = re.sub(r"(?<=\d)\s+(?:g|m|s|h|L|l|t|[a-z]{2,3})\b", " ", plain)
    return side if re.search(r"[A-Za-z\\α-ω|√]", plain) else ""


def _opened(text: str) -> str:
    """The text without what opens the number at its end: brackets, quotation marks, delimiters."""
    for _ in range(8):
        shorter = _OPENING.sub("", text)
        if shorter == text:
            break
        text = shorter.rstrip()
    return text


# After the number


def what_follows(after: str) -> tuple[int, str] | None:
    r"""What a number is multiplied by and its unit, as LaTeX: (1, ""), (10⁶, `\$`); None where it is not left alone."""
    rest, factor, unit = after[:WINDOW], 1, ""
    start = _next_word(rest, 0)
    if start is not None and start[0].lower() in MULTIPLIERS and start.start():
        factor = MULTIPLIERS[start[0].lower()]
        rest = rest[start.end() :]
    elif start is not None and start[0][0] in _SCRIPT_MULTIPLIERS:
        factor, rest = _SCRIPT_MULTIPLIERS[start[0][0]], rest[start.start() + 1 :]
    if sign := _SIGN_AFTER.match(rest):
        unit = _SIGNS.get(sign[0].strip()[:2], _SIGNS.get(sign[0].strip()[0], r"^\circ"))
        if sign[0][-1] in "CF" and unit == r"^\circ":
            unit = rf"\text{{{_SCALES[sign[0][-1]]}}}"
        rest = rest[sign.end() :]
    else:
        unit, rest = _words_of_unit(rest)
    return (factor, unit) if _ends(rest) or (unit and _ARTICLE.match(rest)) else None


def is_finer(after: str, between: str) -> bool:
    """Whether a number goes on with its finer unit: `2 hours 30 minutes`, `5 feet 6 inches`."""
    coarse, fine = _next_word(between, 0), _next_word(after[:WINDOW], 0)
    if coarse is None or fine is None or re.search(r"\w", between[coarse.end() :]):
        return False
    one, other = (UNITS.get(found[0].lower(), found[0]) for found in (coarse, fine))
    return any(one in kind and other in kind and kind.index(one) < kind.index(other) for kind in _KINDS)


def _next_word(text: str, at: int) -> re.Match[str] | None:
    opened = _TEXT.match(text, at)
    assert opened is not None
    return _NEXT_WORD.match(text, opened.end())


def _words_of_unit(text: str) -> tuple[str, str]:
    """The unit that a text begins with, as LaTeX, and the rest."""
    words, found = "", _next_word(text, 0)
    while found is not None and found[0] in UNIT_WORDS - {"per"}:
        words, found = f"{words} {found[0]}", _next_word(text, found.end() + text.startswith(".", found.end()))
    if found is None or not _is_unit(found[0]):
        return "", text
    rest = text[found.end() :]
    raised = _POWER.match(rest)
    if len(found[0]) == 1 and not found.start() and not raised:  # `5m` is a product, `5 m` a length
        return "", text
    unit = rf"\text{{{words} {found[0]}}}"
    rate = _RATE.match(rest)
    if rate and _is_unit(rate[1]) and not words:
        return rf"\text{{{found[0]}/{rate[1]}}}", rest[rate.end() :]
    if raised:
        unit, rest = f"{unit}^{3 if '3' in raised[0] or '³' in raised[0] else 2}", rest[raised.end() :]
    return unit, rest


def _is_unit(word: str) -> bool:
    known = word in UNITS or word.lower() in UNITS or word in SHORT_UNITS or word in AFTER_NUMBERS
    return known and word not in _PREPOSITIONS


def _ends(text: str) -> bool:
    """Whether what follows a number and its unit begins with nothing that could compute with it."""
    spaced = False
    while closing := _CLOSING.match(text) or _SPACE.match(text):
        spaced = spaced or closing[0].isspace()
        if "\n" in closing[0]:
            return True
        text = text[closing.end() :]
    if not text or text[0] in "?。！？；：，।،؟" or text.startswith(("</", "<|")) or _PICTURE.match(text):
        return True
    if text[0] == ".":
        return _FULL_STOP.match(text) is not None
    if text[0] in ",;:":
        rest = text[1:].lstrip()
        return not rest or rest.startswith("not ") or bool(_CLOSING.match(rest)) or _continues(rest, spaced=True)
    if text[0] in "(（":
        return (spaced or text[0] == "（") and _continues(text[1:], spaced=True)
    if dash := _DASH.match(text):
        return spaced and is_word(dash[1]) and is_word(dash[2]) and dash[1].lower() not in _BEFORE
    if compound := _COMPOUND.match(text):
        return len(compound[1]) > 4 or _is_unit(compound[1])
    if rate := _RATE.match(text):
        return _is_unit(rate[1])
    return _continues(text, spaced)


def _continues(text: str, spaced: bool) -> bool:
    """Whether a text goes on with a word that leaves the number before it alone."""
    found = _next_word(text, 0)
    if found is None:
        return False
    word, rest = found[0], text[found.end() :]
    if ord(word[0]) >= 0x400:
        return _SCRIPT_AFTER.match(word) is None
    if len(word) == 1:
        return spaced and ((word == "a" and re.match(r" [a-z]{2}", rest) is not None) or "À" <= word <= "ɏ")
    if not (spaced or found.start()):
        return len(word) > 4
    if word.lower() in _JOINING:
        following = _next_word(rest, 0)
        return following is not None and following[0] not in _NUMERALS and _continues(rest, spaced=True)
    if _COMPUTES_AFTER.match(text, found.start()):
        return False
    if word in ("times", "of", "percent") and _SYMBOL_NEXT.match(rest):
        return False
    return word.lower() not in _AFTER and word not in _AFTER and (is_word(word) or word in UNITS)
