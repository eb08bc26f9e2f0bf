r"""The rarer corners of tier 1: matrices, functions of complex numbers, regions, ratios, bases, limits.

Each row is a gold answer, an answer, and what is true of the two; None where tier 1 leaves it open.
"""

from __future__ import annotations

import pytest

from verigrad.verifiers.equality import equal
from verigrad.verifiers.expression import LimitExceeded
from verigrad.verifiers.lenient import lenient_answer
from verigrad.verifiers.lexer import LONGEST_TEXT, tokens
from verigrad.verifiers.rules import is_strict

MATRICES = [
    (r"\begin{pmatrix}1&2\\3&4\end{pmatrix}", r"-\begin{pmatrix}-1&-2\\-3&-4\end{pmatrix}", True),
    (r"\begin{pmatrix}2&4\\6&8\end{pmatrix}", r"2\begin{pmatrix}1&2\\3&4\end{pmatrix}", True),
    (r"\begin{pmatrix}1&2\\3&4\end{pmatrix}", r"\frac{1}{2}\begin{pmatrix}2&4\\6&8\end{pmatrix}", True),
    (r"\begin{pmatrix}1&2\\3&4\end{pmatrix}", r"\begin{pmatrix}2&4\\6&8\end{pmatrix}/2", True),
    (r"\begin{pmatrix}1\\2\end{pmatrix}", r"(\begin{pmatrix}1\\2\end{pmatrix})", True),
    (r"\begin{pmatrix}4&6\end{pmatrix}", r"\begin{pmatrix}1&2\end{pmatrix}+\begin{pmatrix}3&4\end{pmatrix}", True),
    (r"\begin{pmatrix}4&6\end{pmatrix}", r"\begin{pmatrix}1&2\end{pmatrix}+\begin{pmatrix}3\\4\end{pmatrix}", False),
    (r"\begin{pmatrix}4&6\end{pmatrix}", r"\begin{pmatrix}1&2\end{pmatrix}+5", False),
    # [1 2; 3 4]·[1; 1] = [3; 7]
    (
        r"\begin{pmatrix}3\\7\end{pmatrix}",
        r"\begin{pmatrix}1&2\\3&4\end{pmatrix}\begin{pmatrix}1\\1\end{pmatrix}",
        True,
    ),
    (
        r"\begin{pmatrix}3\\7\end{pmatrix}",
        r"\begin{pmatrix}1&2\\3&4\end{pmatrix}\begin{pmatrix}1&1\end{pmatrix}",
        False,
    ),
    (r"\begin{pmatrix}1&2\end{pmatrix}", r"\begin{pmatrix}1\\2\end{pmatrix}", False),
    (r"\begin{pmatrix}1&2\end{pmatrix}", "3", False),
    (r"\begin{pmatrix}1&2\end{pmatrix}", r"\sin\begin{pmatrix}1&2\end{pmatrix}", False),
    (r"\begin{array}{cc}1&2\end{array}", r"\begin{pmatrix}1&2\end{pmatrix}", True),
    (r"\begin{pmatrix}1&2\\3\end{pmatrix}", r"\begin{pmatrix}1&2\\3&4\end{pmatrix}", None),
    (r"\begin{pmatrix}1&\pm 2\end{pmatrix}", r"\begin{pmatrix}1&2\end{pmatrix}", False),
]

