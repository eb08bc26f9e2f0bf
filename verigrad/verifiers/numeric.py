"""Complex functions to 70 decimal digits, on pairs of Decimals. `probe` uses them where nothing exact decides.

Every value lies between LEAST and MOST in size, or is 0: sums then keep more digits than are compared, so that no term
is lost unseen. Below, Unknown is raised; above, LimitExceeded. Angles in radians; branches are principal,
except that an odd root of a negative real is real.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Context, Decimal, DivisionByZero, InvalidOperation, Overflow
from fractions import Fraction
from typing import NamedTuple

from verigrad.verifiers.expression import LimitExceeded

DIGITS = 70
"""Significant decimal digits of the arithmetic."""

MOST, LEAST, ZERO_BELOW = Decimal("1e25"), Decimal("1e-25"), Decimal("1e-35")
"""Sizes of values. Below ZERO_BELOW a value is rounding error, and 0."""

ERROR_DIGITS = 58
"""Digits below the terms of a sum at which its value is rounding error."""

LARGEST_POWER = 10_000
"""Whole exponent; larger ones are exact arithmetic's business."""

LARGEST_ANGLE = Decimal(10**6)
"""Radians, for sine and cosine; beyond, too many digits are lost to the period."""

ARITHMETIC = Context(prec=DIGITS, Emax=10**6, Emin=-(10**6), traps=[DivisionByZero, InvalidOperation, Overflow])
PI = Decimal(
    "3.14159265358979323846264338327950288419716939937510582097494459230781640628620899862803482534211706798214808651"
)
_0, _1, _2 = Decimal(0), Decimal(1), Decimal(2)


class Unknown(Exception):
    """This arithmetic cannot say."""


class Undefined(Exception):
    """There is no value: a division by zero, the logarithm of 0."""


class Complex(NamedTuple):
    re: Decimal
    im: Decimal


ZERO, ONE, I = Complex(_0, _0), Complex(_1, _0), Complex(_0, _1)  # noqa: E741


def checked(re: Decimal, im: Decimal) -> Complex:
    """The value, if its parts are of a size that keeps all compared digits."""
    parts = []
    for part in (re, im):
        size = part.copy_abs()
        if size < ZERO_BELOW:
            part = _0
        elif size > MOST:
            raise LimitExceeded("a value too large for the arithmetic")
        elif size < LEAST:
            raise Unknown("a value outside the range of the arithmetic")
        parts.append(part)
    return Complex(*parts)


def number(value: Fraction) -> Complex:
    if value.numerator.bit_length() > 1000 or value.denominator.bit_length() > 1000:
        raise LimitExceeded("a long number")
    return _real(ARITHMETIC.divide(Decimal(value.numerator), Decimal(value.denominator)))


def _real(value: Decimal) -> Complex:
    """A real that is 0 only where it is exactly: what is below LEAST is no rounding error here."""
    if value and value.copy_abs() < LEAST:
        raise Unknown("a value outside the range of the arithmetic")
    return checked(value, _0)


def add(a: Complex, b: Complex) -> Complex:
    """Unknown where so much cancels that what is left may be a small value or rounding error."""
    parts = ARITHMETIC.add(a.re, b.re), ARITHMETIC.add(a.im, b.im)
    for part, one in zip(parts, (a.re, a.im), strict=True):
        if part and part.copy_abs() < ZERO_BELOW and part.copy_abs() > one.copy_abs().scaleb(-ERROR_DIGITS, ARITHMETIC):
            raise Unknown("a value outside the range of the arithmetic")
    return checked(*parts)


def multiply(a: Complex, b: Complex) -> Complex:
    c = ARITHMETIC
    if not a.im and not b.im:
        return _real(c.multiply(a.re, b.re))
    re = c.subtract(c.multiply(a.re, b.re), c.multiply(a.im, b.im))
    product = checked(re, c.add(c.multiply(a.re, b.im), c.multiply(a.im, b.re)))
    if product == ZERO and ZERO not in (a, b):
        raise Unknown("a value outside the range of the arithmetic")
    return product


def negative(a: Complex) -> Complex:
    return Complex(a.re.copy_negate(), a.im.copy_negate())


def subtract(a: Complex, b: Complex) -> Complex:
    return add(a, negative(b))


def inverse(a: Complex) -> Complex:
    c = ARITHMETIC
    square = c.add(c.multiply(a.re, a.re), c.multiply(a.im, a.im))
    if not square:
        raise Undefined("a division by zero")
    return checked(c.divide(a.re, square), c.divide(a.im.copy_negate(), square))


