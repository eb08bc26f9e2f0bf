"""What an answer is once it is parsed, a small frozen tree, and what reading and comparing it may cost.

Steps are about a microsecond each. They are counted, not timed, so that a verdict is the same on
every machine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

from verigrad.answers.tables import Unit

STEPS = 16_000  # of one verdict
FUNCTION_STEPS = 300  # a logarithm, a sine or a general power to 70 digits
POWER_STEPS = 50  # a whole power, a square root, a factorial
INVERSE_STEPS = 20  # a division
COMPARISON_STEPS = 50  # two values compared by their kinds, apart from what computing them takes
LONGEST_TEXT = 4000  # characters of an answer that is read
MOST_TOKENS = 1200  # tokens of an answer that is read
LONGEST_LITERAL = 400  # digits of a number that is read, and the largest power of ten in `2.5E2`
DEEPEST = 30  # brackets, braces, fractions, roots and signs inside one another
MOST_LEVELS = 80  # of a tree: whatever goes through one calls itself once or more for each
MOST_NODES = 5000  # of a tree, parts that occur twice counted twice
MOST_ITEMS = 200  # elements of a list, a set or a union that is read
MOST_CELLS = 400  # of a matrix, and products in a sum that makes one
MOST_BITS = 8192  # of an exact power, predicted before it is computed


class Unreadable(Exception):
    """The text is not in the grammar."""


class LimitExceeded(Exception):
    """The answer is larger than anything that is read or computed."""


class Undefined(Exception):
    """There is no value: a division by zero, the logarithm of 0."""


class Unknown(Exception):
    """There may be a value, but this arithmetic cannot tell it."""


class Budget:
    """The steps that a verdict has left."""

    __slots__ = ("left",)

    def __init__(self) -> None:
        self.left = STEPS

    def spend(self, steps: int = 1) -> None:
        """LimitExceeded once more than all are spent."""
        self.left -= steps
        if self.left < 0:
            raise LimitExceeded("too much to compute for one verdict")


CONSTANTS = frozenset({"pi", "e", "i", "∞"})
"""Symbols with a value of their own."""


class Leaf:
    """A node with none below it."""

    __slots__ = ()

    @property
    def parts(self) -> tuple[Node, ...]:
        """The nodes one step below; so for every kind of node."""
        return ()


@dataclass(frozen=True, slots=True)
class Operation:
    """A name and what it is applied to."""

    name: str
    arguments: tuple[Node, ...]

    @property
    def parts(self) -> tuple[Node, ...]:
        return self.arguments


@dataclass(frozen=True, slots=True)
class Number(Leaf):
    """A literal. `places`: decimals as written, None without a point. `digits`: significant ones."""

    value: Fraction
    places: int | None = None
    digits: int = 0


@dataclass(frozen=True, slots=True)
class Symbol(Leaf):
    """A letter, with its index or accent: `x`, `a_37`, `bar x`. π, e, i and ∞ are symbols too."""

    name: str


@dataclass(frozen=True, slots=True)
class Words(Leaf):
    """Plain words, in lower case where there are several letters."""

    text: str


class Call(Operation):
    """An operation or a known function: `+`, `neg`, `^`, `root`, `sin`, `∪`, `±`, …"""

    __slots__ = ()


class Applied(Operation):
    """A function that only the answer knows (`f(x)`, `F_{n-1}`), or a kept `sum`, `int`, `lim`."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Group:
    """Several things: `()`, `[]`, `(]`, `[)` in order, `{}` a set, "" a list without brackets."""

    brackets: str
    items: tuple[Node, ...]

    @property
    def parts(self) -> tuple[Node, ...]:
        return self.items


@dataclass(frozen=True, slots=True)
class Relation:
    """A chain such as `0 < x ≤ 1` or `x = 2 + 3 = 5`: one sign fewer than sides."""

    signs: tuple[str, ...]
    sides: tuple[Node, ...]

    @property
    def parts(self) -> tuple[Node, ...]:
        return self.sides


