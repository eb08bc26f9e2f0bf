"""Matrix arithmetic on trees: sums, products and multiples of matrices, cell by cell; the cells stay trees."""

from __future__ import annotations

from verigrad.verifiers.expression import Call, LimitExceeded, Matrix, Node, check_size

Rows = tuple[tuple[Node, ...], ...]

MOST_CELLS = 400
"""Of a matrix, and of the products in a sum that makes one."""


def matrix_value(node: Node) -> Rows | None:
    """The cells of an expression of matrices; None where it is none, or its shapes do not fit."""
    match node:
        case Matrix(rows):
            return _checked(rows)
        case Call("neg", (inner,)):
            return _each(inner, lambda cell: Call("neg", (cell,)))
        case Call("+", parts):
            total = matrix_value(parts[0])
            for part in parts[1:]:
                total = _sum(total, matrix_value(part))
            return total
        case Call("-", (one, other)):
            return _sum(matrix_value(one), matrix_value(Call("neg", (other,))))
        case Call("/", (inner, divisor)):
            return _each(inner, lambda cell: Call("/", (cell, divisor)))
        case Call("*", parts):
            return _product(parts)
        case _:
            return None


def _check_cells(size: int) -> None:
    if size > MOST_CELLS:
        raise LimitExceeded(f"a matrix of more than {MOST_CELLS} cells")


def _checked(rows: Rows) -> Rows:
    """The rows, unless they have grown too large: each product of 2×2 matrices doubles the cells of the one before."""
    _check_cells(len(rows) * len(rows[0]))
    check_size(tuple(cell for row in rows for cell in row))
    return rows


def _each(node: Node, change: object) -> Rows | None:
    rows = matrix_value(node)
    assert callable(change)
    return None if rows is None else _checked(tuple(tuple(change(cell) for cell in row) for row in rows))


def _sum(one: Rows | None, other: Rows | None) -> Rows | None:
    if one is None or other is None or len(one) != len(other) or len(one[0]) != len(other[0]):
        return None
    pairs = zip(one, other, strict=True)
    return _checked(tuple(tuple(Call("+", cells) for cells in zip(*rows, strict=True)) for rows in pairs))


def _product(parts: tuple[Node, ...]) -> Rows | None:
    """From left to right; what is no matrix multiplies every cell."""
    scalars: list[Node] = []
    rows: Rows | None = None
    for part in parts:
        factor = matrix_value(part)
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
