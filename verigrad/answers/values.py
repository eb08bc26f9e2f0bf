r"""From a tree to the one canonical value of an answer: what it is, apart from how it is written.

`x = 5` loses its name here (which is kept beside the value), `±` becomes a bag, an inequality a region,
units leave the tree. Comparing looks at nothing but values.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import Enum
from fractions import Fraction

from verigrad.answers.algebra import matrix_value, quantity
from verigrad.answers.probe import KEPT, Probe, close_enough
from verigrad.answers.regions import Piece, Regions, interval, is_region
from verigrad.answers.tables import Unit
from verigrad.answers.tree import (
    CONSTANTS,
    Applied,
    Call,
    Grid,
    Group,
    Measure,
    Node,
    Number,
    Relation,
    Symbol,
    Undefined,
    Unknown,
    Words,
    has_unknown,
    mapped,
    names,
    prefixed,
    walk,
)

_LETTER_SUM = re.compile("[a-wA-W]")
"""Letters whose sum is a quantity that problems ask for, m + n; x + y = 3 is a line."""


Kind = Enum("Kind", "NUMBER EXPRESSION REGION CONDITION BAG TUPLE MATRIX EQUATION RATIO NUMERAL CLASS WORD NOTHING")
"""What an answer can be. A condition is an inequality that is not solved, a class one of residues."""


@dataclass(frozen=True, slots=True)
class Value:
    """An answer's value. `tree` has no name and, of a scalar, no unit; `items` are those of a bag or tuple.

    `brackets`: of a bag "{}" or "" (a bare list), of a tuple its own. `name`: what an `=` gives the value to, with
    the variables it is a function of. `equation`: the chain that the value stood in: `y = 2x + 3` is an equation too.
    """

    kind: Kind
    tree: Node
    unit: Unit | None = None
    items: tuple[Value, ...] = ()
    pieces: tuple[Piece, ...] = ()
    brackets: str = ""
    name: str | None = None
    variables: tuple[str, ...] = ()
    equation: Relation | None = None


def make(node: Node, probe: Probe, *, is_gold: bool) -> Value:
    """The value of a tree. Of an answer, chains such as `2 + 3 = 5` must hold; a gold answer's are believed."""
    return _Maker(probe, is_gold).value(node)


