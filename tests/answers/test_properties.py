"""Properties of comparing: symmetric, blind to spelling, the same everywhere, bounded in time."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import threading
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.answers.timing import seconds
from verigrad.answers import compare, lenient_answer
from verigrad.types import Problem
from verigrad.verifiers import FORMATS, VERIFIERS

ROOT = Path(__file__).parents[2]
MOST_SECONDS = 0.05


def equal(gold: str, answer: str) -> bool:
    return bool(compare(gold, answer))


# Expressions, as lists of tokens

small = st.integers(0, 12).map(str)
atoms = st.one_of(
    small.map(lambda n: [n]),
    st.sampled_from("xyab").map(lambda name: [name]),
    st.just([r"\pi"]),
    st.tuples(small, st.integers(1, 9)).map(lambda pair: [r"\frac", "{", pair[0], "}", "{", str(pair[1]), "}"]),
)


def _larger(inner: st.SearchStrategy[list[str]]) -> st.SearchStrategy[list[str]]:
    return st.one_of(
        st.tuples(inner, st.sampled_from("+-"), inner).map(lambda t: [*t[0], t[1], *t[2]]),
        st.tuples(inner, inner).map(lambda t: ["(", *t[0], ")", r"\cdot", "(", *t[1], ")"]),
        st.tuples(inner, st.integers(2, 4)).map(lambda t: ["(", *t[0], ")", "^", str(t[1])]),
        inner.map(lambda t: [r"\sqrt", "{", *t, "}"]),
        st.tuples(inner, inner).map(lambda t: [r"\frac", "{", *t[0], "}", "{", *t[1], "}"]),
        inner.map(lambda t: ["-", "(", *t, ")"]),
    )


expressions = st.recursive(atoms, _larger, max_leaves=5)
numbers = st.one_of(
    st.integers(-30, 30).map(lambda n: [str(n)]),
    st.tuples(st.integers(-30, 30), st.integers(1, 12)).map(
        lambda t: [r"\frac", "{", str(t[0]), "}", "{", str(t[1]), "}"]
    ),
    st.decimals(-30, 30, places=2).map(lambda d: [str(d)]),
)


def _listed(opening: str, closing: str) -> st.SearchStrategy[list[str]]:
    def joined(items: list[list[str]]) -> list[str]:
        return [opening, *(part for at, item in enumerate(items) for part in ([","] if at else []) + item), closing]

    return st.lists(numbers, min_size=2, max_size=4).map(joined)


TYPES = {
    "number": numbers,
    "expression": expressions,
    "tuple": _listed("(", ")"),
    "set": _listed(r"\{", r"\}"),
    "list": _listed("", ""),
    "interval": st.tuples(st.sampled_from("(["), st.integers(-9, 0), st.integers(1, 9), st.sampled_from(")]")).map(
        lambda t: [t[0], str(t[1]), ",", str(t[2]), t[3]]
    ),
    "inequality": st.tuples(
        st.integers(-9, 0), st.sampled_from(["<", r"\le"]), st.sampled_from(["<", r"\le"]), st.integers(1, 9)
    ).map(lambda t: [str(t[0]), t[1], "x", t[2], str(t[3])]),
    "equation": st.tuples(st.sampled_from("xy"), expressions).map(lambda t: [t[0], "=", *t[1]]),
    "ratio": st.tuples(st.integers(1, 9), st.integers(1, 9)).map(lambda t: [str(t[0]), ":", str(t[1])]),
    "matrix": st.tuples(numbers, numbers).map(lambda t: [r"\begin{pmatrix}", *t[0], "&", *t[1], r"\end{pmatrix}"]),
}


def written(tokens: list[str], space: str = "") -> str:
    r"""The tokens side by side; a command and a letter after it are always parted."""
    text = ""
    for token in tokens:
        parted = token[:1].isalpha() and text[-1:].isalpha() and not text.endswith("}")
        text += (space or " " if parted else space if text else "") + token
    return text


def _twin(kind: str, tokens: list[str], shuffle: random.Random) -> list[str]:
    """The same value written otherwise; of a collection, its elements in another order."""
    if kind in ("number", "expression"):
        ways = [["0", "+", *tokens], ["(", *tokens, ")", r"\cdot", "1"], ["-", "(", "-", "(", *tokens, ")", ")"]]
        return shuffle.choice(ways)
    if kind in ("tuple", "set", "list"):
        items = written(tokens[1:-1]).split(",")
        shuffle.shuffle(items)
        return [tokens[0], ",".join(items), tokens[-1]]
    return tokens


@pytest.mark.parametrize("kind", TYPES)
@given(data=st.data(), shuffle=st.randoms(use_true_random=False))
@settings(max_examples=50)
def test_equality_is_reflexive_and_symmetric_between_answers_of_a_type(kind, data, shuffle):
    tokens = data.draw(TYPES[kind])
    one, other, twin = written(tokens), written(data.draw(TYPES[kind])), written(_twin(kind, tokens, shuffle))
    assert equal(one, one)
    assert equal(one, other) is equal(other, one)
    assert equal(one, twin) is equal(twin, one)
    if kind != "tuple" and equal(f"({one})-({one})", "0"):  # not where it divides by 0
        assert equal(one, twin)


UNICODE = {r"\pi": "π", r"\cdot": "×", r"\le": "≤", "-": "−", r"\sqrt": "√"}
RESPELLED = {
    "space": lambda tokens: written(tokens, " "),
    "thin space": lambda tokens: written(tokens, r"\,"),
    "no-break space": lambda tokens: written(tokens, "\u00a0"),
    "dfrac": lambda tokens: written([r"\dfrac" if token == r"\frac" else token for token in tokens]),
    "Unicode": lambda tokens: written([UNICODE.get(token, token.replace("-", "−")) for token in tokens]),
    "times": lambda tokens: written([r"\times" if token == r"\cdot" else token for token in tokens]),
    "dollars": lambda tokens: f"${written(tokens)}$",
    "display": lambda tokens: rf"\[ {written(tokens)} \]",
    "full stop": lambda tokens: written(tokens) + ".",
    "bold": lambda tokens: f"**{written(tokens)}**",
}


@pytest.mark.parametrize("spelling", RESPELLED)
@pytest.mark.parametrize("kind", TYPES)
@settings(max_examples=10)
@given(data=st.data())
def test_a_spelling_changes_nothing(kind, spelling, data):
    gold, tokens = data.draw(TYPES[kind]), data.draw(TYPES[kind])
    plain, other = written(tokens), RESPELLED[spelling](tokens)
    assert equal(plain, other)
    assert equal(other, plain)
    assert equal(written(gold), plain) is equal(written(gold), other)


# Numbers in every format


def _grouped(separator: str):
    return lambda value: f"{value.numerator:,}".replace(",", separator) if value.denominator == 1 else None


def _mixed(value: Fraction) -> str | None:
    whole, rest = divmod(abs(value), 1)
    sign = "-" if value < 0 else ""
    return rf"{sign}{whole}\frac{{{rest.numerator}}}{{{rest.denominator}}}" if whole and rest else None


def _decimal(value: Fraction) -> str | None:
    """All its digits, where they end."""
    scaled = value * 10**12
    if scaled.denominator != 1:
        return None
    digits = f"{abs(scaled.numerator):013d}"
    return ("-" if value < 0 else "") + f"{digits[:-12]}.{digits[-12:].rstrip('0') or '0'}"


def _of_decimal(template: str, factor: int = 1):
    def form(value: Fraction) -> str | None:
        text = _decimal(value * factor)
        return None if text is None else template.format(text)

    return form


FORMS = {
    "plain fraction": lambda value: f"{value.numerator}/{value.denominator}",
    "fraction": lambda value: rf"\frac{{{value.numerator}}}{{{value.denominator}}}",
    "unreduced": lambda value: rf"\frac{{{6 * value.numerator}}}{{{6 * value.denominator}}}",
    "mixed": _mixed,
    "decimal": _decimal,
    "comma": _grouped(","),
    "braced comma": _grouped("{,}"),
    "spaced": _grouped(" "),
    "thin space": _grouped(r"\,"),
    "money": _of_decimal(r"\${}"),
    "unit": _of_decimal(r"{}\text{{ cm}}"),
    "named": _of_decimal("x = {}"),
    "exponent": _of_decimal("{}e-3", 1000),
    "power of ten": _of_decimal(r"{} \times 10^{{-3}}", 1000),
    "Unicode power of ten": _of_decimal("{}×10⁻³", 1000),
}
values = st.one_of(
    st.integers(-(10**9), 10**9).map(Fraction),
    st.decimals(-(10**6), 10**6, places=3).map(Fraction),
    st.tuples(st.integers(-(10**4), 10**4), st.integers(1, 400)).map(lambda pair: Fraction(*pair)),
)


@pytest.mark.parametrize("form", FORMS)
@given(value=values, another=st.sampled_from(sorted(FORMS)))
@settings(max_examples=50)
def test_a_number_equals_itself_in_every_format_and_not_its_neighbours(form, value, another):
    text, same = FORMS[form](value), FORMS[another](value)
    if text is None or same is None:
        return
    if form == another or {form, another} != {"money", "unit"}:  # dollars are no centimetres
        assert equal(text, same)
        assert equal(same, text)
    for neighbour in (value - 1, value + 1):
        other = FORMS[another](neighbour)
        if other is not None:
            assert not equal(text, other)
            assert not equal(other, text)


# The same everywhere

ANSWERS = [
    *("42", "1/2", "0.5", r"50\%", r"\sqrt{2}", "1.41421356", r"\pi", "2π/2", "x^2+1", "1+x·x", "(x+1)(x-1)+2"),
    *("sin(2x)", r"2\sin x\cos x", r"\frac{1}{x+1}", r"\frac{x-1}{x^2-1}", "(1,2)", r"\{2,1\}", r"\{1,2\}", "1, 2"),
    *("[0,1)", r"0\le x<1", "x=5", "y=5", "y=2x+3", "2x-y+3=0", "3:4", "6:8", "204_5", "odd", r"\pm 3", "3,-3"),
    *(r"e^{i\pi}", "-1", "5 cm", "5 km", r"\ln 8", r"3\ln 2", r"\begin{pmatrix}1&2\end{pmatrix}", r"\int_0^1 x\,dx"),
]
VERDICTS = """
import json, sys
from verigrad.answers import compare
print(json.dumps([[v.outcome.value, v.reason] for v in (compare(*pair) for pair in json.load(sys.stdin))]))
"""


def test_verdicts_depend_on_no_order_thread_process_or_hash_seed():
    pairs = [(gold, answer) for gold in ANSWERS for answer in ANSWERS]

    def verdicts(ordered):
        return [[verdict.outcome.value, verdict.reason] for verdict in (compare(*pair) for pair in ordered)]

    here = verdicts(pairs)
    assert verdicts(reversed(pairs)) == here[::-1]
    there: list[list[str]] = []
    thread = threading.Thread(target=lambda: there.extend(verdicts(pairs)))
    thread.start()
    thread.join()
    assert there == here
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-c", VERDICTS]
        given_pairs = json.dumps(pairs)
        ran = subprocess.run(
            command, input=given_pairs, capture_output=True, text=True, env=environment, timeout=60, check=True
        )
        assert json.loads(ran.stdout) == here


# Any string

PIECES = (
    r"\frac \sqrt \sqrt[ { } ( ) [ ] ^ _ ! % | = < \le , ; : x e i 1 2 10 999 0 . - + * / \pm \cup \in \text{ and or "
    r"cm e5 $ \begin{pmatrix} \end{pmatrix} & \\ \sin \log_ \binom \infty \pi f( \{ \} \overline{ \sum_{ \int ^\circ "
    r"' ½ ² mod \pmod \boxed{ \left \right <answer> </answer> </think> #### the answer is 9999999999 x^ (x+1)^ \gcd( "
    r"million half twenty \choose \over U per square \det"
).split()
anything = st.text(st.characters(), max_size=300) | st.lists(st.sampled_from([*PIECES, " ", "\n", "\ud800"])).map(
    "".join
)
repeated = st.tuples(st.lists(st.sampled_from(PIECES), min_size=1, max_size=4).map("".join), st.integers(1, 1500)).map(
    lambda pair: (pair[0] * pair[1])[:10_000]
)
NESTS = {
    "brackets": ("(", ")"),
    "square brackets": ("[", "]"),
    "braces": ("{", "}"),
    "sets": (r"\{", r"\}"),
    "bars": ("|", "|"),
    "floors": (r"\lfloor ", r"\rfloor "),
    "exponents": ("x^{", "}"),
    "indices": ("x_{", "}"),
    "functions": ("f(", ")"),
    "indexed functions": ("f_{n", "}"),
    "inverse functions": ("f^{-1}(", ")"),
    "sines": (r"\sin{", "}"),
    "bare sines": (r"\sin ", ""),
    "bases": (r"\log_{", "}2"),
    "roots": (r"\sqrt{", "}"),
    "degrees": (r"\sqrt[", "]2"),
    "fractions": (r"1+\frac{1}{", "}"),
    "numerators": (r"\frac{", "}{2}"),
    "binomials": (r"\binom{", "}{2}"),
    "bare fractions": (r"\frac", "1"),
    "accents": (r"\bar{", "}"),
    "bare accents": (r"\hat ", ""),
    "limits": (r"\sum_{", "}"),
    "determinants": (r"\det\begin{pmatrix}", r"\end{pmatrix}"),
    "remainders": (r"7 \bmod ", ""),
    "classes": ("(", r" \pmod 7)"),
    "unions": (r"[0,1)\cup ", ""),
    "unions in brackets": ("(", r"\cup [0,1))"),
    "factorials": ("", "!"),
    "primes": ("", "'"),
    "percents": ("", r"\%"),
    "powers": ("", "^2"),
    "signs": ("-", ""),
    "units": ("", r"\text{ cm}^2"),
    "factors of a sine": ("", r"\sin x"),
    "products of matrices": (r"\begin{pmatrix}1&2\\3&4\end{pmatrix}", ""),
    "products of cells": (r"\begin{pmatrix}x\end{pmatrix}", ""),
    "sums of matrices": (r"\begin{pmatrix}x\end{pmatrix}+", ""),
    "negated matrices": ("-(", r"+\begin{pmatrix}1&2\\3&4\end{pmatrix})"),
    "large powers": (r"x^{2^{8191}}+", ""),
    "large denominators": (r"\frac1{3^{5000}+1}+\frac1{7^{2900}+1}+", ""),
    "large factorials": (r"x^{500!}+", ""),
    "large coefficients": (r"x^\binom{1000}{500}+", ""),
    "small numbers": (r"1e-400\pi", ""),
    "cosines": (r"\arccos x+", ""),
    "symbols": (r"\pi", ""),
    "elements": (r"\sqrt{x},", ""),
    "bounds": (r"(\sqrt{2},\sqrt{3})\cup", ""),
}
"""What can stand inside itself, or be repeated: (before, after) the inner text."""


def _nested(around: tuple[str, str], inner: str, times: int) -> str:
    return (around[0] * times + inner + around[1] * times)[:10_000]


nested = st.tuples(
    st.sampled_from(sorted(NESTS.values())),
    st.sampled_from(sorted(NESTS.values())),
    st.integers(1, 1500),
    st.integers(1, 200),
    anything,
).map(lambda t: _nested(t[0], _nested(t[1], t[4][:20], t[3]), t[2]))


def _seconds(gold: str, answer: str) -> float:
    return seconds(lambda: compare(gold, answer), MOST_SECONDS)


@pytest.mark.parametrize("name", NESTS)
def test_nothing_nested_or_repeated_raises_or_takes_long(name):
    for times in (1, 2, 5, 9, 12, 15, 20, 27, 40, 60, 100, 300, 1000, 4000):
        for inner in ("x", "2", "1,2"):
            text = _nested(NESTS[name], inner, times)
            for gold, answer in (("42", text), (text, "x+1"), (text, text + " + 0"), (text, text[:-1] + "3")):
                assert _seconds(gold, answer) < MOST_SECONDS, (times, inner)


@settings(max_examples=300)
@given(gold=anything | expressions.map(written) | repeated | nested, answer=anything | repeated | nested)
def test_no_string_raises_or_takes_long(gold, answer):
    for form in FORMATS.values():
        form.find(answer)
    lenient_answer(answer)
    assert _seconds(gold, answer) < MOST_SECONDS
    assert _seconds(answer, answer + " + 0") < MOST_SECONDS


@given(anything)
@settings(max_examples=200)
def test_whatever_a_text_is_it_equals_itself(text):
    assert equal(text, text) is bool(text.strip())


@pytest.mark.parametrize(
    "unit", ["1", "x", "{", "(", "$", r"\boxed{1} ", "####", "answer is ", "and 1 ", r"\(1\) ", "-"]
)
def test_a_text_of_a_million_characters_takes_less_than_half_a_second(unit):
    text = unit * (1_000_000 // len(unit))
    tagged = f"so </think> <answer>{text}</answer>"
    for name, verify in VERIFIERS.items():
        response = tagged if "zero" in name or "think" in name else text
        assert seconds(lambda v=verify, r=response: v(Problem("p", "", "1/2"), r), 0.5) < 0.5, name


BROKEN = st.lists(
    st.sampled_from([r"\frac", "^", "{", "}", "(", ")", r"\ne", "=", "3", "x", "or", r"\sqrt"]), min_size=2
)


@given(BROKEN, st.sampled_from(["3", "x", "4", "3x"]))
@settings(max_examples=300)
def test_malformed_text_is_equal_to_nothing_but_itself(pieces, gold):
    text = " ".join(pieces)
    if text.count("{") != text.count("}") or text.count("(") != text.count(")") or text.endswith(("^", "=", "or")):
        assert not equal(gold, text)
