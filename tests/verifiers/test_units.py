"""Units, percentages, words that multiply, and printed floats: `gold ~ answer`, one a line."""

import pytest

from verigrad.verifiers import decide
from verigrad.verifiers.answers import read
from verigrad.verifiers.expression import Unreadable

EQUAL = r"""
5\text{ cm} ~ (5\text{ cm})\cdot 1
5\text{ cm} ~ 5\cdot 1
5\text{ cm} ~ \frac{5\text{ cm}}{1}
\$8 ~ \$4+\$4
\$8 ~ 8\text{ dollars total}
\$8 ~ \$8\text{ total}
\$8 ~ \$8\text{ dollars}
\$8 ~ \$8\text{ per hour}
\$8\text{ per hour} ~ \$8
5\text{ cm} ~ 5\text{ cm long}
5\text{ cm long} ~ 5\text{ cm}
5\text{ apples} ~ 5
5\text{ apples} ~ 5\text{ red apples}
5\text{ m/s}^2 ~ 5\text{ m}\text{/s}^2
5\text{ m/s}^2 ~ 5\text{ m s}^{-2}
5\text{ m}^2 ~ 5\text{ square meters}
5\text{ m}^2 ~ 5\text{ meters squared}
5\text{ m}^2 ~ 5\text{ m}^{2}
5\text{ m}^3 ~ 5\text{ cubic m}
5\text{ L} ~ 5\text{ liters}
5\text{ L} ~ 5\text{ l}
5\text{ units} ~ 5
5\text{ square units} ~ 5
5\text{ square} ~ 5
60\text{ mph} ~ 60\text{ miles per hour}
5\% ~ 5
5\% ~ 0.05
5\% ~ 5\text{ percent}
5\% ~ 5\text{ percent of the students}
0.05 ~ 5\text{ percent of the students}
\$5 ~ 5\%\cdot\$100
5000000 ~ 5 million
5000000 ~ 5\text{ million}
5000000 ~ 5\text{ million people}
5 million ~ 5,000,000
\$5\text{ million} ~ \$5{,}000{,}000
5\text{ million dollars} ~ \$5{,}000{,}000
500 ~ 5 hundred
60 ~ 5 dozen
60 ~ 5\text{ dozen}
3 ~ 3\text{ times}
0.3 ~ 0.30000000000000004
\sqrt{2}\cdot10^{16} ~ 14142135623730951.0
\frac{1}{3}\cdot 10^{-6} ~ 0.0000003
0 ~ 0.000000
10^{-7} ~ 0.0000001
100 pounds ~ £100
100 ~ 100\text{ yen}
""".strip().splitlines()

DIFFERENT = r"""
5\text{ cm} ~ (5\text{ km})\cdot 1
5 cm ~ (5\text{ km})\cdot 1
5\text{ cm} ~ \frac{5\text{ km}}{1}
\$8 ~ €4 + €4
5 km ~ 5\text{ cm long}
5\text{ km} ~ 5\text{ cm long}
5 cents ~ \$5\text{ total}
5 cents ~ \$5 total amount
5 \text{ cm} ~ 2\text{ cm}+3\text{ km}
5\text{ s} ~ 5\text{ s}^{-1}
5\text{ s} ~ 5\text{ s}^-1
5\text{ m} ~ 5\text{ m}^4
5\text{ m/s}^2 ~ 5\text{ m}^2\text{/s}
5\text{ m/s} ~ 5\text{ m}\text{ s}
5\text{ square m} ~ 5\text{ m}
5\text{ L} ~ 5\text{ mL}
\$5 ~ 5\%
5\% ~ \$5
$5 ~ 5%
5% ~ $5
5\text{ cm} ~ 5\%
5\text{ cm} ~ 5^\circ
5\% ~ 5\text{ cm}
5\% ~ 5^\circ
0.5 ~ 50\%\%
0.5 ~ (50\%)\%
0.5 ~ 50\%\text{ percent}
0.005 ~ 50\%\%
50 ~ 50\%\%
5 ~ 5 million
5 ~ 5\text{ million}
5 ~ 5\text{ thousand}
5 ~ 5\text{ dozen}
5 ~ 5 dozen
5 ~ 5 squared
5 ~ 5 halves
5 ~ 5 eighths
5 ~ 5 factorial
5 ~ 5\text{ eighths}
12 ~ 12\text{ is wrong}
12 ~ 12\text{ minus}
3 ~ 3 quarters
3 ~ 3\text{ quarters}
123456789012345678 ~ {123456789012345000.0}
2^{60} ~ 1152921504606840000.0
3 ~ 2.9999999999999996
10^{-7} ~ 0.000000
\frac{1}{10000000} ~ 0.000000
e^{-20} ~ 0.000000
\$5 ~ £5
6:30\text{ a.m.} ~ 6:30\text{ p.m.}
\$5\text{ per hour} ~ \$5\text{ per day}
\$5 ~ €5
""".strip().splitlines()


@pytest.mark.parametrize("pair", EQUAL)
def test_equal(pair):
    gold, _, answer = pair.partition(" ~ ")
    assert decide(gold, answer).equal is True


@pytest.mark.parametrize("pair", DIFFERENT)
def test_different(pair):
    gold, _, answer = pair.partition(" ~ ")
    assert decide(gold, answer).equal is False


@pytest.mark.parametrize("text", [r"5\text{ m}^{x}", r"5\text{ m}^{0.5}", r"5\text{ halves}", r"5\text{ minus}"])
def test_words_and_powers_that_are_no_unit_are_unreadable(text):
    with pytest.raises(Unreadable):
        read(text)
