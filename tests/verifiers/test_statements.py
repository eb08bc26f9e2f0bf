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
