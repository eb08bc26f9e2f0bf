"""A position in a list of tokens: taking them, looking ahead, and reading units and the trees of literals and names."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from fractions import Fraction

from verigrad.answers.lexer import END, Token
from verigrad.answers.tables import BARE_UNITS, DEGREE, DOLLAR, MOST_UNIT_POWER, NO_UNIT, PERCENT, RAISED, UNITS, Unit
from verigrad.answers.tree import (
    DEEPEST,
    LONGEST_LITERAL,
    Applied,
    Call,
    Group,
    LimitExceeded,
    Measure,
    Node,
    Number,
    Relation,
    Symbol,
    Unreadable,
    Words,
    mapped,
)

LOWEST, SETS, RATIO, STACKED, SUM, PRODUCT, SIGN, POWER = 0, 10, 20, 25, 30, 40, 50, 60
INFIX = {
    **dict.fromkeys("∪∩∖", SETS),
    ":": RATIO,
    **dict.fromkeys(("choose", "over"), STACKED),
    **dict.fromkeys("+-±∓", SUM),
    **dict.fromkeys(("*", "/", "mod"), PRODUCT),
    "^": POWER,
}
"""Binding powers. Postfix signs bind as powers do; a missing sign between two values as `*`."""

RELATIONS = frozenset({"=", "<", ">", "<=", ">=", "≠", "≈", "∈", "≡", "≅"})
ORDER = frozenset({"<", ">", "<=", ">="})
SEPARATORS = (",", ";", "and", "or")
BOUND = "□"
"""What a letter is called that a sum, an integral or a set of its own gives its meaning: any other would do."""
COINS = {"$": DOLLAR, "€": UNITS["euro"], "£": UNITS["GBP"], "¥": UNITS["yen"], "₹": UNITS["rupee"]}
CALLED = frozenset("fghFGHPQWST")
"""Letters that `(` applies, whatever stands in it; others apply where a constant or an `=` shows it."""

CLOSES = {"(": (")", "]"), "[": ("]", ")"), r"\{": (r"\}", "}"), "{": ("}", r"\}"), "⟨": ("⟩", ">")}
CLOSING = frozenset({")", "]", r"\}", "}"})
STARTS = frozenset({"(", "[", r"\{", "{", "frac", "binom", "⌊", "⌈", "⟨", "|", "∅", *COINS})
FIRST_KINDS = frozenset({"number", "letters", "word", "symbol", "function", "command", "begin"})
SIGN_KINDS = frozenset({"sign", "command", "end", "row"})
MATRICES = frozenset({"pmatrix", "bmatrix", "matrix", "array", "Bmatrix", "smallmatrix", "vmatrix"})
PERIOD = re.compile(r"([0-9]*?)(?:([0-9])\2{2,}|([0-9]{2,10}?)\3+)")


class Cursor(ABC):
    """The next token, and what a reader asks of those ahead. `bars` counts `|` that are open, `depth` calls."""

    @abstractmethod
    def argument(self) -> Node:
        """What a command, `^` or `_` applies to."""

    def __init__(self, found: list[Token], short_units: bool) -> None:
        self.tokens, self.at = [*found, END], 0
        self.short_units = short_units
        self.depth = self.bars = 0

    @property
    def next(self) -> Token:
        return self.tokens[self.at]

    def ahead(self, count: int) -> list[str]:
        return [token.text for token in self.tokens[self.at : self.at + count]]

    def sees(self, *texts: str) -> bool:
        token = self.tokens[self.at]
        return token.text in texts and token.kind in SIGN_KINDS

    def takes(self, *texts: str) -> bool:
        if not self.sees(*texts):
            return False
        self.at += 1
        return True

    def take(self) -> Token:
        token = self.tokens[self.at]
        self.at += token is not END
        return token

    def expect(self, *texts: str) -> None:
        if not self.takes(*texts):
            raise Unreadable(f"{texts[0]!r} is missing before {self.next.text!r}")

    def descend(self) -> None:
        self.depth += 1
        if self.depth > DEEPEST:
            raise LimitExceeded(f"nested more than {DEEPEST} deep")

    def starts_value(self) -> bool:
        token = self.next
        if token.kind in FIRST_KINDS:
            return True
        if self.ahead(2) == ["(", "mod"]:  # of a congruence
            return False
        return token.kind == "sign" and token.text in STARTS and not (token.text == "|" and self.bars)

    def is_union(self) -> bool:
        """`[0, 1] U [2, 3]`: the letter between brackets."""
        around = [token.text for token in self.tokens[self.at - 1 : self.at + 2 : 2]]
        return self.next.spaced and len(around) == 2 and around[0] in CLOSING and around[1] in CLOSES

    def is_last_coin(self) -> bool:
        """`12€`, `12\\$`: behind its number, with no number behind it."""
        after = self.tokens[self.at + 1 : self.at + 2]
        behind = after[0] is END or after[0].text in (*SEPARATORS, *RELATIONS, *CLOSING, ".", "/")
        return behind and self.tokens[self.at - 1].kind == "number"

    def is_unit_in_brackets(self) -> bool:
        """`5 (apples)`: one word of several letters."""
        kinds = [token.kind for token in self.tokens[self.at + 1 : self.at + 3]]
        texts = self.ahead(3)
        return kinds[:1] in (["letters"], ["word"]) and texts[2:] == [")"] and len(texts[1]) > 3

    def unit(self, left: Node) -> Unit | None:
        """The unit that begins here after `left`, taken; None, and nothing taken, where none does."""
        start = self.at
        if isinstance(left, Words | Relation) or not self.is_unit(first=True):
            return None
        unit, sign, raised = NO_UNIT, 1, 1
        while self.is_unit(first=self.at == start) or (unit.powers and self.is_rate()):
            token = self.take()
            if token.text in ("/", "per"):
                sign = -1
                continue
            if token.text in ("square", "sq", "cubic", "cu"):
                raised = RAISED[token.text]
                self.takes(".")
                continue
            if token.text in ("squared", "cubed") and unit.powers:
                unit = unit.times(word_unit(self.tokens[self.at - 2].text), Fraction(RAISED[token.text] - 1))
                continue
            word = word_unit(token.text)
            if word.powers[0][0] in ("°C", "°F") and unit == DEGREE:
                unit = NO_UNIT
            exponent = self.unit_power(word)
            unit = unit.times(word, Fraction(sign * raised * exponent))
            sign, raised = 1, 1
            if self.next.text == "." and self.tokens[self.at + 1] is not END:
                self.at += 1  # of an abbreviation
        if any(name == "%" and power != 1 for name, power in unit.powers) or sign < 0:
            raise Unreadable("a percentage of a percentage, or per nothing")
        if raised != 1:
            unit = unit.times(word_unit("unit"), Fraction(raised * sign))
        return unit

    def is_unit(self, *, first: bool) -> bool:
        """Whether the next token is a unit's word where it stands."""
        token = self.next
        if token.kind not in ("word", "letters") or (first and token.text in ("squared", "cubed")):
            return False
        run, before = token.text, self.tokens[self.at - 1]
        if token.kind == "word" or run in ("per", *RAISED):
            return token.kind == "word" or token.spaced
        if run in BARE_UNITS:
            return not first or before.kind in ("number", "sign", "word", "symbol") or token.spaced
        if run in UNITS:
            if self.short_units and (token.spaced or not first):
                return True
            if first and before.kind == "number" and token.spaced and self.is_bare_rate():
                return True
            if not first and before.text in ("/", "per"):
                return True
        return token.spaced and len(run) >= 4 and run.islower()

    def is_rate(self) -> bool:
        """Whether `/` and a unit follow."""
        if not self.sees("/"):
            return False
        after = self.tokens[self.at + 1]
        return after.kind == "word" or (after.kind == "letters" and after.text in UNITS)

    def is_bare_rate(self) -> bool:
        """`12 m/s`: two known units after a number, and nothing that makes them letters."""
        texts = self.ahead(4)
        if len(texts) < 4 or texts[1] != "/" or texts[2] not in UNITS:
            return False
        return texts[3] in ("^", ".", ",", "")

    def unit_power(self, unit: Unit) -> int:
        """The exponent that follows a unit of the table, 1 without one."""
        if not self.sees("^"):
            return 1
        if unit.unknown:
            raise Unreadable("a power of what is no unit")
        self.at += 1
        minus = -1 if self.takes("-") else 1
        index = self.argument()
        if isinstance(index, Call) and index.name == "neg":
            minus, index = -minus, index.arguments[0]
        if not isinstance(index, Number) or index.value.denominator != 1 or abs(index.value) > MOST_UNIT_POWER:
            raise Unreadable("a power of a unit that is no integer")
        return minus * int(index.value)

    def is_applied(self, name: str) -> bool:
        """Whether `(` after a letter holds a constant, as in `y(0)`, or the letter is defined here."""
        if name in ("pi", "e", "i", "∞"):
            return False
        inside = [token.kind for token in self.tokens[self.at + 1 : self.at + 4]]
        texts = self.ahead(4)
        constant = any(
            inside[:size] in (["number"], ["sign", "number"]) and texts[size + 1 : size + 2] == [")"] for size in (1, 2)
        )
        before = self.tokens[self.at - 2] if self.at > 1 else END
        alone = before.kind not in ("number", "letters", "symbol") and before.text not in CLOSING
        return (constant and alone) or self.is_defined(name)

    def is_defined(self, name: str) -> bool:
        """Whether letters in brackets and an `=` follow, at the start of a statement: `y(t) = `, `F(x, y) = `."""
        before = self.tokens[self.at - 2] if self.at > 1 else END
        if name in ("pi", "e", "i") or not (before is END or before.text in (*SEPARATORS, *RELATIONS)):
            return False
        at = self.at + 1
        while self.tokens[at].kind == "symbol" or (
            self.tokens[at].kind == "letters" and len(self.tokens[at].text) == 1
        ):
            at += 1
            if self.tokens[at].text != ",":
                break
            at += 1
        texts = [token.text for token in self.tokens[at : at + 2]]
        return at > self.at + 1 and texts[:1] == [")"] and texts[1:] in (["="], ["≈"])

    def skip_variable(self) -> str | None:
        r"""The x of `x |`, `x :` and `x ∈ ℝ |` after `\{`: what follows is a condition, and stands for the set."""
        for length in (2, 7):
            texts = self.ahead(length)
            real = texts[1:-1] in ([], ["∈", "mathbb", "{", "R", "}"])
            if len(texts) == length and real and texts[-1] in ("|", ":"):
                name = self.next.text
                if self.next.kind in ("letters", "symbol"):
                    self.at += length
                    return name
                return None
        return None


