r"""Sets of real numbers: intervals, unions, inequalities in one unknown, ℝ. Each as its pieces in order, merged.

`x ∈ [0, 1)`, `0 ≤ x < 1`, `1 > x ≥ 0` and `[0, 1)` are one region. Inequalities are solved where the unknown stands in
an expression a·u + b, or |a·u + b|, with u a name (`x`, `f(x)`).
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cmp_to_key

from verigrad.verifiers.budget import COMPARISON_STEPS, Budget
from verigrad.verifiers.cursor import ORDER
from verigrad.verifiers.expression import (
    CONSTANTS,
    Call,
    Collection,
    Node,
    Number,
    Relation,
    Symbol,
    Words,
    names,
    operations,
)
from verigrad.verifiers.fields import rational
from verigrad.verifiers.numeric import Unknown
from verigrad.verifiers.probe import Probe
from verigrad.verifiers.shapes import unknown_names

_TURNED = {"<": ">", ">": "<", "<=": ">=", ">=": "<=", "≠": "≠"}
_EVERYTHING = frozenset({"all real numbers", "all reals", "real numbers", "all real values"})
_INFINITY = Symbol("∞")
_MINUS_INFINITY = Call("neg", (_INFINITY,))


@dataclass(frozen=True, slots=True)
class Piece:
    """From `low` to `high`; closed ends belong to it."""

    low: Node
    high: Node
    low_closed: bool
    high_closed: bool


def is_region(node: Node) -> bool:
    """Whether this can only be meant as a set of reals: an inequality, a membership, a union with an interval, ℝ."""
    match node:
        case Relation(operators, _):
            return bool((ORDER | {"∈", "≠"}) & set(operators))
        case Call("∪" | "∩" | "∖", parts):
            return any(is_region(part) or _interval(part) is not None for part in parts)
        case Call("+", (Symbol("mathbb R"), Call("neg", (Collection("{}"),)))):
            return True
        case Symbol("mathbb R"):
            return True
        case Words(text):
            return text in _EVERYTHING
        case _:
            return False


class Regions:
    """Reads and compares regions, with one probe for all comparisons of bounds."""

    def __init__(self, probe: Probe) -> None:
        self._probe = probe

    def same(self, one: list[Piece], other: list[Piece]) -> bool | None:
        if len(one) != len(other):
            return False
        verdict: bool | None = True
        for left, right in zip(one, other, strict=True):
            if (left.low_closed, left.high_closed) != (right.low_closed, right.high_closed):
                return False
            for a, b in ((left.low, right.low), (left.high, right.high)):
                same = self._probe.same(a, b)
                if same is False:
                    return False
                verdict = verdict and same
        return verdict

    def read(self, node: Node) -> list[Piece] | None:
        """The pieces in order, or None where the tree is no region or its bounds have no known order."""
        if len(unknown_names(node)) > 1:
            return None
        try:
            pieces = self._pieces(node)
        except Unknown:
            return None
        return None if pieces is None else self._merged(pieces)

    def _pieces(self, node: Node) -> list[Piece] | None:
        match node:
            case Symbol("mathbb R") | Words():
                return [Piece(_MINUS_INFINITY, _INFINITY, False, False)] if is_region(node) else None
            case Relation(("∈",), (Symbol(), container)):
                return self._pieces(container)
            case Relation(operators, sides):
                return self._solved(operators, sides)
            case Collection("{}", items):
                return [Piece(item, item, True, True) for item in items]
            case Collection("", items):
                return self._listed(items)
            case Call("+", (Symbol("mathbb R") as whole, Call("neg", (hole,)))):
                return self._pieces(Call("∖", (whole, hole)))
            case Collection():
                return _interval(node)
            case Call("∪", parts):
                both = [self._pieces(part) for part in parts]
                return None if None in both else [piece for part in both if part for piece in part]
            case Call("∩" | "∖" as name, parts):
                one, other = (self._pieces(part) for part in parts)
                if one is None or other is None:
                    return None
                return self._without(one, other) if name == "∖" else self._common(one, other)
            case _:
                return None

    def _listed(self, items: tuple[Node, ...]) -> list[Piece] | None:
        """Inequalities that commas join: all of them hold where they overlap, one of them where they do not."""
        if not all(isinstance(item, Relation) and is_region(item) for item in items):
            return None
        joined, common = self._pieces(items[0]), self._pieces(items[0])
        for item in items[1:]:
            further = self._pieces(item)
            if joined is None or common is None or further is None:
                return None
            joined, common = joined + further, self._common(common, further)
        return common or joined

    def _merged(self, pieces: list[Piece]) -> list[Piece] | None:
        if len(pieces) == 1:
            return pieces
        try:
            pieces = [piece for piece in pieces if not self._is_empty(piece)]
            merged: list[Piece] = []
            for piece in sorted(pieces, key=cmp_to_key(self._by_start)):
                if not merged:
                    merged.append(piece)
                    continue
                last = merged[-1]
                gap = self._order(last.high, piece.low)
                if gap < 0 or (gap == 0 and not (last.high_closed or piece.low_closed)):
                    merged.append(piece)
                    continue
                further = self._order(last.high, piece.high)
                end = piece if further < 0 else last
                closed = last.high_closed or piece.high_closed if further == 0 else end.high_closed
                merged[-1] = Piece(last.low, end.high, last.low_closed, closed)
        except Unknown:
            return None
        return merged

    def _by_start(self, one: Piece, other: Piece) -> int:
        return self._order(one.low, other.low) or other.low_closed - one.low_closed

    def _is_empty(self, piece: Piece) -> bool:
        order = self._order(piece.low, piece.high)
        return order > 0 or (order == 0 and not (piece.low_closed and piece.high_closed))

    def _common(self, one: list[Piece], other: list[Piece]) -> list[Piece]:
        return [piece for a in one for b in other if not self._is_empty(piece := self._overlap(a, b))]

    def _overlap(self, one: Piece, other: Piece) -> Piece:
        """May be empty: its low end above its high one."""
        starts, ends = self._order(one.low, other.low), self._order(one.high, other.high)
        low, high = one if starts > 0 else other, one if ends < 0 else other
        return Piece(
            low.low,
            high.high,
            low.low_closed if starts else one.low_closed and other.low_closed,
            high.high_closed if ends else one.high_closed and other.high_closed,
        )

    def _without(self, pieces: list[Piece], holes: list[Piece]) -> list[Piece]:
        for hole in holes:
            below = Piece(_MINUS_INFINITY, hole.low, False, not hole.low_closed)
            above = Piece(hole.high, _INFINITY, not hole.high_closed, False)
            pieces = self._common(pieces, [below, above])
        return pieces

    def _solved(self, operators: tuple[str, ...], sides: tuple[Node, ...]) -> list[Piece] | None:
        """`1 ≤ 2x < 5` → [1/2, 5/2). None where that takes more than one linear unknown."""
        unknown = [at for at, side in enumerate(sides) if _has_unknown(side)]
        if len(unknown) != 1 or len(sides) > 3 or not set(operators) <= ORDER | {"≠"}:
            return None
        at = unknown[0]
        bounds = []
        if at > 0:
            bounds.append((_TURNED[operators[at - 1]], sides[at - 1]))
        if at < len(operators):
            bounds.append((operators[at], sides[at + 1]))
        if len(bounds) != len(operators):
            return None
        inner, pieces = sides[at], _between(bounds)
        if pieces is not None and isinstance(inner, Call) and inner.name == "abs":
            inner, pieces = inner.arguments[0], self._unfolded(pieces)
        line = None if pieces is None else _line(inner, self._probe.budget)
        return None if pieces is None or line is None else [_mapped(piece, *line) for piece in pieces]

    def _unfolded(self, pieces: list[Piece]) -> list[Piece] | None:
        """The values u with |u| in a piece: below c, −c to c; from b > 0 to c, that and its mirror image."""
        if len(pieces) != 1:
            return None
        piece = pieces[0]
        if piece.low == _MINUS_INFINITY or self._order(piece.low, Number(Fraction(0))) < 0:
            return [Piece(_opposite(piece.high), piece.high, piece.high_closed, piece.high_closed)]
        mirrored = Piece(_opposite(piece.high), _opposite(piece.low), piece.high_closed, piece.low_closed)
        return [mirrored, piece]

    def _order(self, one: Node, other: Node) -> int:
        """−1, 0 or 1. Unknown where a bound is no real constant."""
        self._probe.budget.spend(COMPARISON_STEPS)
        left, right = self._place(one), self._place(other)
        if self._probe.same(one, other):
            return 0
        if left == right:
            raise Unknown("bounds too near to each other")
        return -1 if left < right else 1

    def _place(self, bound: Node) -> tuple[int, float]:
        if bound == _INFINITY:
            return 1, 0.0
        if bound == _MINUS_INFINITY:
            return -1, 0.0
        value = self._probe.real(bound)
        try:
            return 0, float(value)  # type: ignore[arg-type]
        except (TypeError, OverflowError):
            raise Unknown("a bound that is no constant of ordinary size") from None


def _interval(node: Node) -> list[Piece] | None:
    if isinstance(node, Collection) and len(node.items) == 2 and node.brackets in ("()", "[]", "[)", "(]"):
        return [Piece(*node.items, node.brackets[0] == "[", node.brackets[1] == "]")]
    return None


def _has_unknown(node: Node) -> bool:
    return bool(names(node) - CONSTANTS) or any(name.startswith("apply ") for name in operations(node))


def _between(bounds: list[tuple[str, Node]]) -> list[Piece] | None:
    """The values between a lower and an upper bound, one of which may be missing."""
    if [sign for sign, _ in bounds] == ["≠"]:
        hole = bounds[0][1]
        return [Piece(_MINUS_INFINITY, hole, False, False), Piece(hole, _INFINITY, False, False)]
    low = [(bound, sign == ">=") for sign, bound in bounds if sign in (">", ">=")] or [(_MINUS_INFINITY, False)]
    high = [(bound, sign == "<=") for sign, bound in bounds if sign in ("<", "<=")] or [(_INFINITY, False)]
    if len(low) > 1 or len(high) > 1 or any(sign == "≠" for sign, _ in bounds):
        return None
    return [Piece(low[0][0], high[0][0], low[0][1], high[0][1])]


def _opposite(node: Node) -> Node:
    return node.arguments[0] if isinstance(node, Call) and node.name == "neg" else Call("neg", (node,))


def _line(node: Node, budget: Budget) -> tuple[Fraction, Fraction] | None:
    """(a, b) of a·u + b with a ≠ 0, u the one name or applied function in it; None for anything else."""
    unknowns: set[Node] = set()
    line = _linear(node, unknowns, budget)
    return line if line is not None and line[0] and len(unknowns) == 1 else None


def _linear(node: Node, unknowns: set[Node], budget: Budget) -> tuple[Fraction, Fraction] | None:
    if not _has_unknown(node):
        value = rational(node, budget)
        return None if value is None else (Fraction(0), value)
    match node:
        case Symbol():
            unknowns.add(node)
            return Fraction(1), Fraction(0)
        case Call(name, _) if name.startswith("apply "):
            unknowns.add(node)
            return Fraction(1), Fraction(0)
        case Call("neg" | "+" | "*" | "/" as name, parts):
            lines = [_linear(part, unknowns, budget) for part in parts]
            return None if None in lines else _combined(name, [line for line in lines if line is not None])
        case _:
            return None


def _combined(name: str, lines: list[tuple[Fraction, Fraction]]) -> tuple[Fraction, Fraction] | None:
    slope, start = lines[0]
    if name == "neg":
        return -slope, -start
    for further, constant in lines[1:]:
        if name == "+":
            slope, start = slope + further, start + constant
        elif name == "/":
            if further or not constant:
                return None
            slope, start = slope / constant, start / constant
        elif slope and further:
            return None
        else:
            slope, start = slope * constant + start * further, start * constant
    return slope, start


def _mapped(piece: Piece, slope: Fraction, start: Fraction) -> Piece:
    """The piece of u of which slope·u + start makes the given one."""
    if slope == 1 and start == 0:
        return piece

    def solved(bound: Node) -> Node:
        if bound in (_INFINITY, _MINUS_INFINITY):
            return bound if slope > 0 else _opposite(bound)
        return Call("/", (Call("+", (bound, Number(-start))), Number(slope)))

    low, high = solved(piece.low), solved(piece.high)
    if slope > 0:
        return Piece(low, high, piece.low_closed, piece.high_closed)
    return Piece(high, low, piece.high_closed, piece.low_closed)
