"""Two fields in which symbols stand at random points, drawn from a hash of a seed.

    Residues    integers modulo the prime 2²⁵⁵ − 19. A rational identity holds at all points; a false one at a random
                point with probability below degree/2²⁵⁴. Exponents may be huge.
    Complexes   70-digit complex numbers. For roots, logarithms, trigonometry.

The prime is 1 modulo 4, so that i is a residue too. A function that only the answer knows (`f(x)`, `Σ`) is a random
oracle of its name and its arguments' values: equal arguments, equal value.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction

from verigrad.verifiers import numeric
from verigrad.verifiers.budget import FUNCTION_STEPS, Budget
from verigrad.verifiers.expression import Node
from verigrad.verifiers.fields import Evaluator
from verigrad.verifiers.numeric import Complex, Undefined, Unknown

PRIME = 2**255 - 19

REAL_ONLY = frozenset({"abs", "floor", "ceil", "max", "min", "sgn", "sign", "Re", "Im", "arg"})
"""Functions at whose side symbols stand for real numbers."""


class Residues:
    """Modulo PRIME, symbols at the point that the seed draws."""

    _IMAGINARY = pow(2, (PRIME - 1) // 4, PRIME)

    def __init__(self, seed: str) -> None:
        self._seed = seed

    def number(self, value: Fraction) -> int:
        return (
            value.numerator * self.inverse(value.denominator) % PRIME if value.denominator > 1 else int(value) % PRIME
        )

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
        return pow(a, exponent.numerator % (PRIME - 1), PRIME) if a else 0  # Fermat: a^(p − 1) = 1

    def general_power(self, a: int, exponent: Node) -> int:
        raise Unknown("a power with a symbol above")

    def degrees(self, a: int) -> int:
        return a * self.symbol("°") % PRIME

    def call(self, name: str, arguments: Sequence[int]) -> int:
        raise Unknown(name)

    def oracle(self, name: str, arguments: Sequence[int]) -> int:
        return _drawn(self._seed, name, *map(str, arguments)) % PRIME


class Complexes:
    """70-digit complex numbers, symbols at the point that the seed draws; on the real line where `real`."""

    def __init__(self, seed: str, real: bool, budget: Budget) -> None:
        self._seed, self._real, self._budget = seed, real, budget

    number = staticmethod(numeric.number)
    add = staticmethod(numeric.add)
    multiply = staticmethod(numeric.multiply)
    inverse = staticmethod(numeric.inverse)

    def power(self, a: Complex, exponent: Fraction) -> Complex:
        self._budget.spend(FUNCTION_STEPS)
        return numeric.rational_power(a, exponent)

    def call(self, name: str, arguments: Sequence[Complex]) -> Complex:
        self._budget.spend(FUNCTION_STEPS)
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
        self._budget.spend(FUNCTION_STEPS)
        return numeric.power(a, Evaluator(self, self._budget).value(exponent))

    def degrees(self, a: Complex) -> Complex:
        return numeric.multiply(a, Complex(numeric.ARITHMETIC.divide(numeric.PI, Decimal(180)), Decimal(0)))

    def oracle(self, name: str, arguments: Sequence[Complex]) -> Complex:
        rounded = [
            str(part.quantize(Decimal("1e-20"), context=numeric.ARITHMETIC)) for one in arguments for part in one
        ]
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
