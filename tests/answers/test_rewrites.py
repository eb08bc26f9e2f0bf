"""Random rewrites by sympy, seeds fixed: what is equal is accepted, what is not never is."""

from __future__ import annotations

import contextlib
import random

import pytest

from verigrad.answers import compare

sympy = pytest.importorskip("sympy", reason="sympy is not installed: pip install 'verigrad[dev]'")
ROUNDS = 60
x, y = sympy.symbols("x y")


def _small(draw):
    return draw.choice([-3, -2, -1, 1, 2, 3, 4, 5])


def _rational(draw):
    return sympy.Rational(_small(draw) * draw.randint(1, 9), draw.randint(1, 12))


def _surd(draw):
    return _rational(draw) + _rational(draw) * sympy.sqrt(draw.choice([2, 3, 5, 6, 7, 10, 12]))


def _polynomial(draw):
    first = x + _small(draw)
    second = _small(draw) * x**2 + _small(draw) * y + _rational(draw)
    return first * second


def _fraction(draw):
    return (x + _small(draw)) / (x**2 + draw.randint(1, 9)) + _rational(draw) / (x + _small(draw))


def _trigonometric(draw):
    return _small(draw) * sympy.sin(2 * x) + _small(draw) * sympy.cos(x) ** 2


REWRITES = [
    sympy.expand,
    sympy.factor,
    sympy.together,
    sympy.simplify,
    sympy.apart,
    lambda value: value,
    lambda value: sympy.expand_trig(value),
    lambda value: sympy.radsimp(value),
]
SCALARS = {
    "integer": lambda draw: sympy.Integer(draw.randint(-(10**6), 10**6)),
    "fraction": _rational,
    "surd": _surd,
    "polynomial": _polynomial,
    "rational function": _fraction,
    "trigonometric": _trigonometric,
}


def _written(value, draw):
    rewrite = draw.choice(REWRITES)
    with contextlib.suppress(sympy.PolynomialError, NotImplementedError):
        value = rewrite(value)
    if draw.random() < 0.5:
        return sympy.latex(value)
    return str(value)


def _tuple(parts):
    return "(" + ", ".join(parts) + ")"


def _set(parts):
    return r"\{" + ", ".join(parts) + r"\}"


def _interval(parts):
    return rf"\left[{parts[0]}, {parts[1]}\right)"


def _matrix(parts):
    return rf"\begin{{pmatrix}}{parts[0]} & {parts[1]} \\ {parts[1]} & {parts[0]}\end{{pmatrix}}"


SHAPES = {"tuple": _tuple, "set": _set, "interval": _interval, "matrix": _matrix}


def _pairs(kind, draw):
    """A gold answer, an equal answer and an unequal one."""
    if kind in SCALARS:
        value = SCALARS[kind](draw)
        other = value + draw.choice([1, -1, sympy.Rational(1, 7)])
        return tuple(_written(part, draw) for part in (value, value, other))
    if kind == "unit":
        value = draw.randint(1, 999)
        unit, factor, smaller = draw.choice([("m", 100, "cm"), ("km", 1000, "m"), ("h", 60, "min"), ("kg", 1000, "g")])
        return rf"{value}\text{{ {unit}}}", rf"{value * factor}\text{{ {smaller}}}", rf"{value}\text{{ {smaller}}}"
    shape = SHAPES[kind]
    low = _rational(draw)
    values = [low, low + draw.randint(1, 9) * sympy.sqrt(2)]
    other = [low, values[1] + 1]
    ways = [[_written(part, draw) for part in parts] for parts in (values, values, other)]
    if kind == "set":
        ways[1].reverse()
    return tuple(shape(parts) for parts in ways)


@pytest.mark.parametrize("kind", [*SCALARS, *SHAPES, "unit"])
def test_equal_rewrites_are_accepted_and_unequal_ones_never(kind):
    draw = random.Random(f"rewrites of {kind}")
    accepted = 0
    for _ in range(ROUNDS):
        gold, same, other = _pairs(kind, draw)
        accepted += bool(compare(gold, same))
        assert not compare(gold, other), (gold, other)
    assert accepted >= 0.98 * ROUNDS, accepted
