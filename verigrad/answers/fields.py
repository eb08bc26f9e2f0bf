"""The value of a tree in four fields.

    Rationals   exact; no symbols
    Residues    integers modulo a prime of 64 bits that the pair of answers draws, symbols at drawn
                points: no answer can be written for it. A false rational identity holds with
                probability below degree/2⁶³ at each of two points. Exponents may be huge. i is a residue: p ≡ 1 (mod 4)
    Complexes, Reals    in `numeric`: 70 digits, symbols at drawn places

A function that only the answer knows is a random oracle of its name and its arguments' values.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

from verigrad.answers.tables import DEGREE, PERCENT
from verigrad.answers.tree import (
    INVERSE_STEPS,
    MOST_BITS,
    ONE,
    POWER_STEPS,
    Applied,
    Budget,
    Call,
    Group,
    LimitExceeded,
    Measure,
    Node,
    Number,
    Relation,
    Symbol,
    Undefined,
    Unknown,
)

PRIME_BITS = 64


LARGEST_FACTORIAL = 500


LARGEST_BINOMIAL = 1000


class Evaluator:
    """The value of a tree in one field: Unknown, Undefined or LimitExceeded where there is none."""

    def __init__(self, field: Any, budget: Budget) -> None:
        self.field, self.budget = field, budget
        self._symbols: dict[str, Any] = {}

    def value(self, node: Node) -> Any:
        self.budget.spend()
        if isinstance(node, Call):
            return self._call(node.name, node.arguments)
        if isinstance(node, Number):
            if node.value.denominator != 1:
                self.budget.spend(INVERSE_STEPS + (node.value.denominator.bit_length() >> 5))
            return self.field.number(node.value)
        if isinstance(node, Symbol):
            if node.name not in self._symbols:
                self._symbols[node.name] = self.field.symbol(node.name)
            return self._symbols[node.name]
        if isinstance(node, Applied):
            return self._oracle(node.name, node.arguments)
        if isinstance(node, Measure) and node.unit == PERCENT:
            return self.field.multiply(self.value(node.value), self.field.number(Fraction(1, 100)))
        if isinstance(node, Measure) and node.unit == DEGREE:
            return self.field.degrees(self.value(node.value))
        if isinstance(node, Group) and len(node.items) == 1:
            return self.value(node.items[0])
        raise Unknown("not a number")

    def _call(self, name: str, arguments: tuple[Node, ...]) -> Any:
        field = self.field
        if name in "+*":
            combine = field.add if name == "+" else field.multiply
            total = self.value(arguments[0])
            for part in arguments[1:]:
                total = combine(total, self.value(part))
            return total
        if name == "neg":
            return field.multiply(field.number(Fraction(-1)), self.value(arguments[0]))
        if name == "/":
            self.budget.spend(INVERSE_STEPS)
            return field.multiply(self.value(arguments[0]), field.inverse(self.value(arguments[1])))
        if name == "^":
            return self._power(arguments[0], arguments[1])
        if name == "root":
            return self._power(arguments[0], Call("/", (ONE, arguments[1])))
        if name == "base":
            return field.number(numeral(arguments[0], arguments[1]))
        letters = len(set(arguments)) == len(arguments) > 1
        if name in ("gcd", "lcm") and letters and all(isinstance(part, Symbol) for part in arguments):
            return self.value(ONE if name == "gcd" else Call("*", arguments))  # of indeterminates
        self.budget.spend(POWER_STEPS)
        return field.call(name, [self.value(part) for part in arguments])

    def _power(self, base: Node, exponent: Node) -> Any:
        self.budget.spend(POWER_STEPS)
        below = self.value(base)
        exact = rational(exponent, self.budget)
        if exact is not None:
            return self.field.power(below, exact)
        return self.field.general_power(below, lambda: self.value(exponent))

    def _oracle(self, name: str, arguments: tuple[Node, ...]) -> Any:
        """Of relations and lists, such as the `k=0` under a sum, all parts count."""
        values: list[Any] = []
        for part in arguments:
            if isinstance(part, Relation | Group):
                signs = part.signs if isinstance(part, Relation) else (part.brackets,)
                values.append(self._oracle(" ".join(signs), part.parts))
            else:
                values.append(self.value(part))
        return self.field.oracle(name, values)


def numeral(digits: Node, base: Node) -> Fraction:
    """`204_5` = 2·25 + 0·5 + 4. Undefined where a digit does not belong to the base."""
    assert isinstance(digits, Number) and isinstance(base, Number)
    radix = int(base.value)
    text = str(digits.value.numerator)
    if not 2 <= radix <= 36 or any(int(digit) >= radix for digit in text):
        raise Undefined("a digit outside its base")
    return Fraction(int(text, radix))


def rational(node: Node, budget: Budget) -> Fraction | None:
    """The exact value of a tree without symbols; None where it is not rational or is not decided here."""
    if isinstance(node, Number):
        return node.value
    try:
        value: Fraction = Evaluator(Rationals(budget), budget).value(node)
    except Unknown:
        return None
    return value


class Rationals:
    """Exact. Long numbers are charged for: their products and common divisors take quadratic time."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget

    def _charge(self, *values: Fraction, times: int = 1) -> None:
        bits = sum(value.numerator.bit_length() + value.denominator.bit_length() for value in values)
        if bits > 1024:
            self._budget.spend(times * (bits >> 10) ** 2 // 2)
        if bits > 16 * MOST_BITS:
            raise LimitExceeded("a value of too many bits")

    def number(self, value: Fraction) -> Fraction:
        return value

    def symbol(self, name: str) -> Fraction:
        raise Unknown(f"the value of {name}")

    def add(self, a: Fraction, b: Fraction) -> Fraction:
        self._charge(a, b)
        return a + b

    def multiply(self, a: Fraction, b: Fraction) -> Fraction:
        self._charge(a, b)
        return a * b

    def inverse(self, a: Fraction) -> Fraction:
        if not a:
            raise Undefined("a division by zero")
        return 1 / a

    def power(self, a: Fraction, exponent: Fraction) -> Fraction:
        if exponent.denominator != 1:
            self._charge(a, times=12)
            a = _root(a, exponent.denominator)
        whole = exponent.numerator
        if not a and whole <= 0:
            raise Undefined("0 to a power that is not positive")
        size = max(a.numerator.bit_length(), a.denominator.bit_length())
        if (size > 1 and size * abs(whole) > MOST_BITS) or abs(whole).bit_length() > MOST_BITS:
            raise LimitExceeded(f"a power of about {size} bits × exponent")
        return Fraction(a ** (whole % 2 if abs(a) == 1 else whole))

    def general_power(self, a: Fraction, exponent: Callable[[], Fraction]) -> Fraction:
        raise Unknown("an irrational exponent")

    def degrees(self, a: Fraction) -> Fraction:
        raise Unknown("π/180")

    def oracle(self, name: str, arguments: Sequence[Fraction]) -> Fraction:
        raise Unknown(name)

    def call(self, name: str, arguments: Sequence[Fraction]) -> Fraction:
        whole = [int(value) for value in arguments if value.denominator == 1]
        if name == "Gamma" and len(whole) == len(arguments) == 1:
            return Fraction(_of_integers("!", [whole[0] - 1]))
        if name in ("!", "binom", "mod") and len(whole) == len(arguments):
            return Fraction(_of_integers(name, whole))
        if name in ("gcd", "lcm") and len(whole) == len(arguments):
            if not whole:
                raise Undefined(f"the {name} of nothing")
            self._charge(*arguments)
            return Fraction(math.gcd(*whole) if name == "gcd" else math.lcm(*whole))
        if name in ("max", "min") and arguments:
            return (max if name == "max" else min)(arguments)
        if len(arguments) == 1 and name in ("abs", "floor", "ceil", "sgn"):
            value = arguments[0]
            if name == "sgn":
                return Fraction((value > 0) - (value < 0))
            return abs(value) if name == "abs" else Fraction(getattr(math, name)(value))
        raise Unknown(f"{name} of rationals")


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
        if values[0] > LARGEST_BINOMIAL:
            raise LimitExceeded(f"a binomial coefficient above {LARGEST_BINOMIAL}")
        return math.comb(values[0], values[1]) if values[1] >= 0 else 0
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
    root = math.isqrt(value) if degree == 2 else 1 << -(-value.bit_length() // degree)
    while degree > 2 and value > 1:
        lower = ((degree - 1) * root + value // root ** (degree - 1)) // degree
        if lower >= root:
            break
        root = lower
    root = value if value < 2 else root
    if root**degree != value:
        raise Unknown("a root that is not rational")
    return root


_SMALL_PRIMES = math.prod(n for n in range(3, 300) if all(n % d for d in range(2, n)))


def drawn_prime(seed: str) -> int:
    """The next prime p ≡ 1 (mod 4) above a drawn number, by Fermat's test."""
    candidate = drawn(seed, "prime") >> (512 - PRIME_BITS) | 1 << (PRIME_BITS - 1)
    candidate = candidate & ~3 | 1
    while math.gcd(candidate, _SMALL_PRIMES) != 1 or pow(2, candidate - 1, candidate) != 1:
        candidate += 4
    return candidate


class Residues:
    """Modulo `prime`, symbols at the point that the seed draws."""

    def __init__(self, seed: str, prime: int) -> None:
        self._seed, self._prime = seed, prime

    def number(self, value: Fraction) -> int:
        if value.denominator == 1:
            return value.numerator % self._prime
        return value.numerator * self.inverse(value.denominator % self._prime) % self._prime

    def symbol(self, name: str) -> int:
        if name != "i":
            return drawn(self._seed, name) % self._prime
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
        return pow(a, exponent.numerator % (self._prime - 1), self._prime) if a else 0

    def general_power(self, a: int, exponent: Callable[[], int]) -> int:
        raise Unknown("a power with a symbol above")

    def degrees(self, a: int) -> int:
        return a * self.symbol("°") % self._prime

    def call(self, name: str, arguments: Sequence[int]) -> int:
        raise Unknown(name)

    def oracle(self, name: str, arguments: Sequence[int]) -> int:
        return drawn(self._seed, name, *map(str, arguments)) % self._prime


def drawn(*words: str) -> int:
    """512 bits from a hash, the same in every process."""
    text = "\0".join(words).encode("utf-8", "replace")
    return int.from_bytes(hashlib.blake2b(text, digest_size=64).digest(), "big")
