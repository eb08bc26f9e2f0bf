"""Pairs as data: ours, which are the accepted state, and labelled ones from public test suites, where at hand."""

from __future__ import annotations

import pytest

from tests.answers.runner import CASES, changes, read, rows
from verigrad.answers import boxed_answers, compare, lenient_answer
from verigrad.types import Problem
from verigrad.verifiers import VERIFIERS, find_verifier

RESPONSES = (
    *("so the number is", "not it's not", "réponse est", "donc 353", "The answer is", r"} \times \frac{1}{3} =", "ा "),
    *("首先", "瑞秋", "要解决", "让我们", "地块", "来计算", "计划的", "لإيجاد"),
)
"""How those bare answers among the core pairs begin that are whole responses. They count as extract."""


def shared(name):
    found = list(rows(name))
    if not found:
        pytest.skip(f"labelled data not at hand: ../shared/data/{name}")
    return found


def core_pairs():
    """Bare pairs, and those whose answer is to be found in a text."""
    core = [case for case in shared("graders/cases.jsonl") if case["tier"] == "core"]
    texts = [case for case in core if case["kind"] == "extract" or case["answer"].startswith(RESPONSES)]
    return [case for case in core if case not in texts], texts


@pytest.mark.parametrize("path", sorted(CASES.glob("*.tsv")), ids=lambda path: path.stem)
def test_no_verdict_has_changed(path):
    assert changes(read(path)) == []


def test_a_changed_verdict_is_printed():
    assert changes([("different", "1/2", "0.5"), ("equal", "2", "2")]) == ["different -> equal: 1/2 ~ 0.5"]


def test_bare_pairs_agree_and_none_is_wrongly_accepted():
    bare, _ = core_pairs()
    verdicts = [(case, bool(compare(case["gold"], case["answer"]))) for case in bare]
    assert [case for case, equal in verdicts if equal and not case["equivalent"]] == []
    assert sum(equal is case["equivalent"] for case, equal in verdicts) >= 0.985 * len(bare) > 450


def test_answers_in_texts_are_found():
    _, texts = core_pairs()
    right = 0
    for case in texts:
        gold = boxed_answers(case["gold"]) or case["gold"]
        grade = VERIFIERS["lenient"](Problem("p", "", gold), case["answer"])
        right += (grade.reward == 1.0) is case["equivalent"]
    assert right >= 0.97 * len(texts) > 100


def test_verdicts_that_were_wrong_once_are_right():
    cases = shared("graders/wrong_verdicts.jsonl")
    verify = VERIFIERS["r1_zero"]
    right = [
        (verify(Problem("p", "", case["gold"]), case["response"]).reward == 1.0) is (case["expect"] == "accept")
        for case in cases
    ]
    assert sum(right) >= 0.95 * len(cases)


def test_model_solutions_of_gsm8k_agree_with_their_labels_as_they_are():
    agreed = dict.fromkeys(("last_number", "lenient", "hash"), 0)
    total = 0
    for row in shared("gsm8k/example_model_solutions.jsonl"):
        problem = Problem("p", "", row["ground_truth"].rpartition("A:")[2].strip())
        for model in ("6b_finetuning", "6b_verification", "175b_finetuning", "175b_verification"):
            text, label = row[model]["solution"], row[model]["is_correct"]
            total += 1
            for name in agreed:
                response = text.replace("A:", "####") if name == "hash" else text
                agreed[name] += (find_verifier(name)(problem, response).reward == 1.0) is label
    assert total == 4 * 1319
    assert agreed["hash"] == total
    assert min(agreed.values()) >= 0.995 * total


def test_a_response_without_an_answer_finds_none():
    assert lenient_answer("I do not know.") is None
