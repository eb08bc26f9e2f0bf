import math

import pytest

from verigrad.grading import Grader, from_function
from verigrad.types import Grade, Problem, Status

PROBLEM = Problem("p", "", "4")


@pytest.mark.parametrize(
    ("value", "status"), [(1.0, Status.CORRECT), (0.51, Status.CORRECT), (0.5, Status.WRONG), (-2, Status.WRONG)]
)
def test_a_number_is_reward_and_answer_reward(value, status):
    verify = from_function(lambda problem, response: value)
    assert verify(PROBLEM, "x") == Grade(float(value), 1.0, float(value), status, reason="function")


def test_it_sees_problem_and_response():
    verify = from_function(lambda problem, response: response.endswith(problem.answer))
    assert verify(PROBLEM, "it is 4").reward == 1.0
    assert verify(PROBLEM, "it is 5").reward == 0.0


def test_a_grade_is_taken_as_it_is():
    grade = Grade(0.3, 0.0, 0.3, Status.UNPARSABLE)
    assert from_function(lambda problem, response: grade)(PROBLEM, "x") is grade


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (math.nan, "ValueError: reward nan is not a finite number"),
        (math.inf, "ValueError: reward inf is not a finite number"),
        (None, "TypeError: a reward function returns a number or a Grade, not NoneType"),
        ("1", "TypeError: a reward function returns a number or a Grade, not str"),
    ],
)
def test_what_is_no_reward_is_an_error(value, reason):
    grade = from_function(lambda problem, response: value)(PROBLEM, "x")
    assert (grade.reward, grade.status, grade.reason) == (0.0, Status.ERROR, reason)


def test_an_exception_is_an_error_that_is_counted():
    def broken(problem, response):
        raise KeyError("level")

    with Grader(from_function(broken), workers=1, time_limit=1.0) as grader:
        (grade,) = grader.grade_all([(PROBLEM, "x")])
        assert (grade.status, grade.reason) == (Status.ERROR, "KeyError: 'level'")
        assert grader.failures[Status.ERROR] == 1
