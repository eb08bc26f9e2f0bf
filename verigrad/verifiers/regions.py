r"""Sets of real numbers: intervals, unions, inequalities in one unknown, ℝ. Each as its pieces in order, merged.

`x ∈ [0, 1)`, `0 ≤ x < 1`, `1 > x ≥ 0` and `[0, 1)` are one region. Inequalities are solved where the unknown stands in
an expression a·u + b, or |a·u + b|, with u a name (`x`, `f(x)`).
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cmp_to_key

from verigrad.verifiers.budget import Budget
from verigrad.verifiers.expression import Call, Collection, Node, Number, Relation, Symbol, Words, names, operations
from verigrad.verifiers.fields import Evaluator, Rationals
from verigrad.verifiers.numeric import Undefined, Unknown
from verigrad.verifiers.probe import CONSTANTS, Probe

ORDER = frozenset({"<", ">", "<=", ">="})
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
        pieces = self._pieces(node)
        return None if pieces is None else self._merged(pieces)

    def _pieces(self, node: Node) -> list[Piece] | None:
        match node:
            case Symbol("mathbb R") | Words():
                return [Piece(_MINUS_INFINITY, _INFINITY, False, False)] if is_region(node) else None
            case Relation(("∈",), (_, container)):
                return self._pieces(container)
            case Relation(operators, sides):
                return _solved(operators, sides, self._probe.budget)
            case Collection("{}", items):
                return [Piece(item, item, True, True) for item in items]
            case Collection():
                return _interval(node)
            case Call("∪", parts):
                both = [self._pieces(part) for part in parts]
                return None if None in both else [piece for part in both if part for piece in part]
            case _:
                return None

    def _merged(self, pieces: list[Piece]) -> list[Piece] | None:
        if len(pieces) == 1:
            return pieces
        try:
            ordered = sorted(pieces, key=cmp_to_key(self._by_start))
            merged = ordered[:1]
            for piece in ordered[1:]:
                last = merged[-1]
                gap = self._order(last.high, piece.low)
                if gap < 0 or (gap == 0 and not (last.high_closed or piece.low_closed)):
                    merged.append(piece)
                    continue
                further = self._order(last.high, piece.high)
                end = piece if further < 0 else last
                closed = last.high_closed or piece.high_closed if further == 0 else end.high_closed
                start = last.low_closed or (piece.low_closed and self._order(last.low, piece.low) == 0)
                merged[-1] = Piece(last.low, end.high, start, closed)
        except Unknown:
            return None
        return merged

    def _by_start(self, one: Piece, other: Piece) -> int:
        return self._order(one.low, other.low)

    def _order(self, one: Node, other: Node) -> int:
        """−1, 0 or 1. Unknown where a bound is no real constant."""
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


def _solved(operators: tuple[str, ...], sides: tuple[Node, ...], budget: Budget) -> list[Piece] | None:
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
        inner, pieces = inner.arguments[0], _unfolded(pieces)
    line = _affine(inner, budget)
    return None if pieces is None or line is None else [_mapped(piece, *line) for piece in pieces]


def _has_unknown(node: Node) -> bool:
    return bool(names(node) - CONSTANTS) or any(name.startswith("apply ") for name in operations(node))


def _between(bounds: list[tuple[str, Node]]) -> list[Piece] | None:
    """The values between a lower and an upper bound, one of which may be missing."""
    if [sign for sign, _ in bounds] == ["≠"]:
        hole = bounds[0][1]
        return [Piece(_MINUS_INFINITY, hole, False, False), Piece(hole, _INFINITY, False, False)]
    low = [(bound, sign == ">=") for sign, bound in bounds if sign in (">", ">=")] or [(_MINUS_INFINITY, False)]
    high = [(bound, sign == "<=") for sign, bound in bounds if sign in ("<", "<=")] or [(_INFINITY, False)]
    if len(low) > 1 or len(high) > 1:
        return None
    return [Piece(low[0][0], high[0][0], low[0][1], high[0][1])]


def _unfolded(pieces: list[Piece]) -> list[Piece] | None:
    """The values u with |u| in a piece: below c, −c to c; from b to c, that and its mirror image."""
    if len(pieces) != 1:
        return None
    piece = pieces[0]
    if piece.low == _MINUS_INFINITY:
        return [Piece(_opposite(piece.high), piece.high, piece.high_closed, piece.high_closed)]
    mirrored = Piece(_opposite(piece.high), _opposite(piece.low), piece.high_closed, piece.low_closed)
    return [mirrored, piece]


def _opposite(node: Node) -> Node:
    return node.arguments[0] if isinstance(node, Call) and node.name == "neg" else Call("neg", (node,))


class _At(Rationals):
    """Rationals with one value for the unknown."""

    def __init__(self, value: Fraction, budget: Budget) -> None:
        super().__init__(budget)
        self._value = value

    def symbol(self, name: str) -> Fraction:
        return self._value


def _affine(node: Node, budget: Budget) -> tuple[Fraction, Fraction] | None:
    """(a, b) of a·u + b, u the one name in it; None for anything else."""
    if isinstance(node, Symbol) or (isinstance(node, Call) and node.name.startswith("apply ")):
        return Fraction(1), Fraction(0)
    if len(names(node)) != 1:
        return None
    points = [Fraction(0), Fraction(1), Fraction(17, 7), Fraction(-61, 3)]
    try:
        values = [Evaluator(_At(point, budget), budget).value(node) for point in points]
    except (Unknown, Undefined):
        return None
    slope, start = values[1] - values[0], values[0]
    if not slope or any(value != slope * point + start for point, value in zip(points, values, strict=True)):
        return None
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