def word_unit(word: str) -> Unit:
    """The unit of a word; one outside the table is a unit of its own, its plural s apart."""
    known = UNITS.get(word) or UNITS.get(word.lower())
    if known is not None:
        return known
    base = word.lower()
    return Unit(((f"'{base[:-1] if base.endswith('s') and len(base) > 3 else base}'", Fraction(1)),))


def measured(left: Node, unit: Unit) -> Node:
    if isinstance(left, Measure):
        if left.unit == unit == DOLLAR:
            return left
        if PERCENT in (left.unit, unit) or left.unit == unit == DEGREE:
            raise Unreadable("a unit after a percentage, or the same one twice")
        return Measure(left.value, left.unit.times(unit))
    return Measure(left, unit)


def nary(name: str, left: Node, right: Node) -> Node:
    """Sums and products are flat, so that long ones are not deep."""
    if isinstance(left, Call) and left.name == name:
        return Call(name, (*left.arguments, right))
    return Call(name, (left, right))


def marked(node: Node) -> Node:
    if not isinstance(node, Symbol):
        raise Unreadable("a prime after what is no name")
    return Symbol(node.name + "'")


def indexed(node: Node, index: Node) -> Node:
    """`x_1` is a name, `F_{n-1}` a function of its index, `204_5` a numeral with its base."""
    if isinstance(node, Number):
        if not isinstance(index, Number) or node.places is not None or index.value.denominator != 1:
            raise Unreadable("an index of a number that is no base")
        if node.value.denominator != 1:
            raise Unreadable("a numeral that is not whole")
        return Call("base", (node, index))
    if not isinstance(node, Symbol):
        raise Unreadable("an index of what is no name")
    if isinstance(index, Symbol):
        return Symbol(f"{node.name}_{index.name}")
    if isinstance(index, Number):
        return Symbol(f"{node.name}_{index.value}")
    return Applied(f"{node.name}_", index.items if isinstance(index, Group) else (index,))


