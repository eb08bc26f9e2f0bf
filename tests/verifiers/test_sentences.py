"""The number that a sentence states: `gold ~ sentence`, one a line."""

import pytest

from tests.verifiers.timing import seconds
from verigrad.verifiers import decide, lenient_answer
from verigrad.verifiers.prose import stated_number

EQUAL = r"""
42 ~ So the answer is **42**.
18 ~ Therefore, John has $18 left.
\$18 ~ Therefore, John has $18 left.
18 ~ Therefore, John has \$18 left.
1234 ~ the total is 1,234 dollars
12 ~ So the length is = 12 cm
12\text{ cm} ~ So the length is 12 cm.
5 ~ La respuesta es 5
5 ~ La réponse est 5.
5 ~ Die Antwort ist 5.
5 ~ A resposta é 5
5 ~ 答案是5。
5 ~ 答案是 5
5 ~ 答えは5です
-3 ~ The answer is -3
-3 ~ The answer is –3
-3 ~ The answer is -$3
-3 ~ The balance is $-3.
-3 ~ The answer is $-3$.
3 ~ The answer is $3$.
3 ~ The answer is \(3\).
3 ~ The answer is \[3\]
3 ~ The answer is: 3
3 ~ **Final Answer:** 3
3 ~ **Final Answer**: 3
3 ~ The final answer is: $\boxed{3}$.
3 ~ The final answer is "3".
3 ~ Final answer: 3 apples.
3 ~ There are 3 apples left in the basket.
3 ~ He ran 3 times a week
3 ~ She needs at least 3 apples.
3 ~ It takes him 3 hours to walk home.
3 ~ So 3 is the answer.
3 ~ So 3 is what we get
3 ~ It takes him 3 h to walk.
3 ~ They have 3 and nobody has more.
1/2 ~ The probability is 1/2.
1/2 ~ The probability is \frac{1}{2}.
1/2 ~ The probability is $\frac{1}{2}$.
1/2 ~ The probability is 50%.
25 ~ The share is 25%.
0.25 ~ The share is 25 percent.
19/5 ~ The answer is 3 4/5.
19/5 ~ The answer is 3\frac{4}{5} cups
1500 ~ The total cost is 1 500
1500 ~ The total cost is 1{,}500
1500 ~ The total cost is 1\,500
1500 ~ The total cost is $1,500.00.
5000000 ~ The town has 5 million people.
5000000 ~ The town spent 5 million dollars.
1800000 ~ The town has 1.8 million people.
60 ~ They bought 5 dozen eggs.
x = 5 ~ so finally we get x = 5
5 ~ so finally we get x = 5.
5 ~ so finally we get $x = 5$.
5 ~ so finally we get 3 + 2 = 5
5 ~ so finally we get x = 3 + 2 = 5
5 ~ so it is 5
5 ~ So he has 3 + 2 = 5
5 ~ So P(A) = 5 and that is all
5 ~ the total number of apples is therefore 10/2 = 5
22/7 ~ the answer is 22/7 ≈ 3.14
3.14 ~ the answer is about 3.14
3.14 ~ the answer is ≈ 3.14
1000.99 ~ so the number is 10 which is 1,000.99m²
70 ~ Le coût final est donc de 100 - 30 = 70 $.
5 ~ The area is 5 m².
5 ~ The area is 5 square meters.
5\text{ m}^2 ~ The area is 5 m².
5\text{ m}^2 ~ The area is 5 square meters.
60\text{ km/h} ~ The speed is 60 km/h.
60\text{ km/h} ~ The speed is 60 km per hour.
60 ~ The speed is 60 miles per hour on average.
60 ~ The speed is 60 mph.
90 ~ The angle is 90°.
90 ~ The angle is $90^\circ$.
90 ~ The angle is 90 degrees.
5 ~ The team is a 5-member team
5 ~ He is a 5-year-old
5 ~ The answer is 5 (five).
5 ~ The total amount of money is 5 — nothing more is left.
5 ~ She pays $5 per hour for it
5 ~ She pays $5/hour for it
5 ~ She does 5/day in all
5 ~ The answer is (5).
5 ~ The correct option is *5*
5 ~ Hence the answer is __5__
5 ~ The answer is \text{5}.
5 ~ The answer is \textbf{5}
5 ~ there remain 5,
5 ~ The total is 5\text{ cm}.
5 ~ The total is $5\text{ cm}$.
5 ~ The total is 5 😊
5 ~ Ответ: 5
5 ~ Ответ равен 5 рублей
5 ~ الجواب هو 5
5 ~ उत्तर है 5
5 ~ Η απάντηση είναι 5
5 ~ What is the total? 5
5 ~ No, the answer is 5
5 ~ The answer is 5. This is because she ate two.
5 ~ She has a total of 5 marbles.
5 ~ The sum of the digits is 5
5 ~ It increases by 5 each day
5 ~ There are, in all, 5
5 ~ the number of cats equals 5
5 ~ the value of x is 5
5 ~ the value of $x$ is $5$.
5 ~ Thus $x$ equals $5$.
5 ~ The answer is US$5
5 ~ It costs €5 in total.
5 ~ It costs 5€ in total.
5 ~ It costs Rs 5 in total
5 ~ After 2 years and 3 months she had 5 apples
5 ~ Week 1: she had two. Week 2: she has 5.
5 ~ Each of the students gets 5.
5 ~ Alice is 5 years old
5 ~ Alice is 5 years younger.
1e5 ~ The answer is 1.0e5
10 ~ The answer is 5 + 5 = 10.
10 ~ 5 + 5 = $10 in total for both
10 ~ The answer is 5 \times 2 = 10 apples
18 ~ Janet makes $18 every day at the farmers' market.
3 ~ It takes a total of 3 bolts of fabric.
70000 ~ Josh made a profit of $70,000.
540 ~ James runs 540 meters a week.
20 ~ So Wendi needs to give 20 cups of feed in the final meal of the day.
64 ~ Kylar needs to pay $64 for the glasses.
160 ~ the download takes 160 minutes.
45 ~ He is 45 miles from home after 4 hours, i.e. 45 miles
366 ~ There are 366 downloads total in the three months.
694 ~ The total cost of the pastries is $694.00.
13 ~ Carlos will start making money in year 13
18 ~ Melanie started with 18 vacuum cleaners.
60 ~ Answer: the percentage is 60%
125 ~ Her total is 125 dollars and nothing else.
230 ~ The distance between the trains is 230 miles.
57500 ~ Jill's annual salary is $57,500
7 ~ John takes care of 7 dogs
6 ~ 6 students are left in the class
15 ~ She has 15 + 0 = 15 apples left over
14 ~ He scored fourteen (14) points
14 ~ He scored 14 (fourteen) points
14 ~ Thus, the answer is 14, as required.
14 ~ Thus the number of ways is 14.
14 ~ Hence $\angle ABC = 14^\circ$.
14 ~ Hence the remainder is $\boxed{14}$.
14 ~ Hence the remainder is \(\boxed{14}\).
14 ~ The maximum value of $f(x)$ is $14$.
14 ~ Our answer is then $3 + 11 = 14$.
14 ~ So $x = 14$ is the only solution
14 ~ the GCD of these numbers is 14
14 ~ We have that the sum of all values is 14
14 ~ The expected value is $14.
14 ~ The length of side AB is 14 units
14 ~ The length AB is 14.
14 ~ Total = 3 × 4 + 2 = 14 apples
14 ~ Total cost: $14
14 ~ total price → 14
14 ~ answer is => 14
14 ~ Step 4: The answer is 14
14 ~ The probability that it rains is 14 %
14 ~ The area is 14 cm^2.
14 ~ The area of the triangle is 14 cm².
14 ~ The area is $14 \text{ cm}^2$.
14 ~ The area is 14 sq. units.
14 ~ The area is 14 square feet.
14 ~ the temperature is 14 °C
14 ~ He arrives at 14 o'clock
14 ~ I think that the answer would be 14.
14 ~ I believe it's 14
14 ~ This gives us 14 as our final answer.
14 ~ The final answer is 14. I hope it is correct.
14 ~ #### The answer is 14
14 ~ The answer is: **14 apples**
14 ~ The answer is **14** apples.
14 ~ Ans is 14
14 ~ Por lo tanto, la respuesta es $14$.
14 ~ Juan tiene 14 manzanas y nada más
14 ~ Donc, il lui reste 14 euros.
14 ~ Il y a 14 élèves dans la classe
14 ~ Also hat er 14 Äpfel übrig.
14 ~ Quindi la risposta è 14
14 ~ Итак, у него осталось 14 яблок.
14 ~ したがって、答えは14個です。
14 ~ 따라서 답은 14입니다.
14 ~ Vậy đáp án là 14.
14 ~ Cevap 14 tür
14 ~ Svaret är 14
14 ~ Odpowiedź to 14
14 ~ Jadi jawabannya adalah 14
14 ~ 所以一共有14个苹果。
14 ~ 共花了14元
14.5 ~ The mean is 14.5 years.
0.75 ~ The decimal form is 0.75
3/4 ~ The fraction is 3/4 of the pizza.
3/4 ~ The answer is \( \frac{3}{4} \).
3/4 ~ The answer is $\dfrac{3}{4}$
-14 ~ The temperature fell to -14 degrees
-14 ~ The value of x is -14.
-14 ~ Therefore the product is −14.
-1/2 ~ The slope is -1/2.
-1/2 ~ The slope is $-\frac{1}{2}$.
5:30 ~ They meet at 5:30
14 ~ The answer in simplest form is 14
14 ~ Each child receives exactly 14 candies
14 ~ He has 14 more apples than Bob
14 ~ it costs 14 cents
14 ~ There are 14 girls and the rest are boys
14 ~ Total: 14 (rounded)
14 ~ He saves 14 dollars/week.
14 ~ He drove at 14 mph to work
14 ~ Tom is 14-years-old.
14 ~ The result of the computation equals: 14
14 ~ Result is "14"
14 ~ Result is `14`
14 ~ It took him only 14 days, not more.
14 ~ the answer is 14; thus we are done
14 ~ It should be 14, right?
5 ~ So finally, x = 5
x=5 ~ So finally, x = 5
3:45 ~ The ratio is 3:45.
3:45 ~ The ratio is 3 : 45.
5:30\text{ p.m.} ~ They meet at 5:30 pm
14 ~ Step 4: 14 is the answer
14 ~ Therefore we get m + n = 14
14 ~ Therefore we get $m + n = 14$.
""".strip().splitlines()

