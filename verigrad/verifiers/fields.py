"""Three arithmetics for one tree, from exact to probing.

    Rationals   values: Fraction. Exact; Unknown for anything irrational or with a symbol.
    Residues    values: integers modulo the prime 2²⁵⁵ − 19, symbols at random points. A rational identity holds at
                all points; a false one at a random point with probability below degree/2²⁵⁴. Exponents may be huge.
    Complexes   values: 70-digit complex numbers, symbols at random points. For roots, logarithms, trigonometry.

The prime is 1 modulo 4, so that i is a residue too. A function that only the answer knows (`f(x)`, `x!`, `Σ`) is a random
oracle of its name and its arguments' values: equal arguments, equal value. Points are drawn from a hash of the seed.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Generic, Protocol, TypeVar

from verigrad.verifiers import numeric
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
from verigrad.verifiers.numeric import Complex, Undefined, Unknown

PRIME = 2**255 - 19
MOST_BITS = 8192
"""Of the numerator and the denominator of an exact value, predicted before a power or factorial is computed."""

LARGEST_FACTORIAL = 500
LARGEST_BINOMIAL = 1000

REAL_ONLY = frozenset({"abs", "floor", "ceil", "max", "min", "sgn", "sign", "Re", "Im", "arg"})
"""Functions at whose side symbols stand for real numbers."""

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

    def __init__(self, field: Field[V]) -> None:
        self.field = field

    def value(self, node: Node) -> V:
        """Unknown where the field cannot say, Undefined where there is no value, LimitExceeded above the caps."""
        match node:
            case Number(value):
                return self.field.number(value)
            case Symbol(name):
                return self.field.symbol(name)
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
        return field.call(name, [self.value(one) for one in arguments])

    def _power(self, base: Node, exponent: Node) -> V:
        below = self.value(base)
        exact = rational(exponent)
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
    return len(set(nodes)) == len(nodes) and all(isinstance(one, Symbol) for one in nodes)


def numeral(digits: Node, base: Node) -> Fraction:
    """`204_5` = 2·25 + 0·5 + 4. Undefined where a digit does not belong to the base."""
    assert isinstance(digits, Number) and isinstance(base, Number)
    radix = int(base.value)
    if not 2 <= radix <= 36 or digits.value.numerator.bit_length() > 2000:
        raise Undefined("no such base")
    text = str(digits.value.numerator)
    if any(int(digit) >= radix for digit in text):
        raise Undefined("a digit outside its base")
    return Fraction(int(text, radix))


class Rationals:
    """Exact, without symbols."""

    def number(self, value: Fraction) -> Fraction:
        return value

    def symbol(self, name: str) -> Fraction:
        raise Unknown(f"the value of {name}")

    def add(self, a: Fraction, b: Fraction) -> Fraction:
        return _bounded(a + b)

    def multiply(self, a: Fraction, b: Fraction) -> Fraction:
        return _bounded(a * b)

    def inverse(self, a: Fraction) -> Fraction:
        if not a:
            raise Undefined("a division by zero")
        return 1 / a

    def power(self, a: Fraction, exponent: Fraction) -> Fraction:
        if exponent.denominator != 1:
            a = _root(a, exponent.denominator)
        whole = exponent.numerator
        if not a and whole <= 0:
            raise Undefined("0 to a power that is not positive")
        size = max(a.numerator.bit_length(), a.denominator.bit_length())
        if size > 1 and size * abs(whole) > MOST_BITS or abs(whole).bit_length() > MOST_BITS:
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
            return Fraction(_of_integers(name, whole))
        if name in ("max", "min") and arguments:
            return (max if name == "max" else min)(arguments)
        if len(arguments) == 1 and name in ("abs", "floor", "ceil"):
            return Fraction({"abs": abs, "floor": math.floor, "ceil": math.ceil}[name](arguments[0]))
        raise Unknown(f"{name} of rationals")

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
        if not 0 <= values[1] <= values[0]:
            raise Undefined("a binomial coefficient outside its triangle")
        if values[0] > LARGEST_BINOMIAL:
            raise LimitExceeded(f"a binomial coefficient above {LARGEST_BINOMIAL}")
        return math.comb(values[0], values[1])
    if name == "mod":
        if values[1] == 0:
            raise Undefined("a remainder of a division by zero")
        return values[0] % values[1]
    return math.gcd(*values) if name == "gcd" else _bounded(Fraction(math.lcm(*values))).numerator


def _root(a: Fraction, degree: int) -> Fraction:
    """The exact root, of a negative number for odd degrees; Unknown where it is irrational or not real."""
    if degree > 64 or (a < 0 and degree % 2 == 0):
        raise Unknown("a root that is not rational")
    parts = [_whole_root(part, degree) for part in (abs(a.numerator), a.denominator)]
    return Fraction(parts[0] if a >= 0 else -parts[0], parts[1])


def _whole_root(value: int, degree: int) -> int:
    """Newton's iteration on integers, from above."""
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