NUMBERS = [
    ("e^{i\\pi}", "-1", True),
    ("\\cos(i)", "\\cosh(1)", True),
    ("\\sin(i)", "i\\sinh(1)", True),
    ("\\tanh 1", "\\sinh 1/\\cosh 1", True),
    ("\\coth 1", "1/\\tanh 1", True),
    ("\\arcsin(1)", "\\pi/2", True),
    ("\\arccos(0)", "\\pi/2", True),
    ("\\arccos(1/2)", "\\pi/3", True),
    ("\\arctan(1)", "\\pi/4", True),
    ("\\arccot(1)", "\\pi/4", True),
    ("\\arctan(i/2)", "i\\ln(3)/2", True),  # artanh(1/2) = ln 3/2
    ("\\sec(0.5)", "1/\\cos(0.5)", True),
    ("\\csc(0.5)", "1/\\sin(0.5)", True),
    ("\\cot(0.5)", "\\cos(0.5)/\\sin(0.5)", True),
    ("\\tan(0.5)", "\\sin(0.5)/\\cos(0.5)", True),
    ("\\ln(-1)", "i\\pi", True),
    ("\\ln(i)", "i\\pi/2", True),
    ("\\ln(-i)", "-i\\pi/2", True),
    ("\\ln(-1-i)", "\\ln(2)/2-3i\\pi/4", True),
    ("\\ln 0", "1", False),
    ("\\sqrt[3]{-8}", "-2", True),
    ("\\sqrt[3]{0}", "0", True),
    ("0^{.1}", "0", True),
    ("\\sqrt[7]{1}", "1", True),
    ("(-8)^{2/3}", "4", True),
    ("\\sqrt[3]{-2}", "-\\sqrt[3]{2}", True),
    ("(-2)^{2/3}", "2^{2/3}", True),
    ("2^{\\sqrt 2}", "e^{\\sqrt 2\\ln 2}", True),
    ("0^{\\sqrt 2}", "0", True),
    ("0^{-\\sqrt 2}", "0", False),
    ("0^0", "1", False),  # undefined here
    ("i^{-3}", "i", True),
    ("\\frac{1}{i}", "-i", True),
    ("|3+4i|", "5", True),
    ("|\\sqrt 2 - 2|", "2-\\sqrt 2", True),
    ("\\lfloor \\sqrt 2\\rfloor", "1", True),
    ("\\lceil \\sqrt 2\\rceil", "2", True),
    ("\\lfloor \\sqrt 2\\cdot\\sqrt 2\\rfloor", "2", True),
    ("\\max(1,\\sqrt 2)", "\\sqrt 2", True),
    ("\\min(1,\\sqrt 2)", "1", True),
    ("\\max(1,3)", "3", True),
    ("\\max(1,i)", "1", None),
    ("\\operatorname{sgn}(-\\sqrt 2)", "-1", True),
    ("\\log_2 8", "3", True),
    ("\\lg 1000", "3", True),
    ("5!", "120", True),
    ("(-1)!", "1", False),
    ("\\binom{5}{2}", "10", True),
    ("\\binom{2}{5}", "0", True),
    ("\\gcd(12,18)", "6", True),
    ("\\operatorname{lcm}(4,6)", "12", True),
    ("17 \\bmod 5", "2", True),
    ("17 \\bmod 0", "2", False),
    ("\\sin(10^{30}\\sqrt 2)", "\\cos(10^{30}\\sqrt 2)", False),
    ("e^{1000\\sqrt 2}", "1", None),
    ("2^{1000000}", "2", False),
    ("\\frac{1}{0}", "1", False),
    ("\\sqrt{-1}", "i", True),
    ("\\sqrt{-4}", "2i", True),
    ("\\sqrt[4]{16}", "2", True),
    ("\\sqrt[4]{17}", "2", False),
    ("\\sqrt[4]{-1}", "1", False),
    ("0.1\\overline{6}", "1/6", True),
    ("0.\\overline{3}", "1/3", True),
    ("50\\%", "1/2", True),
    ("1/2", "50\\%", True),
    ("\\tan 45^\\circ", "1", True),
    ("\\sin 30^\\circ", "\\sin(\\pi/6)", True),
    ("x^\\circ", "x\\pi/180", False),  # an angle in degrees is not its value
]

BASES = [
    ("204_5", "204_5", True),
    ("204_5", "204", True),
    ("204_5", "204_6", False),
    ("54", "204_5", True),  # 2·25 + 0·5 + 4
    ("54", "204_6", False),
    ("54", "207_5", False),  # no digit 7 to base 5
    ("3", "11_1", False),
]

