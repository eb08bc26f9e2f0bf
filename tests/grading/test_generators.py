"""reasoning-gym's own scorers in a worker, where the package is installed."""

from __future__ import annotations

import pytest

from verigrad.config.schema import Task
from verigrad.data import load_problems
from verigrad.grading import Grader
from verigrad.types import Status
from verigrad.verifiers import find_verifier


@pytest.mark.parametrize("dataset", ["chain_sum", "countdown", "spell_backward"])
def test_a_generators_own_answers_are_right_and_others_wrong(dataset):
    pytest.importorskip("reasoning_gym", reason="reasoning-gym is not installed: pip install 'verigrad[reasoning-gym]'")
    problems = load_problems(Task(name="reasoning_gym", params={"dataset": dataset}, problems=5), "train")
    pairs = [(problem, rf"\boxed{{{problem.answer}}}") for problem in problems]
    with Grader(find_verifier("boxed:reasoning_gym"), workers=1, time_limit=1.0) as grader:
        right = grader.grade_all(pairs)
        wrong = grader.grade_all([(problem, r"\boxed{zzz}") for problem in problems])
    assert [grade.status for grade in right] == [Status.CORRECT] * 5  # the import is not counted as the first answer
    assert [grade.status for grade in wrong] == [Status.WRONG] * 5
    assert {grade.reason for grade in right} == {"score"}
