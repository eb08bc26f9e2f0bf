"""Names in answers: what `x = 5`, `f(x) = …` and `AB = 4, CD = 5` are about, and the value that they state."""

from __future__ import annotations

from collections.abc import Callable

from verigrad.verifiers.expression import Call, Collection, Node, Relation, Symbol, Words, names

Holds = Callable[[Node, Node], bool]


def name_of(node: Node) -> str | None:
    """The name that a side of an equation is, None if it is an expression.

    Names are letters (`x`, `a_3`), functions (`f(x)`, by the letter f), words, segments and areas in capitals (`AB`,
    `|AB|`), tuples of names, and ratios of names.
    """
    match node:
        case Symbol(name):
            return None if name in ("∞", "i", "e", "pi") else name
        case Words(text):
            return text
        case Call(name, _) if name.startswith("apply ") and name.split()[1] not in ("sum", "prod", "int", "lim"):
            return name.removeprefix("apply ").rstrip("_")
        case Call("abs", (inner,)):
            return _all_names((inner,), capitals=True)
        case Call("*", parts):
            return _all_names(parts, capitals=True)
        case Call("/" | ":", parts):
            return _all_names(parts)
        case Collection("()", parts):
            return _all_names(parts)
        case _:
            return None


def _all_names(parts: tuple[Node, ...], *, capitals: bool = False) -> str | None:
    found = [name_of(part) for part in parts]
    if None in found or (capitals and not all(name and name[0].isupper() for name in found)):
        return None
    return " ".join(name for name in found if name)


def stated(relation: Relation, holds: Holds | None) -> Node | None:
    """The value of `name = … = value`; None for a relation that states none.

    What follows a ≈ is a rounding, unless nothing exact stands before it. The last link counts. With `holds`, a chain
    that contradicts itself states nothing: all links must hold, steps of a calculation after a name excepted.
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
        checked = [one for one in sides[:-1] if not named[0] or not _is_computed(one)]
        if any(not holds(one, sides[-1]) for one in checked):
            return None
    return sides[-1]


def _is_computed(node: Node) -> bool:
    """Whether it is a step of a calculation, such as 5 + 5 + 1, rather than a result."""
    return isinstance(node, Call) and node.name in ("+", "*", "^") and not names(node)


def named_items(node: Node, elements: Callable[[Node], list[Node]]) -> tuple[list[str], list[Node]]:
    """Names and values of a list; no names where it has none, one where a name leads values (`n = 1, 2, 3`)."""
    if not isinstance(node, Collection) or node.brackets != "":
        return [], elements(node)
    found_names: list[str] = []
    values: list[Node] = []
    for item in node.items:
        value = stated(item, None) if isinstance(item, Relation) else None
        if value is None or not isinstance(item, Relation):
            values += elements(item)
            found_names += found_names[-1:]
            continue
        found = elements(value)
        name = name_of(item.sides[0]) or name_of(item.sides[-1]) or ""
        if values and not found_names:
            return [], elements(node)
        found_names += [name] * len(found)
        values += found
    return found_names, values
