from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verigrad.answers import boxed_answer, compare, course_answer, hash_answer, strict_answer, think_answer
from verigrad.types import Grade, Problem, Status
from verigrad.verifiers import VERIFIERS, judge

PIECES = [
    *["<think>", "</think>", " ", "<answer>", "</answer>", "</think> <answer>", r"\boxed{", r"\boxed ", "{", "}", "\\"],
    *["####", "$", r"\$", "%", ",", ".", "-", "/", r"\frac", "1", "12", "345", "0", "x", "\n", "\ud800", "²", "−"],
]
anything = st.text(st.characters(), max_size=60) | st.lists(st.sampled_from(PIECES), max_size=25).map("".join)


@given(anything)
def test_extraction_is_defined_everywhere(text):
    for extract in (strict_answer, course_answer, boxed_answer, hash_answer):
        answer = extract(text)
        assert answer is None or answer == answer.strip()


@given(anything, anything)
@pytest.mark.parametrize("name", VERIFIERS)
def test_verifiers_are_defined_everywhere_and_keep_the_reward_rule(name, gold, response):
    outcome = VERIFIERS[name](Problem("p", "", gold), response)
    assert isinstance(outcome, Grade)
    assert outcome.reward == outcome.answer_reward == float(outcome.status is Status.CORRECT)
    assert outcome.format_reward == float(outcome.status is not Status.UNPARSABLE)
    assert outcome.status in (Status.CORRECT, Status.WRONG, Status.UNPARSABLE)


@given(anything)
def test_strict_format_is_the_narrower_one(text):
    strict = strict_answer(text)
    assert strict is None or course_answer(text) == strict


@given(anything)
def test_a_gold_answer_is_its_own_answer(text):
    assert not text.strip() or judge(text, text).status is Status.CORRECT


@given(anything)
def test_think_answer_is_the_wider_one(text):
    strict = strict_answer(text)
    assert strict is None or think_answer(text) == strict


@given(st.integers(-(10**12), 10**12))
def test_ways_of_writing_an_integer_are_equal(n):
    for written in (f"{n:,}", f"{n}.00", f"${n}$", f"{2 * n}/2", rf"\frac{{{n}}}{{1}}", f"{n}."):
        assert compare(str(n), written)


@given(st.fractions(max_denominator=10**6), st.fractions(max_denominator=10**6))
def test_fractions_are_compared_as_rationals(one, other):
    def written(value: Fraction) -> str:
        return f"{value.numerator}/{value.denominator}"

    assert bool(compare(written(one), rf"\frac{{{other.numerator}}}{{{other.denominator}}}")) is (one == other)
