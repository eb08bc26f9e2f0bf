"""Questions about the shape of a tree that `compare` asks, and three-valued and/or."""

from __future__ import annotations

import re
from collections.abc import Iterable
from fractions import Fraction
from typing import TypeAlias

from verigrad.verifiers.expression import (
    CONSTANTS,
    Call,
    Collection,
    Matrix,
    Measure,
    Node,
    Number,
    Relation,
    Symbol,
    children,
    names,
    operations,
    prefixed,
    replaced,
    walk,
)
from verigrad.verifiers.lexer import COINS, MEASURES
from verigrad.verifiers.numeric import Undefined, Unknown

_EMPTY = Collection("{}", ())

Unit: TypeAlias = frozenset[tuple[str, int]]
"""Factors with their powers: km/h is km¹ h⁻¹."""

_FACTOR = re.compile(r"(\D+?)(-?[0-9]+)?")
_POUND: Unit = frozenset({("lb", 1)})


def every(verdicts: Iterable[bool | None]) -> bool | None:
    """False if one is, else None if one is, else True."""
    result: bool | None = True
    for verdict in verdicts:
        if verdict is False:
            return False
        result = result and verdict
    return result


def some(verdicts: Iterable[bool | None]) -> bool | None:
    """True if one is, else None if one is, else False."""
    result: bool | None = False
    for verdict in verdicts:
        if verdict:
            return True
        result = None if verdict is None else result
    return result


def is_unordered(node: Node) -> bool:
    if isinstance(node, Collection) and node.brackets in ("", "{}"):
        return True
    if isinstance(node, Call) and node.name in ("∪", "∩", "∖"):
        return True
    return isinstance(node, Collection | Call) and bool(operations(node) & {"±", "∓"})


def elements(node: Node) -> list[Node]:
    """The elements of a list or set, of unions and differences of such, and both values of each ±.

    Of ∩ and ∖ the sets must be written out in numbers and letters: Unknown where they are not, Undefined for no sets.
    """
    if isinstance(node, Collection) and node.brackets in ("", "{}"):
        return [part for item in node.items for part in ([item] if item == _EMPTY else elements(item))]
    if isinstance(node, Call) and node.name == "∪":
        one, other = (elements(part) for part in node.arguments)
        return list(dict.fromkeys(one + other))
    if isinstance(node, Call) and node.name in ("∩", "∖"):
        if isinstance(node.arguments[0], Number):
            raise Undefined("no set")
        one, other = (elements(_written_out(part)) for part in node.arguments)
        values = {_key(part) for part in other}
        return [part for part in one if (_key(part) in values) == (node.name == "∩")]
    if not operations(node) & {"±", "∓"}:
        return [node]
    return [replaced(replaced(node, "±", plus), "∓", minus) for plus, minus in (("+", "-"), ("-", "+"))]


def _written_out(node: Node) -> Node:
    """The node, if it is a set: braces, ∪, ∩, ∖ of such, or a number that stood alone in braces."""
    if isinstance(node, Number) or (isinstance(node, Collection | Call) and is_unordered(node)):
        return node
    raise Unknown("a set that is not written out") if names(node) else Undefined("no set")


def _key(node: Node) -> Fraction | str:
    """What tells an element from others: the value of a number, the name of a letter."""
    negative, inner = negated(node)
    if isinstance(inner, Number):
        return -inner.value if negative else inner.value
    if isinstance(node, Symbol):
        return node.name
    raise Unknown("a set of expressions")


def measured(node: Node) -> tuple[Node, str | None]:
    """The value without its unit, the sign outside: −$5 is −5; and the mark that scales it, `%` or `°`."""
    match node:
        case Measure(inner, unit):
            value, deeper = measured(inner)
            return value, deeper or next((mark for mark in ("%", "°") if mark in unit.split()), None)
        case Call("neg", (inner,)):
            value, mark = measured(inner)
            return Call("neg", (value,)), mark
        case _:
            return node, None


def measures(node: Node) -> frozenset[Unit]:
    """All known units in it, % and ° apart: factors with their powers. What is per hour belongs to what it measures."""
    inner = frozenset[Unit]().union(*map(measures, children(node)))
    if not isinstance(node, Measure):
        return inner
    factors = (_FACTOR.fullmatch(part) for part in node.unit.split())
    own = frozenset((one[1], int(one[2] or 1)) for one in factors if one and one[1] in MEASURES - {"%", "°"})
    if not own:
        return inner
    if inner and all(power < 0 for _, power in own):
        return frozenset(one | own for one in inner)
    return inner | {own}


def same_unit(one: Unit, other: Unit) -> bool:
    """Whether two units may be the same: $ is $ per hour, and pounds are a weight or money."""
    if one == other or {one, other} == {_POUND, frozenset({("£", 1)})}:
        return True
    above, above_ = (frozenset(factor for factor in unit if factor[1] > 0) for unit in (one, other))
    return above == above_ and above in (one, other) and any(name in COINS for name, _ in above)


def has_nested_percent(node: Node) -> bool:
    """Whether there is a percentage of a percentage, which nobody means."""
    return any(
        isinstance(one, Measure)
        and "%" in one.unit.split()
        and any(isinstance(below, Measure) and "%" in below.unit.split() for below in walk(one.value))
        for one in walk(node)
    )


def negated(node: Node) -> tuple[bool, Node]:
    return (True, node.arguments[0]) if isinstance(node, Call) and node.name == "neg" else (False, node)


def literal(node: Node) -> tuple[Fraction, int | None, int]:
    """Value, places and digits of a decimal literal with its sign; places None for anything else."""
    negative, inner = negated(node)
    if not isinstance(inner, Number):
        return Fraction(0), None, 0
    return -inner.value if negative else inner.value, inner.places, inner.digits


def has_matrix(node: Node) -> bool:
    return isinstance(node, Matrix) or (isinstance(node, Call) and any(map(has_matrix, node.arguments)))


def difference(relation: Relation) -> Node:
    return Call("-", relation.sides)


def upwards(relation: Relation) -> Relation:
    """`a > b` turned into `b < a`."""
    if not set(relation.operators) <= {">", ">="}:
        return relation
    signs = tuple({">": "<", ">=": "<="}[sign] for sign in reversed(relation.operators))
    return Relation(signs, tuple(reversed(relation.sides)))


def unknown_names(node: Node) -> set[str]:
    """What inequalities and memberships are about, letters or f(x); empty for an interval, or where it is not plain."""
    if isinstance(node, Collection) or (isinstance(node, Call) and node.name in ("∪", "∩")):
        return set().union(*map(unknown_names, children(node)))
    if not isinstance(node, Relation):
        return set()
    sides = [side.name for side in node.sides if isinstance(side, Symbol)]
    letters = {name for name in sides if name not in CONSTANTS and not name.startswith("mathbb")}
    if not letters:
        parts = [part for side in node.sides for part in walk(side)]
        applied = {prefixed(part) for part in parts if isinstance(part, Call) and part.name.startswith("apply ")}
        letters = applied or {part.name for part in parts if isinstance(part, Symbol)} - CONSTANTS
    return letters if len(letters) == 1 else set()
