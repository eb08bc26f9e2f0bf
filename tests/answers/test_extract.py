import time

import pytest

from verigrad.answers import (
    boxed_answer,
    boxed_answers,
    concluding_answer,
    course_answer,
    hash_answer,
    last_number,
    lenient_answer,
    lm_eval_text,
    strict_answer,
    think_answer,
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
    ("response", "answer"),
    [
        ("t</think> <answer>4</answer>", "4"),
        ("<think>t</think>\n<answer>4</answer><|im_end|>", "4"),
        ("t</think>\n\n<answer>\n4\n</answer> </s>\n", "4"),
        ("t</think><answer>4</answer><|eot_id|><|end_of_text|>", "4"),
        ("t</think> so <answer>4</answer>", None),
        ("t</think>\n<answer>4</answer> and more<|im_end|>", None),
    ],
)
def test_think_answer(response, answer):
    assert think_answer(response) == answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (r"\boxed{1} and \boxed{2}", "1, 2"),
        (r"$\boxed{1}$, $\boxed{2}$ \text{ or } $\boxed{3}$", "1, 2, 3"),
        (r"\boxed{7} wait \boxed{4}", "4"),
        (r"\boxed{4} then \boxed{5", None),
    ],
)
def test_boxes_that_a_connective_joins_are_one_list(text, answer):
    assert boxed_answers(text) == answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("so it costs $1,234.50.", "$1,234.50."),
        ("5 - 3 = 2", "2"),
        ("from 3-4", "-4"),
        ("It is 7!", "7"),
        ("none", None),
    ],
)
def test_last_number_is_that_of_lm_eval(text, answer):
    # findall("(-?[$0-9.,]{2,})|(-?[0-9]+)")[-1]
    assert last_number(text) == answer


def test_what_lm_eval_compares():
    # ",", "\\$", "(?s).*#### " and "\\.$" are taken out, and case does not count
    assert lm_eval_text("$1,234.50.") == "1234.50"
    assert lm_eval_text("2 + 2\n#### 4") == "4"


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("2 * 9 = 18 a day\nA: 18", "18"),
        (r"so \boxed{18}, as $5 < 18$", "18"),
        (r"\boxed{18}. Wait: the answer is $19$.", "19"),
        ("<answer>3</answer> no <answer>4</answer>", "4"),
        ("<answer>4", None),
        ("8 * 2 = 16\n#### 16", "16"),
        ("The answer is $\\frac{1}{2}$ of it", "\\frac{1}{2}"),
        ("The roots are $1$ and $2$.", "1, 2"),
        ("He pays $5 and gets $3 back", "$3"),
        ("Therefore $x \\ge 5$ is the solution.", "x \\ge 5"),
        ("The answer is .", None),
        ("I do not know.", None),
    ],
)
def test_lenient_answer(text, answer):
    assert lenient_answer(text) == answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (" 3 + 4 = 7. The answer is 7.\n", "7"),
        ("The answer is 3.50.", "3.50"),
        ("The answer is 6. No! The answer is 7.", "7"),
        ("The answer is .", ""),
        ("The answer is 7", None),
        ("The answer is 7. That is all.", None),
        ("Maybe The answer is 7.", None),
        ("the answer is 7.", None),
    ],
)
def test_concluding_answer(text, answer):
    assert concluding_answer(text) == answer


@pytest.mark.parametrize(
    "unit", ["{", r"\boxed{", r"\boxed{1} ", "</think> <answer>", "####", "\\", "<", "The answer is ", ". "]
)
def test_extraction_is_linear_on_hostile_text(unit):
    text = unit * 200_000
    started = time.perf_counter()
    for extract in (
        strict_answer,
        think_answer,
        course_answer,
        boxed_answers,
        hash_answer,
        last_number,
        lenient_answer,
    ):
        extract(text)
    assert time.perf_counter() - started < 2.0