def divide(a: Complex, b: Complex) -> Complex:
    return multiply(a, inverse(b))


def modulus(a: Complex) -> Decimal:
    c = ARITHMETIC
    return a.re.copy_abs() if not a.im else c.sqrt(c.add(c.multiply(a.re, a.re), c.multiply(a.im, a.im)))


def _sine_cosine(angle: Decimal) -> tuple[Decimal, Decimal]:
    """Taylor at angle/2⁸ after taking the period off, then eight doublings."""
    c = ARITHMETIC
    if angle.copy_abs() > LARGEST_ANGLE:
        raise Unknown("a large angle")
    small = c.divide(c.remainder_near(angle, c.multiply(_2, PI)), Decimal(256))
    square = c.multiply(small, small)
    sine, versine = small, _0  # versine = 1 − cos keeps its digits where cos is near 1
    term, order = small, 1
    rest = _1
    while term.copy_abs() > Decimal("1e-75") or rest.copy_abs() > Decimal("1e-75"):
        rest = c.divide(c.multiply(term, small).copy_negate(), Decimal(order + 1))
        versine = c.subtract(versine, rest)
        term = c.divide(c.multiply(rest, small), Decimal(order + 2))
        sine = c.add(sine, term)
        order += 2
        if not square:
            break
    cosine = c.subtract(_1, versine)
    for _ in range(8):
        sine, cosine = (
            c.multiply(_2, c.multiply(sine, cosine)),
            c.subtract(c.multiply(cosine, cosine), c.multiply(sine, sine)),
        )
    return sine, cosine


def _arctangent(value: Decimal) -> Decimal:
    """Series at value/2⁶ or so, after halving the angle: atan v = 2·atan(v/(1 + √(1 + v²)))."""
    c = ARITHMETIC
    for _ in range(7):
        value = c.divide(value, c.add(_1, c.sqrt(c.add(_1, c.multiply(value, value)))))
    square = c.multiply(value, value)
    total, power, order = value, value, 1
    while power.copy_abs() > Decimal("1e-75"):
        power = c.multiply(power, square).copy_negate()
        order += 2
        total = c.add(total, c.divide(power, Decimal(order)))
    return c.multiply(total, Decimal(128))


def argument(a: Complex) -> Decimal:
    """In (−π, π]."""
    if not a.re:
        return ARITHMETIC.divide(PI, _2).copy_sign(a.im) if a.im else _0
    angle = _arctangent(ARITHMETIC.divide(a.im, a.re))
    if a.re > 0:
        return angle
    return ARITHMETIC.add(angle, PI) if a.im >= 0 else ARITHMETIC.subtract(angle, PI)


def exp(a: Complex) -> Complex:
    if a.re.copy_abs() > 200:
        raise Unknown("a large exponent")
    size = ARITHMETIC.exp(a.re)
    if not a.im:
        return _real(size)
    if size < LEAST:
        raise Unknown("a value outside the range of the arithmetic")
    sine, cosine = _sine_cosine(a.im)
    return checked(ARITHMETIC.multiply(size, cosine), ARITHMETIC.multiply(size, sine))


def log(a: Complex) -> Complex:
    if a == ZERO:
        raise Undefined("the logarithm of 0")
    return checked(ARITHMETIC.ln(modulus(a)), argument(a))


def whole_power(a: Complex, exponent: int) -> Complex:
    if abs(exponent) > LARGEST_POWER:
        raise Unknown("a large exponent")
    if exponent < 0:
        return inverse(whole_power(a, -exponent))
    result = ONE
    while exponent:
        if exponent & 1:
            result = multiply(result, a)
        exponent >>= 1
        if exponent:
            a = multiply(a, a)
    return result


def rational_power(a: Complex, exponent: Fraction) -> Complex:
    """a^(p/q): the real root where a is a negative real and q odd, else the principal value."""
    if a == ZERO and exponent <= 0:
        raise Undefined("0 to a power that is not positive")
    if exponent.denominator == 1:
        return whole_power(a, exponent.numerator)
    if not a.im and a.re >= 0 and exponent.denominator == 2:
        return whole_power(checked(ARITHMETIC.sqrt(a.re), _0), exponent.numerator)
    if not a.im and a.re < 0 and exponent.denominator % 2:
        size = power(Complex(a.re.copy_negate(), _0), number(exponent))
        return negative(size) if exponent.numerator % 2 else size
    return power(a, number(exponent))


def power(a: Complex, exponent: Complex) -> Complex:
    """exp(exponent · log a); 0 to what has a positive real part is 0."""
    if a == ZERO:
        if exponent.re <= 0:
            raise Undefined("0 to a power that is not positive")
        return ZERO
    return exp(multiply(exponent, log(a)))


