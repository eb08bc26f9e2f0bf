"""The value of a tree in a field, and the first of three fields: exact rationals. `points` has the other two."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Generic, Protocol, TypeVar

from verigrad.verifiers.budget import INVERSE_STEPS, POWER_STEPS, Budget
from verigrad.verifiers.expression import (
    Call,
    Collection,
    LimitExceeded,
    Measure,
    Node,
    Number,
    Relation,
    Symbol,
    children,
)
from verigrad.verifiers.numeric import Undefined, Unknown

MOST_BITS = 8192
"""Of the numerator and the denominator of an exact value, predicted before a power or factorial is computed."""

ROOT_TIMES = 12
"""What a root costs more than a product."""

LARGEST_FACTORIAL = 500
LARGEST_BINOMIAL = 1000

V = TypeVar("V")


class Field(Protocol[V]):
    """What `evaluate` needs."""

    def number(self, value: Fraction) -> V: ...
    def symbol(self, name: str) -> V: ...
    def add(self, a: V, b: V) -> V: ...
    def multiply(self, a: V, b: V) -> V: ...
    def inverse(self, a: V) -> V: ...
    def power(self, a: V, exponent: Fraction) -> V: ...
    def general_power(self, a: V, exponent: Node) -> V: ...
    def degrees(self, a: V) -> V: ...
    def call(self, name: str, arguments: Sequence[V]) -> V: ...
    def oracle(self, name: str, arguments: Sequence[V]) -> V: ...


class Evaluator(Generic[V]):
    """The value of a tree in one field."""

    def __init__(self, field: Field[V], budget: Budget) -> None:
        self.field, self.budget = field, budget
        self._symbols: dict[str, V] = {}

    def value(self, node: Node) -> V:
        """Unknown where the field cannot say, Undefined where there is no value, LimitExceeded above the caps."""
        self.budget.spend()
        match node:
            case Number(value):
                self.budget.spend(
                    0 if value.denominator == 1 else INVERSE_STEPS + (value.denominator.bit_length() >> 5)
                )
                return self.field.number(value)
            case Symbol(name):
                if name not in self._symbols:
                    self._symbols[name] = self.field.symbol(name)
                return self._symbols[name]
            case Measure(inner, "%"):
                return self.field.multiply(self.value(inner), self.field.number(Fraction(1, 100)))
            case Measure(inner, "°"):
                return self.field.degrees(self.value(inner))
            case Measure(inner, _):
                return self.value(inner)
            case Collection("()" | "{}" | "[]", (inner,)):
                return self.value(inner)
            case Call(name, arguments):
                return self._call(name, arguments)
            case _:
                raise Unknown("not a number")

    def _call(self, name: str, arguments: tuple[Node, ...]) -> V:
        field = self.field
        if name == "+":
            total = self.value(arguments[0])
            for one in arguments[1:]:
                total = field.add(total, self.value(one))
            return total
        if name == "*":
            product = self.value(arguments[0])
            for one in arguments[1:]:
                product = field.multiply(product, self.value(one))
            return product
        if name == "-":
            return field.add(self.value(arguments[0]), self._call("neg", arguments[1:]))
        if name == "neg":
            return field.multiply(field.number(Fraction(-1)), self.value(arguments[0]))
        if name == "/":
            self.budget.spend(INVERSE_STEPS)
            return field.multiply(self.value(arguments[0]), field.inverse(self.value(arguments[1])))
        if name == "^":
            return self._power(arguments[0], arguments[1])
        if name == "root":
            return self._power(arguments[0], Call("/", (Number(Fraction(1)), arguments[1])))
        if name == "base":
            return field.number(numeral(arguments[0], arguments[1]))
        if name in ("gcd", "lcm") and _are_letters(arguments):  # of indeterminates, not of their values
            one = Number(Fraction(1))
            return self.value(one if name == "gcd" else Call("*", (one, *arguments)))
        if name.startswith("apply "):
            return self._oracle(name, arguments)
        self.budget.spend(POWER_STEPS)
        return field.call(name, [self.value(one) for one in arguments])

    def _power(self, base: Node, exponent: Node) -> V:
        self.budget.spend(POWER_STEPS)
        below = self.value(base)
        exact = rational(exponent, self.budget)
        return self.field.general_power(below, exponent) if exact is None else self.field.power(below, exact)

    def _oracle(self, name: str, arguments: tuple[Node, ...]) -> V:
        """Of relations and lists, such as the `k=0` under a sum, all parts count."""
        values: list[V] = []
        for one in arguments:
            if isinstance(one, Relation | Collection):
                signs = one.operators if isinstance(one, Relation) else (one.brackets,)
                values.append(self._oracle(" ".join(signs), children(one)))
            else:
                values.append(self.value(one))
        return self.field.oracle(name, values)


def _are_letters(nodes: tuple[Node, ...]) -> bool:
    return len(set(nodes)) == len(nodes) > 1 and all(isinstance(one, Symbol) for one in nodes)


def numeral(digits: Node, base: Node) -> Fraction:
    """`204_5` = 2·25 + 0·5 + 4. Undefined where a digit does not belong to the base."""
    assert isinstance(digits, Number) and isinstance(base, Number)
    radix = int(base.value)
    if digits.value.denominator != 1:
        raise Undefined("a numeral with a point")
    if not 2 <= radix <= 36 or digits.value.numerator.bit_length() > 2000:
        raise Undefined("no such base")
    text = str(digits.value.numerator)
    if any(int(digit) >= radix for digit in text):
        raise Undefined("a digit outside its base")
    return Fraction(int(text, radix))


class Rationals:
    """Exact, without symbols. Long numbers are charged for: their products and common divisors take quadratic time."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget

    def _charge(self, *values: Fraction, times: int = 1) -> None:
        bits = sum(value.numerator.bit_length() + value.denominator.bit_length() for value in values)
        if bits > 1024:
            self._budget.spend(times * (bits >> 10) ** 2 // 2)

    def number(self, value: Fraction) -> Fraction:
        return value

    def symbol(self, name: str) -> Fraction:
        raise Unknown(f"the value of {name}")

    def add(self, a: Fraction, b: Fraction) -> Fraction:
        self._charge(a, b)
        return _bounded(a + b)

    def multiply(self, a: Fraction, b: Fraction) -> Fraction:
        self._charge(a, b)
        return _bounded(a * b)

    def inverse(self, a: Fraction) -> Fraction:
        if not a:
            raise Undefined("a division by zero")
        return 1 / a

    def power(self, a: Fraction, exponent: Fraction) -> Fraction:
        if exponent.denominator != 1:
            self._charge(a, times=ROOT_TIMES)
            a = _root(a, exponent.denominator)
        whole = exponent.numerator
        if not a and whole <= 0:
            raise Undefined("0 to a power that is not positive")
        size = max(a.numerator.bit_length(), a.denominator.bit_length())
        if (size > 1 and size * abs(whole) > MOST_BITS) or abs(whole).bit_length() > MOST_BITS:
            raise LimitExceeded(f"a power of about {size} bits × exponent")
        return a ** (whole % 2 if abs(a) == 1 else whole)

    def general_power(self, a: Fraction, exponent: Node) -> Fraction:
        raise Unknown("an irrational exponent")

    def degrees(self, a: Fraction) -> Fraction:
        raise Unknown("π/180")

    def call(self, name: str, arguments: Sequence[Fraction]) -> Fraction:
        whole = [int(one) for one in arguments if one.denominator == 1]
        if name == "Gamma" and len(whole) == 1:
            return self.call("!", [arguments[0] - 1])
        if name in ("!", "binom", "gcd", "lcm", "mod") and len(whole) == len(arguments):
            if name in ("gcd", "lcm"):
                return self._folded(name, whole)
            return Fraction(_of_integers(name, whole))
        if name in ("max", "min") and arguments:
            return (max if name == "max" else min)(arguments)
        if len(arguments) == 1 and name in ("abs", "floor", "ceil"):
            value = arguments[0]
            return abs(value) if name == "abs" else Fraction(math.floor(value) if name == "floor" else math.ceil(value))
        raise Unknown(f"{name} of rationals")

    def _folded(self, name: str, values: list[int]) -> Fraction:
        if not values:
            raise Undefined(f"the {name} of nothing")
        total = Fraction(abs(values[0]))
        for value in values[1:]:
            self._charge(total, Fraction(value))
            whole = total.numerator
            total = _bounded(Fraction(math.gcd(whole, value) if name == "gcd" else math.lcm(whole, value)))
        return total

    def oracle(self, name: str, arguments: Sequence[Fraction]) -> Fraction:
        raise Unknown(name)


def _bounded(value: Fraction) -> Fraction:
    if value.numerator.bit_length() > 4 * MOST_BITS or value.denominator.bit_length() > 4 * MOST_BITS:
        raise LimitExceeded(f"a value of more than {4 * MOST_BITS} bits")
    return value


def _of_integers(name: str, values: list[int]) -> int:
    if name == "!":
        if values[0] < 0:
            raise Undefined("the factorial of a negative number")
        if values[0] > LARGEST_FACTORIAL:
            raise LimitExceeded(f"a factorial above {LARGEST_FACTORIAL}")
        return math.factorial(values[0])
    if name == "binom":
        if values[0] < 0:
            raise Unknown("a binomial coefficient of a negative number")
        if values[1] < 0:
            return 0
        if values[0] > LARGEST_BINOMIAL:
            raise LimitExceeded(f"a binomial coefficient above {LARGEST_BINOMIAL}")
        return math.comb(values[0], values[1])
    if values[1] == 0:
        raise Undefined("a remainder of a division by zero")
    return values[0] % values[1]


def _root(a: Fraction, degree: int) -> Fraction:
    """The exact root, of a negative number for odd degrees; Unknown where it is irrational or not real."""
    if degree > 64 or (a < 0 and degree % 2 == 0):
        raise Unknown("a root that is not rational")
    parts = [_whole_root(part, degree) for part in (abs(a.numerator), a.denominator)]
    return Fraction(parts[0] if a >= 0 else -parts[0], parts[1])


def _whole_root(value: int, degree: int) -> int:
    """Newton's iteration on integers, from above."""
    if value < 2:
        return value
    if degree == 2:
        root = math.isqrt(value)
    else:
        root = 1 << -(-value.bit_length() // degree)
        while True:
            lower = ((degree - 1) * root + value // root ** (degree - 1)) // degree
            if lower >= root:
                break
            root = lower
    if root**degree != value:
        raise Unknown("a root that is not rational")
    return root


def rational(node: Node, budget: Budget) -> Fraction | None:
    """The exact value of a tree without symbols; None where it is not rational or is not decided here."""
    try:
        return Evaluator(Rationals(budget), budget).value(node)
    except Unknown:
        return None
