r"""From text to tokens. One pattern, tried at each place once, so the time is linear; caps come first.

Numbers, `\text{…}`, sizes and spaces are read here and nowhere else. A run of letters without a meaning
in the table stays whole: whether it is a word, a unit or a product of symbols depends on where it
stands, which the parser knows.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from verigrad.answers.tables import (
    CARDINALS,
    COMMANDS,
    SUBSCRIPTS,
    SUPERSCRIPTS,
    TENS,
    UNICODE,
    UNITS,
    UPRIGHT,
    WORDS,
)
from verigrad.answers.tree import (
    LONGEST_LITERAL,
    LONGEST_TEXT,
    MOST_TOKENS,
    LimitExceeded,
    Unreadable,
)


class Token(NamedTuple):
    """`kind`: see `tables`, and letters, word (upright letters), begin, end, row. `spaced`: white space before."""

    kind: str
    text: str
    spaced: bool = False


END = Token("end of text", "")

_RAISED = re.compile("[⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁽⁾ⁿⁱ]+")
_LOWERED = re.compile("[₀₁₂₃₄₅₆₇₈₉₊₋ₐₑₓₙᵢⱼₖₘ]+")
_NOT_EQUAL = re.compile(r"\\not\s*=")
_PRIMES = re.compile(r"\^\s*\{(?:\s*\\prime)+\s*\}")
_DEGREE = re.compile(r"\^\s*\{\s*\\circ\s*\}")
_ESCAPED_TWICE = re.compile(r"\\\\(?=[a-zA-Z])")
_PRICE = re.compile(r"\s*[+-]?\s*\$\s*[-0-9.]")
_GAP = r"(?:\s?,\s?\\!\s?| ?\{\s?,\s?\}(?:\\!)? ?|\\[,;:! ]\s?|[~, ])"
_SEPARATED = rf"[1-9][0-9]{{0,2}}(?:{_GAP}[0-9]{{3}})+(?![0-9])"
_NUMBER = rf"(?:(?:{_SEPARATED}|[0-9]+)(?:\.[0-9]+|\.(?=/))?|\.[0-9]+)(?:[eE][+-]?[0-9]{{1,5}}(?![0-9A-Za-z]|\.[0-9]))?"
_TOKEN = re.compile(
    rf"(?P<number>{_NUMBER})"
    r"|(?P<letters>[A-Za-z]+)"
    r"|(?P<space>(?:\s|~|\\[,;:!>() ]|\\[\[\]](?![0-9]*(?:pt|ex|em|mm|cm)\])"
    r"|\\(?:quad|qquad|displaystyle|textstyle|scriptstyle|limits|nolimits|nonumber|hline|bf|rm|it|mathstrut)"
    r"(?![a-zA-Z])|\\(?:hspace|vspace|phantom|hphantom|label|tag|color)\s*\{[^{}]*\})+)"
    r"|\\(?:[bB]igg?[lrm]?|m?left|m?right|middle)(?![a-zA-Z])\s*(?P<size>\\?[{}]|\.)?"
    r"|\\(?P<upright>[a-zA-Z]+)\*?\s*\{(?P<inner>[^{}\\$]*)\}"
    r"|(?P<row>\\\\)(?:\s*\[[^\]]{0,20}\])?"
    r"|\\(?P<command>[a-zA-Z]+)\*?"
    r"|\\(?P<escaped>.)"
    r"|(?P<sign><=|>=|!=|==|\*\*|\.\.\.|[-+*/^_=<>(){}\[\]|,;:!'%&.€£¥₹?#$])"
    r"|(?P<foreign>[^\W\d_]+)"
    r"|(?P<other>.)",
    re.DOTALL,
)
_NOT_DIGITS = re.compile(r"[^0-9.eE+-]")
_SAME = {"!=": "≠", "==": "=", "**": "^"}
_OPENING, _CLOSING = frozenset({"(", "[", r"\{", "{", "⟨"}), frozenset({")", "]", r"\}", "}", "⟩"})
_SCALES = {"C": "celsius", "F": "fahrenheit"}


def tokens(text: str) -> list[Token]:
    """The tokens of an answer. LimitExceeded above the caps; Unreadable for a sign without a meaning."""
    if len(text) > LONGEST_TEXT:
        raise LimitExceeded(f"answer of {len(text)} characters")
    found: list[Token] = []
    text = _in_ascii(text)
    money = text.replace(r"\$", "").count("$") == 1 and _PRICE.match(text.replace(r"\$", ""))
    _read(text, found, bool(money), upright="")
    return found


def _in_ascii(text: str) -> str:
    if not text.isascii():
        text = _RAISED.sub(lambda run: f"^{{{run[0].translate(SUPERSCRIPTS)}}}", text)
        text = _LOWERED.sub(lambda run: f"_{{{run[0].translate(SUBSCRIPTS)}}}", text)
        text = text.translate(UNICODE)
    text = _NOT_EQUAL.sub(r"\\ne ", text) if r"\not" in text else text
    text = _PRIMES.sub(lambda run: "'" * run[0].count("prime"), text) if "prime" in text else text
    text = _DEGREE.sub(r"^\\circ ", text) if "circ" in text else text
    if "\\\\" in text and (r"\\begin" in text or r"\begin" not in text):
        text = _ESCAPED_TWICE.sub(r"\\", text).replace(r"\\\\", r"\\")
    stripped = text.rstrip()
    return stripped[:-1] if stripped.endswith("\\") else text


def _read(text: str, found: list[Token], money: bool, upright: str) -> None:
    """Appends the tokens of a text; `upright` is the command in whose braces it stands."""
    spaced, depth, position, match_at = bool(upright), 0, 0, _TOKEN.match
    while position < len(text):
        match = match_at(text, position)
        assert match is not None, "the last alternative takes anything"
        kind, position = match.lastgroup, match.end()
        if kind == "space" or (match[0] == "$" and not money):
            spaced = True
            continue
        if kind == "number":
            if depth and "," in match[0].replace("{,}", "").replace(r"\,", ""):  # there it separates
                position = match.start() + len(re.match("[0-9]+", match[0])[0])  # type: ignore[index]
            found.append(_number(text[match.start() : position], spaced))
        elif kind == "letters":
            position = _letters(match, found, spaced, upright)
        elif kind == "sign":
            sign = _SAME.get(match[0], match[0])
            depth += (sign in _OPENING) - (sign in _CLOSING)
            found.append(Token("sign", sign, spaced))
        elif kind == "inner":
            _braced(match["upright"], match["inner"], found, spaced)
        else:
            token = _other(match, spaced)
            if token is not None:
                depth += (token.text in _OPENING) - (token.text in _CLOSING)
                found.append(token)
        spaced = False
        if len(found) > MOST_TOKENS:
            raise LimitExceeded(f"more than {MOST_TOKENS} tokens")


def _number(text: str, spaced: bool) -> Token:
    if len(text) > LONGEST_LITERAL:
        raise LimitExceeded(f"a number of {len(text)} characters")
    return Token("number", _NOT_DIGITS.sub("", text), spaced)


def _letters(match: re.Match[str], found: list[Token], spaced: bool, upright: str) -> int:
    """Appends what a run of letters is; returns where it ends: `twenty-five` is one number, `a.m.` one unit."""
    run, end = match[0], match.end()
    known = WORDS.get(run) or (WORDS.get(run.lower()) if len(run) > 3 else None)
    if known is not None and known[0] == "number" and run.lower() in TENS:
        ones = re.compile(r"[- ]([a-z]+)").match(match.string, end)
        if ones is not None and 0 < CARDINALS.get(ones[1], 0) < 10:
            found.append(Token("number", str(TENS[run.lower()] + CARDINALS[ones[1]]), spaced))
            return ones.end()
    if run.lower() in ("a", "p") and match.string[end : end + 3].lower().replace(" ", "") in (".m", ".m."):
        found.append(Token("word", f"{run.lower()}m", spaced))
        return end + 3
    if run in _SCALES and any(token.text == "°" for token in found[-2:]):
        found.append(Token("word", _SCALES[run], spaced))
    elif known is not None and not (run in UNITS and _after_number(found)):
        found.append(Token(*known, spaced))
    else:
        found.append(Token("word" if upright.startswith(("text", "mbox")) else "letters", run, spaced))
    return end


def _after_number(found: list[Token]) -> bool:
    return bool(found) and _ends_value(found[-1])


def _ends_value(token: Token) -> bool:
    """Whether a unit may stand behind it."""
    return token.kind in ("number", "word") or token.text in (")", "}", "/", "pi")


def _braced(command: str, inner: str, found: list[Token], spaced: bool) -> None:
    r"""`\text{…}` and its like; for any other command the brace that follows is read on its own."""
    if command in ("begin", "end"):
        found.append(Token(command, inner.strip().strip("*"), spaced))
        return
    if command not in UPRIGHT:
        known = _command(command, spaced)
        if known is not None:
            found.append(known)
        found.append(Token("sign", "{"))
        _read(inner, found, False, "")
        found.append(Token("sign", "}"))
        return
    words = inner.strip()
    if command == "mathrm" and words.strip(" ~") in UNITS and found and _ends_value(found[-1]):
        command, words = "text", words.strip(" ~")
    _read(words, found, False, command)


def _command(name: str, spaced: bool) -> Token | None:
    if name in COMMANDS:
        return Token(*COMMANDS[name], spaced)
    if name in UPRIGHT:
        return None
    return Token("symbol", name.removeprefix("var"), spaced)


def _other(match: re.Match[str], spaced: bool) -> Token | None:
    kind = match.lastgroup
    if kind == "command":
        return _command(match["command"], spaced)
    if kind == "row":
        return Token("row", match[0], spaced)
    if kind == "foreign":
        return Token("word", match[0], spaced)
    if kind == "escaped" and match["escaped"] in "{}":
        return Token("sign", f"\\{match['escaped']}", spaced)
    if kind == "escaped" and match["escaped"] in "%$|&":
        return Token("sign", {"|": "‖"}.get(match["escaped"], match["escaped"]), spaced)
    if kind == "size":
        brace = match["size"]
        return None if brace == "." else Token("sign", f"\\{brace[-1]}", spaced)
    if kind is None:  # a size before another sign
        return None
    raise Unreadable(f"no meaning for {match[0]!r}")
