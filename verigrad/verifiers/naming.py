"""Names in answers: what `x = 5`, `f(x) = …` and `AB = 4, CD = 5` are about, and the value that they state."""

from __future__ import annotations

import re
from collections.abc import Callable

from verigrad.verifiers.expression import CONSTANTS, Call, Collection, Node, Relation, Symbol, Words, names, prefixed

_ASKED_FOR = re.compile("[a-wA-W]")
"""Letters whose sum is a quantity that problems ask for, m + n; x + y = 3 is a line."""

Holds = Callable[[Node, Node], bool]
"""Whether two sides are equal, or, for a rounding, near to each other."""


def name_of(node: Node) -> str | None:
    """The name that a side of an equation is, None if it is an expression.

    Names are letters (`x`, `a_3`), functions (`f(x)`, also with another variable, `P(A)`, `f(2)`), words, segments and
    areas in capitals (`AB`, `|AB|`), tuples of names, and ratios of names.
    """
    match node:
        case Symbol(name):
            return None if name in ("∞", "i", "e", "pi") else name
        case Words(text):
            return text
        case Call(name, parts) if name.startswith("apply ") and name.split()[1] not in ("sum", "prod", "int", "lim"):
            variables = all(isinstance(part, Symbol) and part.name.islower() for part in parts)
            return name.removeprefix("apply ") if variables else prefixed(node)
        case Call("abs", (Call("*") as inner,)):
            return name_of(inner)
        case Call("abs", (Symbol(name),)) if name[0].isupper():
            return f"|{name}|"
        case Call("*", parts):
            return _all_names(parts, "", capitals=True)
        case Call("+", parts) if all(isinstance(part, Symbol) and _ASKED_FOR.fullmatch(part.name) for part in parts):
            return _all_names(parts, "+")
        case Call("/" | ":", parts):
            return _all_names(parts, "/")
        case Collection("()", parts):
            return _all_names(parts, ",")
        case _:
            return None


def _all_names(parts: tuple[Node, ...], sign: str, *, capitals: bool = False) -> str | None:
    found = [name_of(part) for part in parts]
    if None in found or (capitals and not all(name and name[0].isupper() for name in found)):
        return None
    return f" {sign} ".join(name for name in found if name)


def name_in(relation: Relation) -> str | None:
    """The name that an equation is about: its first side, else its last."""
    return name_of(relation.sides[0]) or name_of(relation.sides[-1])


def stated(relation: Relation, holds: Holds | None, near: Holds | None = None) -> Node | None:
    """The value of `name = … = value`; None for a relation that states none.

    What follows a ≈ is a rounding, unless nothing exact stands before it. The last link before it counts. With `holds`
    and `near`, a chain that contradicts itself states nothing: all links must hold, and what follows a ≈ be near. After
    a name, steps of a calculation and roundings of an exact value are passed over.
    """
    if not set(relation.operators) <= {"=", "≈"}:
        return None
    end = relation.operators.index("≈") + 1 if "≈" in relation.operators else len(relation.sides)
    named = [name_of(side) is not None for side in relation.sides]
    if end == 1 and named[0]:
        end = 2
    sides = list(relation.sides[:end])
    if named[0]:
        sides = sides[1:]
    elif named[end - 1] and end == 2 and not named[0]:
        sides = sides[:1]
    elif holds is None and any(named[:end]):
        sides = sides[-1:]
    elif holds is None and len(sides) > 1:
        return None
    if holds is not None:
        checked = [one for one in sides[:-1] if not named[0] or not _is_step(one, sides[-1])]
        if any(not holds(one, sides[-1]) for one in checked):
            return None
    rounded = relation.sides[end:] if not named[0] or relation.operators[0] == "≈" else ()
    return None if near is not None and any(not near(sides[-1], one) for one in rounded) else sides[-1]


def _is_step(node: Node, last: Node) -> bool:
    """Whether it is a step of a calculation, such as 5 + 5 + 1 or the formula before a value, rather than a result."""
    if not isinstance(node, Call):
        return False
    formula = bool(names(node) - CONSTANTS) and not names(last) - CONSTANTS
    return formula or (node.name in ("+", "*", "^") and not names(node))


def named_items(
    node: Node, elements: Callable[[Node], list[Node]], value_of: Callable[[Relation], Node | None]
) -> tuple[list[str], list[Node]]:
    """Names and values of a list; no names where it has none, one where a name leads values (`n = 1, 2, 3`).

    `value_of` gives the value that an item states.
    """
    if not isinstance(node, Collection) or node.brackets != "":
        return [], elements(node)
    found_names: list[str] = []
    values: list[Node] = []
    for item in node.items:
        value = value_of(item) if isinstance(item, Relation) else None
        if value is None or not isinstance(item, Relation):
            values += elements(item)
            found_names += found_names[-1:]
            continue
        found = elements(value)
        name = name_in(item) or ""
        if values and not found_names:
            return [], elements(node)
        found_names += [name] * len(found)
        values += found
    return found_names, values
