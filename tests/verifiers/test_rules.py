import pytest

from verigrad.errors import ConfigError
from verigrad.types import Grade, Problem, Status
from verigrad.verifiers import (
    VERIFIERS,
    Claim,
    blended,
    fail,
    find_verifier,
    gold_faults,
    is_strict,
    judge,
    mixed,
    settle,
)

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


@pytest.mark.parametrize("name", ["r1_zero", "r1_zero_course", "boxed", "hash"])
def test_a_bare_answer_is_in_no_format(name):
    grade = VERIFIERS[name](FOUR, "4")
    assert grade == Grade(0.0, 0.0, 0.0, Status.UNPARSABLE, extracted="", reason="format")


def test_text_after_the_answer_tells_the_two_r1_zero_rules_apart():
    response = "t</think> <answer>5</answer> rather <answer>4</answer>"
    assert VERIFIERS["r1_zero"](FOUR, response).status is Status.UNPARSABLE
    assert VERIFIERS["r1_zero_course"](FOUR, response).status is Status.CORRECT


def test_equal_numbers_in_other_clothes_say_so():
    assert VERIFIERS["boxed"](FOUR, r"\boxed{8/2}").reason == "number"


@pytest.mark.parametrize(
    ("gold", "answer", "reason"),
    [
        ("1/2", r"\int_0^1 x dx", "undecided"),
        ("1/2", "3x ^", "unreadable"),
        ("42", "The answer is 42", "unreadable"),
        ("1", "x+" * 10_000, "limit"),
    ],
)
def test_what_is_undecided_or_unreadable_is_wrong_with_a_reason_of_its_own(gold, answer, reason):
    grade = VERIFIERS["boxed"](Problem("p", "", gold), rf"\boxed{{{answer}}}")
    assert (grade.status, grade.reward, grade.reason) == (Status.WRONG, 0.0, reason)


@pytest.mark.parametrize(
    ("answer", "reward"),
    [
        ("18", 1.0),
        ("$18", 1.0),
        (r"\$18", 1.0),
        ("x = 18", 1.0),
        ("18 dollars", 0.0),
        ("18 eggs", 0.0),
        ("It is 18", 0.0),
    ],
)
def test_the_courses_rule_takes_a_bare_expression(answer, reward):
    response = f"t</think> <answer>{answer}</answer>"
    assert VERIFIERS["r1_zero_course"](Problem("p", "", "18"), response).reward == reward


def test_which_formats_may_be_trained_on():
    strict = {name for name in VERIFIERS if is_strict(name)}
    assert strict == {"r1_zero", "r1_zero_course", "think_answer", "boxed", "hash", "answer_is"}
    assert is_strict("r1_zero:exact") and not is_strict("lenient:choice")


def test_zero_width_characters_are_dropped():
    assert VERIFIERS["boxed"](FOUR, "\\boxed{\u200b4\u200b}").extracted == "4"


def test_a_claim_is_settled_or_failed():
    claim = Claim("x + 1", "1 + x", 1.0)
    assert settle(claim, True, "symbolic") == Grade(1.0, 1.0, 1.0, Status.CORRECT, "1 + x", "symbolic")
    assert settle(claim, False, "mismatch") == Grade(0.0, 1.0, 0.0, Status.WRONG, "1 + x", "mismatch")
    assert fail(claim, Status.TIMEOUT, "limit") == Grade(0.0, 1.0, 0.0, Status.TIMEOUT, "1 + x", "limit")
    with pytest.raises(AssertionError):
        fail(claim, Status.WRONG, "mismatch")


def test_an_overlong_answer_is_wrong_unless_it_is_the_gold_answer():
    long = "x+" * 10_000
    assert judge("x", long).reason == "limit"
    assert judge(long, long).status is Status.CORRECT


