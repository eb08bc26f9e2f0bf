r"""What counts as equal, by the type of the gold answer. docs/verifiers.md states the rules.

    words                the same words
    x = …                the value, with the same name or none; a chain states its last link, if all links hold
    equation             the same equation up to a factor
    inequality, interval, union, membership      the same set of reals
    list, set, ±         the same elements in any order; a named list in its order or by name
    tuple                the same elements in order
    matrix, ratio        the same cells; the same proportion
    number               the same value; decimals against exact values within their last place, from six places on

Every verdict is True, False, or None where nothing here decides.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from verigrad.verifiers.budget import COMPARISON_STEPS
from verigrad.verifiers.expression import (
    Call,
    Collection,
    Node,
    Number,
    Relation,
    Words,
    walk,
)
from verigrad.verifiers.fields import numeral
from verigrad.verifiers.matrices import matrix_value
from verigrad.verifiers.naming import name_in, named_items, stated
from verigrad.verifiers.probe import Probe
from verigrad.verifiers.regions import Regions, is_region
from verigrad.verifiers.shapes import (
    difference,
    elements,
    every,
    has_matrix,
    has_nested_percent,
    is_unordered,
    literal,
    measured,
    measures,
    same_unit,
    some,
    unknown_names,
    upwards,
)

_HUNDRED, _ZERO = Number(Fraction(100)), Number(Fraction(0))

NEAR = Fraction(1, 20)
"""Of a value: how far a rounding of it may be from it."""

ROUNDING_PLACES = 6
"""Decimals from which a decimal fraction may stand for an exact value."""

FLOAT_DIGITS = 15
"""Significant digits from which a decimal fraction is read as a printed float."""

MOST_UNMATCHED = 12
"""Elements of a set that are compared each with each, after those that are written alike."""


class Comparison:
    """One pair of answers. `seed` draws the random points."""

    def __init__(self, seed: str) -> None:
        self._probe = Probe(seed)
        self._regions = Regions(self._probe)

    def equal(self, gold: Node, answer: Node) -> bool | None:
        """Whether the answer equals the gold answer."""
        self._probe.budget.spend(COMPARISON_STEPS)
        if gold == answer:
            return True
        if is_region(gold) or is_region(answer):
            return self._as_regions(gold, answer)
        if isinstance(gold, Words) or isinstance(answer, Words):
            return False
        if isinstance(gold, Relation):
            return self._equation(gold, answer)
        if isinstance(answer, Relation):
            value = self._stated(answer)
            return False if value is None else self.equal(gold, value)
        if is_unordered(gold):
            return self._unordered(gold, answer)
        if isinstance(gold, Collection):
            return self._ordered(gold, answer)
        if is_unordered(answer):
            return self._same_elements([gold], elements(answer))
        if isinstance(answer, Collection):
            return False
        if has_matrix(gold) or has_matrix(answer):
            return self._matrices(gold, answer)
        if isinstance(gold, Call) and gold.name == ":":
            return self._ratios(gold, answer)
        if any(isinstance(part, Collection) and len(part.items) != 1 for part in walk(answer)):
            return False
        if isinstance(answer, Call) and answer.name == ":":
            return False
        return self._values(gold, answer)

    def _stated(self, relation: Relation) -> Node | None:
        """What an answer's chain states, if all its links agree."""

        def holds(one: Node, other: Node) -> bool:
            return self.equal(one, other) is True

        return stated(relation, holds, self._near)

    def _near(self, value: Node, rounding: Node) -> bool:
        exact, rounded = self._probe.real(measured(value)[0]), self._probe.real(measured(rounding)[0])
        if exact is None or rounded is None:
            return False
        return abs(Fraction(exact) - Fraction(rounded)) <= NEAR * abs(Fraction(exact))

    # Relations

    def _as_regions(self, gold: Node, answer: Node) -> bool | None:
        ours, theirs = unknown_names(gold), unknown_names(answer)
        if len(ours | theirs) > 1 and ours != theirs:
            return False
        one, other = self._regions.read(gold), self._regions.read(answer)
        if one is not None and other is not None:
            return self._regions.same(one, other)
        if isinstance(gold, Relation) and isinstance(answer, Relation):
            return self._inequality(gold, answer)
        if isinstance(gold, Call) and isinstance(answer, Call) and gold.name == answer.name:
            return every(self.equal(a, b) for a, b in zip(gold.arguments, answer.arguments, strict=True))
        return False

    def _inequality(self, gold: Relation, answer: Relation) -> bool | None:
        gold, answer = upwards(gold), upwards(answer)
        if gold.operators == answer.operators and len(gold.sides) > 2:
            return every(self.equal(a, b) for a, b in zip(gold.sides, answer.sides, strict=True))
        if gold.operators != answer.operators or len(gold.sides) != 2:
            return False
        if gold.operators == ("∈",):
            return every(self.equal(a, b) for a, b in zip(gold.sides, answer.sides, strict=True))
        return self._probe.proportional(difference(gold), difference(answer), positive=gold.operators != ("≠",))

    def _equation(self, gold: Relation, answer: Node) -> bool | None:
        value = stated(gold, None)
        if is_unordered(answer):
            return self._same_elements([gold], elements(answer))
        if isinstance(answer, Relation):
            names = name_in(gold), name_in(answer)
            theirs = self._stated(answer)
            if value is not None and theirs is not None and (None in names or names[0] == names[1]):
                return self.equal(value, theirs)
            if any(isinstance(part, Words) for part in (*walk(gold), *walk(answer))):
                return False
            if len(gold.sides) == len(answer.sides) == 2 and gold.operators == answer.operators == ("=",):
                return self._probe.proportional(difference(gold), difference(answer))
            return False
        return False if value is None else self.equal(value, answer)

    # Collections

    def _unordered(self, gold: Node, answer: Node) -> bool | None:
        names, golds = named_items(gold, elements, lambda item: stated(item, None))
        others, answers = named_items(answer, elements, self._stated)
        if len(set(names)) > 1:
            return self._named(names, golds, others, answers)
        if len(set(others)) > 1 and names and others:
            return False
        if names and others and names[0] != others[0]:
            return False
        if isinstance(answer, Collection) and not is_unordered(answer):
            answers = list(answer.items)
            listed = isinstance(gold, Collection) and gold.brackets == "" and not names
            if not listed or not (answer.brackets == "()" or (answer.brackets == "[]" and len(answers) > 2)):
                return self._same_elements(golds, [answer])
            return every(map(self.equal, golds, answers)) if len(golds) == len(answers) else False
        return self._same_elements(golds, answers)

    def _named(self, names: list[str], golds: list[Node], others: list[str], answers: list[Node]) -> bool | None:
        """A list of several names: by name where the answer has names too, else in its order."""
        if others and len(set(names)) == len(names) and sorted(names) == sorted(others):
            theirs = dict(zip(others, answers, strict=True))
            return every(self.equal(value, theirs[name]) for name, value in zip(names, golds, strict=True))
        if others and names != others:
            return False
        flat = [part for one in answers for part in (one.items if isinstance(one, Collection) else (one,))]
        return every(map(self.equal, golds, flat)) if len(flat) == len(golds) else False

    def _ordered(self, gold: Collection, answer: Node) -> bool | None:
        if not isinstance(answer, Collection) or len(gold.items) != len(answer.items):
            return False
        brackets = answer.brackets == gold.brackets or (gold.brackets == "()" and _is_in_order(answer))
        return every(map(self.equal, gold.items, answer.items)) if brackets else False

    def _same_elements(self, golds: Sequence[Node], answers: Sequence[Node]) -> bool | None:
        """As sets. What is written alike is paired first; the rest each with each, up to a cap."""
        ours, theirs = dict.fromkeys(golds), dict.fromkeys(answers)
        left, right = [one for one in ours if one not in theirs], [one for one in theirs if one not in ours]
        if max(len(left), len(right)) > MOST_UNMATCHED:
            return self._many(left, right)
        table = {(a, b): self.equal(a, b) for a in ours for b in right} | {
            (a, b): self.equal(a, b) for a in left for b in theirs if b in ours
        }
        found = [some(table[a, b] for b in theirs) for a in left]
        return every(found + [some(table[a, b] for a in ours) for b in right])

    def _many(self, left: list[Node], right: list[Node]) -> bool | None:
        """Of long sets only numbers are compared."""
        values = [{self._probe.real(one) for one in side} for side in (left, right)]
        return None if None in values[0] and None in values[1] else values[0] == values[1]

    # Values

    def _matrices(self, gold: Node, answer: Node) -> bool | None:
        one, other = matrix_value(gold), matrix_value(answer)
        if one is None or other is None:
            return False
        if len(one) != len(other) or len(one[0]) != len(other[0]):
            return False
        pairs = zip(one, other, strict=True)
        return every(self.equal(a, b) for row, row_ in pairs for a, b in zip(row, row_, strict=True))

    def _ratios(self, gold: Call, answer: Node) -> bool | None:
        ours = gold.arguments
        if not isinstance(answer, Call) or answer.name != ":":
            return self.equal(Call("/", ours), answer) if len(ours) == 2 else False
        theirs = answer.arguments
        if len(ours) != len(theirs):
            return False
        if any(self._probe.same(part, _ZERO) is not False for part in (*ours, *theirs)):  # a time of day, for one
            return every(map(self.equal, ours, theirs))
        return every(
            self._probe.same(Call("*", (a, theirs[0])), Call("*", (b, ours[0])))
            for a, b in zip(ours[1:], theirs[1:], strict=True)
        )

    def _values(self, gold: Node, answer: Node) -> bool | None:
        if (isinstance(gold, Call) and gold.name == "base") or (isinstance(answer, Call) and answer.name == "base"):
            return self._based(gold, answer)
        ours, theirs = measures(gold), measures(answer)
        if len(theirs) > 1 or has_nested_percent(answer):
            return False
        (gold, unit), (answer, other) = measured(gold), measured(answer)
        if (unit and other and unit != other) or (unit and theirs) or (other and ours):
            return False
        if len(ours) == len(theirs) == 1 and not same_unit(*ours, *theirs):
            return False
        readings = [(gold, answer)]
        if unit == "%" and other != "%":
            readings.append((Call("/", (gold, _HUNDRED)), answer))
        if other == "%" and unit != "%":
            readings.append((gold, Call("/", (answer, _HUNDRED))))
        verdicts = [self._probe.same(*pair) or self._rounded(*pair) for pair in readings]
        return some(verdicts)

    def _rounded(self, gold: Node, answer: Node) -> bool | None:
        """Whether one is a decimal fraction of six places or more, and the other the value that it rounds or cuts."""
        literals = [literal(node) for node in (gold, answer)]
        verdict = self._probe.same(gold, answer)
        for (value, places, digits), exact in zip(literals, (answer, gold), strict=True):
            other = literal(exact)[1]
            if places is None or (other is not None and digits < FLOAT_DIGITS):
                continue
            if places < ROUNDING_PLACES and digits < FLOAT_DIGITS:
                continue
            true = self._probe.real(exact)
            if true is None or (value == 0 and true != 0):
                continue
            place, exactly = Fraction(1, 10**places), Fraction(true)
            gap = abs(value - exactly)
            rounded = 2 * gap <= place or (gap < place and abs(value) < abs(exactly))
            is_float = digits >= FLOAT_DIGITS and exactly.denominator > 1
            if rounded or (is_float and gap <= abs(value) / 10 ** (FLOAT_DIGITS - 1)):
                return True
        return verdict

    def _based(self, gold: Node, answer: Node) -> bool | None:
        """A gold numeral with a base: the same digits, with that base or none. Without: the same value."""
        if isinstance(gold, Call) and gold.name == "base":
            return gold.arguments[0] == answer
        assert isinstance(answer, Call)
        return self._probe.same(gold, Number(numeral(*answer.arguments)))


def _is_in_order(answer: Collection) -> bool:
    """Whether a list without brackets can be a tuple: bare values, or values of different names in their order."""
    if answer.brackets != "":
        return False
    names = [name_in(item) or "" for item in answer.items if isinstance(item, Relation)]
    return not names or (len(names) == len(answer.items) and sorted(set(names)) == names)
