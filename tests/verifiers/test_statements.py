"""What sentences and short texts state besides a number that stands alone: `gold ~ answer`, one a line."""

import pytest

from verigrad.types import Problem, Status
from verigrad.verifiers import decide, find_verifier, lenient_answer

EQUAL = r"""
12 ~ **12**
12 ~ *12*
12 ~ `12`
12 ~ "12"
12 ~ “12”
\frac12 ~ **$\frac12$**
12 ~ **Answer:** 12
12 ~ **Answer**: 12
12 ~ **Answer: 12**
12 ~ Answer: 12
12 ~ Final answer: $12$
12 ~ The answer is: **12**
x+1 ~ The answer is x+1
\frac12 ~ **Final Answer:** $\frac12$
\frac{\pi}{3} ~ The answer is $\frac{\pi}{3}$.
\sqrt{2} ~ The distance is $\sqrt{2}$.
\sqrt{2} ~ The distance is $\sqrt{2}$ cm.
(1,2) ~ The solution is (1, 2).
1,2 ~ The roots are $1$ and $2$.
1,2,3 ~ The roots are $1$, $2$, and $3$.
[2,5) ~ The domain is $[2,5)$.
[2,5) ~ The domain of the function is the interval $[2,5)$.
y=2x+3 ~ The equation of the line is $y=2x+3$.
3+4i ~ The answer is $3+4i$.
3+4i ~ The value of $z$ is $3+4i$.
3+4i ~ The answer is 3+4i.
B ~ The answer is B.
B ~ The correct option is B
Tuesday ~ The answer is Tuesday.
2\pi ~ So the area is 2\pi
2\pi ~ Therefore, the circumference is $2\pi$ meters.
x^2+1 ~ Hence the polynomial is \(x^2+1\).
-\frac{\pi}{3} ~ The final answer is: $-\frac{\pi}{3}$.
12 ~ 12 ways
12 ~ 12 left
12 ~ 12 bags
12 ~ 12 more apples
12 ~ 12 years old
12 ~ $12 per hour
12 ~ $12 each
12 ~ \$12 each
12 ~ 12 sq ft
12 ~ So $12$
12 ~ about 12
12 ~ ≈ 12
12 ~ Yes, 12
12 ~ Thus 12.
12\text{ ways} ~ 12 ways
12 ways ~ 12
2xyz ~ 2 xyz
5xyz ~ 5 xyz
2ab ~ 2 ab
3\sin x ~ 3 sin x
3\pi ~ 3 pi
70 ~ There are 3 people for a total of 70
9 ~ She buys 3 apples at 3 dollars each for a total of 9
14 ~ He works 8 hours at 5 dollars, so he has 14 more
5 ~ In 3 years he will have 5 apples
4 ~ The maximum is 4
12 ~ The square root of 144 is 12
12 ~ Half of the class is 12
12 ~ What is the answer? 12
5 ~ There are 5 less apples in it
5 ~ There are 5 pairs of shoes
12 ~ The base of the triangle is 12
5 ~ He has 5 points
5 ~ 5\text{ more}
12 ~ Is it even? No, the answer is 12
12 ~ The third value is 12
12 ~ 12 m/s
12\text{ m/s} ~ 12 m/s
12\text{ km/h} ~ 12 km/h
9.8\text{ m/s}^2 ~ 9.8 m/s^2
9.8 ~ 9.8 m/s^2
12\text{ m} ~ 12\,\mathrm{m}
12 ~ 12\,\mathrm{m}
12\text{ m/s} ~ 12\,\mathrm{m/s}
12\text{ m/s} ~ 12\,\mathrm{m}\,\mathrm{s}^{-1}
12\text{ m}^2 ~ 12\,\mathrm{m}^2
12 ~ 12°C
12 ~ 12^\circ\text{C}
12^\circ\text{C} ~ 12°C
12°C ~ 12\text{ degrees Celsius}
12°C ~ The temperature is 12°C.
12 ~ 12€
12 ~ 12 €
12 ~ 12 \$
\$12 ~ 12\$
12 ~ The answer is 12. There are 3 groups of 4.
12 ~ The answer is 12. We used 5 + 7.
12 ~ 5 + 7 is what we have. The answer: 12. That took 3 steps.
\frac{2m}{s} ~ 2m/s
3 ~ 3 out
12 ~ 12 in all
12 ~ 12 km away
12 ~ So the answer is 12 km/h.
9 ~ "9"
5 ~ (5)
""".strip().splitlines()

