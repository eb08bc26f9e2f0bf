"""Whether two values are the same: exactly where both are rational, else at random points.

    rational constants        compared exactly
    rational functions        at two points modulo a prime of 255 bits: degree/2²⁵⁴ is the chance of a wrong "equal"
    everything else           at three complex points (one, without symbols), 70 digits computed, 35 compared

The points are drawn from a seed, which is the pair of answers: the verdict does not depend on process, thread or order.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from decimal import Decimal
from fractions import Fraction
from typing import TypeVar

from verigrad.verifiers import numeric
from verigrad.verifiers.budget import Budget
from verigrad.verifiers.expression import Call, LimitExceeded, Node, Number, names, operations
from verigrad.verifiers.fields import Evaluator, rational
from verigrad.verifiers.numeric import Complex, Undefined, Unknown
from verigrad.verifiers.points import REAL_ONLY, Complexes, Residues

UNDECIDED_IF_DIFFERENT = frozenset({"apply sum", "apply prod", "apply int", "apply lim"})
"""Kept as written: equal if their parts are, but different parts may still have one value."""

CONSTANTS = frozenset({"pi", "e", "i", "∞"})

V = TypeVar("V")


class Probe:
    """Compares values for one pair of answers, within one budget."""

    def __init__(self, seed: str) -> None:
        self._seed = hashlib.blake2b(seed.encode("utf-8", "replace"), digest_size=32).hexdigest()
        self.budget = Budget()

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
        verdict = self._everywhere(one, other, lambda a, b: a == b, lambda a, b: numeric.close(a, b))
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
                residues = [Evaluator(Residues(seed), self.budget).value(ratio) for seed in self._seeds(3)]
                if len(set(residues)) > 1 or residues[0] == 0:
                    return False
                if not positive:
                    return True
            except (Unknown, Undefined):
                pass
        try:
            ratios = [
                Evaluator(Complexes(seed, True, self.budget), self.budget).value(ratio) for seed in self._seeds(3)
            ]
        except Unknown:
            return None
        except Undefined:
            return False
        if ratios[0] == numeric.ZERO or any(not numeric.close(ratios[0], each) for each in ratios[1:]):
            return False
        return not positive or (ratios[0].im == 0 and ratios[0].re > 0)

    def real(self, node: Node) -> Decimal | Fraction | None:
        """The value of a real constant; None where it has symbols, is complex or undefined."""
        if names(node) - CONSTANTS or "∞" in names(node):
            return None
        try:
            exact, _ = self._exact(node)
            if exact is not None:
                return exact
            value = Evaluator(Complexes(self._seed, True, self.budget), self.budget).value(node)
        except (Unknown, Undefined):
            return None
        return None if value.im else value.re

    def _everywhere(
        self,
        one: Node,
        other: Node,
        same_residue: Callable[[int, int], bool],
        same_number: Callable[[Complex, Complex], bool],
    ) -> bool | None:
        real = bool((operations(one) | operations(other)) & REAL_ONLY)
        constant = not (names(one) | names(other)) - CONSTANTS
        try:
            return self._at_points(
                one, other, (Evaluator(Residues(seed), self.budget) for seed in self._seeds(2)), same_residue
            )
        except Unknown:
            pass
        try:
            return self._at_points(
                one,
                other,
                (
                    Evaluator(Complexes(seed, real, self.budget), self.budget)
                    for seed in self._seeds(1 if constant else 3)
                ),
                same_number,
            )
        except Unknown:
            return None

    @staticmethod
    def _at_points(one: Node, other: Node, points: Iterator[Evaluator[V]], same: Callable[[V, V], bool]) -> bool:
        for point in points:
            try:
                if not same(point.value(one), point.value(other)):
                    return False
            except Undefined:
                return False
        return True

    def _seeds(self, count: int) -> list[str]:
        return [f"{self._seed}\0{at}" for at in range(count)]

    def _exact(self, node: Node) -> tuple[Fraction | None, bool]:
        """The exact value, and whether it is None for being too large to write out: residues may still compare it."""
        if isinstance(node, Number):
            return node.value, False
        try:
            return rational(node, self.budget), False
        except LimitExceeded:
            return None, True
