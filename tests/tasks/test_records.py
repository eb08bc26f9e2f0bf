import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verigrad.errors import DataError
from verigrad.tasks.records import LAYOUTS, Columns, Record, problem_of


def problem(layout, values, place="data/x.jsonl:3", columns=None):
    chosen = LAYOUTS[layout]
    return problem_of(Record(place, values), chosen, columns or chosen.columns)


def test_gsm8k():
    worked = "48/2 = <<48/2=24>>24 clips #### no\n24+48 = 72.\n#### 1,072 "
    found = problem("gsm8k", {"question": " How many? ", "answer": worked})
    assert (found.question, found.answer) == ("How many?", "1,072")
    assert found.solution == "48/2 = <<48/2=24>>24 clips #### no\n24+48 = 72."
    assert found.id == "x.jsonl:3"
    assert found.details == {}


@pytest.mark.parametrize("worked", ["It is 72.", "It is 72.\n####", "####  \n72"])
def test_gsm8k_without_an_answer(worked):
    with pytest.raises(DataError, match=r"^data/x\.jsonl:3: column 'answer' has no answer after '####'; .*jsonl"):
        problem("gsm8k", {"question": "How many?", "answer": worked})


@pytest.mark.parametrize(
    ("solution", "answer"),
    [
        (r"First $\boxed{1}$, then $\boxed{\frac{1}{2}}$.", r"\frac{1}{2}"),
        (r"So $x = \boxed 5$ it is.", "5"),
        (r"So \fbox{x^{2^{3}}}", "x^{2^{3}}"),
        (r"A set: $\boxed{\{1, 2\}}$", r"\{1, 2\}"),
    ],
)
def test_math_takes_the_last_box(solution, answer):
    row = {"problem": "p", "solution": solution, "level": "Level 5", "type": "Algebra"}
    found = problem("math", row)
    assert (found.question, found.answer, found.solution) == ("p", answer, solution)
    assert found.details == {"level": "Level 5", "type": "Algebra"}


def test_math_prefers_an_answer_column():
    found = problem("math", {"problem": "p", "solution": r"\boxed{2}", "answer": 3, "unique_id": "a/1"})
    assert (found.answer, found.solution, found.details) == ("3", r"\boxed{2}", {"unique_id": "a/1"})
    assert problem("math", {"problem": "p", "answer": "3"}).solution == ""
    assert problem("math", {"problem": "p", "answer": "3", "solution": None}).solution == ""


def test_math_without_a_box():
    with pytest.raises(DataError, match=r"column 'solution' has no \\boxed.* no column 'answer'.*answer_column"):
        problem("math", {"problem": "p", "solution": "5"})


def test_math_without_a_solution():
    with pytest.raises(DataError, match=r"no column 'solution' for the solution; the row has problem; "):
        problem("math", {"problem": "p"})


def test_jsonl_with_columns_of_its_own():
    row = {"ID": "chal-7", "Body": "There are 290 bananas.", "Question": "How many?", "Answer": 145.0, "how": "290/2"}
    columns = Columns(question=("Body", "Question"), answer="Answer", solution="how", id="ID")
    found = problem("jsonl", {**row, "Type": "Division"}, columns=columns)
    assert (found.id, found.question, found.answer) == ("chal-7", "There are 290 bananas. How many?", "145")
    assert (found.solution, found.details) == ("290/2", {"Type": "Division"})


def test_a_missing_column_names_place_column_row_and_remedy():
    with pytest.raises(DataError) as error:
        problem("jsonl", {"Q": "1+1", "answer": "2"})
    assert str(error.value) == (
        "data/x.jsonl:3: no column 'question' for the question; the row has Q, answer; name the right column in "
        "task.params.question_column, or choose the task.name that fits the file"
    )
    with pytest.raises(DataError, match="the row has none"):
        problem("jsonl", {})


@pytest.mark.parametrize("value", ["", "  \n", None, True, [1], {"a": 1}, float("nan"), float("inf")])
def test_what_is_no_text_and_no_number_is_refused(value):
    with pytest.raises(DataError, match=r"x\.jsonl:3: column 'answer' = .* is no answer"):
        problem("jsonl", {"question": "q", "answer": value})


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (145.0, "145"),
        (-3, "-3"),
        (0.1, "0.1"),
        (-0.0, "0"),
        (1e-7, "0.0000001"),
        (1e21, "1" + 21 * "0"),
        (10**400, "1" + 400 * "0"),
    ],
)
def test_numbers_as_text(value, text):
    assert problem("jsonl", {"question": "q", "answer": value}).answer == text


@given(st.floats(allow_nan=False, allow_infinity=False) | st.integers())
def test_a_number_survives_being_written(value):
    text = problem("jsonl", {"question": "q", "answer": json.loads(json.dumps(value))}).answer
    assert (float if isinstance(value, float) else int)(text) == value
    assert "e" not in text
    assert not text.endswith(".0")


def test_ids_do_not_depend_on_the_folder():
    values = {"question": "q", "answer": "a"}
    assert problem("jsonl", values, place="/a/b/t.json[0]").id == problem("jsonl", values, place="t.json[0]").id