DIFFERENT = r"""
3 ~ The answer is 3 mod 7
3 ~ The answer is 3\pi
3 ~ The answer is 3π
3 ~ The answer is √3
3 ~ The answer is sqrt 3
3 ~ The answer is ln 3
3 ~ The answer is log 3
3 ~ The answer is cos 3
3 ~ The answer is 3 \sin x
3 ~ The answer is 3\cdot x
3 ~ The answer is ≠ 3
3 ~ We know that x ≤ 3
3 ~ We know that x \leq 3
3 ~ The answer is ±3
3 ~ The answer is \pm 3
3 ~ The answer is –3
3 ~ The answer is −3
3 ~ The answer is -$3
3 ~ The answer is $-3$
3 ~ The answer is -\$3
3 ~ The answer is –$3
3 ~ The answer is -(3)
3 ~ The answer is -|3|
3 ~ The answer is 3²
3 ~ The answer is 7⋅3
3 ~ The answer is 7•3
3 ~ The answer is 7 * 3
3 ~ The answer is 7 **3
3 ~ The answer is x**3
9 ~ The answer is 3⁄9
5 ~ The answer is negative 5
5 ~ The answer is minus 5
5 ~ The answer is the square root of 5
5 ~ The answer is 5 million
5 ~ The answer is 5 squared
3/4 ~ The answer is 3/4 million
5 ~ The answer is 5 eighths
5 ~ The answer is 5 factorial
5 ~ The answer is 5!
5 ~ The answer is 5 and a half
5 ~ The answer is 5 and \pi
5 ~ The answer is 5 or six
5 ~ The answer is 5, \pi
5 ~ The answer is not 5
5 ~ The answer cannot be 5
5 ~ The answer isn't 5
5 ~ It would be wrong to say 5
5 ~ The answer 5 is wrong
5 ~ more than 5 apples
5 ~ divided by 5 it is
5 ~ half of 5 apples
4/5 ~ The answer is 3 4/5
4/5 ~ The answer is 3 \frac{4}{5}
500 ~ The total cost is 1 500
500 ~ The total cost is 1{,}500
500 ~ The total cost is 1\,500
45 ~ The ratio is 3 : 45
45 ~ The ratio is 3:45
-3 ~ The value is |-3|
5 cm ~ The total length is 5 km
5\text{ cm} ~ The total length is 5 km.
5\text{ cm}^2 ~ The total area is 5 cm.
$5 ~ The total cost is 5 cents
x = 5 ~ so finally we get y = 5
5 ~ so finally we get 2x = 5
5 ~ so finally we get x^2 = 5
5 ~ so finally we get |x| = 5
5 ~ so finally we get \log_2 x = 5
5 ~ so finally we get x = 3 = 5
5 ~ so finally we get 3 = 5
1.234 ~ The total sum is 1,234
2.74 ~ The point is (2,74)
7 ~ 5 ≈ 7 total amount
7 ~ x = 5 ≈ 7 total amount
7 ~ 5 \text{ apples} ≈ 7\text{ oranges altogether}
7 ~ 5\text{ total amount}\tag{ 7 }
7 ~ 5\text{ total amount}\phantom{ 7 }
7 ~ 5\text{ total amount}\label{ 7 }
7 ~ x\text{ total amount}\tag{ 7 }
7 ~ So the value is 5 ≈ 7
3 ~ The answer is f(3)
3 ~ The answer is x_3
3 ~ The answer is \sqrt{3}
3 ~ The answer is x^{3}
3 ~ The answer is \frac{x}{3}
3 ~ The answer is (3)x
3 ~ The answer is 3xy
3 ~ The answer is 3 xy
3 ~ The answer is 3(x+1)
3 ~ The answer is 3 (x+1)
3 ~ The answer is 3 + x
3 ~ The answer is 3/x
3 ~ The answer is 3-x
3 ~ The answer is x - 3
3 ~ The answer is 3i
3 ~ The answer is 3 i
3 ~ The answer is 3th
3 ~ The answer is 3...
3 ~ 答案是负3
3 ~ 答案是3万
3 ~ 答案是根号3
3 ~ x ∈ the set (1, 3)
3 ~ The interval is (x, 3)
3 ~ The interval is (-\infty, 3)
3 ~ The price times 3
3 ~ Multiply by minus 3
50 ~ The chance is 50%%
3 ~ The answer is 10_3
3 ~ The answer is 0.\overline{3}
0.3 ~ The answer is 0.3\overline{3}
3 ~ The answer is 3^\circ + x
3 ~ The answer is 3 cm + x
3 ~ The total is 3 cm x
3 ~ The answer is 3m
60 ~ He gets 60/x dollars
3 ~ The answer is 3 dozen eggs
3 ~ The answer is 3 and a bit over \pi
3 ~ The answer is one less than 3
3 ~ The answer is two times 3
3 ~ The answer is e^3
3 ~ The answer is 10^{3}
3 ~ The answer is 2^3
3 ~ The answer is x/3
3 ~ The answer is $x/3$
3 ~ The answer is \pi/3
3 ~ The answer is \frac\pi3
3 ~ The answer is \frac{\pi}{3}
3 ~ The answer is π/3
3 ~ The answer is 2π/3
3 ~ The answer is \sqrt 3
3 ~ The answer is \sqrt[3]{x}
3 ~ The answer is sqrt(3)
3 ~ The answer is sin(3)
3 ~ The answer is (x, 3)
3 ~ The answer is {x, 3}
3 ~ The answer is n = m + 3
3 ~ The answer is y = x + 3
3 ~ The answer is y = 2x - 3
3 ~ The answer is y = 2x -3
3 ~ The line is x + y = 3
3 ~ The solution satisfies x > 3
3 ~ The solution satisfies x >= 3
3 ~ The solution satisfies x \ge 3
3 ~ x is less than 3 here
3 ~ The answer is (-\infty, 3]
3 ~ The answer is \log_3 x
3 ~ The answer is \log_2 3
3 ~ The answer is \binom{n}{3}
3 ~ The answer is 3x + y
3 ~ The answer is 3^x
3 ~ The answer is 3 ^ x
3 ~ The answer is 3i + 1
3 ~ The answer is 3!
3 ~ The answer is 3\%\%
3 ~ The answer is 3 \times x
3 ~ The answer is 3 × x
3 ~ The answer is 3 \text{ times } x
3 ~ The answer is 3 times x
3 ~ The answer is 3 to the power x
3 ~ The answer is 3 factorial
3 ~ The answer is 3 over \pi
3 ~ The answer is 3 percent of x
3 ~ The answer is 3 pi
3 ~ The answer is 3pi
3 ~ The answer is 3e
3 ~ The answer is 3 e
3 ~ The answer is 3 mod 5 classes
3 ~ The answer is a_3
3 ~ The answer is $a_{3}$
3 ~ The answer is x_{3}
3 ~ The answer is the cube root of 3
3 ~ The answer is two thirds of 3
3 ~ the answer is -  3
3 ~ the answer is — 3
3 ~ the answer is: -3
3 ~ the answer is (-3)
3 ~ the answer is **-3**
3 ~ the answer is "-3"
3 ~ the answer is \text{-3}
3 ~ the answer is \boxed{-3}
3 ~ the answer is $-\$3$
3 ~ the answer is −\$3
3 ~ the answer is - \$3
3 ~ the answer is -€3
3 ~ the answer is anything but 3
3 ~ the answer is either x or 3
3 ~ the answer is x and 3
3 ~ the answer is neither x nor 3
3 ~ the answer is x, 3
3 ~ the answer is x; 3
3 ~ the answer is 3; x
3 ~ the answer is 3 | 5 total
3 ~ the answer is |3 - x|
3 ~ the answer is 3'
3 ~ the answer is 3 : x
3 ~ the answer is 3:x
3 ~ the answer is 3 \pm x
3 ~ the answer is 3 ± x
3 ~ the answer is 3 - x
3 ~ the answer is 3 \cdot \pi
3 ~ the answer is 3{x}
3 ~ the answer is 3[x]
3 ~ the answer is 3$x$
3 ~ the answer is 3$\pi$
3 ~ the answer is $3$ $\pi$
3 ~ the answer is $3$\pi
3 ~ the answer is \(3\) \(x\)
3 ~ the answer is **3**x
3 ~ the answer is **3** x
3 ~ the answer is 3\,\pi
3 ~ the answer is 3\,x
3 ~ the answer is 3~x
3 ~ the answer is 3 \text{million}
3 ~ the answer is 3k
3 ~ the answer is 3 K
3 ~ the answer is 3M
3 ~ the answer is 3 M
3 ~ the answer is 3e5
3 ~ the answer is 1e3
3 ~ the answer is 3 x 10^x
3 ~ the answer is ½ 3
3 ~ the answer is 3½
3 ~ the answer is 3 ½
3 ~ the answer is 3⅓
3 ~ the answer is x² 3
3 ~ the answer is 0x3
3 ~ the answer is #3 divided
3 ~ the answer is sum_{i=1}^3
3 ~ the answer is not exactly 3
3 ~ there is no way that it is 3
3 ~ the answer is anything and x and 3
5 ~ The answer is 5, not correct
3 ~ The answer is 3 of x
""".strip().splitlines()


