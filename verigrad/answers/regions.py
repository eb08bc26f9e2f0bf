r"""Sets of real numbers: intervals, unions, inequalities in one unknown, ℝ. Each as its pieces in order, merged.

`x ∈ [0, 1)`, `0 ≤ x < 1`, `1 > x ≥ 0` and `[0, 1)` are one region. Inequalities are solved where the unknown stands
in an expression a·u + b, or |a·u + b|, with u a name (`x`, `f(x)`).
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cmp_to_key

from verigrad.answers.cursor import BOUND, ORDER
from verigrad.answers.fields import rational
from verigrad.answers.probe import Probe
from verigrad.answers.tables import EVERYTHING
from verigrad.answers.tree import (
    COMPARISON_STEPS,
    CONSTANTS,
    INFINITY,
    MINUS_INFINITY,
    ZERO,
    Applied,
    Budget,
    Call,
    Group,
    Node,
    Number,
    Relation,
    Symbol,
    Unknown,
    Words,
    has_unknown,
    opposite,
    prefixed,
    walk,
)

_TURNED = {"<": ">", ">": "<", "<=": ">=", ">=": "<=", "≠": "≠"}
_LINE = Symbol("mathbb R")


@dataclass(frozen=True, slots=True)
class Piece:
    """From `low` to `high`; closed ends belong to it."""

    low: Node
    high: Node
    low_closed: bool
    high_closed: bool


_WHOLE = Piece(MINUS_INFINITY, INFINITY, False, False)


def is_region(node: Node) -> bool:
    """Whether this can only be meant as a set of reals: an inequality, a membership, a union with an interval, ℝ."""
    match node:
        case Relation(signs, _):
            return bool((ORDER | {"∈", "≠"}) & set(signs))
        case Call("∪" | "∩" | "∖", parts):
            return any(is_region(part) or interval(part) is not None for part in parts)
        case Call("+", (Symbol("mathbb R"), Call("neg", (Group("{}"),)))):
            return True
        case Words(text):
            return text in EVERYTHING
        case _:
            return node == _LINE


def interval(node: Node) -> Piece | None:
    """What two values in brackets are as an interval."""
    if isinstance(node, Group) and len(node.items) == 2 and node.brackets in ("()", "[]", "[)", "(]"):
        return Piece(*node.items, node.brackets[0] == "[", node.brackets[1] == "]")
    return None


class Regions:
    """Reads and compares regions, with one probe for all comparisons of bounds."""

    def __init__(self, probe: Probe) -> None:
        self._probe = probe

    def same(self, one: tuple[Piece, ...], other: tuple[Piece, ...]) -> bool | None:
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

    def read(self, node: Node) -> tuple[str | None, list[Piece]] | None:
        """The name of the unknown and the pieces in order; None for no region, or bounds without a known order."""
        unknown = _unknowns(node)
        if len(unknown) > 1:
            return None
        try:
            pieces = self._pieces(node)
            merged = None if pieces is None else self._merged(pieces)
        except Unknown:
            return None
        return None if merged is None else (next(iter(unknown - {BOUND}), None), merged)

    def _pieces(self, node: Node) -> list[Piece] | None:
        match node:
            case Symbol() | Words():
                return [_WHOLE] if is_region(node) else None
            case Relation(("∈",), (Symbol(), container)):
                return self._pieces(container)
            case Relation(signs, sides):
                return self._solved(signs, sides)
            case Group("{}", items):
                return [Piece(item, item, True, True) for item in items]
            case Group("", items):
                return self._listed(items)
            case Group():
                found = interval(node)
                return None if found is None else [found]
            case Call("+", (Symbol() as whole, Call("neg", (hole,)))):
                return self._pieces(Call("∖", (whole, hole)))
            case Call("∪" | "∩" | "∖" as name, parts):
                one, other = (self._pieces(part) for part in parts)
                if one is None or other is None:
                    return None
                if name == "∪":
                    return one + other
                return self._without(one, other) if name == "∖" else self._common(one, other)
            case _:
                return None

    def _listed(self, items: tuple[Node, ...]) -> list[Piece] | None:
        """Inequalities that commas join: all of them hold where they overlap, one of them where they do not."""
        joined: list[Piece] = []
        common: list[Piece] | None = None
        for item in items:
            further = self._pieces(item) if isinstance(item, Relation) else None
            if further is None:
                return None
            joined += further
            common = further if common is None else self._common(common, further)
        return common or joined

    def _merged(self, pieces: list[Piece]) -> list[Piece]:
        if len(pieces) == 1:
            return pieces
        merged: list[Piece] = []
        filled = [piece for piece in pieces if not self._is_empty(piece)]
        for piece in sorted(filled, key=cmp_to_key(self._by_start)):
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
        return merged

    def _by_start(self, one: Piece, other: Piece) -> int:
        return self._order(one.low, other.low) or other.low_closed - one.low_closed

    def _is_empty(self, piece: Piece) -> bool:
        order = self._order(piece.low, piece.high)
        return order > 0 or (order == 0 and not (piece.low_closed and piece.high_closed))

    def _common(self, one: list[Piece], other: list[Piece]) -> list[Piece]:
        overlaps = [self._overlap(a, b) for a in one for b in other]
        return [piece for piece in overlaps if not self._is_empty(piece)]

    def _overlap(self, one: Piece, other: Piece) -> Piece:
        """May be empty: its low end above its high one."""
        starts, ends = self._order(one.low, other.low), self._order(one.high, other.high)
        low, high = one if starts > 0 else other, one if ends < 0 else other
        low_closed = low.low_closed if starts else one.low_closed and other.low_closed
        high_closed = high.high_closed if ends else one.high_closed and other.high_closed
        return Piece(low.low, high.high, low_closed, high_closed)

    def _without(self, pieces: list[Piece], holes: list[Piece]) -> list[Piece]:
        for hole in holes:
            below = Piece(MINUS_INFINITY, hole.low, False, not hole.low_closed)
            above = Piece(hole.high, INFINITY, not hole.high_closed, False)
            pieces = self._common(pieces, [below, above])
        return pieces

    def _solved(self, signs: tuple[str, ...], sides: tuple[Node, ...]) -> list[Piece] | None:
        """`1 ≤ 2x < 5` → [1/2, 5/2). None where that takes more than one linear unknown."""
        unknown = [at for at, side in enumerate(sides) if has_unknown(side)]
        if len(unknown) != 1 or len(sides) > 3 or not set(signs) <= ORDER | {"≠"}:
            return None
        at = unknown[0]
        bounds = []
        if at > 0:
            bounds.append((_TURNED[signs[at - 1]], sides[at - 1]))
        if at < len(signs):
            bounds.append((signs[at], sides[at + 1]))
        if len(bounds) != len(signs):
            return None
        inner = sides[at]
        pieces = self._without([_WHOLE], _holes(bounds[0][1])) if signs == ("≠",) else _between(bounds)
        if pieces is not None and isinstance(inner, Call) and inner.name == "abs":
            inner, pieces = inner.arguments[0], self._unfolded(pieces)
        line = None if pieces is None else _line(inner, self._probe.budget)
        return None if pieces is None or line is None else [_mapped(piece, *line) for piece in pieces]

    def _unfolded(self, pieces: list[Piece]) -> list[Piece] | None:
        """The values u with |u| in a piece: below c, −c to c; from b > 0 to c, that and its mirror image."""
        if len(pieces) != 1:
            return None
        piece = pieces[0]
        if piece.low == MINUS_INFINITY or self._order(piece.low, ZERO) < 0:
            return [Piece(opposite(piece.high), piece.high, piece.high_closed, piece.high_closed)]
        return [Piece(opposite(piece.high), opposite(piece.low), piece.high_closed, piece.low_closed), piece]

    def _order(self, one: Node, other: Node) -> int:
        """−1, 0 or 1. Unknown where a bound is no real constant."""
        self._probe.budget.spend(COMPARISON_STEPS)
        left, right = self._place(one), self._place(other)
        if self._probe.same(one, other):
            return 0
        if left == right:
            raise Unknown("bounds too near to each other")
        return -1 if left < right else 1

    def _place(self, bound: Node) -> tuple[int, Fraction]:
        if bound in (INFINITY, MINUS_INFINITY):
            return (1 if bound == INFINITY else -1), Fraction(0)
        value = self._probe.real(bound)
        if value is None:
            raise Unknown("a bound that is no constant")
        return 0, value


def _unknowns(node: Node) -> set[str]:
    """What inequalities and memberships are about, letters or f(x); empty for an interval."""
    if isinstance(node, Group) or (isinstance(node, Call) and node.name in ("∪", "∩")):
        return set().union(*map(_unknowns, node.parts))
    if not isinstance(node, Relation):
        return set()
    letters = {side.name for side in node.sides if isinstance(side, Symbol)} - CONSTANTS
    letters = {name for name in letters if not name.startswith("mathbb")}
    if letters:
        return letters
    parts = [part for side in node.sides for part in walk(side)]
    applied = {prefixed(part) for part in parts if isinstance(part, Applied)}
    return applied or {part.name for part in parts if isinstance(part, Symbol)} - CONSTANTS - {"mathbb R"}


def _holes(bound: Node) -> list[Piece]:
    """The values that an `≠` leaves out: `x ≠ ±1` is two."""
    if isinstance(bound, Call) and bound.name == "±":
        left, right = bound.arguments
        both: list[Node] = [Call("+", (left, right)), Call("+", (left, Call("neg", (right,))))]
        return [Piece(value, value, True, True) for value in both]
    return [Piece(bound, bound, True, True)]


def _between(bounds: list[tuple[str, Node]]) -> list[Piece] | None:
    """The values between a lower and an upper bound, one of which may be missing."""
    low = [(bound, sign == ">=") for sign, bound in bounds if sign in (">", ">=")]
    high = [(bound, sign == "<=") for sign, bound in bounds if sign in ("<", "<=")]
    if len(low) > 1 or len(high) > 1 or len(low) + len(high) != len(bounds):
        return None
    (start, closed), (end, end_closed) = (low or [(MINUS_INFINITY, False)])[0], (high or [(INFINITY, False)])[0]
    return [Piece(start, end, closed, end_closed)]


def _line(node: Node, budget: Budget) -> tuple[Fraction, Fraction] | None:
    """(a, b) of a·u + b with a ≠ 0, u the one name or applied function in it; None for anything else."""
    unknowns: set[Node] = set()
    line = _linear(node, unknowns, budget)
    return line if line is not None and line[0] and len(unknowns) == 1 else None


def _linear(node: Node, unknowns: set[Node], budget: Budget) -> tuple[Fraction, Fraction] | None:
    if not has_unknown(node):
        value = rational(node, budget)
        return None if value is None else (Fraction(0), value)
    if isinstance(node, Symbol | Applied):
        unknowns.add(node)
        return Fraction(1), Fraction(0)
    if not isinstance(node, Call) or node.name not in ("neg", "+", "*", "/"):
        return None
    lines = [_linear(part, unknowns, budget) for part in node.arguments]
    return None if None in lines else _combined(node.name, [line for line in lines if line is not None])


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
        if bound in (INFINITY, MINUS_INFINITY):
            return bound if slope > 0 else opposite(bound)
        return Call("/", (Call("+", (bound, Number(-start))), Number(slope)))

    low, high = solved(piece.low), solved(piece.high)
    if slope > 0:
        return Piece(low, high, piece.low_closed, piece.high_closed)
    return Piece(high, low, piece.high_closed, piece.low_closed)
