"""Word problems of one to three steps in plain English, with worked solutions.

    question  "Anna had 12 plums. She gave 5 of them to Ben. How many plums does Anna have left?"
    solution  "12 - 5 = 7."        answer  "7"

A problem is a wording (`stories_text`), its words, and its numbers. The solution has an equation for each step; every
number in it is a whole one, from 1 up to `max_number`. Some wordings are set aside: `templates = "held_out"` gives
problems in words that no training problem has.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from verigrad.tasks.splits import different
from verigrad.tasks.stories_text import BOXES, COLOURS, HELD_OUT, HIM, PEOPLE, SEEN, THINGS
from verigrad.types import Problem

FAMILIES = tuple(SEEN)
TEMPLATES = {"seen": SEEN, "held_out": HELD_OUT}
LETTERS = "abcd"
LEAST_MAX_NUMBER = 20
LARGEST_FACTOR = 12
"""The second factor and the divisor are at most this."""


@dataclass(frozen=True, slots=True)
class Wording:
    """A question with fields in it, and its steps: "a + b; # - c". `name` is its family and place, as in "change/3"."""

    name: str
    question: str
    steps: tuple[str, ...]


def stories(
    count: int,
    *,
    seed: int,
    split: str,
    families: Sequence[str] = FAMILIES,
    min_steps: int = 1,
    max_steps: int = 3,
    max_number: int = 100,
    templates: str = "seen",
) -> list[Problem]:
    """`count` different word problems of one split ("train" or "validation"), the same for the same arguments.

    Families, and the wordings of a family, are equally likely. The numbers of a problem have one scale, which is
    `max_number`, a half or a fifth of it with equal chance, so that small numbers are the more common.
    """
    chosen = [
        [wording for wording in wordings(family, templates) if min_steps <= len(wording.steps) <= max_steps]
        for family in families
    ]
    chosen = [some for some in chosen if some]
    if not chosen:
        raise ValueError(f"no wording of {', '.join(families)} has {min_steps} to {max_steps} steps; allow others")
    stream = _stream(random.Random(f"{seed}/{split}"), chosen, max_number)
    named = f"stories of {min_steps}–{max_steps} steps up to {max_number}"
    return different(stream, count, split=split, what=named, remedy="for more families, steps or numbers")


def wordings(family: str, templates: str) -> list[Wording]:
    """The wordings of a family, "seen" or "held_out"."""
    rows = TEMPLATES[templates][family]
    prefix = "" if templates == "seen" else f"{templates}/"
    return [
        Wording(f"{prefix}{family}/{place}", question, tuple(steps.split("; ")))
        for place, (question, steps) in enumerate(rows)
    ]


def _stream(draw: random.Random, families: Sequence[Sequence[Wording]], max_number: int) -> Iterator[Problem]:
    while True:
        wording = draw.choice(draw.choice(families))
        scale = max(max_number // draw.choice((1, 2, 5)), LEAST_MAX_NUMBER)
        numbers, equations = _numbers(draw, wording.steps, scale)
        text = wording.question.format(**_words(draw), **numbers)
        question = text[0].upper() + text[1:]
        digest = hashlib.blake2b(question.encode(), digest_size=8).hexdigest()
        yield Problem(
            id=f"stories/{digest}",
            question=question,
            answer=equations[-1].rpartition(" ")[2],
            solution=" ".join(f"{equation}." for equation in equations),
            details={"wording": wording.name, "steps": len(wording.steps)},
        )


def _words(draw: random.Random) -> dict[str, str]:
    """What the fields for words stand for; two people, kinds of things or colours of a problem differ."""
    (name, he), (other_name, _) = draw.sample(PEOPLE, 2)
    (thing, things), (_, others) = draw.sample(THINGS, 2)
    box, boxes = draw.choice(BOXES)
    red, blue = draw.sample(COLOURS, 2)
    people = {"n": name, "m": other_name, "he": he, "He": he.capitalize(), "him": HIM[he]}
    kinds = {"thing": thing, "things": things, "others": others, "box": box, "boxes": boxes}
    return {**people, **kinds, "red": red, "blue": blue}


def _numbers(draw: random.Random, steps: Sequence[str], scale: int) -> tuple[dict[str, int], list[str]]:
    """Numbers for the letters, and the equations; drawn until every number is whole and at most `scale`.

    Factors and divisors are at most LARGEST_FACTOR, and a dividend is drawn by its quotient.
    """
    parts = [step.split(" ") for step in steps]
    letters = sorted({part for step in parts for part in step if part in LETTERS})
    small = {left for left, operator, _ in parts if operator == "*"}
    small |= {right for _, operator, right in parts if operator == "/"}
    dividends = {left: right for left, operator, right in parts if operator == "/" and left in LETTERS}
    while True:
        numbers = {name: _up_to(draw, LARGEST_FACTOR if name in small else scale) for name in letters}
        for dividend, divisor in dividends.items():
            numbers[dividend] = numbers[divisor] * _up_to(draw, max(scale // numbers[divisor], 2))
        equations = _equations(parts, numbers, scale)
        if equations and max(numbers.values()) <= scale:
            return {**numbers, "z": _up_to(draw, scale)}, equations


def _up_to(draw: random.Random, most: int) -> int:
    """Uniform on 2 … `most`."""
    return 2 + int(draw.random() * (most - 1))


def _equations(parts: Sequence[Sequence[str]], numbers: Mapping[str, int], limit: int) -> list[str]:
    """ "a + b", "# - c" with a = 3, b = 4, c = 2 → "3 + 4 = 7", "7 - 2 = 5"; none where a result is not 1 … `limit`."""
    known = dict(numbers)
    equations = []
    for left, operator, right in parts:
        result = _result(known[left], operator, known[right])
        if not 1 <= result <= limit:
            return []
        equations.append(f"{known[left]} {operator} {known[right]} = {result}")
        known["#2"], known["#"] = known.get("#", 0), result
    return equations


def _result(left: int, operator: str, right: int) -> int:
    """The result of an operation, 0 where a quotient is no whole number."""
    if operator == "/":
        return 0 if left % right else left // right
    return {"+": left + right, "-": left - right, "*": left * right}[operator]