def with_name(node: Node, old: str, new: str) -> Node:
    if isinstance(node, Symbol):
        return Symbol(new) if node.name == old else node
    return mapped(node, lambda part: with_name(part, old, new))


def is_condition(node: Node) -> bool:
    """Whether it is an inequality or a membership, or several in one."""
    if isinstance(node, Relation):
        return set(node.signs) <= ORDER | {"≠", "∈"}
    return isinstance(node, Call) and node.name in ("∪", "∩") and all(map(is_condition, node.arguments))


def literal(text: str) -> Number:
    mantissa, _, exponent = text.replace("E", "e").partition("e")
    if abs(int(exponent or 0)) > LONGEST_LITERAL:
        raise LimitExceeded(f"an exponent of {exponent}")
    whole, point, decimals = mantissa.partition(".")
    digits = whole + decimals
    shift = int(exponent or 0) - len(decimals)
    value = Fraction(int(digits) * 10**shift) if shift >= 0 else Fraction(int(digits), 10**-shift)
    places = len(decimals) if point and not exponent else None
    return Number(value, places, len(digits.lstrip("0")))


def repeating(text: str, lead: str, period: str) -> Number:
    r"""`0.1\overline{6}` = (16 − 1)/90."""
    whole = text.partition(".")[0] or "0"
    shift, nines = 10 ** len(lead), 10 ** len(period) - 1
    return Number(Fraction(int(whole + lead), shift) + Fraction(int(period), nines * shift))