DIFFERENT = r"""
12 ~ 12*
12 ~ *12
12 ~ **12** **13**
12 ~ *3*4
12 ~ **-12**
12 ~ **3**4
6 ~ *2*3*
12 ~ Answer: not 12
12 ~ Answer: 12 or 13
12 ~ ****
12 ~ Answer:
\frac{\pi}{3} ~ The answer is not $\frac{\pi}{3}$.
\frac{\pi}{3} ~ The answer is twice $\frac{\pi}{3}$.
\frac{\pi}{3} ~ The answer is $\frac{\pi}{3}$ times $2$.
\frac{\pi}{3} ~ The answer is $\frac{\pi}{3}$ or $\frac{\pi}{4}$.
\sqrt{2} ~ The answer is $-$ $\sqrt{2}$.
\sqrt{2} ~ The answer is $3$ $\sqrt{2}$.
\sqrt{2} ~ The answer is $\sqrt{2}$ squared.
\sqrt{2} ~ The answer is $\sqrt{2}$ million.
\sqrt{2} ~ It is wrong that the answer is $\sqrt{2}$.
(1,2) ~ The solution is not (1, 2).
B ~ The answer is not B.
B ~ The answer is B or C.
B ~ Is the answer B?
B ~ The answer is A. Not B.
B ~ The answer is A, B
B ~ It is wrong that the answer is B.
(1,2) ~ The maximum is attained at $(1,2)$.
(1,2) ~ The sum of the coordinates of $(1,2)$
[2,5) ~ The domain is the complement of $[2,5)$.
Tuesday ~ The answer is before Tuesday.
Tuesday ~ The answer is never Tuesday.
5 ~ 5 xyz
2 ~ 2 ab
3 ~ 3 sin x
3 ~ 3 rho
12 ~ 13 ways
12 ~ 12 mod 7
12 ~ 12 root 2
12 ~ So $-12$
12 ~ about 12 or 13
12 ~ So $12x$
12 ~ Yes, 12 or 13
12 ~ So not 12
12 ~ 12 plus x
5 ~ ≈ -5
4 ~ The maximum is 10 at x = 4
4 ~ The probability is 3 out of 4
4 ~ The probability is 3 in 4
4 ~ He scored 3 of 4
4 ~ She pays for every 3 of the 4
30 ~ It takes 2 hours 30 minutes
6 ~ He is 5 feet 6 inches tall
6 ~ It costs 5 dollars 6 cents
2 ~ The quotient is 3 remainder 2
4 ~ 3 if n is odd, 4 if n is even
5 ~ The answer is 12 in base 5
4 ~ the answer is 20% of 4
4 ~ The roots are 3 as well as 4
4 ~ The minimum of 3 is attained for x = 4
4 ~ There are 3 for every 4
12 ~ Twice the answer is 12
12 ~ Half of the answer is 12
12 ~ The answer squared is 12
12 ~ Its square root is 12
12 ~ The answer is 12 times pi
12 ~ It is 12 times pi
12 ~ It is 12 root three
12 ~ 12 root three
12 ~ It is 12 to the third
12 ~ 12 to the third
12 ~ It is 12 point five
12 ~ 12 point five
12 ~ It is 12 base five
12 ~ 12 base five
12 ~ It is 12 below zero
12 ~ 12 below zero
12 ~ 12 times pi
12 ~ I doubt that the answer is 12
12 ~ It is false that the answer is 12
12 ~ Is the answer 12? No.
12 ~ Is the answer 12? No, it is larger.
5 ~ 5\text{ pi}
5 ~ 5\text{ root two}
5 ~ 5\text{ base six}
5 ~ 5\text{ pairs}
5 ~ 5 pairs
5 ~ 5 crore
5 ~ 5\text{ crore}
5 ~ 5 gross
\$5 ~ \$5\text{k}
5 ~ 5\text{ less than } x
5 ~ 5 percent percent
5 ~ 5\text{ below zero}
5 ~ 5\text{ point two}
12\text{ m/s} ~ 12 km/h
12\text{ m/s} ~ 12 m/s^2
12°C ~ 12°F
12°C ~ The temperature is 12°F.
\$12 ~ 12€
12\text{ cm} ~ 12\,\mathrm{m}
12 ~ 12\mathrm{e}
12 ~ 12\mathrm{x}
4 ~ The answer is 12. There are 3 groups of 4.
12 ~ The answer is 12. Wait, it is 13.
12 ~ The answer is 12. The answer is 13.
12 ~ The answer is 12. That is wrong, it is 13.
12 ~ 12 x/y
3 ~ The answer is 3... There are 4
12 ~ So, 12 squared
12 ~ about 12 percent of x
5 ~ 5 times x
5 ~ 5 sum x
5 ~ 5 and more or 6
3 ~ 3 out of 4
4 ~ 3 out of 4
12 ~ 12 per x
12 ~ 12 but not really 13
5 ~ 5 mod
5 ~ 5 plus
5 ~ 5 wrong
5 ~ 5 not
5 ~ 5 false
5 ~ 5 less
12 ~ 12 div 3
12 ~ 12 add 3
12 ~ 12 cubed
12 ~ 12 exp x
12 ~ **12** x
(1,2) ~ The answer is (1, 2) or (3, 4).
\frac{\pi}{3} ~ I doubt the answer is $\frac{\pi}{3}$.
B ~ I doubt that the answer is B.
B ~ Twice the answer is B.
x^2 ~ The derivative of the answer is $x^2$.
x ~ Half of the answer is $x$.
B ~ It is false that the answer is B.
B ~ The wrong answer is B.
3+4i ~ The conjugate of the answer is $3+4i$.
3 ~ 3 mil
3 ~ 3 fold
""".strip().splitlines()

