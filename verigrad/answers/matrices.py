"""Matrix arithmetic on trees: sums, products, multiples and determinants, cell by cell; the cells stay trees."""

from __future__ import annotations

from collections.abc import Callable

from verigrad.answers.tree import MOST_CELLS, Call, Grid, LimitExceeded, Node, check_size

Rows = tuple[tuple[Node, ...], ...]


def matrix_value(node: Node) -> Rows | Node | None:
    """The cells of an expression of matrices, or the tree of a determinant; None where shapes do not fit."""
    match node:
        case Grid(rows):
            return _checked(rows)
        case Call("det", (inner,)):
            rows = _rows(inner)
            square = rows is not None and len(rows) == len(rows[0]) <= 4
            return _determinant(rows) if rows is not None and square else None
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