RATIOS = [
    ("2:3", "4:6", True),
    ("2:3", "2/3", True),
    ("2:3", "3:2", False),
    ("1:2:3", "2:4:6", True),
    ("1:2:3", "1:2", False),
    ("1:2:3", "1/2", False),
    ("2/3", "2:3", False),
    ("10:00", "10:00", True),
    ("10:00", "5:00", False),
]

REGIONS = [
    ("x\\ge 3", "[3,\\infty)", True),
    ("x>3", "[3,\\infty)", False),
    ("1\\le 2x<5", "[1/2,5/2)", True),
    ("-2x<4", "x>-2", True),
    ("3-x\\le 5", "x\\ge -2", True),
    ("|x|<2", "(-2,2)", True),
    ("|x|\\ge 2", "(-\\infty,-2]\\cup[2,\\infty)", True),
    ("x\\ne 1", "(-\\infty,1)\\cup(1,\\infty)", True),
    ("|x|\\ne 1", "x\\ne 1", False),
    ("[1,3]\\cup[2,5]", "[1,5]", True),
    ("[1,2)\\cup[2,5]", "[1,5]", True),
    ("[1,2)\\cup(2,5]", "[1,5]", False),
    ("[1,5]\\cup[2,3]", "[1,5]", True),
    ("(1,5)\\cup[1,3]", "[1,5)", True),
    ("(1,5)\\cup(2,5]", "(1,5]", True),
    ("[a,b]\\cup[c,d]", "[a,b]\\cup[c,d]", True),
    ("[a,b]\\cup[c,d]", "[a,b]\\cup[c,e]", False),
    ("x\\in[1,2]", "[1,2]", True),
    ("x\\in[1,2]", "y\\in[1,2]", False),
    ("\\mathbb{R}", "(-\\infty,\\infty)", True),
    ("a<b", "b>a", True),
    ("a<b<c", "c>b>a", True),
    ("a<b<c", "c>a>b", False),
    ("a<b", "a\\le b", False),
    ("2a<2b", "a<b", True),
    ("2a<2b", "b<a", False),
    ("x^2\\ne 1", "2x^2\\ne 2", True),
    ("x\\in A", "x\\in A", True),
    ("x^2<y", "y>x^2", True),
    ("x<1<y", "x<1<y", True),
    ("x<3, y>2", "y>2, x<3", True),
    ("x<y<2", "x<y<3", False),
    ("10<x<5", "x>5", False),
]

LISTS = [
    ("1,2", "2,1", True),
    ("(1,2)", "1,2", True),
    ("(1,2)", "[1,2]", False),
    ("1,2,3", "(1,2,3)", True),
    ("\\{1,2\\}", "(1,2)", False),
    ("\\{1,2\\}\\cup\\{3\\}", "\\{1,2,3\\}", True),
    ("\\{1,2\\}\\cap\\{2,3\\}", "\\{2\\}", True),
    ("\\{1,2\\}\\setminus\\{2\\}", "\\{1\\}", True),
    ("x=1,y=2", "y=2,x=1", True),
    ("x=1,y=2", "x=2,y=1", False),
    ("x=1,y=2", "x=1,z=2", False),
    ("x=1,y=2", "(1,2)", True),
    ("x=1,x=2", "y=1,y=2", False),
    ("x=1,x=2", "x=1,y=2", False),
    ("1,2", "x=1,y=2", True),
    ("2", "2,3", False),
    ("2", "\\{2\\}", True),
    ("2", "(2,3)", False),
    ("\\pm 2", "2,-2", True),
    ("1\\pm\\sqrt 2", "1-\\sqrt 2,1+\\sqrt 2", True),
    ("y=2x+1", "2y=4x+2", True),
    ("y=2x+1", "y=2x+2", False),
    ("x+y=1", "2", False),
    ("x=5", "y=5", False),
    (",".join(map(str, range(40))), ",".join(map(str, reversed(range(40)))), True),
    (",".join(f"{n}/2" for n in range(1, 80, 2)), ",".join(f"{n}.5" for n in range(40)), True),
    (",".join(f"{n}/2" for n in range(1, 80, 2)), ",".join(f"{n}.5" for n in range(1, 41)), False),
]

