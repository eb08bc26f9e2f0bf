"""Whether two values are the same: exactly where both are rational, else at random points.

    rational constants        compared exactly
    rational functions        at two points modulo a drawn prime of 128 bits: wrongly equal with probability degree/2¹²⁷
    other constants           70 digits computed, 35 compared
    everything else           the same at up to ten real places of both signs and several sizes, wherever all steps of
                              both are real; where they hardly ever are, in the four quadrants of the complex plane

What is drawn depends on a seed, which is the pair of answers: the verdict does not depend on process, thread or order.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from typing import Any, TypeVar, cast

from verigrad.verifiers import numeric
from verigrad.verifiers.budget import Budget, Exhausted
from verigrad.verifiers.expression import CONSTANTS, Call, LimitExceeded, Node, Number, Symbol, names, operations, walk
from verigrad.verifiers.fields import Evaluator, rational
from verigrad.verifiers.numeric import Complex, Undefined, Unknown
from verigrad.verifiers.points import COMPLEXES, REALS, Complexes, Place, Reals, Residues, drawn_prime

UNDECIDED_IF_DIFFERENT = frozenset({"apply sum", "apply prod", "apply int", "apply lim"})
"""Kept as written: equal if their parts are, but different parts may still have one value."""

NOT_REAL = frozenset({"Re", "Im", "arg"})
"""Functions at whose side symbols stand for complex numbers, as they do beside i."""

PIECEWISE = frozenset("abs floor ceil max min sgn sign arcsin arccos arctan arccot asin acos atan".split())
"""Functions of several branches, as roots are: they may be equal to something simpler at every place tried and not
everywhere."""

ENOUGH = 2
"""Places at which both values are real."""

OFTEN = 6
"""Places without a real value, after which none is looked for."""

_INFINITY = Symbol("∞")

V = TypeVar("V")


class Probe:
    """Compares values for one pair of answers, within one budget."""

    def __init__(self, seed: str) -> None:
        self._seed = hashlib.blake2b(seed.encode("utf-8", "replace"), digest_size=32).hexdigest()
        self.budget = Budget()
        self._known: dict[tuple[object, int], tuple[Node, Any]] = {}

    @cached_property
    def _prime(self) -> int:
        return drawn_prime(self._seed)

    def same(self, one: Node, other: Node) -> bool | None:
        """Whether two values are equal; None where that is not decided. What has no value equals nothing."""
        if one == other:
            return True
        try:
            (left, over), (right, above) = self._exact(one), self._exact(other)
        except Undefined:
            return False
        if left is not None and right is not None:
            return left == right
        verdict = self._everywhere([one, other])
        if verdict is False and (operations(one) | operations(other)) & UNDECIDED_IF_DIFFERENT:
            return None
        if verdict is None and (over or above):
            raise LimitExceeded("a value too large to write out")
        return verdict

    def proportional(self, one: Node, other: Node, *, positive: bool = False) -> bool | None:
        """Whether one/other is the same number other than 0 everywhere, above 0 if `positive` is asked for."""
        ratio = Call("/", (one, other))
        if not names(ratio) & CONSTANTS:  # whose residues are drawn anew for each seed
            try:
                residues = [self._residue(at, ratio) for at in range(3)]
                if len(set(residues)) > 1 or residues[0] == 0:
                    return False
                if not positive:
                    return True
            except (Unknown, Undefined):
                pass
        first: list[Complex] = []

        def steady(value: Complex) -> bool:
            first.append(value)
            return value != numeric.ZERO and numeric.close(first[0], value)

        verdict = self._numerically([ratio], steady)
        if verdict and bool(_branching(one)) != bool(_branching(other)):
            return None
        return verdict if not verdict or not positive else first[0].im == 0 and first[0].re > 0

    def real(self, node: Node) -> Decimal | Fraction | None:
        """The value of a real constant; None where it has symbols, is complex or undefined."""
        if names(node) - CONSTANTS or "∞" in names(node):
            return None
        try:
            exact, _ = self._exact(node)
            if exact is not None:
                return exact
            value = self._at(Place(0, 0), [node])[0]
        except (Unknown, Undefined):
            return None
        return None if value.im else value.re

    def _everywhere(self, nodes: Sequence[Node]) -> bool | None:
        if any(map(_calculates_with_infinity, nodes)):
            return False
        try:
            values = ([self._residue(at, node) for node in nodes] for at in range(2))
            return all(one == other for one, other in values)
        except Undefined:
            return False
        except Unknown:
            pass
        verdict = self._numerically(nodes, numeric.close)
        if verdict is None and not any(map(names, nodes)):
            verdict = self._numerically([self._folded(node) for node in nodes], numeric.close)
        one, other = map(_branching, nodes)
        return None if verdict and one != other else verdict

    def _numerically(self, nodes: Sequence[Node], same: Callable[..., bool]) -> bool | None:
        """The verdict at real places if there are enough, else at complex ones. None where a value is Unknown."""
        symbols = frozenset().union(*map(names, nodes))
        functions = frozenset().union(*map(operations, nodes))
        try:
            if not symbols - CONSTANTS and not any(name.startswith("apply ") for name in functions):
                return same(*self._at(Place(0, 0), nodes))
            if "i" not in symbols and not functions & NOT_REAL:
                verdict = self._at_real_places(nodes, same)
                if verdict is not None:
                    return verdict
            return all(same(*self._at(place, nodes)) for place in COMPLEXES)
        except Undefined:
            return False
        except Unknown:
            return None

    def _at_real_places(self, nodes: Sequence[Node], same: Callable[..., bool]) -> bool | None:
        """None where fewer than ENOUGH places give both a real value. Raises if none of the first gives any value."""
        places, failures, imaginary = 0, 0, 0
        for place in REALS:
            before = self.budget.left
            try:
                values = self._at(place, nodes, Reals)
            except Exhausted:
                raise
            except Undefined:
                imaginary += 1
                if imaginary >= OFTEN and not places:
                    break
                continue
            except (Unknown, LimitExceeded):
                failures += 1
                if failures >= ENOUGH and not places and not imaginary:
                    raise
                continue
            if not same(*values):
                return False
            places += 1
            if places >= ENOUGH and self.budget.left < 2 * (before - self.budget.left):
                break
        return True if places >= ENOUGH else None

    def _at(self, place: Place, nodes: Sequence[Node], kind: type[Complexes] = Complexes) -> list[Complex]:
        def value(node: Node) -> Complex:
            return Evaluator(kind(self._seed, place, self.budget), self.budget).value(node)

        return [self._once((kind, place), value, node) for node in nodes]

    def _residue(self, at: int, node: Node) -> int:
        def value(node: Node) -> int:
            return Evaluator(Residues(f"{self._seed}\0{at}", self._prime), self.budget).value(node)

        return self._once(at, value, node)

    def _once(self, field: object, value: Callable[[Node], V], node: Node) -> V:
        """The value, computed the first time only: the elements of a set are compared each with each.

        Kept by the node's identity, together with the node, since the hash of a tree takes as long as a value.
        """
        key = field, id(node)
        if key not in self._known:
            try:
                self._known[key] = node, value(node)
            except (Unknown, Undefined) as error:
                self._known[key] = node, error
        _, found = self._known[key]
        if isinstance(found, Unknown | Undefined):
            raise type(found)(*found.args)
        return cast(V, found)

    def _folded(self, node: Node) -> Node:
        """With exact numbers in place of what is rational: a difference that is small to 70 digits keeps its value."""
        if not isinstance(node, Call):
            return node
        value, _ = (None, False) if names(node) else self._exact(node)
        if value is not None:
            return Number(value)
        return Call(node.name, tuple(self._folded(part) for part in node.arguments))

    def _exact(self, node: Node) -> tuple[Fraction | None, bool]:
        """The exact value, and whether it is None for being too large to write out: residues may still compare it."""
        if isinstance(node, Number):
            return node.value, False
        try:
            return self._once("exact", lambda node: rational(node, self.budget), node), False
        except LimitExceeded:
            return None, True


def _branching(node: Node) -> bool:
    """Whether it applies a root or a function of several branches to a symbol."""
    calls = (one for one in walk(node) if isinstance(one, Call) and (one.name in PIECEWISE or _is_root(one)))
    return any(names(part) - CONSTANTS for call in calls for part in call.arguments)


def _is_root(call: Call) -> bool:
    """Of a degree that is known."""
    if call.name not in ("^", "root") or names(call.arguments[1]):
        return False
    if call.name == "root":
        return True
    parts = walk(call.arguments[1])
    return any(part.name == "/" if isinstance(part, Call) else _is_broken(part) for part in parts)


def _is_broken(node: Node) -> bool:
    return isinstance(node, Number) and node.value.denominator > 1


def _calculates_with_infinity(node: Node) -> bool:
    """Whether it adds, multiplies or applies a function to ∞. A sum up to ∞, a kept limit, does not."""
    if "∞" not in names(node):
        return False
    infinite = (_INFINITY, Call("neg", (_INFINITY,)))
    calls = (one for one in walk(node) if isinstance(one, Call) and not one.name.startswith("apply "))
    return any(part in infinite for call in calls if call not in infinite for part in call.arguments)
