import pytest

from verigrad.errors import DataError
from verigrad.tasks.profile import profile_rows, question_hash, with_pass_rate
from verigrad.types import Problem, Status

PROBLEMS = [Problem(name, f"What is {name}?", name) for name in "abc"]


def response(name, status, tokens):
    return {"problem_id": name, "question": f"What is {name}?", "status": status.value, "tokens": tokens}


RESPONSES = [
    *(response("a", Status.CORRECT, tokens) for tokens in (3, 5)),
    response("b", Status.CORRECT, 2),
    response("b", Status.WRONG, 9),
    response("b", Status.UNPARSABLE, 4),
    response("b", Status.TIMEOUT, 9),
    response("c", Status.WRONG, 7),
]


def names(problems):
    return [problem.id for problem in problems]


def test_a_row_counts_the_responses_of_a_problem():
    rows = profile_rows(RESPONSES)
    # b: one of four is correct; (2 + 9 + 4 + 9)/4 = 6 tokens
    assert [(row["id"], row["n"], row["correct"], row["pass_rate"], row["mean_tokens"]) for row in rows] == [
        ("a", 2, 2, 1.0, 4.0),
        ("b", 4, 1, 0.25, 6.0),
        ("c", 1, 0, 0.0, 7.0),
    ]
    assert [row["question_hash"] for row in rows] == [question_hash(problem.question) for problem in PROBLEMS]


@pytest.mark.parametrize(
    ("low", "high", "kept"), [(0, 1, "abc"), (0.25, 0.25, "b"), (0.1, 0.9, "b"), (0.2, 1, "ab"), (0, 0, "c")]
)
def test_bounds_are_kept_inclusive(low, high, kept):
    assert names(with_pass_rate(PROBLEMS, profile_rows(RESPONSES), low, high, "p")) == list(kept)


def test_white_space_does_not_change_a_question():
    assert question_hash("a  b\n") == question_hash("a b") != question_hash("ab")


@pytest.mark.parametrize(
    ("problem", "message"),
    [
        (
            Problem("d", "What is d?", "d"),
            r"task\.profile = 'p\.jsonl': training problem d is not in it; profile these",
        ),
        (Problem("a", "What was a?", "a"), r"problem a had another question when it was profiled"),
    ],
)
def test_a_problem_that_was_not_profiled_is_refused(problem, message):
    with pytest.raises(DataError, match=message):
        with_pass_rate([*PROBLEMS, problem], profile_rows(RESPONSES), 0, 1, "p.jsonl")


def test_nothing_left_and_rows_of_another_file_are_refused():
    with pytest.raises(DataError, match=r"task\.pass_rate = \[0\.3, 0\.9\] leaves none of 3 training problems of p"):
        with_pass_rate(PROBLEMS, profile_rows(RESPONSES), 0.3, 0.9, "p")
    with pytest.raises(DataError, match="a row without pass_rate, question_hash"):
        with_pass_rate(PROBLEMS, [{"id": "a"}], 0, 1, "p")
