"""The verifier that settings choose: by name, as a blend, or a user's function in a worker that can be killed."""

from __future__ import annotations

import pytest

from verigrad.config.schema import Verifier as Settings
from verigrad.errors import ConfigError
from verigrad.grading import Grader, asks_workers, verifier_for
from verigrad.types import Problem, Status

PROBLEM = Problem("1", "1 + 1?", "2")
REWARDS = """
import os, signal, time

def share(problem, response):
    return response.count(problem.answer) / len(response)

def broken(problem, response):
    raise ValueError("no idea")

def slow(problem, response):
    time.sleep(60)

def dead(problem, response):
    os.kill(os.getpid(), signal.SIGSEGV if response == "segv" else signal.SIGKILL)
"""


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"name": "blend"}, "needs verifier.weights"),
        ({"name": "boxed", "weights": {"boxed": 1.0}}, "is for verifier.name = 'blend'"),
        ({"name": "function"}, "verifier.function is empty"),
        ({"name": "lenient"}, "it is for evaluation"),
        ({"name": "bocksed"}, "did you mean 'boxed'"),
    ],
    ids=str,
)
def test_settings_that_do_not_fit_are_refused(settings, message):
    with pytest.raises(ConfigError, match=message):
        verifier_for(Settings(**settings), train=True)


def test_a_lenient_verifier_may_evaluate():
    with Grader(verifier_for(Settings(name="lenient"), train=False), workers=1, time_limit=5.0) as grader:
        assert grader.submit(PROBLEM, "so it is 2").result().status is Status.CORRECT


def test_a_blend_adds_weighted_rewards_and_names_its_parts():
    # right answer in a box: 0.75·1 + 0.25·1; wrong answer in a box: 0.75·0 + 0.25·1
    settings = Settings(name="blend", weights={"boxed": 0.75, "boxed:format": 0.25})
    with Grader(verifier_for(settings, train=True), workers=1, time_limit=5.0) as grader:
        right, wrong = (grader.submit(PROBLEM, rf"\boxed{{{answer}}}").result() for answer in (2, 3))
    assert (right.reward, wrong.reward) == (1.0, 0.25)
    assert (right.status, wrong.status) == (Status.CORRECT, Status.WRONG)
    assert dict(wrong.parts) == {"boxed": 0.0, "boxed:format": 1.0}


@pytest.mark.parametrize(
    ("settings", "asks"),
    [
        ({}, False),
        ({"name": "boxed:numeric"}, False),
        ({"name": "boxed:reasoning_gym"}, True),
        ({"name": "function", "function": "m:f"}, True),
        ({"name": "blend", "weights": {"boxed": 1.0, "boxed:format": 0.1}}, False),
        ({"name": "blend", "weights": {"boxed": 1.0, "function": 0.1}, "function": "m:f"}, True),
    ],
    ids=str,
)
def test_which_verifiers_ask_a_worker_about_every_answer(settings, asks):
    assert asks_workers(Settings(**settings)) is asks


@pytest.fixture
def rewards(tmp_path, monkeypatch):
    """Grades responses with a function of a module in the current directory."""
    (tmp_path / "my_rewards.py").write_text(REWARDS, encoding="utf-8")
    monkeypatch.chdir(tmp_path)

    def rewards(name, *responses, time_limit=20.0):
        settings = Settings(name="function", function=f"my_rewards:{name}")
        with Grader(verifier_for(settings, train=True), workers=1, time_limit=time_limit) as grader:
            return grader.grade_all([(PROBLEM, response) for response in responses])

    return rewards


def test_a_function_runs_in_a_worker(rewards):
    grades = rewards("share", "2222", "2111", "1111")
    assert [grade.reward for grade in grades] == [1.0, 0.25, 0.0]
    assert [grade.status for grade in grades] == [Status.CORRECT, Status.WRONG, Status.WRONG]


@pytest.mark.parametrize(("name", "reason"), [("broken", "no idea"), ("absent", "cannot be imported")])
def test_a_function_that_fails_is_no_wrong_answer(rewards, name, reason):
    (grade,) = rewards(name, "2")
    assert grade.status is Status.ERROR
    assert reason in grade.reason


def test_a_slow_import_is_not_counted_as_the_first_answer(rewards, tmp_path):
    module = tmp_path / "my_rewards.py"
    module.write_text("import time\ntime.sleep(1.5)\n" + module.read_text(encoding="utf-8"), encoding="utf-8")
    grades = rewards("share", "2222", "1111", time_limit=1.0)
    assert [grade.status for grade in grades] == [Status.CORRECT, Status.WRONG]


def test_a_function_that_takes_too_long_is_killed(rewards):
    (grade,) = rewards("slow", "2", time_limit=0.5)
    assert grade.status is Status.TIMEOUT


@pytest.mark.parametrize("signal", ["segv", "kill"])
def test_a_worker_that_dies_is_an_error(rewards, signal):
    (grade,) = rewards("dead", signal)
    assert (grade.status, grade.reward) == (Status.ERROR, 0.0)
    assert signal.upper() in grade.reason
