"""Arithmetic on trees that hold more than a number: matrices, cell by cell, and units."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from verigrad.answers.tables import DEGREE, NO_UNIT, PERCENT, Unit
from verigrad.answers.tree import (
    MOST_CELLS,
    Call,
    Grid,
    LimitExceeded,
    Measure,
    Node,
    Number,
    Undefined,
    check_size,
    walk,
)

Rows = tuple[tuple[Node, ...], ...]


def matrix_value(node: Node) -> Rows | Node | None:
    """The cells of an expression of matrices, or the tree of a determinant; None where shapes do not fit."""
    match node:
        case Grid(rows):
            return _checked(rows)
        case Call("det", (inner,)):
            inside = _rows(inner)
            square = inside is not None and len(inside) == len(inside[0]) <= 4
            return _determinant(inside) if inside is not None and square else None
        case Call("neg", (inner,)):
            return _each(inner, lambda cell: Call("neg", (cell,)))
        case Call("/", (inner, divisor)):
            return _each(inner, lambda cell: Call("/", (cell, divisor)))
        case Call("+", parts):
            total = _rows(parts[0])
            for part in parts[1:]:
                total = _sum(total, _rows(part))
            return total
        case Call("*", parts):
            return _product(parts)
        case _:
            return None


def _rows(node: Node) -> Rows | None:
    found = matrix_value(node)
    return found if isinstance(found, tuple) else None


def _check_cells(size: int) -> None:
    if size > MOST_CELLS:
        raise LimitExceeded(f"a matrix of more than {MOST_CELLS} cells")


def _checked(rows: Rows) -> Rows:
    """The rows, unless they have grown too large: each product of 2×2 matrices doubles the cells of the one before."""
    _check_cells(len(rows) * len(rows[0]))
    check_size(*(cell for row in rows for cell in row))
    return rows


def _each(node: Node, change: Callable[[Node], Node]) -> Rows | None:
    rows = _rows(node)
    return None if rows is None else _checked(tuple(tuple(map(change, row)) for row in rows))


def _sum(one: Rows | None, other: Rows | None) -> Rows | None:
    if one is None or other is None or (len(one), len(one[0])) != (len(other), len(other[0])):
        return None
    pairs = zip(one, other, strict=True)
    return _checked(tuple(tuple(Call("+", cells) for cells in zip(*rows, strict=True)) for rows in pairs))


def _product(parts: tuple[Node, ...]) -> Rows | None:
    """From left to right; what is no matrix multiplies every cell."""
    scalars: list[Node] = []
    rows: Rows | None = None
    for part in parts:
        factor = _rows(part)
        if factor is None:
            scalars.append(part)
        elif rows is None:
            rows = factor
        else:
            if len(rows[0]) != len(factor):
                return None
            _check_cells(len(rows) * len(factor) * len(factor[0]))
            columns = tuple(zip(*factor, strict=True))
            rows = _checked(tuple(tuple(_inner(row, column) for column in columns) for row in rows))
    if rows is None or not scalars:
        return rows
    return _checked(tuple(tuple(Call("*", (*scalars, cell)) for cell in row) for row in rows))


def _inner(row: tuple[Node, ...], column: tuple[Node, ...]) -> Node:
    return Call("+", tuple(Call("*", pair) for pair in zip(row, column, strict=True)))


def _determinant(rows: Rows) -> Node:
    """Expansion along the first row."""
    if len(rows) == 1:
        return rows[0][0]
    terms: list[Node] = []
    for at, cell in enumerate(rows[0]):
        minor = tuple(row[:at] + row[at + 1 :] for row in rows[1:])
        term = Call("*", (cell, _determinant(minor)))
        terms.append(Call("neg", (term,)) if at % 2 else term)
    return Call("+", tuple(terms))


def quantity(node: Node) -> tuple[Node, Unit | None]:
    """The value without its unit, and the unit. Undefined where units do not fit, or stand inside a function."""
    tree, unit = _quantity(node)
    if unit is not None and not unit.powers:  # km/m is a thousand
        return Call("*", (tree, Number(unit.factor))), None
    return tree, unit


def _quantity(node: Node) -> tuple[Node, Unit | None]:
    if isinstance(node, Measure):
        inner, unit = quantity(node.value)
        if unit is not None and PERCENT in (unit, node.unit):
            raise Undefined("a percentage with a unit")
        return inner, node.unit if unit is None else node.unit.times(unit)
    if not isinstance(node, Call) or not any(isinstance(part, Measure) for part in walk(node)):
        return node, None
    if node.name == "neg" or node.name == "abs":
        inner, unit = quantity(node.arguments[0])
        return Call(node.name, (inner,)), unit
    if node.name == "+":
        return _sum_of_quantities([quantity(part) for part in node.arguments])
    if node.name in "*/":
        return _product_of_quantities(node.name, [quantity(part) for part in node.arguments])
    if node.name in ("^", "root") and isinstance(node.arguments[1], Number):
        inner, unit = quantity(node.arguments[0])
        if unit is not None and unit != PERCENT:
            exponent = node.arguments[1].value
            if not 0 < abs(exponent) < 10:
                raise Undefined("a large power of a unit, or none")
            power = exponent if node.name == "^" else 1 / exponent
            if unit.factor == 1 or power.denominator == 1:
                return Call(node.name, (inner, node.arguments[1])), NO_UNIT.times(unit, power)
            raise Undefined("a root of a unit with a factor")
    if any(isinstance(part, Measure) and part.unit not in (PERCENT, DEGREE) for part in walk(node)):
        raise Undefined("a unit inside a function")
    return node, None


def _hundredth(tree: Node) -> Node:
    return Call("/", (tree, Number(Fraction(100))))


def _sum_of_quantities(parts: list[tuple[Node, Unit | None]]) -> tuple[Node, Unit | None]:
    """Terms without a unit take that of the others; 50% beside a number is a half."""
    units = list(dict.fromkeys(unit for _, unit in parts if unit is not None))
    if len(units) == 1 and (units[0] != PERCENT or all(unit for _, unit in parts)):
        return Call("+", tuple(tree for tree, _ in parts)), units[0]
    if PERCENT in units:
        parts = [(_hundredth(tree), None) if unit == PERCENT else (tree, unit) for tree, unit in parts]
        if len(units) == 1:
            return Call("+", tuple(tree for tree, _ in parts)), None
    if len({unit.powers for unit in units}) > 1 or not all(unit for _, unit in parts):
        raise Undefined("a sum of different units")
    scaled = [Call("*", (tree, Number(unit.factor))) for tree, unit in parts if unit is not None]
    return Call("+", tuple(scaled)), Unit(units[0].powers)


def _product_of_quantities(name: str, parts: list[tuple[Node, Unit | None]]) -> tuple[Node, Unit | None]:
    units = [unit for _, unit in parts if unit is not None]
    if PERCENT in units:
        parts = [(_hundredth(tree), None) if unit == PERCENT else (tree, unit) for tree, unit in parts]
    total, seen = NO_UNIT, False
    for at, (_, unit) in enumerate(parts):
        if unit is not None:
            total, seen = total.times(unit, Fraction(-1 if name == "/" and at else 1)), True
    return Call(name, tuple(tree for tree, _ in parts)), total if seen else None
