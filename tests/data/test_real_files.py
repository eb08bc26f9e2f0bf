"""The published data sets, where they are at hand."""

import json
import re
from pathlib import Path

import pytest

from verigrad.config.schema import Task
from verigrad.data.tasks import load_problems
from verigrad.tasks.overlap import overlap

DATA = Path(__file__).parents[2] / "../shared/data"
NUMBER = re.compile(r"-?\d+(\.\d+)?")


def load(name, file, params=None):
    path = DATA / file
    if not path.exists():
        pytest.skip(f"the data set is not at ../shared/data/{file}")
    return load_problems(Task(name=name, path=str(path), params=params or {}), "train")


@pytest.mark.parametrize(("file", "rows"), [("gsm8k/test.jsonl", 1319), ("gsm8k/train.jsonl", 7473)])
def test_gsm8k(file, rows):
    problems = load("gsm8k", file)
    assert len(problems) == len({problem.id for problem in problems}) == rows
    assert all(NUMBER.fullmatch(problem.answer.replace(",", "")) for problem in problems)
    assert all(problem.solution and "####" not in problem.solution for problem in problems)
    # An oracle of its own: what stands after the last blank of the line that the file ends in.
    cells = [json.loads(line)["answer"] for line in (DATA / file).read_text(encoding="utf-8").splitlines()]
    assert [problem.answer for problem in problems] == [cell.split(" ")[-1].strip() for cell in cells]


def test_gsm8k_keeps_its_splits_apart():
    assert overlap(load("gsm8k", "gsm8k/train.jsonl"), load("gsm8k", "gsm8k/test.jsonl")) == []


def test_svamp():
    problems = load("svamp", "svamp/test.jsonl")
    assert len(problems) == 1000
    assert (problems[0].id, problems[0].answer) == ("chal-777", "145")
    assert problems[0].question.endswith("into 93 groups. How big is each group of bananas?")
    assert all(NUMBER.fullmatch(problem.answer) for problem in problems)


@pytest.mark.parametrize(("file", "rows"), [("addsub", 395), ("multiarith", 600), ("singleeq", 508), ("singleop", 562)])
def test_mawps(file, rows):
    problems = load("mawps", f"mawps/{file}.jsonl")
    assert len(problems) == rows
    assert all(NUMBER.fullmatch(problem.answer) for problem in problems)
    assert not any(problem.answer.endswith(".0") for problem in problems)