FOUND = r"""
3000000 ~ The answer is $3$ million.
3000000 ~ So we get \boxed{3} million people
-3 ~ So we get $-\boxed{3}$
3\pi ~ The answer is $3$ $\pi$.
3 ~ The answer is $3$, since $x = 3$.
3 ~ The answer is $3$.
3 ~ The answer is $3$ because $2 + 1 = 3$.
3 ~ The answer is $3$ apples.
3\text{ cm} ~ The answer is $3$ cm.
50\% ~ The answer is $50$ percent.
3 ~ The answer is **$3$**.
3 ~ The answer is ($3$).
3 ~ So $x = 2 + 1 = \boxed{3}$.
3 ~ So $x = \text{ways} = \boxed{3}$!
3 ~ So \[x = \boxed{3}\] is it
3 ~ **\boxed{3}**
3 ~ It is \boxed{3}! We are done
3 ~ - \boxed{3}
3 ~ $\boxed{3}$ (or three)
3 ~ $\boxed{3}^\circ$
3 ~ The answer is $\boxed{3}$ dollars
1,2 ~ So the roots are $1$ and $2$.
1,2 ~ The answer is $1$ and $2$.
x=1,y=2 ~ The solution is $x=1$, $y=2$.
5 ~ It costs $5 each, so he pays \boxed{5} dollars
3/5 ~ So we get $\frac{\boxed3}{5}$
9 ~ So $x^2 \equiv \boxed{9} \pmod{11}$
""".strip().splitlines()

NOT_FOUND = r"""
3 ~ The answer is $3$ or $5$.
3 ~ The answer is $3$ and $5$.
3 ~ The answer is $3$ million.
3 ~ The answer is $3$ $\pi$.
3 ~ The answer is $3$ if n is even and $5$ otherwise.
1 ~ The solution is $x=1$, $y=2$.
x<2 ~ The solution is $x<2$ or $x>3$.
3 ~ So we get \boxed{3}\pi
3 ~ So we get $-\boxed{3}$
3 ~ So we get $\boxed{3}^2$
3 ~ So we get $\frac{\boxed3}{5}$
3 ~ So we get $\frac{\boxed{3}}{5}$
3 ~ So we get $\frac{2}{\boxed{3}}$
3 ~ So we get \boxed{3} million
3 ~ So we get \boxed{3} or 5
3 ~ So we get $\boxed{3}$ or $5$
3 ~ So we get $2\boxed{3}$
3 ~ So we get $\sqrt{\boxed{3}}$
3 ~ So we get $\boxed{3} + 2$
3 ~ So we get $5$ or $3$
3 ~ So we get $3$ million
""".strip().splitlines()


@pytest.mark.parametrize("pair", EQUAL)
def test_equal(pair):
    gold, _, answer = pair.partition(" ~ ")
    assert decide(gold, answer).equal is True


@pytest.mark.parametrize("pair", DIFFERENT)
def test_different(pair):
    gold, _, answer = pair.partition(" ~ ")
    assert decide(gold, answer).equal is not True


@pytest.mark.parametrize("pair", FOUND)
def test_a_lenient_answer_is_found(pair):
    gold, _, response = pair.partition(" ~ ")
    assert decide(gold, lenient_answer(response) or "").equal is True


@pytest.mark.parametrize("pair", NOT_FOUND)
def test_a_part_of_an_answer_is_none(pair):
    gold, _, response = pair.partition(" ~ ")
    assert decide(gold, lenient_answer(response) or "").equal is not True


@pytest.mark.parametrize(
    ("name", "gold", "answer", "status"),
    [
        ("boxed:choice", "B", r"\boxed{**Answer:** B}", Status.CORRECT),
        ("boxed:choice", "B", r"\boxed{The correct answer is B.}", Status.CORRECT),
        ("boxed:choice", "B", r"\boxed{`B`}", Status.CORRECT),
        ("boxed:choice", "B", r"\boxed{The answer is A or B.}", Status.WRONG),
        ("boxed:numeric", "12", r"\boxed{**12**}", Status.CORRECT),
        ("boxed:numeric", "12", r"\boxed{Final answer: $12$}", Status.CORRECT),
        ("boxed:numeric", "12", r"\boxed{**12}", Status.WRONG),
    ],
)
def test_the_judges_see_the_answer_without_its_marks(name, gold, answer, status):
    assert find_verifier(name)(Problem("p", "", gold), answer).status is status
