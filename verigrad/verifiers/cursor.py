"""A position in a list of tokens, and what is read from tokens alone: number literals, matrices, marked names."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from verigrad.verifiers.expression import Call, LimitExceeded, Matrix, Node, Number, Relation, Symbol, Unreadable
from verigrad.verifiers.lexer import Token

LARGEST_EXPONENT = 400
"""Of ten, in a literal such as 2.5E2."""

ORDER = frozenset({"<", ">", "<=", ">="})
_REAL = ["∈", "mathbb", "{", "R", "}"]
_SUCH_THAT = (["|"], [":"], [*_REAL, "|"], [*_REAL, ":"])
END = Token("end of text", "")
_BAR = Token("command", "bar")
_MATRICES = frozenset({"pmatrix", "bmatrix", "matrix", "array", "Bmatrix", "smallmatrix"})


class Cursor:
    """The next token, and ways to take it."""

    def __init__(self, tokens: list[Token]) -> None:
        self.tokens = tokens
        self.at = 0

    @property
    def next(self) -> Token:
        return self.tokens[self.at] if self.at < len(self.tokens) else END

    def take(self) -> Token:
        token = self.next
        self.at += 1
        return token

    def sees(self, *texts: str) -> bool:
        """Whether the next token is one of these signs or commands."""
        token = self.next
        return token.text in texts and token.kind in ("sign", "command", "end", "row")

    def takes(self, *texts: str) -> bool:
        if self.sees(*texts):
            self.at += 1
            return True
        return False

    def expect(self, *texts: str) -> None:
        if not self.takes(*texts):
            raise Unreadable(f"{texts[0]!r} is missing before {self.next.text!r}")


def literal(cursor: Cursor, text: str) -> Number:
    """The number that was just taken as `text`, with a repeating period after it if there is one."""
    mantissa, _, exponent = text.replace("E", "e").partition("e")
    if abs(int(exponent or 0)) > LARGEST_EXPONENT:
        raise LimitExceeded(f"an exponent of {exponent}")
    whole, point, decimals = mantissa.partition(".")
    if (point or _repeating_point(cursor)) and not exponent and cursor.sees("overline", "bar"):
        return _repeating(cursor, whole, decimals)
    shift = int(exponent or 0) - len(decimals)
    value = Fraction(int(whole + decimals) * 10**shift) if shift >= 0 else Fraction(int(whole + decimals), 10**-shift)
    digits = len((whole + decimals).lstrip("0"))
    return Number(value, len(decimals) if point and not exponent else None, digits)


def _repeating_point(cursor: Cursor) -> bool:
    """`0.\\overline{3}`: a point that no digit follows."""
    if cursor.sees(".") and cursor.tokens[cursor.at + 1 : cursor.at + 2] in ([Token("command", "overline")], [_BAR]):
        cursor.at += 1
        return True
    return False


def _repeating(cursor: Cursor, whole: str, decimals: str) -> Number:
    r"""`0.1\overline{6}` = (16 − 1)/90."""
    cursor.at += 1
    cursor.expect("{")
    period = cursor.take().text
    cursor.expect("}")
    if not period.isdigit() or not period.isascii():
        raise Unreadable("a period that is no digits")
    shift = 10 ** len(decimals)
    nines = 10 ** len(period) - 1
    return Number(Fraction(int(whole + decimals), shift) + Fraction(int(period), nines * shift))


def matrix(cursor: Cursor, environment: str, cell: Callable[[], Node]) -> Node:
    r"""The matrix whose `\begin` was just taken; `cell` reads an element."""
    if environment not in _MATRICES:
        raise Unreadable(f"\\begin{{{environment}}} is not read")
    if environment == "array" and cursor.takes("{"):
        while not cursor.takes("}"):
            if cursor.take() is END:
                raise Unreadable("an array without an end")
    rows: list[list[Node]] = [[]]
    while not cursor.takes(environment):
        if cursor.next.kind == "row":
            cursor.at += 1
            rows.append([])
        elif not cursor.takes("&"):
            rows[-1].append(cell())
    filled = tuple(tuple(row) for row in rows if row)
    if not filled or len({len(row) for row in filled}) > 1:
        raise Unreadable("rows of unequal length")
    return Matrix(filled)


def marked(node: Node) -> Node:
    """The name with a prime: f'."""
    if not isinstance(node, Symbol):
        raise Unreadable("a prime after what is no name")
    return Symbol(node.name + "'")


def indexed(node: Node, index: Node) -> Node:
    """`x_1` is a name, `F_{n-1}` a function of its index, `204_5` a numeral of base 5."""
    if isinstance(node, Number):
        if not isinstance(index, Number) or node.places is not None or index.value.denominator != 1:
            raise Unreadable("an index of a number that is no base")
        return Call("base", (node, index))
    if not isinstance(node, Symbol):
        raise Unreadable("an index of what is no name")
    if isinstance(index, Symbol | Number):
        return Symbol(f"{node.name}_{index.name if isinstance(index, Symbol) else index.value}")
    return Call(f"apply {node.name}_", (index,))


def skip_variable(cursor: Cursor) -> None:
    r"""`x |`, `x :` and `x ∈ ℝ |` after `\{`: what follows is a condition, and stands for the set."""
    texts = [token.text for token in cursor.tokens[cursor.at : cursor.at + 7]]
    for length in (2, 7):
        if texts[1:length] in _SUCH_THAT and cursor.next.kind == "symbol":
            cursor.at += length


def is_condition(node: Node) -> bool:
    """Whether it is an inequality or a membership, or several in one."""
    match node:
        case Relation(operators, _):
            return set(operators) <= ORDER | {"≠", "∈"}
        case Call("∪" | "∩", parts):
            return all(map(is_condition, parts))
        case _:
            return False
