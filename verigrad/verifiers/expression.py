"""What an answer is once it is read: a small frozen tree. Nothing here computes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

MOST_LEVELS = 80
"""Of a tree: what goes through it calls itself once or more for each."""

MOST_NODES = 5000
"""Of a tree, parts that occur twice counted twice."""


CONSTANTS = frozenset({"pi", "e", "i", "∞"})
"""Symbols with a value of their own."""


class LimitExceeded(Exception):
    """The answer is larger than anything that is read or computed; the caps are checked before the work is done."""


class Unreadable(Exception):
    """The text is not in the grammar."""


@dataclass(frozen=True, slots=True)
class Number:
    """A literal. `places`: decimals as written, None for one without a point. `digits`: the significant ones."""

    value: Fraction
    places: int | None = None
    digits: int = 0


@dataclass(frozen=True, slots=True)
class Symbol:
    """A letter, with its index or accent: `x`, `a_37`, `bar x`. π, e, i and ∞ are symbols too."""

    name: str


@dataclass(frozen=True, slots=True)
class Call:
    """An operation or function applied: `+`, `^`, `sqrt`, `sin`, … `apply f` is a function that the answer names."""

    name: str
    arguments: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Words:
    """Plain words, in lower case where there are several letters; single letters keep their case."""

    text: str


@dataclass(frozen=True, slots=True)
class Collection:
    """Several things: brackets `()`, `[]`, `(]`, `[)` in order, `{}` a set, "" a bare list."""

    brackets: str
    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Relation:
    """A chain such as `0 < x ≤ 1` or `x = 2 + 3 = 5`: one operator fewer than sides."""

    operators: tuple[str, ...]
    sides: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Matrix:
    """Rows of cells, of equal length."""

    rows: tuple[tuple[Node, ...], ...]


@dataclass(frozen=True, slots=True)
class Measure:
    """A value with its unit: `%`, `°`, a word."""

    value: Node
    unit: str


Node: TypeAlias = Number | Symbol | Call | Words | Collection | Relation | Matrix | Measure


def children(node: Node) -> tuple[Node, ...]:
    """The nodes one step below."""
    match node:
        case Call(_, below) | Collection(_, below) | Relation(_, below):
            return below
        case Matrix(rows):
            return tuple(cell for row in rows for cell in row)
        case Measure(value, _):
            return (value,)
        case _:
            return ()


def walk(node: Node) -> Iterator[Node]:
    """The node and all below it, in writing order."""
    waiting = [node]
    while waiting:
        current = waiting.pop()
        yield current
        waiting.extend(reversed(children(current)))


def prefixed(node: Node) -> str:
    """The node in prefix notation, each operation with its number of parts: one text for each tree, as long as it."""
    return " ".join(_label(one) for one in walk(node))


def _label(node: Node) -> str:
    match node:
        case Number(value):
            return str(value)
        case Symbol(name):
            return name
        case Words(text):
            return f"'{text}'"
        case Call(name, _) | Collection(name, _) | Measure(_, name):
            return f"{type(node).__name__}:{name}/{len(children(node))}"
        case Relation(operators, _):
            return f"Relation:{''.join(operators)}/{len(children(node))}"
        case Matrix(rows):
            return f"Matrix:{len(rows)}x{len(rows[0])}"


def check_size(nodes: tuple[Node, ...]) -> None:
    """LimitExceeded where they have more than MOST_LEVELS below one another, or more than MOST_NODES in all."""
    count = levels = 0
    while nodes:
        count, levels = count + len(nodes), levels + 1
        if count > MOST_NODES or levels > MOST_LEVELS:
            raise LimitExceeded(f"more than {MOST_LEVELS} operations on one another, or {MOST_NODES} in all")
        nodes = tuple(below for node in nodes for below in children(node))


def names(node: Node) -> frozenset[str]:
    """The names of all symbols in it."""
    return frozenset(one.name for one in walk(node) if isinstance(one, Symbol))


def operations(node: Node) -> frozenset[str]:
    """The names of all operations and functions in it."""
    return frozenset(one.name for one in walk(node) if isinstance(one, Call))


def replaced(node: Node, old: str, new: str) -> Node:
    """The node with every call named `old` named `new`."""
    match node:
        case Call(name, below):
            return Call(new if name == old else name, tuple(replaced(one, old, new) for one in below))
        case Collection(brackets, items):
            return Collection(brackets, tuple(replaced(one, old, new) for one in items))
        case Relation(operators, sides):
            return Relation(operators, tuple(replaced(one, old, new) for one in sides))
        case Matrix(rows):
            return Matrix(tuple(tuple(replaced(one, old, new) for one in row) for row in rows))
        case Measure(value, unit):
            return Measure(replaced(value, old, new), unit)
        case _:
            return node
