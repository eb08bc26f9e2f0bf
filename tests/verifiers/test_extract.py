import time

import pytest

from verigrad.types import Problem
from verigrad.verifiers import (
    boxed_answer,
    concluding_answer,
    course_answer,
    find_verifier,
    hash_answer,
    is_strict,
    strict_answer,
)


@pytest.mark.parametrize(
    ("response", "answer"),
    [
        ("2 + 2 = 4 </think> <answer> 4 </answer>", "4"),
        ("</think> <answer>4</answer>\n", "4"),
        ("<think>a transcript with its first tag</think> <answer>4</answer>", "4"),
        ("\n <think>t</think> <answer>4</answer>", "4"),
        ("t</think> <answer></answer>", ""),
        ("t</think> <answer>\n1 < 2\n</answer>", "1 < 2"),
    ],
)
def test_strict_answer_is_found(response, answer):
    assert strict_answer(response) == answer


@pytest.mark.parametrize(
    "response",
    [
        "",
        "4",
        "t</think> <answer>4",
        "t</think><answer>4</answer>",
        "t</think>  <answer>4</answer>",
        "t</think>\n<answer>4</answer>",
        "t</think> <answer>4</answer> and more",
        "t</think> <answer>4</answer></answer>",
        "t</think> <answer><answer>4</answer>",
        "t</think> t</think> <answer>4</answer>",
        "t <think>again</think> <answer>4</answer>",
        "<think><think>t</think> <answer>4</answer>",
        "</answer> t</think> <answer>4",
        "<answer>4</answer></think>",
    ],
)
def test_strict_answer_refuses(response):
    assert strict_answer(response) is None


@pytest.mark.parametrize(
    ("response", "answer"),
    [
        ("t</think> <answer> 4 </answer>", "4"),
        ("t</think> <answer>3</answer> no: <answer>4</answer>", "4"),
        ("t</think> <answer>4</answer> and more", "4 and more"),
        ("</answer></think> <answer>4", "4"),
        ("t</think><answer>4</answer>", None),
        ("t</think> <answer>4", None),
        ("", None),
    ],
)
def test_course_answer_follows_the_reference(response, answer):
    assert course_answer(response) == answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (r"so \boxed{4}.", "4"),
        (r"\boxed{7} wait \boxed{4}", "4"),
        (r"\boxed{\frac{1}{2}} as above", r"\frac{1}{2}"),
        (r"\boxed{\{1, 2\}}", r"\{1, 2\}"),
        (r"\boxed{\boxed{5}}", "5"),
        (r"\fbox{5}", "5"),
        (r"\boxed {5}", "5"),
        (r"$\boxed 5$ dollars", "5"),
        (r"\boxed{ }", ""),
        (r"\boxed{5", None),
        (r"\boxed{4} then \boxed{5", None),
        (r"\boxed{5\}", None),
        (r"\boxed5", None),
        (r"\boxed", None),
        (r"\boxed $", None),
        ("5", None),
    ],
)
def test_boxed_answer(text, answer):
    assert boxed_answer(text) == answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("9 * 2 = <<9*2=18>>18\n#### 18", "18"),
        ("#### 1\n#### 1,234\nmore", "1,234"),
        ("####\n18", None),
        ("18", None),
    ],
)
def test_hash_answer(text, answer):
    assert hash_answer(text) == answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (" 3 + 4 = 7. The answer is 7.\n", "7"),
        ("The answer is 3.50.", "3.50"),
        ("So it is 7\nThe answer is 7. ", "7"),
        ("The answer is 6. No! The answer is 7.", "7"),  # the last sentence counts
        ("The answer is 5!.", "5!"),
        ("The answer is .", ""),
        ("The answer is 7", None),
        ("The answer is 7.\nQ: How many?", None),
        ("The answer is 7. That is all.", None),
        ("The answer is 7..", None),
        ("The answer is\n7.", None),
        ("Maybe The answer is 7.", None),
        ("3 + 4 = 7.The answer is 7.", None),
        ("the answer is 7.", None),
        ("7.", None),
    ],
)
def test_concluding_answer(text, answer):
    assert concluding_answer(text) == answer


def test_a_concluding_sentence_is_graded_as_one_answer():
    verify = find_verifier("answer_is")
    problem = Problem("p", "", "7")
    texts = ("7", "$7", "8", "7 or 8", "not 7")
    rewards = {text: verify(problem, f"3 + 4 = 7. The answer is {text}.").reward for text in texts}
    assert rewards == {"7": 1.0, "$7": 1.0, "8": 0.0, "7 or 8": 0.0, "not 7": 0.0}
    assert is_strict("answer_is")


@pytest.mark.parametrize(
    "unit", ["{", r"\boxed{", r"\boxed{1} ", "</think> <answer>", "####", "\\", "<", "The answer is ", ". "]
)
def test_extraction_is_linear_on_hostile_text(unit):
    text = unit * 200_000
    started = time.perf_counter()
    for extract in (strict_answer, course_answer, boxed_answer, hash_answer, concluding_answer):
        extract(text)
    assert time.perf_counter() - started < 2.0
