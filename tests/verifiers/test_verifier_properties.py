from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verigrad.types import Grade, Problem, Status
from verigrad.verifiers import (
    VERIFIERS,
    Claim,
    boxed_answer,
    course_answer,
    equal,
    hash_answer,
    judge,
    read_number,
    strict_answer,
)

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
    if isinstance(outcome, Claim):
        assert outcome.format_reward == 1.0
        assert outcome.answer
    else:
        assert isinstance(outcome, Grade)
        assert outcome.reward == outcome.answer_reward == float(outcome.status is Status.CORRECT)
        assert outcome.format_reward == float(outcome.status is not Status.UNPARSABLE)


@given(anything)
def test_strict_format_is_the_narrower_one(text):
    strict = strict_answer(text)
    assert strict is None or course_answer(text) == strict


@given(anything)
def test_equality_is_reflexive(text):
    assert equal(text, text) is bool(text.strip())
    assert not text.strip() or judge(text, text).status is Status.CORRECT


@given(anything, anything)
def test_equality_of_numbers_is_symmetric(one, other):
    if read_number(one) and read_number(other):
        assert equal(one, other) is equal(other, one)


@given(st.integers(-(10**12), 10**12))
def test_ways_of_writing_an_integer_are_equal(n):
    for written in (f"{n:,}", f"{n}.00", f"${n}$", f"{2 * n}/2", rf"\frac{{{n}}}{{1}}", f"{n}."):
        assert equal(str(n), written) is True


@given(st.fractions(max_denominator=10**6), st.fractions(max_denominator=10**6))
def test_fractions_are_compared_as_rationals(one, other):
    def written(value: Fraction) -> str:
        return f"{value.numerator}/{value.denominator}"

    assert equal(written(one), rf"\frac{{{other.numerator}}}{{{other.denominator}}}") is (one == other)