WORDS = [
    ("5 \\text{ cm}", "5", True),
    ("5 \\text{ cm}", "5 \\text{ m}", False),
    ("-\\$5", "-5", True),
    ("\\infty", "\\infty", True),
    ("\\infty", "-\\infty", False),
    ("f'(x)", "f'(x)", True),
    ("f(x)", "f(y)", False),
    ("f(\\sqrt 2)", "f(2/\\sqrt 2)", True),
    ("3'", "3", None),
    ("\\text{odd}", "odd", True),
    ("\\sin", "sin", False),
    ("\\sum_{k=0}^{n} k", "\\sum_{k=0}^{n} k", True),
    ("\\sum_{k=0}^{n} k", "\\sum_{k=1}^{n} k", None),
    ("1/3", "0.3333333", True),
    ("0.3333333", "1/3", True),
    ("1/3", "0.33", False),
    ("\\sqrt 2", "1.41421356", True),
    ("\\sqrt 2", "1.41421366", False),
]

SPELLINGS = [
    ("1,2", ",1,2,", True),
    ("5", "5\\text{}", True),
    ("5", "\\mathrm 5", True),
    ("5", "\\underline{5}", True),
    ("2\\theta", "2 theta", True),
    ("(-\\infty,3)", "(-oo,3)", True),
    ("[0,1]\\cup[2,3]", "[0,1] U [2,3]", True),
    ("2", "sqrt(4)", True),
    ("f'", "f^{'}", None),
    ("f'", "f^'", True),
    ("\\pi/2", "\\sin^{-1}(1)", True),
    ("3", "f(x)=3", True),
    ("f(x)=3", "3", True),
    ("5", "5=x", True),
    ("5=x", "5", True),
    ("1,2", "1,x=2", True),
    ("-5", "the answer is -5", True),
    ("3", "it equals f(3) I think", False),
    ("x\\in A", "x\\in{A}", True),
    ("\\sqrt 4\\%", "2", True),
    ("2", "\\sqrt 4\\%", True),
    ("0.3333333", "x", False),
    ("\\sqrt{25\\%}", "1/2", True),
    ("5\\text{ cm}", "2+3\\text{ cm}", True),
    ("204_5+1", "55", True),
    ("\\pm 5\\%", "5\\%,-5\\%", True),
    (
        r"\begin{pmatrix}1\\1\end{pmatrix}\pm\begin{pmatrix}1\\0\end{pmatrix}",
        r"\begin{pmatrix}2\\1\end{pmatrix},\begin{pmatrix}0\\1\end{pmatrix}",
        True,
    ),
    ("\\sum_{k=0}^{n}\\pm k", "\\sum_{k=0}^{n}\\mp k", None),
    ("f((1,\\pm 2))", "f((1,\\mp 2))", True),
    ("\\cos 0", "1", True),
    ("(1+\\sqrt 2)^{-1}", "\\sqrt 2-1", True),
    ("1/(\\sqrt 2-\\sqrt 2)", "1", False),
    ("[0,1]\\cup\\{2\\}", "\\{2\\}\\cup[0,1]", True),
    ("\\mathbb{R}", "(-\\infty,1]\\cup[1,\\infty)", True),
    ("x<1", "x<1<2", False),
    ("x>2", "1<x>2", False),
    ("\\pi x<3", "x<3/\\pi", True),
    ("xy<3", "3>xy", True),
    ("x<3", "1/0-x<2", False),
    ("x/0=1", "x/0=2", False),
    ("\\sin(10^{10}x)=y", "2\\sin(10^{10}x)=2y", None),
]

