"""Problems from a user's own function."""

from __future__ import annotations

import sys

import pytest

from verigrad.config import build
from verigrad.config.schema import Task
from verigrad.data.tasks import load_problems, load_task
from verigrad.errors import ConfigError, DataError

MODULE = """
from verigrad.types import Problem

def sums(split, terms=2):
    base = 0 if split == "train" else 100
    for i in range(5):
        question = "+".join([str(base + i)] * terms)
        yield {"question": question, "answer": (base + i) * terms, "level": 1}

def ready(split):
    return [Problem(id=f"{split}/1", question=f"{split}?", answer="1")]

def full(split):
    return [{"id": "x", "question": "q", "answer": "2", "solution": "1+1"}]

def twice(split):
    return full(split) * 2

def none(split):
    return []

def broken(split):
    raise RuntimeError("no disk")

def bare(split):
    return ["1+1"]

def unanswered(split):
    return [{"question": "q"}]

number = 3
"""


@pytest.fixture
def module(tmp_path, monkeypatch):
    (tmp_path / "my_problems.py").write_text(MODULE, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield "my_problems"
    sys.modules.pop("my_problems", None)


def task(name, problems=0, **params):
    return Task(name="function", problems=problems, params={"function": name, **params})


def test_a_function_gives_both_splits(module):
    tables = {"name": "function", "problems": 3, "params": {"function": f"{module}:sums", "arguments": {"terms": 3}}}
    data = load_task(build({"task": tables}))
    assert [problem.question for problem in data.train] == ["0+0+0", "1+1+1", "2+2+2"]
    assert [problem.answer for problem in data.validation] == ["300", "303", "306", "309", "312"]
    assert (data.train[0].id, data.train[0].details) == (f"{module}:sums:train[0]", {"level": 1})


def test_problems_and_rows_are_taken_as_they_are(module):
    assert load_problems(task(f"{module}:ready"), "train")[0].id == "train/1"
    (problem,) = load_problems(task(f"{module}:full"), "train")
    assert (problem.id, problem.solution, problem.details) == ("x", "1+1", {})


@pytest.mark.parametrize(
    ("name", "kind", "message"),
    [
        ("", ConfigError, r"task\.params\.function is empty"),
        ("my_problems", ConfigError, r"= 'my_problems': write \"package\.module:function\""),
        ("my_problem:sums", ConfigError, r"module 'my_problem' cannot be imported \(ModuleNotFoundError"),
        ("my_problems:sum", ConfigError, r"module 'my_problems' has no function 'sum'"),
        ("my_problems:number", ConfigError, r"has no function 'number'"),
        ("my_problems:none", DataError, r"gave no problems for split 'train'"),
        ("my_problems:broken", DataError, r"failed on split 'train': RuntimeError: no disk"),
        ("my_problems:bare", DataError, r"my_problems:bare:train\[0\]: a str; the function must give problems"),
        ("my_problems:unanswered", DataError, r"train\[0\]: no column 'answer' for the answer"),
        ("my_problems:twice", DataError, r"two rows have the id 'x'"),
    ],
)
def test_refusals(module, name, kind, message):
    with pytest.raises(kind, match=message):
        load_problems(task(name), "train")


def test_an_argument_that_the_function_does_not_take(module):
    with pytest.raises(DataError, match=r"TypeError: .*unexpected keyword argument 'digits'"):
        load_problems(task(f"{module}:sums", arguments={"digits": 2}), "train")
