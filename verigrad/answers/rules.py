"""What counts as equal: one table of rules, keyed by what the gold answer and the answer are.

docs/verifiers.md shows the same table. Whatever stands in no row is different.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction

from verigrad.answers.fields import numeral
from verigrad.answers.probe import Probe, every, some
from verigrad.answers.regions import Regions, interval
from verigrad.answers.tables import PERCENT
from verigrad.answers.tree import (
    COMPARISON_STEPS,
    ZERO,
    Call,
    Group,
    Node,
    Number,
    Relation,
    Words,
    negated,
    walk,
)
from verigrad.answers.values import Kind, Value, make, renamed

ROUNDING_PLACES = 6
"""Decimals from which a decimal fraction may stand for an exact value."""

FLOAT_DIGITS = 15
"""Significant digits from which a decimal fraction is read as a printed float."""

MOST_UNMATCHED = 12
"""Elements of a set that are compared each with each, after those that are written alike."""


class Comparison:
    """Compares values with one probe. Every verdict is True, False, or None where nothing here decides."""

    def __init__(self, probe: Probe) -> None:
        self.probe = probe
        self.regions = Regions(probe)

    def whole(self, gold: Value, answer: Value) -> bool | None:
        """Of two whole answers: a set of one element may stand for that element."""
        if (gold.kind is Kind.BAG) != (answer.kind is Kind.BAG):
            gold, answer = (_unwrapped(value) for value in (gold, answer))
        return self.equal(gold, answer)

    def equal(self, gold: Value, answer: Value) -> bool | None:
        self.probe.budget.spend(COMPARISON_STEPS)
        verdict = self._by_value(gold, answer)
        if not verdict and gold.equation is not None and answer.equation is not None:
            return self._equations(gold.equation, answer.equation)
        return verdict

    def _by_value(self, gold: Value, answer: Value) -> bool | None:
        if gold.name is not None and answer.name is not None and gold.name != answer.name:
            return False
        if gold.variables and answer.variables and gold.variables != answer.variables:
            if len(gold.variables) != len(answer.variables):
                return False
            gold, answer = renamed(gold), renamed(answer)
        rule = RULES.get((gold.kind, answer.kind))
        return False if rule is None else rule(self, gold, answer)

    def _equations(self, gold: Relation, answer: Relation) -> bool | None:
        """The same sides, or the same equation up to a factor other than 0."""
        if gold.signs == answer.signs and every(map(self.probe.same, gold.sides, answer.sides)):
            return True
        if not gold.signs == answer.signs == ("=",) or any(_holds_words(relation) for relation in (gold, answer)):
            return False
        one, other = (Call("+", (sides.sides[0], Call("neg", (sides.sides[1],)))) for sides in (gold, answer))
        return self.probe.proportional(one, other)

    # Scalars

    def scalars(self, gold: Value, answer: Value) -> bool | None:
        ours, theirs = gold.unit, answer.unit
        if theirs is not None and theirs.unknown > (1 if ours is None else ours.unknown):
            return False
        if PERCENT in (ours, theirs):
            return self._percentages(gold, answer)
        left, right = gold.tree, answer.tree
        if ours is not None and theirs is not None:
            if ours.powers != theirs.powers:
                return False
            if ours.factor != theirs.factor:
                right = Call("*", (right, Number(theirs.factor / ours.factor)))
        return self._same_or_rounded(left, right)

    def _percentages(self, gold: Value, answer: Value) -> bool | None:
        """As written, or a hundredth of it; as written only where it is more than a share can be."""
        left, right = gold.tree, answer.tree
        if gold.unit == answer.unit:
            return self._same_or_rounded(left, right)
        if (gold.unit or PERCENT) != (answer.unit or PERCENT):
            return False
        share, plain = (left, right) if gold.unit == PERCENT else (right, left)
        size = self.probe.real(share)
        exact = self.probe.exact(share)[0] is not None
        larger = size is None or abs(size) > 1 or size == 0
        as_written = larger and (exact or size is None) if plain is left else larger or abs(size or 0) == 1
        hundredth = Call("/", (share, Number(Fraction(100))))
        pairs = [(hundredth, plain)] + ([(share, plain)] if as_written else [])
        return some([self._same_or_rounded(*(pair if share is left else pair[::-1])) for pair in pairs])

    def _same_or_rounded(self, gold: Node, answer: Node) -> bool | None:
        """Equal, or one a decimal fraction of six places or more that rounds or cuts the other."""
        verdict = self.probe.same(gold, answer)
        if verdict:
            return True
        literals = [_literal(node) for node in (gold, answer)]
        for (value, places, digits), exact in zip(literals, (answer, gold), strict=True):
            other = _literal(exact)[1]
            if places is None or (other is not None and digits < FLOAT_DIGITS):
                continue
            if places < ROUNDING_PLACES and digits < FLOAT_DIGITS:
                continue
            true = self.probe.real(exact)
            if true is None or (value == 0 and true != 0):
                continue
            place, gap = Fraction(1, 10**places), abs(value - true)
            rounded = 2 * gap <= place or (gap < place and abs(value) < abs(true))
            is_float = digits >= FLOAT_DIGITS and true.denominator > 1
            if rounded or (is_float and gap <= abs(value) / 10 ** (FLOAT_DIGITS - 1)):
                return True
        return verdict

    def numerals(self, gold: Value, answer: Value) -> bool | None:
        """A gold numeral with its base: the same digits, with that base or none. Without: the same value."""
        if gold.kind is not Kind.NUMERAL:
            assert isinstance(answer.tree, Call)
            return self.probe.same(gold.tree, Number(numeral(*answer.tree.arguments)))
        assert isinstance(gold.tree, Call)
        return answer.unit is None and answer.tree in (gold.tree, gold.tree.arguments[0])

    def ratios(self, gold: Value, answer: Value) -> bool | None:
        """The same proportion; a time of day, or what has a 0, as written."""
        if gold.unit != answer.unit and gold.unit is not None and answer.unit is not None:
            return False
        ours, theirs = ([item.tree for item in value.items] for value in (gold, answer))
        if len(ours) != len(theirs):
            return False
        if any(self.probe.same(part, ZERO) is not False for part in (*ours, *theirs)):
            return every(map(self.probe.same, ours, theirs))
        crossed = (
            [Call("*", (part, theirs[0])) for part in ours[1:]],
            [Call("*", (part, ours[0])) for part in theirs[1:]],
        )
        return every(map(self.probe.same, *crossed))

    def quotient(self, gold: Value, answer: Value) -> bool | None:
        """A ratio of two against its quotient."""
        if len(gold.items) != 2 or gold.unit is not None:
            return False
        return self.probe.same(Call("/", tuple(item.tree for item in gold.items)), answer.tree)

    def classes(self, gold: Value, answer: Value) -> bool | None:
        """The same modulus, and representatives that differ by a multiple of it."""
        ours, theirs = ([item.tree for item in value.items] for value in (gold, answer))
        if self.probe.same(ours[1], theirs[1]) is not True:
            return False
        difference = Call("+", (ours[0], Call("neg", (theirs[0],))))
        return self.probe.same(Call("mod", (difference, ours[1])), ZERO)

    def least(self, gold: Value, answer: Value) -> bool | None:
        """A residue class against the least of its numbers."""
        if gold.kind is Kind.CLASS and gold.name is not None:
            return False  # all x of the class are asked for
        held, single = (gold, answer) if gold.kind is Kind.CLASS else (answer, gold)
        representative, modulus = (item.tree for item in held.items)
        least = self.probe.same(Call("mod", (representative, modulus)), representative)
        return bool(least) and self.probe.same(representative, single.tree)

    # Regions

    def region(self, gold: Value, answer: Value) -> bool | None:
        return self.regions.same(gold.pieces, answer.pieces)

    def intervals(self, gold: Value, answer: Value) -> bool | None:
        """A region against two values in brackets, which are an interval then."""
        pieces = []
        for value in (gold, answer):
            piece = interval(value.tree) if value.kind is Kind.TUPLE else None
            if value.kind is Kind.TUPLE and piece is None:
                return False
            pieces.append(value.pieces if piece is None else (piece,))
        return self.regions.same(*pieces)

    def conditions(self, gold: Value, answer: Value) -> bool | None:
        one, other = (_upwards(value.tree) for value in (gold, answer))
        if isinstance(one, Call) and isinstance(other, Call) and one.name == other.name:
            return self._parts(one.arguments, other.arguments)
        if not isinstance(one, Relation) or not isinstance(other, Relation) or one.signs != other.signs:
            return False
        if len(one.sides) != 2 or one.signs == ("∈",):
            return self._parts(one.sides, other.sides)
        if any(isinstance(side, Words | Group) for side in (*one.sides, *other.sides)):
            return self._parts(one.sides, other.sides)
        left, right = (Call("+", (node.sides[0], Call("neg", (node.sides[1],)))) for node in (one, other))
        return self.probe.proportional(left, right, positive=one.signs not in (("≠",), ("≡",)))

    def unsolved(self, gold: Value, answer: Value) -> bool | None:
        """An inequality that is solved against one that is not: πx < 3."""
        both = isinstance(gold.tree, Relation) and isinstance(answer.tree, Relation)
        return both and self.conditions(gold, answer)

    def _parts(self, ours: Sequence[Node], theirs: Sequence[Node]) -> bool | None:
        if len(ours) != len(theirs):
            return False
        pairs = zip(ours, theirs, strict=True)
        return every(self.equal(*(make(node, self.probe, is_gold=False) for node in pair)) for pair in pairs)

    # Collections

    def tuples(self, gold: Value, answer: Value) -> bool | None:
        """Tuples of the same brackets; the rows of matrices."""
        return gold.brackets == answer.brackets and self._in_order(gold.items, answer.items)

    def _in_order(self, ours: Sequence[Value], theirs: Sequence[Value]) -> bool | None:
        return every(map(self.equal, ours, theirs)) if len(ours) == len(theirs) else False

    def bags(self, gold: Value, answer: Value) -> bool | None:
        ours, theirs = [item.name for item in gold.items], [item.name for item in answer.items]
        if len(set(ours)) > 1:
            return self._records(gold.items, answer.items)
        if len(set(theirs)) > 1 and gold.name is not None:
            return False
        return self._same_elements(gold.items, answer.items)

    def _records(self, golds: Sequence[Value], answers: Sequence[Value]) -> bool | None:
        """Values of several names: by name where the answer has names too, else in their order."""
        ours, theirs = [item.name or "" for item in golds], [item.name or "" for item in answers]
        if any(theirs) and len(set(ours)) == len(ours) and sorted(ours) == sorted(theirs):
            by_name = dict(zip(theirs, answers, strict=True))
            return every(self.equal(item, by_name[item.name or ""]) for item in golds)
        if any(theirs) and ours != theirs:
            return False
        return self._in_order(golds, answers)

    def listed_tuple(self, gold: Value, answer: Value) -> bool | None:
        """A bare list, or values of several names, against a tuple: in order."""
        several = len({item.name for item in gold.items}) > 1
        plain = gold.name is None and gold.brackets == "" and isinstance(gold.tree, Group)
        in_order = answer.brackets == "()" or (answer.brackets == "[]" and len(answer.items) > 2)
        return (several or plain) and in_order and self._in_order(gold.items, answer.items)

    def tuple_listed(self, gold: Value, answer: Value) -> bool | None:
        """A tuple against a bare list: in order, or by the names that the gold answer gives its parts."""
        if (
            answer.name is not None
            or answer.brackets != ""
            or gold.brackets != "()"
            or not isinstance(answer.tree, Group)
        ):
            return False
        names = [item.name or "" for item in answer.items]
        parts = (gold.name or "").split(" , ")
        if len(parts) == len(names) > 1 and sorted(parts) == sorted(names):
            by_name = dict(zip(names, answer.items, strict=True))
            return every(
                self.equal(item, replace(by_name[part], name=None))
                for part, item in zip(parts, gold.items, strict=True)
            )
        if any(names) and sorted(set(names)) != names:
            return False
        return self._in_order(gold.items, answer.items)

    def _same_elements(self, golds: Sequence[Value], answers: Sequence[Value]) -> bool | None:
        """As sets. What is written alike is paired first; the rest each with each, up to a cap."""
        ours, theirs = dict.fromkeys(golds), dict.fromkeys(answers)
        left, right = [item for item in ours if item not in theirs], [item for item in theirs if item not in ours]
        if max(len(left), len(right)) > MOST_UNMATCHED:
            values = [{self.probe.real(item.tree) for item in side} for side in (left, right)]
            return None if None in values[0] and None in values[1] else values[0] == values[1]
        forwards = [some(self.equal(a, b) for b in theirs) for a in left]
        return every(forwards + [some(self.equal(a, b) for a in ours) for b in right])

    def words(self, gold: Value, answer: Value) -> bool | None:
        return gold.tree == answer.tree


Rule = Callable[[Comparison, Value, Value], "bool | None"]


_SCALARS = (Kind.NUMBER, Kind.EXPRESSION)


RULES: dict[tuple[Kind, Kind], Rule] = {
    **{(one, other): Comparison.scalars for one in _SCALARS for other in _SCALARS},
    **{(Kind.RATIO, other): Comparison.quotient for other in _SCALARS},
    (Kind.RATIO, Kind.RATIO): Comparison.ratios,
    **{(Kind.NUMERAL, other): Comparison.numerals for other in (Kind.NUMERAL, Kind.NUMBER)},
    (Kind.NUMBER, Kind.NUMERAL): Comparison.numerals,
    (Kind.CLASS, Kind.CLASS): Comparison.classes,
    (Kind.CLASS, Kind.NUMBER): Comparison.least,
    (Kind.NUMBER, Kind.CLASS): Comparison.least,
    (Kind.REGION, Kind.REGION): Comparison.region,
    (Kind.REGION, Kind.TUPLE): Comparison.intervals,
    (Kind.TUPLE, Kind.REGION): Comparison.intervals,
    (Kind.CONDITION, Kind.CONDITION): Comparison.conditions,
    (Kind.CONDITION, Kind.REGION): Comparison.unsolved,
    (Kind.REGION, Kind.CONDITION): Comparison.unsolved,
    (Kind.TUPLE, Kind.TUPLE): Comparison.tuples,
    (Kind.TUPLE, Kind.BAG): Comparison.tuple_listed,
    (Kind.BAG, Kind.TUPLE): Comparison.listed_tuple,
    (Kind.BAG, Kind.BAG): Comparison.bags,
    (Kind.MATRIX, Kind.MATRIX): Comparison.tuples,
    (Kind.WORD, Kind.WORD): Comparison.words,
}
"""By the kinds of the gold answer and the answer."""


def _unwrapped(value: Value) -> Value:
    if value.kind is not Kind.BAG or len(value.items) != 1:
        return value
    return replace(value.items[0], name=value.items[0].name or value.name)


def _holds_words(relation: Relation) -> bool:
    return any(isinstance(part, Words | Group) for part in walk(relation))


def _upwards(node: Node) -> Node:
    """`a > b` turned into `b < a`."""
    if not isinstance(node, Relation) or not set(node.signs) <= {">", ">="}:
        return node
    signs = tuple({">": "<", ">=": "<="}[sign] for sign in reversed(node.signs))
    return Relation(signs, tuple(reversed(node.sides)))


def _literal(node: Node) -> tuple[Fraction, int | None, int]:
    """Value, places and digits of a decimal literal with its sign; places None for anything else."""
    negative, inner = negated(node)
    if not isinstance(inner, Number):
        return Fraction(0), None, 0
    return -inner.value if negative else inner.value, inner.places, inner.digits