SPELLINGS += [
    ("$5", "5 cents", False),
    ("$5", "5 dollars", True),
    ("5", "$5", True),
    ("$5", "$5$", True),
    ("-$1,250", "-1250", True),
    ("$x+1$", "x+1", True),
    ("-5", "it comes to x -5", False),
    ("-5", "we have 3 -5", False),
    ("A", "x\\in A", False),
    ("x\\in A", "x\\in B", False),
    ("\\text{area}=3", "3", True),
    ("f(\\{1,2\\}\\pm 3)", "f(\\{1,2\\}\\mp 3)", True),
    ("f(x=1)\\pm 2", "f(x=1)\\mp 2", True),
    ("0.3333333", "\\sin(10^{10}\\sqrt 2)", None),
    ("1", "0.3333333x", False),
    ("[1,2]", "[1,f(x)]", False),
    ("3", "f(x)+1=3", False),
    ("\\sqrt{4\\text{ cm}^2}", "2", True),
]

HOSTILE = [  # more than the caps allow, or nothing that the grammar holds: never equal
    ("1", ",".join("1" * 2000)),
    ("[0,1]", "\\cup".join(["[0,1]"] * 600)),
    ("1", "1e999999"),
    ("1e5", "1e9999"),
    ("1", "\\frac{" + "x" * 600),
    ("1", "\\cdot ".join(["2^{4000}"] * 10)),
    ("0", "\\sqrt 2\\cdot 0." + "0" * 30 + "1"),
    ("1", "+".join(f"\\sin({n})" for n in range(1, 200))),
    (r"\begin{pmatrix}1\end{pmatrix}", r"\begin{pmatrix}" + r"\\".join(["&".join("1" * 21)] * 21) + r"\end{pmatrix}"),
    ("1", ",".join(["1"] * 300)),
    ("[0,1]", "∪".join(["[0,1]"] * 190)),
    ("1", "1+" * 1990 + "1" * 100),
    ("1", "\\sqrt 2+" + "9" * 350),
    ("2^{9000}", "2^{9000}+1"),
    ("0", "\\sqrt 2\\cdot 10^{-30}"),
    ("1", "\\sin(10^7\\sqrt 2)"),
    ("1/3", "0.\\overline{x}"),
    ("1", "\\begin{foo}1\\end{foo}"),
    ("1", "\\begin{array}{cc"),
    ("1", "1+" * 3000 + "1"),
    ("10^{20000}", "10^{20000}+1"),
    ("1", "\\binom{1000000}{3}"),
    ("1", "1" + "\\pm 1" * 50),
    ("1", "-" * 200 + "1"),
    ("1", "1" + "^1" * 200),
    ("1", "1" + "!" * 200),
    ("5", "5{}"),
    ("3", "2.5_3"),
    ("3", "(1+2)_3"),
    ("0", "\\sqrt 2\\cdot 10^{-34}"),
    ("1", "\\sqrt 2+10^{400}"),
    ("1", "(\\sqrt 2)^{100001}"),
    ("1", "+".join(f"\\sin({n})" for n in range(1, 400))),
    (r"\begin{pmatrix}1\end{pmatrix}", r"\begin{pmatrix}" + r"\\".join(["&".join("1" * 40)] * 40) + r"\end{pmatrix}"),
]


@pytest.mark.parametrize(
    ("gold", "answer", "expected"),
    [*MATRICES, *NUMBERS, *BASES, *RATIOS, *REGIONS, *LISTS, *WORDS, *SPELLINGS],
    ids=lambda text: str(text)[:60],
)
def test_corner(gold, answer, expected):
    assert equal(gold, answer) is expected


@pytest.mark.parametrize(("gold", "answer"), HOSTILE, ids=lambda text: text[:40])
def test_what_is_too_much_is_never_equal(gold, answer):
    assert equal(gold, answer) is not True


def test_a_text_beyond_the_cap_has_no_tokens():
    with pytest.raises(LimitExceeded, match="characters"):
        tokens("1" * (LONGEST_TEXT + 1))


def test_a_sentence_that_breaks_off_states_nothing():
    assert lenient_answer("The answer is .") is None


def test_which_formats_may_be_trained_on():
    assert is_strict("boxed") and is_strict("r1_zero:exact") and not is_strict("lenient")