class Residues:
    """Modulo PRIME, symbols at the point that the seed draws."""

    _IMAGINARY = pow(2, (PRIME - 1) // 4, PRIME)

    def __init__(self, seed: str) -> None:
        self._seed = seed

    def number(self, value: Fraction) -> int:
        return value.numerator * self.inverse(value.denominator) % PRIME if value.denominator > 1 else int(value) % PRIME

    def symbol(self, name: str) -> int:
        return self._IMAGINARY if name == "i" else _drawn(self._seed, name) % PRIME

    def add(self, a: int, b: int) -> int:
        return (a + b) % PRIME

    def multiply(self, a: int, b: int) -> int:
        return a * b % PRIME

    def inverse(self, a: int) -> int:
        if a % PRIME == 0:
            raise Undefined("a division by zero")
        return pow(a, -1, PRIME)

    def power(self, a: int, exponent: Fraction) -> int:
        if exponent.denominator != 1:
            raise Unknown("a root")
        if exponent <= 0 and a == 0:
            raise Undefined("0 to a power that is not positive")
        return pow(a, exponent.numerator, PRIME)

    def general_power(self, a: int, exponent: Node) -> int:
        raise Unknown("a power with a symbol above")

    def degrees(self, a: int) -> int:
        return a * self.symbol("°") % PRIME

    def call(self, name: str, arguments: Sequence[int]) -> int:
        raise Unknown(name)

    def oracle(self, name: str, arguments: Sequence[int]) -> int:
        return _drawn(self._seed, name, *map(str, arguments)) % PRIME


class Budget:
    """How many roots, powers and functions one verdict may compute: about a quarter of a millisecond each."""

    def __init__(self, left: int) -> None:
        self._left = left

    def spend(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise LimitExceeded("too many functions for one verdict")


class Complexes:
    """70-digit complex numbers, symbols at the point that the seed draws; on the real line where `real`."""

    def __init__(self, seed: str, real: bool, budget: Budget) -> None:
        self._seed, self._real, self._budget = seed, real, budget

    number = staticmethod(numeric.number)
    add = staticmethod(numeric.add)
    multiply = staticmethod(numeric.multiply)
    inverse = staticmethod(numeric.inverse)

    def power(self, a: Complex, exponent: Fraction) -> Complex:
        self._budget.spend()
        return numeric.rational_power(a, exponent)

    def call(self, name: str, arguments: Sequence[Complex]) -> Complex:
        self._budget.spend()
        return numeric.applied(name, arguments)

    def symbol(self, name: str) -> Complex:
        if name in ("π", "pi"):
            return Complex(numeric.PI, Decimal(0))
        if name == "e":
            return numeric.exp(numeric.ONE)
        if name == "i":
            return numeric.I
        return self._point(_drawn(self._seed, name))

    def general_power(self, a: Complex, exponent: Node) -> Complex:
        self._budget.spend()
        return numeric.power(a, Evaluator(self).value(exponent))

    def degrees(self, a: Complex) -> Complex:
        return numeric.multiply(a, Complex(numeric.ARITHMETIC.divide(numeric.PI, Decimal(180)), Decimal(0)))

    def oracle(self, name: str, arguments: Sequence[Complex]) -> Complex:
        rounded = [str(part.quantize(Decimal("1e-20"), context=numeric.ARITHMETIC)) for one in arguments for part in one]
        return self._point(_drawn(self._seed, name, *(text.replace("-0E-20", "0E-20") for text in rounded)))

    def _point(self, drawn: int) -> Complex:
        """Parts between 0.3 and 1.7 in size, with random signs, 30 digits each."""
        parts = []
        for _ in range(2):
            drawn, piece = divmod(drawn, 10**30)
            drawn, sign = divmod(drawn, 2)
            size = numeric.ARITHMETIC.add(Decimal("0.3"), Decimal(piece * 14).scaleb(-31))
            parts.append(size.copy_negate() if sign else size)
        return Complex(parts[0], Decimal(0) if self._real else parts[1])


def _drawn(*words: str) -> int:
    """Bits from a hash, the same in every process."""
    return int.from_bytes(hashlib.blake2b("\0".join(words).encode("utf-8", "replace"), digest_size=64).digest(), "big")


_EXACT: Evaluator[Fraction] = Evaluator(Rationals())


def rational(node: Node) -> Fraction | None:
    """The exact value of a tree without symbols; None where it is not rational or is not decided here."""
    try:
        return _EXACT.value(node)
    except Unknown:
        return None