class _Maker:
    def __init__(self, probe: Probe, is_gold: bool) -> None:
        self.probe, self.is_gold = probe, is_gold
        self.regions = Regions(probe)

    def value(self, node: Node) -> Value:
        if isinstance(node, Number):
            return Value(Kind.NUMBER, node)
        if isinstance(node, Words):
            return self.region(node) if is_region(node) else Value(Kind.WORD, node)
        if isinstance(node, Relation):
            return self.relation(node)
        if is_region(node):
            return self.region(node)
        if isinstance(node, Group):
            return self.group(node)
        if isinstance(node, Call) and node.name in ("∪", "∩", "∖"):
            return self.set_operation(node)
        return self.scalar(node)

    # Relations

    def relation(self, node: Relation) -> Value:
        if set(node.signs) <= {"=", "≈"}:
            return self.chain(node)
        if node.signs == ("∈",) and not is_region(node.sides[1]):
            inner = self.value(node.sides[1])
            name = name_of(node.sides[0])
            if name is not None and (inner.kind is Kind.BAG or interval(node.sides[1]) is None):
                if inner.kind is Kind.BAG:
                    return replace(inner, name=name)
                return Value(Kind.CONDITION, node)
        return self.region(node) if is_region(node) else Value(Kind.CONDITION, node)

    def chain(self, node: Relation) -> Value:
        found = self.stated(node)
        if found is None:
            is_equation = node.signs == ("=",) and not any(isinstance(part, Words | Group) for part in walk(node))
            return Value(Kind.EQUATION if is_equation else Kind.NOTHING, node, equation=node)
        first = next((side for side in (node.sides[0], node.sides[-1]) if name_of(side) is not None), None)
        inner = self.value(found)
        variables: tuple[str, ...] = ()
        if isinstance(first, Applied):
            variables = tuple(part.name for part in first.arguments if isinstance(part, Symbol))
        name = None if first is None else name_of(first)
        return replace(inner, name=name, variables=variables, equation=node)

    def stated(self, relation: Relation) -> Node | None:
        """The value of `name = … = value`; None for a relation that states none, or contradicts itself.

        What follows a ≈ is a rounding, unless nothing exact stands before it. The last link before it counts. After a
        name, steps of a calculation are passed over.
        """
        end = relation.signs.index("≈") + 1 if "≈" in relation.signs else len(relation.sides)
        named = [name_of(side) is not None for side in relation.sides]
        if end == 1 and named[0]:
            end = 2
        sides = list(relation.sides[:end])
        if named[0]:
            sides = sides[1:]
        elif named[end - 1] and end == 2:
            sides = sides[:1]
        elif self.is_gold and any(named[:end]):
            sides = sides[-1:]
        elif self.is_gold and len(sides) > 1 and (len(sides) == 2 or named[0]) and any(map(has_unknown, sides)):
            return None
        if self.is_gold:
            return sides[-1]
        checked = [side for side in sides[:-1] if not named[0] or not _is_step(side, sides[-1])]
        if any(self.probe.same(quantity(side)[0], quantity(sides[-1])[0]) is not True for side in checked):
            return None
        near = all(close_enough(self.probe, quantity(sides[-1])[0], quantity(side)[0]) for side in relation.sides[end:])
        return sides[-1] if near else None

    def region(self, node: Node) -> Value:
        found = self.regions.read(node)
        if found is None:
            return Value(Kind.CONDITION, node)
        name, pieces = found
        return Value(Kind.REGION, node, pieces=tuple(pieces), name=name)

    # Collections

    def group(self, node: Group) -> Value:
        if node.brackets in ("", "{}"):
            return self.bag(node)
        if node.brackets in ("[)", "(]") and len(node.items) == 2:
            return self.region(node)
        both = _both_signs(node)
        if len(both) > 1:
            return Value(Kind.BAG, node, items=tuple(map(self.value, both)))
        return Value(Kind.TUPLE, node, items=tuple(map(self.value, node.items)), brackets=node.brackets)

    def bag(self, node: Group) -> Value:
        if not node.brackets and len(node.items) > 1 and all(map(is_region, node.items)):
            made = self.region(node)
            if made.kind is Kind.REGION:
                return made
        items: list[Value] = []
        for item in node.items:
            made = self.value(item)
            spread = made.kind is Kind.BAG and not (isinstance(item, Group) and item.brackets == "{}")
            parts = made.items if spread else (made,)
            items += [replace(part, name=part.name or made.name) for part in parts]
        if any(item.kind is Kind.NOTHING for item in items):
            return Value(Kind.NOTHING, node)
        name = _shared_name(items)
        if name is not None:
            items = [replace(item, name=None) for item in items]
        return Value(Kind.BAG, node, items=tuple(items), brackets=node.brackets, name=name)

    def set_operation(self, node: Call) -> Value:
        """∪, ∩ and ∖ of sets that are written out."""
        one, other = (self.elements(part) for part in node.arguments)
        if node.name == "∪":
            return Value(Kind.BAG, node, items=(*one, *other), brackets="{}")
        keys = {_key(item) for item in other}
        kept = [item for item in one if (_key(item) in keys) == (node.name == "∩")]
        return Value(Kind.BAG, node, items=tuple(kept), brackets="{}")

    def elements(self, node: Node) -> tuple[Value, ...]:
        made = self.value(node)
        if made.kind is Kind.BAG:
            return made.items
        if isinstance(node, Group | Call) and made.kind is not Kind.NUMBER:
            raise Undefined("no set")
        if isinstance(node, Number) and made.kind is Kind.NUMBER:
            return (made,)  # it stood alone in braces
        raise Unknown("a set that is not written out")

    # Scalars

    def scalar(self, node: Node) -> Value:
        has_group = False
        for part in walk(node):
            if isinstance(part, Grid):
                return self.matrix(node)
            if isinstance(part, Call) and part.name in "±∓":
                return Value(Kind.BAG, node, items=tuple(map(self.value, _both_signs(node))))
            has_group = has_group or isinstance(part, Group | Words | Relation)
        if isinstance(node, Call) and node.name == ":":
            parts = tuple(map(self.value, node.arguments))
            return Value(Kind.RATIO, node, parts[-1].unit, items=parts)
        if isinstance(node, Call) and node.name == "base":
            return Value(Kind.NUMERAL, node)
        if isinstance(node, Call) and node.name == "class":
            return self.residue_class(node)
        if has_group and not _groups_are_arguments(node):
            return Value(Kind.NOTHING, node)
        tree, unit = quantity(node)
        return Value(Kind.EXPRESSION if has_unknown(tree) else Kind.NUMBER, tree, unit)

    def residue_class(self, node: Call) -> Value:
        r"""`3 \pmod 7`, `x ≡ 3 \pmod 7`: items are a representative and the modulus."""
        inner, modulus = node.arguments
        if isinstance(inner, Relation) and set(inner.signs) <= {"≡", "="} and len(inner.sides) == 2:
            parts = map(self.value, (inner.sides[1], modulus))
            return Value(Kind.CLASS, node, items=tuple(parts), name=name_of(inner.sides[0]) or prefixed(inner.sides[0]))
        if isinstance(inner, Relation | Group):
            return Value(Kind.NOTHING, node)
        return Value(Kind.CLASS, node, items=(self.value(inner), self.value(modulus)))

    def matrix(self, node: Node) -> Value:
        both = _both_signs(node)
        if len(both) > 1:
            return Value(Kind.BAG, node, items=tuple(map(self.value, both)))
        found = matrix_value(node)
        if found is None:
            return Value(Kind.NOTHING, node)
        if not isinstance(found, tuple):
            return self.value(found)
        rows = [Value(Kind.TUPLE, row[0], items=tuple(map(self.value, row)), brackets="row") for row in found]
        return Value(Kind.MATRIX, Grid(found), items=tuple(rows))


