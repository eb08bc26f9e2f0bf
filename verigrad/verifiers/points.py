r"""Fields in which symbols stand at random points, drawn from a hash of a seed.

    Residues    integers modulo a prime of 128 bits, itself drawn from the seed: no answer can be written for it. A
                rational identity holds at all points; a false one at a random point with probability below
                degree/2¹²⁷. Exponents may be huge.
    Complexes   70-digit complex numbers. For roots, logarithms, trigonometry.
    Reals       The same, where every step must be real.

The prime is 1 modulo 4, so that i is a residue too. A function that only the answer knows (`f(x)`, `Σ`) is a random
oracle of its name and its arguments' values: equal arguments, equal value.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from verigrad.verifiers import numeric
from verigrad.verifiers.budget import FUNCTION_STEPS, POWER_STEPS, Budget
from verigrad.verifiers.expression import Node
from verigrad.verifiers.fields import Evaluator
from verigrad.verifiers.numeric import Complex, Undefined, Unknown

PRIME_BITS = 128

_SMALL_PRIMES = math.prod(n for n in range(3, 300) if all(n % d for d in range(2, n)))


def drawn_prime(seed: str) -> int:
    """A prime p with p ≡ 1 (mod 4), by Fermat's test: of random numbers of this size, which no answer can choose, fewer
    than one in 2⁴⁰ passes unjustly."""
    tries = 0
    while True:
        candidate = (_drawn(seed, "prime", str(tries)) >> (512 - PRIME_BITS)) | 1 << (PRIME_BITS - 1)
        candidate = candidate & ~3 | 1
        if math.gcd(candidate, _SMALL_PRIMES) == 1 and pow(2, candidate - 1, candidate) == 1:
            return candidate
        tries += 1


class Residues:
    """Modulo `prime`, symbols at the point that the seed draws."""

    def __init__(self, seed: str, prime: int) -> None:
        self._seed, self._prime = seed, prime

    def number(self, value: Fraction) -> int:
        if value.denominator == 1:
            return value.numerator % self._prime
        return value.numerator * self.inverse(value.denominator % self._prime) % self._prime

    def symbol(self, name: str) -> int:
        return self._imaginary() if name == "i" else _drawn(self._seed, name) % self._prime

    def _imaginary(self) -> int:
        """i² = −1: a power of the first number that has no root."""
        roots = (pow(base, (self._prime - 1) // 4, self._prime) for base in range(2, 1000))
        return next(root for root in roots if root * root % self._prime == self._prime - 1)

    def add(self, a: int, b: int) -> int:
        return (a + b) % self._prime

    def multiply(self, a: int, b: int) -> int:
        return a * b % self._prime

    def inverse(self, a: int) -> int:
        if a == 0:
            raise Undefined("a division by zero")
        return pow(a, -1, self._prime)

    def power(self, a: int, exponent: Fraction) -> int:
        if exponent.denominator != 1:
            raise Unknown("a root")
        if exponent <= 0 and a == 0:
            raise Undefined("0 to a power that is not positive")
        return pow(a, exponent.numerator % (self._prime - 1), self._prime) if a else 0  # Fermat: a^(p − 1) = 1

    def general_power(self, a: int, exponent: Node) -> int:
        raise Unknown("a power with a symbol above")

    def degrees(self, a: int) -> int:
        return a * self.symbol("°") % self._prime

    def call(self, name: str, arguments: Sequence[int]) -> int:
        raise Unknown(name)

    def oracle(self, name: str, arguments: Sequence[int]) -> int:
        return _drawn(self._seed, name, *map(str, arguments)) % self._prime


@dataclass(frozen=True, slots=True)
class Place:
    """Where symbols stand: sizes drawn for `draw` between 0.3 and 1.7, times `scale`, all of them turned by `turn`
    quarters; on the real line, unless `flat` is False. Where `scattered`, each has drawn signs before it is turned."""

    draw: int
    turn: int
    scale: str = "1"
    scattered: bool = False
    flat: bool = True


REALS = (
    *(Place(0, turn) for turn in (0, 2)),
    *(Place(1, turn, scale="40") for turn in (0, 2)),
    *(Place(2, turn, scattered=True) for turn in (0, 2)),
    *(Place(3, turn, scale="0.1") for turn in (0, 2)),
    *(Place(4, turn, scale="3000", scattered=True) for turn in (0, 2)),
)
"""Both signs of every symbol, together and apart, at several sizes: what a root or |x| hides on one side shows."""

COMPLEXES = tuple(Place(turn % 2, turn, scattered=turn % 2 == 1, flat=False) for turn in range(4))
"""All four quadrants."""


class Complexes:
    """70-digit complex numbers, symbols at a place."""

    def __init__(self, seed: str, place: Place, budget: Budget) -> None:
        self._seed, self._place, self._budget = f"{seed}\0{place.draw}", place, budget

    number = staticmethod(numeric.number)
    add = staticmethod(numeric.add)
    multiply = staticmethod(numeric.multiply)
    inverse = staticmethod(numeric.inverse)

    def power(self, a: Complex, exponent: Fraction) -> Complex:
        plain = not a.im and exponent.denominator <= 2
        self._budget.spend(POWER_STEPS if plain else FUNCTION_STEPS)
        return numeric.rational_power(a, exponent)

    def call(self, name: str, arguments: Sequence[Complex]) -> Complex:
        self._spend(arguments, name.startswith("a") and name != "abs")
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
        self._spend([a])
        return numeric.power(a, Evaluator(self, self._budget).value(exponent))

    def _spend(self, arguments: Sequence[Complex], slow: bool = False) -> None:
        if slow:
            self._budget.spend(2 * FUNCTION_STEPS)
        elif all(not one.im and one.re > 0 for one in arguments):
            self._budget.spend(FUNCTION_STEPS // 2)
        else:
            self._budget.spend(FUNCTION_STEPS)

    def degrees(self, a: Complex) -> Complex:
        return numeric.multiply(a, Complex(numeric.ARITHMETIC.divide(numeric.PI, Decimal(180)), Decimal(0)))

    def oracle(self, name: str, arguments: Sequence[Complex]) -> Complex:
        rounded = [
            str(part.quantize(Decimal("1e-30"), context=numeric.ARITHMETIC)) for one in arguments for part in one
        ]
        return self._point(_drawn(self._seed, name, *(text.replace("-0E-30", "0E-30") for text in rounded)))

    def _point(self, drawn: int) -> Complex:
        """Of 30 digits."""
        parts = []
        for _ in range(2):
            drawn, piece = divmod(drawn, 10**30)
            drawn, sign = divmod(drawn, 2)
            size = numeric.ARITHMETIC.add(Decimal("0.3"), Decimal(piece * 14).scaleb(-31))
            size = numeric.ARITHMETIC.multiply(size, Decimal(self._place.scale))
            parts.append(size.copy_negate() if sign and self._place.scattered else size)
        point = Complex(parts[0], Decimal(0) if self._place.flat else parts[1])
        for _ in range(self._place.turn):
            point = Complex(point.im.copy_negate(), point.re)
        return Complex(point.re, abs(point.im) if self._place.flat else point.im)


class Reals(Complexes):
    """Undefined where a step is not real."""

    def power(self, a: Complex, exponent: Fraction) -> Complex:
        return _real(super().power(a, exponent))

    def call(self, name: str, arguments: Sequence[Complex]) -> Complex:
        return _real(super().call(name, arguments))

    def general_power(self, a: Complex, exponent: Node) -> Complex:
        return _real(super().general_power(a, exponent))


def _real(value: Complex) -> Complex:
    if value.im:
        raise Undefined("no real value")
    return value


def _drawn(*words: str) -> int:
    """Bits from a hash, the same in every process."""
    return int.from_bytes(hashlib.blake2b("\0".join(words).encode("utf-8", "replace"), digest_size=64).digest(), "big")
