"""Every gold answer of the published data sets grades itself; of MATH, other problems' answers are refused as well.

MATH is not handed on with this code: VERIGRAD_MATH names a file of it, JSON lines with problem, solution and subject or
type (its 12,500 problems in one file).
"""

from __future__ import annotations

import json
import os
import random
import re
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import pytest

from verigrad.config.schema import Task
from verigrad.data.tasks import load_problems
from verigrad.grading import Grader
from verigrad.types import Problem, Status
from verigrad.verifiers import Verifier, find_verifier, gold_faults

DATA = Path(__file__).parents[2] / "../shared/data"
SVAMP = {"question_column": ["Body", "Question"], "answer_column": "Answer", "id_column": "ID"}
MAWPS = {"question_column": "input", "answer_column": "target"}
FILES = [
    *(("gsm8k", f"gsm8k/{split}.jsonl", {}) for split in ("train", "test")),
    ("jsonl", "svamp/test.jsonl", SVAMP),
    *(("jsonl", f"mawps/{name}.jsonl", MAWPS) for name in ("addsub", "multiarith", "singleeq", "singleop")),
]
WRONG_GOLDS, MOST_ACCEPTED = 5000, 3


@pytest.mark.parametrize(("name", "file", "params"), FILES, ids=lambda value: value if isinstance(value, str) else "")
def test_every_gold_grades_itself(name, file, params):
    path = DATA / file
    if not path.exists():
        pytest.skip(f"the data set is not at ../shared/data/{file}")
    problems = load_problems(Task(name=name, path=str(path), params=params), "train")
    assert problems
    for verifier in ("r1_zero", "r1_zero_course", "boxed", "hash", "answer_is", "lenient", "boxed:numeric"):
        assert gold_faults(problems, verifier) == []
    if name == "gsm8k":  # the whole reference solution is a response, too
        verify = find_verifier("hash")
        solved = [(p, f"{p.solution}\n#### {p.answer}") for p in problems]
        assert all(verify(problem, text).status is Status.CORRECT for problem, text in solved)


def load_math(path: str) -> list[Problem]:
    return load_problems(Task(name="math", path=path), "train")


def faults(problems: Sequence[Problem], verify: Verifier) -> list[str]:
    """Problems whose reference solution, given as the response, is not graded correct."""
    with Grader(verify, workers=1, time_limit=1.0) as grader:
        grades = grader.grade_all([(problem, problem.solution) for problem in problems])
    graded = zip(problems, grades, strict=True)
    return [f"{p.id}: {p.answer}: {grade.reason}" for p, grade in graded if grade.status is not Status.CORRECT]


_DRESSING = re.compile(r"\\text\{[^{}]*\}|\\[$%!, ]|\^\{?\\circ\}?|[a-z] ?=|\{,\}|[\s$,()]|\\left|\\right|\.0*$")


def bare(gold: str) -> str:
    """A gold answer without unit, name, grouping and spelling: those that are alike in this are no wrong answers."""
    return _DRESSING.sub("", gold).replace("dfrac", "frac").replace("tfrac", "frac")


def accepted(problems: Sequence[Problem], verify: Verifier, count: int) -> list[str]:
    """Those that are accepted of `count` answers of other problems of the same subject, all of them other answers."""
    subjects: dict[object, list[Problem]] = defaultdict(list)
    for problem in problems:
        subjects[problem.details.get("subject", problem.details.get("type"))].append(problem)
    draw = random.Random(0)
    pairs: list[tuple[Problem, str]] = []
    while len(pairs) < count:
        problem = draw.choice(problems)
        other = draw.choice(subjects[problem.details.get("subject", problem.details.get("type"))])
        if bare(problem.answer) != bare(other.answer):
            pairs.append((problem, other.answer))
    with Grader(verify, workers=1, time_limit=1.0) as grader:
        grades = grader.grade_all([(problem, rf"\boxed{{{answer}}}") for problem, answer in pairs])
    graded = zip(pairs, grades, strict=True)
    return [f"{problem.answer} ~ {answer}" for (problem, answer), grade in graded if grade.reward]


def test_every_gold_of_math_grades_itself_and_other_answers_are_refused():
    path = os.environ.get("VERIGRAD_MATH")
    if not path:
        pytest.skip("VERIGRAD_MATH is not set: it names a file of MATH, JSON lines of problem, solution and subject")
    problems, verify = load_math(path), find_verifier("boxed")
    assert faults(problems, verify) == []
    assert gold_faults(problems, "boxed") == []
    wrong = accepted(problems, verify, WRONG_GOLDS)
    assert len(wrong) <= MOST_ACCEPTED, wrong


@pytest.fixture
def tiny_math(tmp_path) -> list[Problem]:
    """Rows as those of MATH, by hand: answers of several types in two subjects."""
    answers = {
        "Algebra": [r"\frac{3}{4}", "12", r"(-\infty, 2) \cup [3, 5]", "x^2 + 4x + 4", r"3, -1", r"\$18.90", r"30\%"],
        "Geometry": [
            r"2\sqrt{3}",
            r"90^\circ",
            r"12\pi\text{ cm}^2",
            r"\text{(B)}",
            r"\begin{pmatrix}1\\0\end{pmatrix}",
        ],
    }
    rows = [
        {
            "problem": f"Find it ({number}).",
            "solution": rf"First \boxed{{7}}, no: so $\boxed{{{answer}}}$.",
            "subject": subject,
        }
        for subject, found in answers.items()
        for number, answer in enumerate(found)
    ]
    path = tmp_path / "math.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return load_math(str(path))


def test_the_check_of_math_passes_where_it_should(tiny_math):
    verify = find_verifier("boxed")
    assert [problem.answer for problem in tiny_math][:2] == [r"\frac{3}{4}", "12"]  # the last box
    assert faults(tiny_math, verify) == []
    assert accepted(tiny_math, verify, 200) == []


def test_the_check_of_math_fails_where_it_should(tiny_math):
    generous, blind = find_verifier("boxed:format"), find_verifier("boxed:choice")
    assert len(accepted(tiny_math, generous, 50)) == 50
    assert len(faults(tiny_math, blind)) == len(tiny_math) - 1  # all but the multiple choice
    assert len({pair.partition(" ~ ")[0] for pair in accepted(tiny_math, generous, 400)}) == len(tiny_math)


def test_golds_that_differ_in_dress_only_are_no_wrong_answers():
    assert bare(r"\$1,200") == bare("1200") == bare(r"x = 1{,}200") == bare(r"1200\text{ cm}")
    assert bare(r"\dfrac{1}{2}") == bare(r"\frac{1}{2}")
    assert bare("12") != bare("13")
