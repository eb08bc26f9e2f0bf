"""Complex numbers to 70 digits by mpmath, symbols at drawn places; and the real ones, where every step must be real."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import mpmath

from verigrad.answers.fields import drawn
from verigrad.answers.tree import FUNCTION_STEPS, POWER_STEPS, Budget, LimitExceeded, Undefined, Unknown

DIGITS = 70


LARGEST_POWER = 10_000


LARGEST_ANGLE = 10**6
"""Radians; beyond, too many digits are lost to the period."""


MOST, LEAST, ZERO_BELOW, LOST = 83, -83, -116, 193
"""Binary magnitudes: 10^25, 10^-25, 10^-35; and the 58 digits below its terms at which a sum is rounding error.

A value outside 10^±25 is not computed with, so that sums keep more digits than are compared.
"""


MP = mpmath.MPContext()


MP.dps = DIGITS


CLOSE = MP.mpf(10) ** -35


@dataclass(frozen=True, slots=True)
class Place:
    """Where symbols stand: sizes drawn for `draw` between 0.3 and 1.7, times `scale`, turned by `turn`
    quarters; on the real line unless `flat` is False. Where `scattered`, with drawn signs before."""

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
"""Both signs of every symbol, together and apart, at several sizes: what |x| hides on one side shows."""


COMPLEXES = tuple(Place(turn % 2, turn, scattered=turn % 2 == 1, flat=False) for turn in range(4))
"""All four quadrants."""


def magnitude(part: Any) -> int | None:
    """The binary exponent of a real; None for 0."""
    _, mantissa, exponent, bits = part._mpf_
    return exponent + bits if mantissa else None


def checked(value: Any, *, is_sum: bool = False) -> Any:
    """The value, if its parts are of a size that keeps all compared digits. What a sum or a periodic function
    leaves below 10^-35 is rounding error, and 0."""
    if isinstance(value, MP.mpc):
        re, im = checked(value.real, is_sum=is_sum), checked(value.imag, is_sum=is_sum)
        return MP.mpc(re, im) if im else re
    size = magnitude(value)
    if size is None or LEAST <= size <= MOST:
        return value
    if size > MOST:
        raise LimitExceeded("a value too large for the arithmetic")
    if is_sum and size < ZERO_BELOW:
        return MP.zero
    raise Unknown("a value outside the range of the arithmetic")


class Complexes:
    """70-digit complex numbers, symbols at a place."""

    def __init__(self, seed: str, place: Place, budget: Budget) -> None:
        self._seed, self._place, self._budget = f"{seed}\0{place.draw}", place, budget

    def number(self, value: Fraction) -> Any:
        if value.numerator.bit_length() > 1000 or value.denominator.bit_length() > 1000:
            raise LimitExceeded("a long number")
        return checked(MP.mpf(value.numerator) / value.denominator)

    def symbol(self, name: str) -> Any:
        if name == "pi":
            return +MP.pi
        if name == "e":
            return +MP.e
        if name == "i":
            return MP.mpc(0, 1)
        return self._point(drawn(self._seed, name))

    def add(self, a: Any, b: Any) -> Any:
        """Unknown where so much cancels that what is left may be a small value or rounding error."""
        total = a + b
        for part, term in ((total.real, a.real), (total.imag, a.imag)):
            left, before = magnitude(part), magnitude(term)
            if left is not None and left < ZERO_BELOW and (before is None or left > before - LOST):
                raise Unknown("a value outside the range of the arithmetic")
        return checked(total, is_sum=True)

    def multiply(self, a: Any, b: Any) -> Any:
        product = a * b
        if not isinstance(product, MP.mpc):
            return checked(product)
        product = checked(product, is_sum=True)
        if product == 0 and a != 0 and b != 0:
            raise Unknown("a value outside the range of the arithmetic")
        return product

    def inverse(self, a: Any) -> Any:
        if a == 0:
            raise Undefined("a division by zero")
        return checked(1 / a)

    def power(self, a: Any, exponent: Fraction) -> Any:
        """a^(p/q): the real root where a is a negative real and q odd, else the principal value."""
        plain = not isinstance(a, MP.mpc) and exponent.denominator <= 2
        self._budget.spend(POWER_STEPS if plain else FUNCTION_STEPS)
        if a == 0 and exponent <= 0:
            raise Undefined("0 to a power that is not positive")
        if abs(exponent) > LARGEST_POWER:
            raise Unknown("a large exponent")
        if exponent.denominator == 1:
            return checked(a**exponent.numerator)
        if exponent.denominator == 2:
            return checked(MP.sqrt(a) ** exponent.numerator)
        if not isinstance(a, MP.mpc) and a < 0 and exponent.denominator % 2:
            size = self.power(-a, exponent)
            return -size if exponent.numerator % 2 else size
        return checked(a ** (MP.mpf(exponent.numerator) / exponent.denominator))

    def general_power(self, a: Any, exponent: Callable[[], Any]) -> Any:
        above = exponent()
        plain = not isinstance(a, MP.mpc) and a > 0
        self._budget.spend(FUNCTION_STEPS // (2 if plain else 1))
        if a == 0:
            if above.real <= 0:
                raise Undefined("0 to a power that is not positive")
            return MP.zero
        return _exp(self.multiply(above, MP.log(a)))

    def degrees(self, a: Any) -> Any:
        return self.multiply(a, MP.pi / 180)

    def call(self, name: str, arguments: Sequence[Any]) -> Any:
        plain = all(not isinstance(value, MP.mpc) and value > 0 for value in arguments)
        slow = name.startswith("arc") and name != "arccot"
        self._budget.spend(2 * FUNCTION_STEPS if slow else FUNCTION_STEPS // (2 if plain else 1))
        if name in ("max", "min") and arguments:
            return (max if name == "max" else min)(arguments, key=_real)
        if name in ("log", "lg", "ln") and len(arguments) == 2:  # the base comes last
            return self.multiply(_log(arguments[0]), self.inverse(_log(arguments[1])))
        if len(arguments) != 1 or name not in _OF_ONE:
            raise Unknown(f"no function {name} of {len(arguments)}")
        return _OF_ONE[name](arguments[0])

    def oracle(self, name: str, arguments: Sequence[Any]) -> Any:
        parts = [part for value in arguments for part in (value.real, value.imag)]
        rounded = [str(int(MP.nint(part * 10**30))) for part in parts]
        return self._point(drawn(self._seed, name, *rounded))

    def _point(self, drawn: int) -> Any:
        """Of 30 digits."""
        parts = []
        for _ in range(2):
            drawn, piece = divmod(drawn, 10**30)
            drawn, sign = divmod(drawn, 2)
            size = (MP.mpf(3) / 10 + MP.mpf(piece * 14) / 10**31) * MP.mpf(self._place.scale)
            parts.append(-size if sign and self._place.scattered else size)
        re, im = parts[0], MP.zero if self._place.flat else parts[1]
        for _ in range(self._place.turn):
            re, im = -im, re
        return re if self._place.flat else MP.mpc(re, im)


class Reals(Complexes):
    """Undefined where a step is not real."""

    def power(self, a: Any, exponent: Fraction) -> Any:
        return _only_real(super().power(a, exponent))

    def call(self, name: str, arguments: Sequence[Any]) -> Any:
        return _only_real(super().call(name, arguments))

    def general_power(self, a: Any, exponent: Callable[[], Any]) -> Any:
        return _only_real(super().general_power(a, exponent))


def close(a: Any, b: Any) -> bool:
    """Whether they agree to 35 digits after the point, and to 35 digits of the larger."""
    return bool(abs(a - b) < max(MP.one, abs(a), abs(b)) * CLOSE)


def _only_real(value: Any) -> Any:
    if isinstance(value, MP.mpc):
        raise Undefined("no real value")
    return value


def _real(value: Any) -> Any:
    if isinstance(value, MP.mpc):
        raise Unknown("an order of complex numbers")
    return value


def _exp(a: Any) -> Any:
    if abs(a.real) > 200:
        raise Unknown("a large exponent")
    size = magnitude(MP.exp(a.real))
    if size is not None and size < LEAST:
        raise Unknown("a value outside the range of the arithmetic")
    return checked(MP.exp(a), is_sum=True)


def _log(a: Any) -> Any:
    if a == 0:
        raise Undefined("the logarithm of 0")
    return checked(MP.log(a), is_sum=True)


def _whole(rounding: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def applied(a: Any) -> Any:
        nearest = MP.nint(_real(a))
        return nearest if abs(a - nearest) < CLOSE else rounding(a)

    return applied


def _guarded(function: Callable[[Any], Any], *, periodic: bool = False) -> Callable[[Any], Any]:
    """A function of mpmath with its poles Undefined; Unknown where an angle is so large that its digits are lost."""

    def applied(a: Any) -> Any:
        if periodic and (abs(a.real) > LARGEST_ANGLE or abs(a.imag) > 200):
            raise Unknown("a large angle")
        try:
            return checked(function(a), is_sum=True)
        except ZeroDivisionError:
            raise Undefined("a pole") from None

    return applied


_PERIODIC = "sin cos tan cot sec csc sinh cosh tanh coth".split()
_OF_ONE: dict[str, Callable[[Any], Any]] = {
    "exp": _exp,
    **dict.fromkeys(("ln", "log"), _log),
    "lg": lambda a: checked(_log(a) / MP.log(10), is_sum=True),
    **{name: _guarded(getattr(MP, name), periodic=True) for name in _PERIODIC},
    **{f"arc{name}": _guarded(getattr(MP, f"a{name}")) for name in ("sin", "cos", "tan", "cot")},
    "abs": abs,
    "sgn": lambda a: MP.mpf((_real(a) > 0) - (a < 0)),
    "floor": _whole(MP.floor),
    "ceil": _whole(MP.ceil),
    "Re": lambda a: +a.real,
    "Im": lambda a: +a.imag,
    "arg": MP.arg,
}