@pytest.mark.parametrize(
    ("name", "gold", "answer", "status"),
    [
        ("boxed:exact", "a  b", "a b", Status.CORRECT),
        ("boxed:exact", "a", "A", Status.WRONG),
        ("boxed:choice", "(C)", r"\text{c}", Status.CORRECT),
        ("boxed:choice", "C", "C) because", Status.CORRECT),
        ("boxed:choice", "C", "A or C", Status.WRONG),
        ("boxed:choice", "C", "C) or D", Status.WRONG),
        ("boxed:numeric", "3.0", "3.0000001", Status.CORRECT),
        ("boxed:numeric", "3", "x = 3.1", Status.WRONG),
        ("boxed:choice", "A", "A) or b or c", Status.WRONG),
        ("boxed:choice", "A", "A, or b", Status.WRONG),
        ("boxed:choice", "A", "A) b or a", Status.WRONG),
        ("boxed:choice", "A", "A) both or a part of it", Status.CORRECT),
        ("boxed:choice", "A", "A) b = 5", Status.CORRECT),
        ("boxed:numeric", "3", "?", Status.WRONG),
        ("boxed:numeric", "5", "x = 3 = 5", Status.WRONG),
        ("boxed:numeric", "5", r"x \approx 5 = 7", Status.WRONG),
        ("boxed:numeric", "5", r"x = 5 \approx 7", Status.WRONG),
        ("boxed:numeric", "5", r"\not= 5", Status.WRONG),
        ("boxed:numeric", "5", "x = 5", Status.CORRECT),
        ("boxed:numeric", "5", r"x = 2 + 3 = 5\text{ cm}", Status.CORRECT),
        ("boxed:numeric", "5/3", r"\frac{5}{3} \approx 1.67", Status.CORRECT),
        ("boxed:math", "5", r"\not= 5", Status.WRONG),
        ("boxed:math", "x\\ne 5", r"x \not= 5", Status.CORRECT),
        ("boxed:math", "5", r"x \not\in 5", Status.WRONG),
        ("boxed:numeric", "cat", "3", Status.ERROR),
        ("boxed:format", "3", "4", Status.CORRECT),
        ("hash", "3", "3", Status.UNPARSABLE),
    ],
)
def test_judges(name, gold, answer, status):
    assert find_verifier(name, tolerance=1e-3)(Problem("p", "", gold), rf"\boxed{{{answer}}}").status is status


@pytest.mark.parametrize(
    ("expression", "right"),
    [
        ("(7 - 3) * 5 + 1", True),  # 4·5 + 1 = 21
        (r"\frac{5}{1}\times(7-3)+1", False),  # 1 is used twice
        ("7 * 3", False),  # not all numbers
        ("7*3^1*5", False),  # a power
        ("(7, 3, 5, 1)", False),
        ("7*3*5*", False),
        ("(" * 600, False),
    ],
)
def test_countdown(expression, right):
    problem = Problem("p", "", "", details={"numbers": [7, 3, 5, 1], "target": 21})
    assert (find_verifier("lenient:countdown")(problem, rf"\boxed{{{expression} = 21}}").reward == 1.0) is right
    assert find_verifier("boxed:countdown")(FOUR, r"\boxed{4}").status is Status.ERROR


@pytest.mark.parametrize(
    ("expression", "numbers", "target", "right"),
    [("100% * 7", [100, 7], 7, False), ("50% * $10", [50, 10], 5, False), ("(100 - 30) / 7", [100, 30, 7], 10, True)],
)
def test_countdown_takes_plain_numbers_only(expression, numbers, target, right):
    problem = Problem("p", "", "", details={"numbers": numbers, "target": target})
    assert (find_verifier("boxed:countdown")(problem, rf"\boxed{{{expression}}}").reward == 1.0) is right


def test_a_generator_is_asked_for_its_score():
    claim = find_verifier("boxed:reasoning_gym")(Problem("sums/7", "2+2", "4", details={"a": 1}), r"\boxed{5}")
    assert claim.kind == "reasoning_gym"
    assert '"dataset": "sums"' in claim.payload


def test_gold_answers_must_be_accepted_as_answers():
    good, bad = Problem("f:1", "", r"\frac{1}{2}"), Problem("f:2", "", "{1")
    assert gold_faults([good, bad], "boxed") == [(bad, "format")]
    assert gold_faults([bad], "function") == []


def test_parts_are_mixed_and_reported():
    verify = blended([("boxed", 0.9, find_verifier("boxed")), ("boxed:format", 0.1, find_verifier("boxed:format"))])
    outcome = verify(FOUR, r"\boxed{5}")
    names, weights, grades = zip(*outcome.parts, strict=True)
    grade = mixed(names, weights, grades)
    assert (grade.reward, grade.status) == (0.1, Status.WRONG)  # 0.9·0 + 0.1·1
    assert grade.parts == (("boxed", 0.0), ("boxed:format", 1.0))


def test_an_unknown_verifier_is_refused_with_the_nearest_name():
    assert find_verifier("boxed")(FOUR, r"\boxed{4}").status is Status.CORRECT
    with pytest.raises(ConfigError, match=r"did you mean 'r1_zero'.*r1_zero, r1_zero_course, think_answer"):
        find_verifier("r1zero")
    with pytest.raises(ConfigError, match="'quux' is not a verifier; choose one of"):
        find_verifier("quux")