def name_of(node: Node) -> str | None:
    """The name that a side of an equation is, None if it is an expression.

    Names are letters (`x`, `a_3`), functions (`f(x)`, also with another variable, `P(A)`, `f(2)`), one word, segments
    and areas in capitals (`AB`, `|AB|`), tuples of names, and ratios of names.
    """
    match node:
        case Symbol(name):
            return None if name in CONSTANTS else name
        case Words(text):
            return None if " " in text else text
        case Applied(name, parts) if name not in KEPT:
            variables = all(isinstance(part, Symbol) and part.name.islower() for part in parts)
            return f"{name}(" if variables else prefixed(node)
        case Call("abs", (Call("*") as inner,)):
            return name_of(inner)
        case Call("abs", (Symbol(name),)) if name[0].isupper():
            return f"|{name}|"
        case Call("*", parts):
            return _all_names(parts, "", capitals=True)
        case Call("+", parts) if all(isinstance(part, Symbol) and _LETTER_SUM.fullmatch(part.name) for part in parts):
            return _all_names(parts, "+")
        case Call("/" | ":", parts):
            return _all_names(parts, "/")
        case Group("()", parts):
            return _all_names(parts, ",")
        case _:
            return None


def _all_names(parts: tuple[Node, ...], sign: str, *, capitals: bool = False) -> str | None:
    found = [name_of(part) for part in parts]
    if None in found or (capitals and not all(name and name[0].isupper() for name in found)):
        return None
    return f" {sign} ".join(name for name in found if name)


def _groups_are_arguments(node: Node) -> bool:
    """Whether lists, words and relations stand below functions only, which take them as they are."""
    if isinstance(node, Applied):
        return True
    if isinstance(node, Group | Words | Relation):
        return False
    if isinstance(node, Measure):
        return _groups_are_arguments(node.value)
    return not isinstance(node, Call) or all(map(_groups_are_arguments, node.arguments))


def _both_signs(node: Node) -> list[Node]:
    """Both readings of its ± and ∓, the upper signs first; the node alone where it has none."""
    if not any(isinstance(part, Call) and part.name in "±∓" for part in walk(node)):
        return [node]
    return [_with_sign(node, sign) for sign in ("±", "∓")]


def _with_sign(node: Node, plus: str) -> Node:
    """± read as + where `plus` is "±", as − where it is "∓"; and ∓ the other way round."""
    if isinstance(node, Call) and node.name in ("±", "∓"):
        left, right = (_with_sign(part, plus) for part in node.arguments)
        return Call("+", (left, right if node.name == plus else Call("neg", (right,))))
    return mapped(node, lambda part: _with_sign(part, plus))


def _is_step(node: Node, last: Node) -> bool:
    """Whether it is a step of a calculation, such as 5 + 5 + 1 or the formula before a value, and no result."""
    if not isinstance(node, Call | Applied):
        return False
    formula = bool(names(node) - CONSTANTS) and not names(last) - CONSTANTS
    return formula or (isinstance(node, Call) and node.name in ("+", "*", "^") and not names(node))


def _shared_name(items: Iterable[Value]) -> str | None:
    """The name of all items; a name before the first stands for those after it too: `n = 1, 2, 3`."""
    found = [item.name for item in items]
    if found and found[0] is not None and set(found[1:]) <= {found[0], None}:
        return found[0]
    return None


def _key(item: Value) -> Fraction | str:
    """What tells an element from others: the value of a number, the name of a letter."""
    tree = item.tree
    sign = 1
    if isinstance(tree, Call) and tree.name == "neg":
        sign, tree = -1, tree.arguments[0]
    if isinstance(tree, Number):
        return sign * tree.value
    if isinstance(tree, Symbol) and sign == 1:
        return tree.name
    raise Unknown("a set of expressions")


def renamed(value: Value) -> Value:
    """With the variables of a function named by their places."""
    places = {name: f"#{at}" for at, name in enumerate(value.variables)}

    def change(node: Node) -> Node:
        return Symbol(places.get(node.name, node.name)) if isinstance(node, Symbol) else mapped(node, change)

    def changed(part: Value) -> Value:
        return replace(part, tree=change(part.tree), items=tuple(map(changed, part.items)))

    return changed(value)