@pytest.mark.parametrize("pair", EQUAL)
def test_a_sentence_states_its_number(pair):
    gold, _, answer = pair.partition(" ~ ")
    assert decide(gold, answer).equal is True


@pytest.mark.parametrize("pair", DIFFERENT)
def test_a_number_that_does_not_stand_alone_is_not_stated(pair):
    gold, _, answer = pair.partition(" ~ ")
    assert decide(gold, answer).equal is False


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("The answer is 2,74 $ a..", r"\$2.74"),
        ("so we get x = 5 cm", r"x = 5\text{ cm}"),
        ("It takes 5 min on foot", r"5\text{ min}"),
        ("No digits here", None),
        ("The answer is 5\nX is what was asked", "5"),
        ("The answer is " + "(" * 250 + "5", None),
    ],
)
def test_what_is_stated_is_written_as_an_answer(text, answer):
    assert stated_number(text) == answer


def test_a_lenient_answer_keeps_its_unit():
    assert lenient_answer("In the end they walk 5 km each day") == r"5\text{ km}"


@pytest.mark.parametrize(
    "unit",
    [
        "1 ",
        "(",
        "**",
        "word ",
        "5, ",
        "= ",
        r"\frac{1}{2} ",
        "$",
        "a = ",
        "- ",
        "{",
        " ",
        "1/2",
        "\n",
        r"\(",
        "not ",
        "的",
    ],
)
def test_time_is_linear_on_hostile_sentences(unit):
    for text in (
        "the answer " + unit * 5000 + "is 5",
        "the answer is 5 " + unit * 5000,
        unit * 5000 + "5" + unit * 5000,
    ):
        assert seconds(lambda text=text: stated_number(text), 0.05) < 0.05
