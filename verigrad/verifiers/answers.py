r"""From an answer's text to its tree: lists, relations, sets, ratios, measures and words, over `parser`'s expressions.

answer   = statement (("," | ";" | "and" | "or") statement)*
statement = side (("=" | "<" | "≤" | "∈" | …) side)*
side     = element (("∪" | "∩" | "∖") element)*
element  = words | sum (":" sum)* [unit]
"""

from __future__ import annotations

import re
from fractions import Fraction

from verigrad.verifiers.cursor import is_condition
from verigrad.verifiers.expression import (
    Call,
    Collection,
    LimitExceeded,
    Measure,
    Node,
    Number,
    Relation,
    Unreadable,
    Words,
    check_size,
)
from verigrad.verifiers.lexer import (
    FRACTION_WORDS,
    FUNCTIONS,
    MULTIPLIERS,
    OPERATOR_WORDS,
    SCALES,
    UNIT_WORDS,
    tokens,
    unit_name,
)
from verigrad.verifiers.parser import Parser

MOST_ITEMS = 200
"""Elements of a list, set or matrix that is read."""

RELATIONS = frozenset({"=", "<", ">", "<=", ">=", "≠", "≈", "∈", "≡", "≅"})
_CONNECTED = {"or": "∪", "and": "∩"}
"""What joins inequalities into one set of numbers."""

_SEPARATORS = (",", ";", *_CONNECTED)

_TEXT = re.compile(r"\\(?:text|textbf|textit|textrm|textnormal|mbox|mathrm|mathbf|mathit|boldsymbol)\s*\{([^{}]*)\}")
_PLAIN_WORDS = re.compile(r"[^\W\d_]+(?:[ '’\-][^\W\d_]+)*")
_RAISED = {"square": 2, "sq": 2, "cubic": 3, "cu": 3, "squared": 2, "cubed": 3}
_SHORT_WORDS = frozenset({"no", "yes"})


def read(text: str) -> Node:
    """The tree of an answer. Unreadable where the text is not in the grammar, LimitExceeded where it is too large."""
    words = plain_words(text)
    if words is not None:
        return Words(words)
    parser = Parser(tokens(text), items)
    while parser.takes("."):
        pass
    found = items(parser)
    while parser.takes(".", "?", *_SEPARATORS):
        pass
    if parser.next.kind != "end of text" or not found:
        raise Unreadable(f"{parser.next.text!r} is left over")
    tree = found[0] if len(found) == 1 else Collection("", tuple(found))
    check_size((tree,))
    return tree


def plain_words(text: str) -> str | None:
    r"""Words, in lower case and without `\text`, if that is all there is: letters, no digits, no mathematical names."""
    bare = _TEXT.sub(r"\1", text[:2000]) if "\\" in text else text[:2000]
    bare = bare.strip().rstrip("\\").strip("$.()*!\"'“” ").strip()
    if not bare or len(text) > 2000 or not _PLAIN_WORDS.fullmatch(bare):
        return None
    runs = re.findall(r"[^\W\d_]+", bare)
    if any(run in FUNCTIONS or run in ("pi", "inf", "infty", "infinity", "sqrt") for run in runs):
        return None
    longest = max(runs, key=len)
    if (len(longest) < 3 or not re.search("[aeiouyAEIOUY]|[^A-Za-z]", longest)) and bare.lower() not in _SHORT_WORDS:
        return None
    return " ".join(bare.casefold().split())


def items(parser: Parser) -> list[Node]:
    """Statements up to what closes them; inequalities that `or` or `and` joins are one."""
    found: list[Node] = []
    connectives: set[str] = set()
    while parser.takes(*_SEPARATORS):
        pass
    while True:
        found.append(_statement(parser))
        if len(found) > MOST_ITEMS:
            raise LimitExceeded(f"more than {MOST_ITEMS} items")
        if not parser.sees(*_SEPARATORS):
            return _connected(found, connectives)
        while parser.sees(*_SEPARATORS):
            connectives.add(parser.take().text)
        if parser.next.text in (")", "]", "}", r"\}", "", "."):
            return _connected(found, connectives)


