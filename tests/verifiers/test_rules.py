import pytest

from verigrad.errors import ConfigError
from verigrad.types import Grade, Problem, Status
from verigrad.verifiers import LONGEST_ANSWER, VERIFIERS, Claim, fail, find_verifier, judge, settle

FOUR = Problem("p", "2 + 2?", "4")


def rewards(grade):
    return grade.format_reward, grade.answer_reward, grade.reward


@pytest.mark.parametrize(
    ("name", "response"),
    [
        ("r1_zero", "t</think> <answer>4</answer>"),
        ("r1_zero", r"t</think> <answer>\boxed{7} wait \boxed{4}</answer>"),
        ("r1_zero_course", "t</think> <answer>3</answer> no: <answer>4</answer>"),
        ("boxed", r"so \boxed{4}"),
    ],
)
def test_right_format_and_answer(name, response):
    grade = VERIFIERS[name](FOUR, response)
    assert rewards(grade) == (1.0, 1.0, 1.0)
    assert (grade.status, grade.extracted, grade.reason) == (Status.CORRECT, "4", "string")


@pytest.mark.parametrize(
    ("name", "response", "extracted", "reason"),
    [
        ("r1_zero", "t</think> <answer>5</answer>", "5", "mismatch"),
        ("r1_zero", "t</think> <answer> </answer>", "", "empty"),
        ("r1_zero", r"t</think> <answer>\boxed{}</answer>", "", "empty"),
        ("r1_zero", r"t</think> <answer>\boxed{4</answer>", "", "empty"),
        ("r1_zero_course", "t</think> <answer>5</answer>", "5", "mismatch"),
        ("boxed", r"\boxed{5}", "5", "mismatch"),
    ],
)
def test_right_format_and_wrong_answer(name, response, extracted, reason):
    grade = VERIFIERS[name](FOUR, response)
    assert rewards(grade) == (1.0, 0.0, 0.0)
    assert (grade.status, grade.extracted, grade.reason) == (Status.WRONG, extracted, reason)


@pytest.mark.parametrize("name", VERIFIERS)
def test_a_bare_answer_is_in_no_format(name):
    grade = VERIFIERS[name](FOUR, "4")
    assert grade == Grade(0.0, 0.0, 0.0, Status.UNPARSABLE, extracted="", reason="format")


def test_text_after_the_answer_tells_the_two_r1_zero_rules_apart():
    response = "t</think> <answer>5</answer> rather <answer>4</answer>"
    assert VERIFIERS["r1_zero"](FOUR, response).status is Status.UNPARSABLE
    assert VERIFIERS["r1_zero_course"](FOUR, response).status is Status.CORRECT


def test_equal_numbers_in_other_clothes_say_so():
    assert VERIFIERS["boxed"](FOUR, r"\boxed{8/2}").reason == "number"


def test_what_the_exact_tier_leaves_open_is_a_claim():
    problem = Problem("p", "", "x + 1")
    assert VERIFIERS["boxed"](problem, r"\boxed{1 + x }") == Claim("x + 1", "1 + x", 1.0)


def test_a_claim_is_settled_or_failed():
    claim = Claim("x + 1", "1 + x", 1.0)
    assert settle(claim, True, "symbolic") == Grade(1.0, 1.0, 1.0, Status.CORRECT, "1 + x", "symbolic")
    assert settle(claim, False, "mismatch") == Grade(0.0, 1.0, 0.0, Status.WRONG, "1 + x", "mismatch")
    assert fail(claim, Status.TIMEOUT, "limit") == Grade(0.0, 1.0, 0.0, Status.TIMEOUT, "1 + x", "limit")
    with pytest.raises(AssertionError):
        fail(claim, Status.WRONG, "mismatch")


def test_an_overlong_answer_is_wrong_unless_it_is_the_gold_answer():
    long = "x+" * LONGEST_ANSWER
    assert judge("x", long).reason == "length"
    assert judge(long, long).status is Status.CORRECT


def test_an_unknown_verifier_is_refused_with_the_nearest_name():
    assert find_verifier("boxed") is VERIFIERS["boxed"]
    with pytest.raises(ConfigError, match=r"did you mean 'r1_zero'.*r1_zero, r1_zero_course, boxed"):
        find_verifier("r1zero")
    with pytest.raises(ConfigError, match="'quux' is not a verifier; choose one of"):
        find_verifier("quux")
