"""The exact tier against labelled data, where it is at hand: the bars of tier 1."""

import json
from pathlib import Path

import pytest

from verigrad.verifiers import equal, lenient_answer

DATA = Path(__file__).parents[2].parent / "shared" / "data"
CASES = DATA / "graders" / "cases.jsonl"
SOLUTIONS = DATA / "gsm8k" / "example_model_solutions.jsonl"


def read(path):
    if not path.exists():
        pytest.skip(f"labelled data not at hand: ../shared/data/{path.relative_to(DATA)}")
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_core_pairs_agree_and_none_is_wrongly_accepted():
    cases = [case for case in read(CASES) if case["kind"] == "bare" and case["tier"] == "core"]
    verdicts = [(case, equal(case["gold"], case["answer"])) for case in cases]
    assert [case for case, verdict in verdicts if verdict and not case["equivalent"]] == []
    assert sum(verdict is case["equivalent"] for case, verdict in verdicts) >= 0.985 * len(cases)
    assert sum(verdict is None for _, verdict in verdicts) <= 0.05 * len(cases)


def test_extracted_answers_agree():
    cases = [case for case in read(CASES) if case["kind"] == "extract" and case["tier"] == "core"]
    agreed = [
        case
        for case in cases
        if equal(lenient_answer(case["gold"]) or "", lenient_answer(case["answer"]) or "") is case["equivalent"]
    ]
    assert len(agreed) >= 0.97 * len(cases)


def test_final_numbers_of_model_solutions_agree_with_their_labels():
    agreed = decided = total = 0
    for row in read(SOLUTIONS):
        gold = row["ground_truth"].rpartition("A:")[2]
        for model in ("6b_finetuning", "6b_verification", "175b_finetuning", "175b_verification"):
            verdict = equal(gold, row[model]["solution"].rpartition("A:")[2])
            total += 1
            decided += verdict is not None
            agreed += verdict is row[model]["is_correct"]
    print(f"exact tier decides {decided} of {total} solutions and agrees with {agreed} labels")
    assert total == 4 * 1319
    assert agreed / decided > 0.99
    assert decided / total > 0.95
