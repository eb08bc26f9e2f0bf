"""Whether two values are the same: exactly where both are rational, else at random points.

    rational constants    compared exactly
    rational functions    at two points modulo a drawn prime of 64 bits
    other constants       70 digits computed, 35 compared
    everything else       at up to ten real places of both signs and several sizes, wherever all steps
                          of both are real; where they hardly ever are, in the four quadrants

What is drawn depends on the pair of answers alone, so a verdict does not depend on process or order.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from functools import cached_property
from typing import Any

from verigrad.answers.fields import Evaluator, Residues, drawn_prime, rational
from verigrad.answers.numeric import COMPLEXES, MP, REALS, Complexes, Place, Reals, close
from verigrad.answers.tree import (
    CONSTANTS,
    INFINITY,
    MINUS_INFINITY,
    Budget,
    Call,
    LimitExceeded,
    Node,
    Number,
    Undefined,
    Unknown,
    has_unknown,
    names,
    operations,
    walk,
)

KEPT = frozenset({"sum", "prod", "int", "lim"})
"""Kept as written: equal if their parts are, but different parts may still have one value."""

NOT_REAL = frozenset({"Re", "Im", "arg"})
"""Functions beside which symbols stand for complex numbers, as they do beside i."""

PIECEWISE = frozenset("abs floor ceil max min sgn arcsin arccos arctan arccot".split())
"""Functions of several branches, as roots are: they may be equal to something simpler at every place
tried and not everywhere."""

FIXED, FIXED_PRIME = -1, 2**64 - 59
"""What differs modulo a known prime is different; only what does not is asked modulo a drawn one, which costs more."""

ENOUGH = 2
"""Places at which both values are real."""

OFTEN = 6
"""Places without a real value, after which none is looked for."""


class Probe:
    """Compares values for one pair of answers, within one budget."""

    def __init__(self, seed: str, budget: Budget) -> None:
        self._text = seed
        self.budget = budget
        self._known: dict[tuple[object, int], tuple[Node, Any]] = {}

    @cached_property
    def _seed(self) -> str:
        return hashlib.blake2b(self._text.encode("utf-8", "replace"), digest_size=32).hexdigest()

    @cached_property
    def _prime(self) -> int:
        return drawn_prime(self._seed)

    def same(self, one: Node, other: Node) -> bool | None:
        """Whether two values are equal; None where that is not decided. What has no value equals nothing."""
        if one == other:
            return True
        try:
            (left, over), (right, above) = self.exact(one), self.exact(other)
        except Undefined:
            return False
        if left is not None and right is not None:
            return left == right
        verdict = self._everywhere([one, other])
        if verdict is False and (operations(one) | operations(other)) & KEPT:
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
        first: list[Any] = []

        def steady(value: Any) -> bool:
            first.append(value)
            return value != 0 and close(first[0], value)

        verdict = self._numerically([ratio], steady)
        if verdict and _branching(one) != _branching(other):
            return None
        return verdict if not verdict or not positive else bool(first[0].imag == 0 and first[0].real > 0)

    def real(self, node: Node) -> Fraction | None:
        """The value of a real constant, rounded to 70 digits; None where it has symbols, is complex or undefined."""
        if has_unknown(node) or node in (INFINITY, MINUS_INFINITY):
            return None
        try:
            exact, _ = self.exact(node)
            value = None if exact is not None else self._at(Place(0, 0), [node])[0]
        except (Unknown, Undefined):
            return None
        if value is None:
            return exact
        if isinstance(value, MP.mpc):
            return None
        sign, mantissa, exponent, _ = value._mpf_
        size: Fraction = mantissa * Fraction(2) ** exponent
        return -size if sign else size

    def exact(self, node: Node) -> tuple[Fraction | None, bool]:
        """The rational value, and whether it is None for being too large to write out: residues may compare it."""
        if isinstance(node, Number):
            return node.value, False
        try:
            return self._once("exact", lambda part: rational(part, self.budget), node), False
        except LimitExceeded:
            if self.budget.left < 0:
                raise
            return None, True

    def _everywhere(self, nodes: Sequence[Node]) -> bool | None:
        if any(map(_calculates_with_infinity, nodes)):
            return False
        try:
            values = ([self._residue(at, node) for node in nodes] for at in (FIXED, 0, 1))
            return all(one == other for one, other in values)
        except Undefined:
            return False
        except Unknown:
            pass
        verdict = self._numerically(nodes, close)
        if verdict is None and not any(map(names, nodes)):
            verdict = self._numerically([self._folded(node) for node in nodes], close)
        one, other = map(_branching, nodes)
        return None if verdict and one != other else verdict

    def _numerically(self, nodes: Sequence[Node], same: Callable[..., bool]) -> bool | None:
        """The verdict at real places if there are enough, else at complex ones. None where a value is Unknown."""
        try:
            if not any(map(has_unknown, nodes)):
                return same(*self._at(Place(0, 0), nodes))
            complex_names = any("i" in names(node) or operations(node) & NOT_REAL for node in nodes)
            verdict = None if complex_names else self._at_real_places(nodes, same)
            if verdict is not None:
                return verdict
            return all(same(*self._at(place, nodes)) for place in COMPLEXES)
        except Undefined:
            return False
        except Unknown:
            return None

    def _at_real_places(self, nodes: Sequence[Node], same: Callable[..., bool]) -> bool | None:
        """None where fewer than ENOUGH places give both a real value. Raises if none of the first gives any value."""
        places = failures = imaginary = 0
        for place in REALS:
            before = self.budget.left
            try:
                values = self._at(place, nodes, Reals)
            except Undefined:
                imaginary += 1
                if imaginary >= OFTEN and not places:
                    break
                continue
            except (Unknown, LimitExceeded):
                failures += 1
                if self.budget.left < 0 or (failures >= ENOUGH and not places and not imaginary):
                    raise
                continue
            if not same(*values):
                return False
            places += 1
            if places >= ENOUGH and self.budget.left < 2 * (before - self.budget.left):
                break
        return True if places >= ENOUGH else None

    def _at(self, place: Place, nodes: Sequence[Node], kind: type[Complexes] = Complexes) -> list[Any]:
        def value(node: Node) -> Any:
            return Evaluator(kind(self._seed, place, self.budget), self.budget).value(node)

        return [self._once((kind, place), value, node) for node in nodes]

    def _residue(self, at: int, node: Node) -> int:
        def value(node: Node) -> Any:
            prime = FIXED_PRIME if at == FIXED else self._prime
            return Evaluator(Residues(f"{self._seed}\0{at}", prime), self.budget).value(node)

        residue: int = self._once(at, value, node)
        return residue

    def _once(self, field: object, value: Callable[[Node], Any], node: Node) -> Any:
        """The value, computed the first time only: the elements of a set are compared each with each.

        Kept by the node's identity, together with the node, since the hash of a tree takes as long as a value.
        """
        key = field, id(node)
        if key not in self._known:
            try:
                self._known[key] = node, value(node)
            except (Unknown, Undefined) as error:
                self._known[key] = node, error
        found = self._known[key][1]
        if isinstance(found, Unknown | Undefined):
            raise type(found)(*found.args)
        return found

    def _folded(self, node: Node) -> Node:
        """With exact numbers in place of what is rational: a difference that is small to 70 digits keeps its value."""
        if not isinstance(node, Call):
            return node
        value, _ = (None, False) if names(node) else self.exact(node)
        if value is not None:
            return Number(value)
        return Call(node.name, tuple(map(self._folded, node.arguments)))


def _branching(node: Node) -> bool:
    """Whether it applies a root or a function of several branches to a symbol."""
    calls = (part for part in walk(node) if isinstance(part, Call))
    branching = (call for call in calls if call.name in PIECEWISE or _is_root(call))
    return any(has_unknown(part) for call in branching for part in call.arguments)


def _is_root(call: Call) -> bool:
    """A root or a broken power of a degree that is known."""
    if call.name not in ("^", "root") or names(call.arguments[1]):
        return False
    if call.name == "root":
        return True
    return any(
        (isinstance(part, Call) and part.name == "/") or (isinstance(part, Number) and part.value.denominator > 1)
        for part in walk(call.arguments[1])
    )


def _calculates_with_infinity(node: Node) -> bool:
    """Whether it adds, multiplies or applies a function to ∞. A sum up to ∞, a kept limit, does not."""
    if "∞" not in names(node):
        return False
    infinite = (INFINITY, MINUS_INFINITY)
    calls = (part for part in walk(node) if isinstance(part, Call) and part not in infinite)
    return any(part in infinite for call in calls for part in call.arguments)


NEAR = Fraction(1, 20)
"""Largest relative distance between a value and what an ≈ calls a rounding of it."""


def close_enough(probe: Probe, value: Node, rounding: Node) -> bool:
    """Whether a constant is within NEAR of another."""
    exact, rounded = probe.real(value), probe.real(rounding)
    return exact is not None and rounded is not None and abs(exact - rounded) <= NEAR * abs(exact)


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
