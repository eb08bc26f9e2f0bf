"""What counts as equal: pairs `gold ~ answer`, one a line."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from verigrad.verifiers import decide, equal, lenient_answer

EQUAL = r"""
90^\circ ~ 90
90^{\circ} ~ 90
90^\circ ~ 90 degrees
\frac{\pi}{2} ~ \pi/2
2\pi ~ 2π
\sqrt{2} ~ √2
3\sqrt{13} ~ 3√13
3\sqrt{13} ~ \sqrt{117}
\frac{\sqrt{3}}{3} ~ \frac{1}{\sqrt{3}}
x \in [0,1) ~ 0 \le x < 1
[0,1) ~ 0\le x<1
(-\infty,3) ~ x<3
(-\infty, -1) \cup (1, \infty) ~ |x|>1
(-\infty,0)\cup(0,\infty) ~ x\ne 0
\{1,2,3\} ~ {3,2,1}
\{1,2,3\} ~ 1, 2, 3
1,2 ~ 2,1
(1,2) ~ (1, 2)
(1,2) ~ \left( 1, 2 \right)
(3, \frac{\pi}{2}) ~ (3,\pi/2)
\begin{pmatrix} 1 \\ 2 \end{pmatrix} ~ \begin{bmatrix}1\\2\end{bmatrix}
\begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix} ~ \begin{pmatrix}1&2\\3&4\end{pmatrix}
10 ~ 10\text{ cm}
15\mbox{ cm}^2 ~ 15
15\mbox{ cm}^2 ~ 15 \text{ square cm}
\$18.90 ~ 18.9
\$18.90 ~ 18.90 dollars
20\% ~ 20%
20\% ~ 0.2
20 ~ 20\%
1,000,000 ~ 1000000
11,\! 111,\! 111 ~ 11111111
1.5\times 10^{3} ~ 1500
1.5e3 ~ 1500
2^{10} ~ 1024
5! ~ 120
\binom{5}{2} ~ 10
\frac{9}{4}\pi ~ 2.25\pi
\frac{14}{3} ~ 4\frac{2}{3}
\frac{14}{3} ~ 4 2/3
0.\overline{3} ~ \frac13
0.1\overline{6} ~ \frac{1}{6}
-\frac{1}{2} ~ \frac{-1}{2}
-\frac{1}{2} ~ \frac{1}{-2}
1 \pm \sqrt{19} ~ 1-\sqrt{19}, 1+\sqrt{19}
1 \pm \sqrt{19} ~ \{1+\sqrt{19},1-\sqrt{19}\}
\{1\pm\sqrt{5},-2\} ~ -2, 1+\sqrt5, 1-\sqrt5
x^2+2x+1 ~ (x+1)^2
2 \sin b \cos a ~ 2\cos(a)\sin(b)
\frac{\pi r}{h+r} ~ \pi r / (r+h)
\text{Evelyn} ~ Evelyn
\text{Evelyn} ~ evelyn
(C) ~ C
\text{(C)} ~ C
\text{(C)} ~ (C)
204_5 ~ 204_{5}
204_5 ~ 204
y = 2x+3 ~ y=3+2x
y = 2x+3 ~ 2x+3
y=2x+3 ~ 2x-y+3=0
x=5 ~ 5
5 ~ x = 5
3+4i ~ 4i+3
\frac{1}{2}+\frac{\sqrt{3}}{2}i ~ \frac{1+i\sqrt3}{2}
e^{i\pi} ~ -1
\log_2 8 ~ 3
\sin 30^\circ ~ \frac12
\cos\frac{\pi}{3} ~ 1/2
6 - 5i ~ 6-5i
(6,31,-1) ~ (6, 31, -1)
(-\infty,\infty) ~ \mathbb{R}
\text{all real numbers} ~ (-\infty,\infty)
\infty ~ +\infty
-\infty ~ -\infty
a^{x}\cdot a^{y} ~ a^{x+y}
\frac{x^2-1}{x-1} ~ x+1
x^{-1} ~ \frac1x
\sqrt[3]{-8} ~ -2
8^{1/3} ~ 2
\sqrt{x^2+2x+1} ~ \sqrt{(x+1)^2}
7:3 ~ 14:6
7:3 ~ 7/3
\left[\frac12, 3\right] ~ [0.5,3]
3.14159265358979 ~ \pi
10 \text{ inches} ~ 10 in
12 \text{ hours} ~ 12
2:30 ~ 2:30
\text{June 20} ~ June 20
6:30 \text{ p.m.} ~ 6:30 p.m.
4:1 ~ 4 : 1
½ ~ 0.5
x² ~ x^2
x\le5 ~ x≤5
\frac{3}{4}\text{ cup} ~ 3/4
1/2 ~ 50%
12, 13 ~ 12 and 13
12\text{ and }13 ~ 12, 13
\frac{1}{2}, \frac{-1\pm\sqrt{13}}{4} ~ \frac{-1+\sqrt{13}}{4},\frac{1}{2}, \frac{-1-\sqrt{13}}{4}
x = 3 \text{ or } x=4 ~ 3, 4
(x,y) = (1,2) ~ (1,2)
f(x)=x+1 ~ x+1
5\text{ m/s} ~ 5
60 \text{ km/h} ~ 60 km/h
8 \text{ sq units} ~ 8
f^{-1}(x)=\frac{x-1}{2} ~ \frac{x-1}{2}
\sqrt{5} - 1 ~ -1+\sqrt 5
2\sqrt{5+2\sqrt{6}} ~ 2\sqrt2+2\sqrt3
\tfrac{1}{2} ~ .5
\frac{1}{2} ~ \frac{1}{2}.
\overline{AB} ~ \overline{AB}
\mathbf{v} ~ v
\vec{0} ~ \vec{0}
\emptyset ~ \varnothing
\{(1,2),(3,4)\} ~ (3,4),(1,2)
ABCD ~ ABCD
\angle ABC ~ \angle ABC
\triangle ABC ~ \triangle ABC
x^4 y^{-2} ~ \frac{x^4}{y^2}
\ln 2 ~ \ln(2)
\frac{\ln 3}{\ln 2} ~ \log_2 3
10^{-3} ~ 0.001
\text{Monday} ~ Monday
16\pi \text{ cm}^2 ~ 16\pi
\lfloor 3.7 \rfloor ~ 3
|x-3| ~ |3-x|
n(n+1)/2 ~ \frac{n^2+n}{2}
3x^2+1 ~ 1+3x²
-x-1 ~ -(x+1)
2(x+3)(x-3) ~ 2x^2-18
\frac{a}{b+c} ~ a/(b+c)
a:b=2:3 ~ 2:3
65,000 ~ \$65,000
5 \frac{1}{2} ~ 5.5
\text{even} ~ Even
1\le x\le 3 ~ [1,3]
2n\pi ~ 2\pi n
30 \text{ minutes} ~ 30 min
3\text{ cm} ~ 3cm
3\text{ cm} ~ 3 cm.
\frac{5}{3} ~ \frac{5}{3} \approx 1.67
\text{yes} ~ Yes
y\ge 2 ~ [2,\infty)
\sqrt{3}i ~ i\sqrt{3}
""".strip().splitlines()

DIFFERENT = r"""
\frac{a}{2} ~ \frac{c}{2}
x=5 ~ y=5
4 ~ 1=2=3=4
4 ~ x=1=2=3=4
4 ~ x = 3 = 4
3 ~ 3 or 4
4 ~ 3 or 4
4 ~ 3 and 4
[0,1) ~ [0,1]
[0,1) ~ (0,1)
[0,1) ~ 0<x<1
1234 ~ (1,234)
1,234 ~ (1,234)
1,234 ~ 1, 234
(1,2) ~ (2,1)
x ~ 2x
5 ~ 5x
2 ~ x^2
2 ~ the answer is x^2
4 ~ the answer is 3 + 4
4 ~ The answer is between 3 and 4
4 ~ either 3 or 4
4 ~ 2, 3, 4
5 ~ -5
\sqrt{2} ~ 1.41
\pi ~ 3.14
\frac13 ~ 0.33
\frac13 ~ 0.333
5 cm ~ 5 km
\$5 ~ 5 cents
x ~ y
\text{odd} ~ even
odd ~ dod
A ~ B
A ~ a
\{1,2\} ~ \{1,2,3\}
1,2 ~ 1,2,3
x<3 ~ x>3
x<3 ~ x\le3
x<3 ~ y<3
x \ge 3 ~ 3
3 ~ x>3
y = 2x+3 ~ y=2x+4
y=2x+3 ~ y-2x+3=0
204_5 ~ 204_6
204_5 ~ 54
10_2 ~ 2
3+4i ~ 3-4i
\sin x ~ \cos x
|x| ~ x
\sqrt{x^2} ~ x
0 ~ \{\}
0 ~ \emptyset
\frac12 ~ \frac{1}{0}
1 ~ x/x=2
2 ~ 3-1=3
1 \pm \sqrt{19} ~ 1+\sqrt{19}
\begin{pmatrix}1\\2\end{pmatrix} ~ \begin{pmatrix}2\\1\end{pmatrix}
\begin{pmatrix}1\\2\end{pmatrix} ~ \begin{pmatrix}1&2\end{pmatrix}
7:3 ~ 3:7
12 ~ 1 2
12 ~ 1\cdot 2
50\% ~ 5
0.5 ~ 5\%
10^{100000} ~ 10^{100001}
x^{100000}-1 ~ x^{100000}-2
4 ~ 4+10^{-30}
4 ~ 4.0000001
1 ~ \sin^2 x
\text{Tuesday} ~ Monday
(0,1) ~ [0,1]
(-\infty,3) ~ (-\infty,3]
1 ~ \text{one}
2 ~ 2i
2 ~ 2e
(1,2),(3,4) ~ (1,3),(2,4)
x+y ~ x-y
\sqrt{3} ~ \sqrt[3]{3}
2^{x} ~ x^{2}
f(x) ~ f(y)
f(x) ~ g(x)
11 ~ 1/1
4 ~ \boxed{}
4 ~ "4" "5"
4 ~ {3, 4}
4 ~ 4 or 4.5
4 ~ 5 (not 4)
4 ~ maybe 3, maybe 4
2 ~ x^2 or so
5 ~ |x|=5
5 ~ \pm5
-5 ~ 5
x=3,y=4 ~ 4,3
x=3,y=4 ~ x=4,y=3
p=5,q=2 ~ (2,5)
""".strip().splitlines()


@pytest.mark.parametrize("pair", EQUAL)
def test_equal(pair):
    gold, _, answer = pair.partition(" ~ ")
    assert decide(gold, answer).equal is True


@pytest.mark.parametrize("pair", DIFFERENT)
def test_different(pair):
    gold, _, answer = pair.partition(" ~ ")
    assert decide(gold, answer).equal is False


@pytest.mark.parametrize("pair", EQUAL)
def test_spacing_and_sizes_change_nothing(pair):
    gold, _, answer = pair.partition(" ~ ")
    answer = answer.replace(r"\frac", r"\dfrac").replace(r"\left(", "(").replace(r"\right)", ")")
    assert equal(gold, f"  {answer} ") is True
    assert equal(gold, f"${answer}$") is True


def test_empty_is_not_empty():
    assert decide("", "") == decide("x", " ")
    assert decide("", "").reason == "empty"


@pytest.mark.parametrize(
    "answer",
    [
        "9**9**9**9",
        "9^{9^{9^{9}}}",
        "99999999!",
        "(9!)!",
        r"\Gamma(99999999)",
        "{" * 100_000,
        "-" * 5000 + "1",
        "!" * 500,
        *["((" * 500, r"\frac" * 2000, r"\sqrt" * 2000, "1,2,3," * 3000, "x+" * 1500 + "x", "9!!!!", "1" * 100_000],
    ],
)
@pytest.mark.parametrize("gold", ["1/2", r"\sqrt{2}", r"\{1,2\}"])
def test_hostile_answers_are_wrong_at_once(gold, answer):
    started = time.process_time()
    assert decide(gold, answer).equal is False
    assert time.process_time() - started < 0.5


numbers = st.integers(-(10**9), 10**9)


@given(numbers)
def test_a_number_equals_its_spellings_and_not_its_neighbours(n):
    for written in (
        f"{n:,}",
        f"{n}.0",
        rf"{n}\text{{ cm}}",
        f"x = {n}",
        rf"\boxed{{{n}}}"[7:-1],
        rf"\frac{{{2 * n}}}{{2}}",
    ):
        assert equal(str(n), written) is True
        assert equal(str(n + 1), written) is False


@given(st.text(max_size=60), st.text(max_size=60))
@settings(max_examples=200)
def test_random_text_never_raises_and_the_verdict_is_the_same_twice(one, other):
    lenient_answer(one)
    assert decide(one, other) == decide(one, other)