def _connected(found: list[Node], connectives: set[str]) -> list[Node]:
    signs = connectives & set(_CONNECTED)
    if len(found) < 2 or len(signs) != 1 or not all(map(is_condition, found)):
        return found
    node = found[0]
    for one in found[1:]:
        node = Call(_CONNECTED[next(iter(signs))], (node, one))
    return [node]


def _statement(parser: Parser) -> Node:
    sides, operators = [_side(parser)], []
    while parser.next.text in RELATIONS and parser.next.kind == "sign":
        operators.append(parser.take().text)
        sides.append(_side(parser))
    return Relation(tuple(operators), tuple(sides)) if operators else sides[0]


def _side(parser: Parser) -> Node:
    node = _element(parser)
    while parser.sees("∪", "∩", "∖"):
        node = Call(parser.take().text, (node, _element(parser)))
        if parser.at > MOST_ITEMS * 5:
            raise LimitExceeded("a long union")
    return node


def _element(parser: Parser) -> Node:
    if parser.next.kind == "words":
        return Words(" ".join(_words(parser)).casefold())
    node = parser.sum()
    parts = [node]
    while parser.takes(":"):
        parts.append(parser.sum())
    if len(parts) > 1:
        node = Call(":", tuple(parts))
    return _measured(parser, node)


def _words(parser: Parser) -> list[str]:
    found = []
    while parser.next.kind == "words":
        found.append(parser.take().text)
    return found


def _measured(parser: Parser, node: Node) -> Node:
    r"""A value followed by words: its unit, names with their powers. `cm^2` is "cm2", `square cm` too, `km/h` "km h-1".

    Words such as "million" after the number multiply it; other words are kept, those that would compute are Unreadable.
    """
    powers: dict[str, int] = {}
    name, sign, raised = "", 1, 1
    while parser.next.kind == "words" or (powers and parser.sees("/")):
        if parser.takes("/"):
            sign = -1
            if parser.next.kind != "symbol":
                continue
        word = parser.take().text
        if word in UNIT_WORDS:
            sign, raised = (-1, raised) if word == "per" else (sign, _RAISED[word])
            continue
        if word in _RAISED and powers:
            powers[name] *= _RAISED[word]
            continue
        if word.lower() in MULTIPLIERS and not powers:
            node = Call("*", (node, Number(Fraction(MULTIPLIERS[word.lower()]))))
            continue
        name = unit_name(word)
        computes = word.lower() in OPERATOR_WORDS or word.lower() in FRACTION_WORDS
        if computes or (word.lower() in SCALES and not powers) or (name == "%" and "%" in powers):
            raise Unreadable(f"{word!r} after a value")
        if name in ("°C", "°F"):
            powers.pop("°", None)
        powers[name] = powers.get(name, 0) + sign * raised * _unit_power(parser)
        sign, raised = 1, 1
    if "mph" in powers:
        powers |= {"mi": 1, "h": -1}
        del powers["mph"]
    unit = " ".join(f"{one}{'' if power == 1 else power}" for one, power in powers.items())
    return Measure(node, unit) if powers else node


def _unit_power(parser: Parser) -> int:
    """The exponent that follows a unit, 1 without one."""
    if not parser.takes("^"):
        return 1
    minus = -1 if parser.takes("-") else 1
    index = parser.argument()
    if isinstance(index, Call) and index.name == "neg":
        minus, index = -minus, index.arguments[0]
    if not isinstance(index, Number) or index.value.denominator != 1 or abs(index.value) > MOST_ITEMS:
        raise Unreadable("a power of a unit that is no integer")
    return minus * int(index.value)


__all__ = ["MOST_ITEMS", "RELATIONS", "plain_words", "read"]
