import json

import pytest

from verigrad.data.demonstrations import demonstrations_of, load_demonstrations
from verigrad.data.templates import load_template
from verigrad.errors import ConfigError, DataError
from verigrad.tasks.records import Record
from verigrad.tasks.templates import Template
from verigrad.types import Problem

TEMPLATE = Template("t", "Q: {question} <think>")


def load(tmp_path, *rows, template=TEMPLATE):
    path = tmp_path / "sft.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return load_demonstrations(path, template)


def test_the_layout_of_the_course(tmp_path):
    template = load_template("r1_zero")
    row = {"prompt": template.render("1+1?"), "response": " 2 </think> <answer> 2 </answer>", "ground_truth": "2"}
    (found,) = load(tmp_path, row, template=template)
    assert found.prompt_text == row["prompt"]
    assert found.response == row["response"], "white space is part of what is trained on"
    assert (found.problem.id, found.problem.question, found.problem.answer) == ("sft.jsonl:1", "1+1?", "2")


def test_a_prompt_of_another_template_stands_for_its_question(tmp_path):
    (found,) = load(tmp_path, {"prompt": "1+1=", "response": "2"})
    assert (found.prompt_text, found.problem.question, found.problem.answer) == ("1+1=", "1+1=", "")


def test_a_given_question_is_kept_beside_a_prompt(tmp_path):
    (found,) = load(tmp_path, {"prompt": "1+1=", "question": "1+1", "response": "2", "answer": 2})
    assert (found.prompt_text, found.problem.question, found.problem.answer) == ("1+1=", "1+1", "2")


def test_a_question_is_put_into_the_template(tmp_path):
    first, second = load(
        tmp_path,
        {"question": "1+1", "answer": "2", "response": "two"},
        {"question": "1+2", "ground_truth": "3", "response": "three"},
    )
    assert (first.prompt_text, first.problem.answer, first.response) == ("Q: 1+1 <think>", "2", "two")
    assert (second.prompt_text, second.problem.answer) == ("Q: 1+2 <think>", "3")


GOOD = {"prompt": "p", "response": "r"}


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"prompt": "p"}, r"no column 'response'"),
        ({"prompt": "p", "response": " "}, r"column 'response' = ' '"),
        ({"prompt": "p", "response": ["r"]}, r"column 'response' = \['r'\]"),
        ({"prompt": 3, "response": "r"}, r"column 'prompt' = 3"),
        ({"prompt": "p", "response": "r", "answer": None}, r"column 'answer' = None is no answer"),
        ({"question": "q", "response": "r"}, r"needs prompt and response, or .*the row has question, response"),
        ({"response": "r"}, r"needs prompt and response"),
        ({"question": "", "answer": "a", "response": "r"}, r"column 'question' = ''"),
    ],
)
def test_a_malformed_row_is_named_by_file_and_line(tmp_path, row, message):
    with pytest.raises(DataError, match=rf"sft\.jsonl:2: .*{message}"):
        load(tmp_path, GOOD, row)


# Worked solutions


FORMAT = " {solution} </think> <answer> {answer} </answer>"


def test_worked_solutions_become_responses_without_the_calculators_notes():
    problem = Problem(
        id="a", question="How many?", answer="72", solution="48/2 = <<48/2=24>>24.\n24+48 = <<24+48=72>>72."
    )
    (found,) = demonstrations_of([problem], TEMPLATE, FORMAT)
    assert found.prompt_text == "Q: How many? <think>"
    assert found.response == " 48/2 = 24.\n24+48 = 72. </think> <answer> 72 </answer>"
    assert found.problem is problem


def test_braces_of_a_solution_and_of_the_format_stand_for_themselves():
    problem = Problem(id="a", question="q", answer=r"\frac{1}{2}", solution=r"{answer} is $\boxed{\frac{1}{2}}$")
    (found,) = demonstrations_of([problem], TEMPLATE, r"{solution}: \boxed{{answer}}")
    assert found.response == r"{answer} is $\boxed{\frac{1}{2}}$: \boxed{\frac{1}{2}}"


def test_problems_without_a_solution_are_left_out():
    problems = [Problem(id=name, question=name, answer="1", solution=text) for name, text in (("a", ""), ("b", "one"))]
    assert [one.problem.id for one in demonstrations_of(problems, TEMPLATE, FORMAT)] == ["b"]
    with pytest.raises(DataError, match=r"none of the 1 training problems has a worked solution; name its column"):
        demonstrations_of(problems[:1], TEMPLATE, FORMAT)


def test_a_format_needs_both_fields():
    with pytest.raises(ConfigError, match=r"task.solution_format = '\{answer\}' has no \{solution\}; write"):
        demonstrations_of([], TEMPLATE, "{answer}")
    with pytest.raises(ConfigError, match=r"has no \{solution\} and no \{answer\}"):
        demonstrations_of([], TEMPLATE, "x")


def test_demonstrations_of_the_hub(monkeypatch):
    rows = [Record("o/n:train[0]", {"prompt": "1+1=", "response": "2"})]
    monkeypatch.setattr("verigrad.data.demonstrations.read_hub", {"hub:o/n?split=train": rows}.__getitem__)
    (found,) = load_demonstrations("hub:o/n?split=train", TEMPLATE)
    assert (found.prompt_text, found.response, found.problem.id) == ("1+1=", "2", "n:train[0]")