@dataclass(frozen=True, slots=True)
class Grid:
    """The rows of a matrix, of equal length."""

    rows: tuple[tuple[Node, ...], ...]

    @property
    def parts(self) -> tuple[Node, ...]:
        return tuple(cell for row in self.rows for cell in row)


@dataclass(frozen=True, slots=True)
class Measure:
    """A value with its unit."""

    value: Node
    unit: Unit

    @property
    def parts(self) -> tuple[Node, ...]:
        return (self.value,)


Node: TypeAlias = Number | Symbol | Call | Applied | Words | Group | Relation | Grid | Measure

ONE, ZERO = Number(Fraction(1)), Number(Fraction(0))
INFINITY = Symbol("∞")
MINUS_INFINITY = Call("neg", (INFINITY,))


def walk(node: Node) -> Iterator[Node]:
    """The node and all below it, in writing order."""
    waiting = [node]
    while waiting:
        current = waiting.pop()
        yield current
        if below := current.parts:
            waiting.extend(below[::-1])


def mapped(node: Node, change: Callable[[Node], Node]) -> Node:
    """The node with `change` applied to each of its children."""
    if isinstance(node, Call | Applied):
        return type(node)(node.name, tuple(map(change, node.arguments)))
    if isinstance(node, Group):
        return Group(node.brackets, tuple(map(change, node.items)))
    if isinstance(node, Relation):
        return Relation(node.signs, tuple(map(change, node.sides)))
    if isinstance(node, Grid):
        return Grid(tuple(tuple(map(change, row)) for row in node.rows))
    return Measure(change(node.value), node.unit) if isinstance(node, Measure) else node


def prefixed(node: Node) -> str:
    """The node in prefix notation, each operation with its number of parts: one text for each tree."""
    return " ".join(_label(part) for part in walk(node))


def _label(node: Node) -> str:
    match node:
        case Number(value):
            return str(value)
        case Symbol(name):
            return name
        case Words(text):
            return f"'{text}'"
        case Call(name, _) | Applied(name, _) | Group(name, _):
            return f"{type(node).__name__}:{name}/{len(node.parts)}"
        case Relation(signs, _):
            return f"Relation:{''.join(signs)}/{len(node.parts)}"
        case Measure(_, unit):
            return f"Measure:{unit}"
        case Grid(rows):
            return f"Grid:{len(rows)}x{len(rows[0])}"


def check_size(*nodes: Node) -> None:
    """LimitExceeded above MOST_LEVELS below one another, or above MOST_NODES in all."""
    count = levels = 0
    while nodes:
        count, levels = count + len(nodes), levels + 1
        if count > MOST_NODES or levels > MOST_LEVELS:
            raise LimitExceeded(f"more than {MOST_LEVELS} levels or {MOST_NODES} operations")
        nodes = tuple(below for node in nodes for below in node.parts)


def names(node: Node) -> frozenset[str]:
    """The names of all symbols in it."""
    return frozenset(part.name for part in walk(node) if isinstance(part, Symbol))


def has_unknown(node: Node) -> bool:
    """Whether it has a symbol without a value of its own, or a function that only the answer knows."""
    return any(
        isinstance(part, Applied) or (isinstance(part, Symbol) and part.name not in CONSTANTS) for part in walk(node)
    )


def operations(node: Node) -> frozenset[str]:
    """The names of all operations and functions in it."""
    return frozenset(part.name for part in walk(node) if isinstance(part, Operation))


def negated(node: Node) -> tuple[bool, Node]:
    """Whether a minus stands before it, and what stands behind that."""
    if isinstance(node, Call) and node.name == "neg":
        return True, node.arguments[0]
    return False, node


def opposite(node: Node) -> Node:
    """The node with one minus more, or one less."""
    is_negative, inner = negated(node)
    return inner if is_negative else Call("neg", (node,))