def sine(a: Complex) -> Complex:
    """(e^{ia} − e^{−ia})/2i."""
    if not a.im:
        return checked(_sine_cosine(a.re)[0], _0)
    return divide(subtract(exp(multiply(I, a)), exp(negative(multiply(I, a)))), Complex(_0, _2))


def cosine(a: Complex) -> Complex:
    if not a.im:
        return checked(_sine_cosine(a.re)[1], _0)
    return divide(add(exp(multiply(I, a)), exp(negative(multiply(I, a)))), Complex(_2, _0))


def sinh(a: Complex) -> Complex:
    return divide(subtract(exp(a), exp(negative(a))), Complex(_2, _0))


def cosh(a: Complex) -> Complex:
    return divide(add(exp(a), exp(negative(a))), Complex(_2, _0))


def arcsine(a: Complex) -> Complex:
    """−i·log(ia + √(1 − a²))."""
    root = rational_power(subtract(ONE, multiply(a, a)), Fraction(1, 2))
    return negative(multiply(I, log(add(multiply(I, a), root))))


def arccosine(a: Complex) -> Complex:
    return subtract(Complex(ARITHMETIC.divide(PI, _2), _0), arcsine(a))


def arctangent(a: Complex) -> Complex:
    """(i/2)·(log(1 − ia) − log(1 + ia))."""
    if not a.im:
        return checked(_arctangent(a.re), _0)
    turned = multiply(I, a)
    return multiply(Complex(_0, Decimal("0.5")), subtract(log(subtract(ONE, turned)), log(add(ONE, turned))))


def real(a: Complex) -> Decimal:
    if a.im:
        raise Unknown("an order of complex numbers")
    return a.re


def _sign(a: Complex) -> Complex:
    return Complex(Decimal((real(a) > 0) - (real(a) < 0)), _0)


def _whole(rounding: str) -> Callable[[Complex], Complex]:
    def function(a: Complex) -> Complex:
        nearest = real(a).to_integral_value()
        if ARITHMETIC.subtract(real(a), nearest).copy_abs() < ZERO_BELOW:
            return Complex(nearest, _0)
        return Complex(real(a).to_integral_value(rounding=rounding), _0)

    return function


ONE_ARGUMENT: dict[str, Callable[[Complex], Complex]] = {
    "exp": exp,
    "ln": log,
    "log": log,
    "lg": lambda a: divide(log(a), log(Complex(Decimal(10), _0))),
    "sin": sine,
    "cos": cosine,
    "tan": lambda a: divide(sine(a), cosine(a)),
    "cot": lambda a: divide(cosine(a), sine(a)),
    "sec": lambda a: inverse(cosine(a)),
    "csc": lambda a: inverse(sine(a)),
    "sinh": sinh,
    "cosh": cosh,
    "tanh": lambda a: divide(sinh(a), cosh(a)),
    "coth": lambda a: divide(cosh(a), sinh(a)),
    "arcsin": arcsine,
    "arccos": arccosine,
    "arctan": arctangent,
    "arccot": lambda a: arctangent(inverse(a)),
    "abs": lambda a: Complex(modulus(a), _0),
    "sgn": _sign,
    "floor": _whole("ROUND_FLOOR"),
    "ceil": _whole("ROUND_CEILING"),
    "Re": lambda a: Complex(a.re, _0),
    "Im": lambda a: Complex(a.im, _0),
    "arg": lambda a: Complex(argument(a), _0),
}
ONE_ARGUMENT |= {"asin": arcsine, "acos": arccosine, "atan": arctangent, "sign": _sign}


def applied(name: str, values: Sequence[Complex]) -> Complex:
    """A named function. Unknown where there is none of that name and number of arguments."""
    if name in ("max", "min") and values:
        return (max if name == "max" else min)(values, key=real)
    if name in ("log", "lg", "ln") and len(values) == 2:  # the base comes last
        return divide(log(values[0]), log(values[1]))
    if len(values) == 1 and name in ONE_ARGUMENT:
        return ONE_ARGUMENT[name](values[0])
    raise Unknown(f"no function {name} of {len(values)}")


def close(a: Complex, b: Complex) -> bool:
    """Whether they agree to 35 digits after the point, and to 35 digits of the larger."""
    scale = max(_1, modulus(a), modulus(b))
    return modulus(Complex(ARITHMETIC.subtract(a.re, b.re), ARITHMETIC.subtract(a.im, b.im))) < scale * ZERO_BELOW
