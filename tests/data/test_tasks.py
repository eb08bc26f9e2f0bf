import json

import pytest

from verigrad.config import build
from verigrad.config.schema import Task
from verigrad.data.tasks import load_problems, load_task
from verigrad.errors import ConfigError, DataError

SMALL = {"validation_problems": 20}


def config(seed=0, **task):
    return build({"run": {"seed": seed}, "task": task})


def write(path, *questions):
    path.write_text("".join(json.dumps({"question": text, "answer": "0"}) + "\n" for text in questions))
    return str(path)


@pytest.fixture
def files(tmp_path):
    return {
        "path": write(tmp_path / "a.jsonl", "1", "2", "3"),
        "validation_path": write(tmp_path / "b.jsonl", "4", "5"),
    }


def questions(problems):
    return [problem.question for problem in problems]


def test_the_default_task_has_its_two_splits():
    data = load_task(config())
    assert (len(data.train), len(data.validation)) == (16384, 2048)


def test_validation_depends_neither_on_the_run_seed_nor_on_the_number_of_training_problems():
    first = load_task(config(seed=1, name="chains", problems=50, params=SMALL))
    second = load_task(config(seed=2, name="chains", problems=90, params=SMALL))
    assert first.validation == second.validation
    assert first.train == second.train[:50]
    other = load_task(config(name="chains", problems=50, params={**SMALL, "seed": 1}))
    assert other.validation != first.validation


def test_chains_of_another_length_for_validation():
    params = {**SMALL, "min_terms": 2, "max_terms": 3, "validation": {"max_terms": 9, "min_terms": 8}}
    data = load_task(config(name="chains", problems=30, params=params))
    assert {problem.details["terms"] for problem in data.train} == {2, 3}
    assert {problem.details["terms"] for problem in data.validation} == {8, 9}


@pytest.mark.parametrize(
    ("params", "message"),
    [
        (
            {"min_term": 2},
            r"unknown key task\.params\.min_term: did you mean 'min_terms'\? known: min_terms, max_terms",
        ),
        ({"validation": {"max_term": 2}}, r"task\.params\.validation\.max_term: did you mean 'max_terms'"),
        ({"min_terms": "4"}, r"task\.params\.min_terms = '4': must be a whole number"),
        ({"seed": True}, r"task\.params\.seed = True: must be a whole number"),
        ({"validation": 3}, r"task\.params\.validation = 3: must be a table"),
        ({"min_terms": 1}, r"min_terms = 1, .*needs 2 <= min_terms <= max_terms"),
        ({"max_terms": 3}, r"max_terms = 3"),
        ({"max_operand": 0}, r"max_operand = 0"),
        ({"validation_problems": 0}, r"validation_problems = 0: must be 1 or more"),
        (
            {"min_terms": 2, "max_terms": 2, "max_operand": 1, "validation_problems": 3},
            r"validation_problems is too high: only \d different chains",
        ),
    ],
)
def test_bad_parameters_of_chains_are_refused(params, message):
    with pytest.raises(ConfigError, match=message):
        load_task(config(name="chains", params=params))


def test_files(files):
    data = load_task(config(name="jsonl", **files))
    assert (questions(data.train), questions(data.validation)) == (["1", "2", "3"], ["4", "5"])
    assert data.train[0].id == "a.jsonl:1"


def test_the_first_problems_of_a_file(files):
    data = load_task(config(name="jsonl", problems=2, **files))
    assert (questions(data.train), questions(data.validation)) == (["1", "2"], ["4", "5"])
    with pytest.raises(ConfigError, match=r"task\.problems = 4, but .*a\.jsonl holds 3; lower it"):
        load_task(config(name="jsonl", problems=4, **files))


def test_evaluating_needs_one_file_only(files):
    only = load_task(config(name="jsonl", path=files["path"]), train=False)
    assert (only.train, questions(only.validation)) == ((), ["1", "2", "3"])
    assert questions(load_task(config(name="jsonl", **files), train=False).validation) == ["4", "5"]


def test_training_needs_a_second_file(files):
    with pytest.raises(ConfigError, match=r"task\.validation_path is empty: .*task\.allow_overlap = true"):
        load_task(config(name="jsonl", path=files["path"]))
    data = load_task(config(name="jsonl", path=files["path"], allow_overlap=True))
    assert data.train == data.validation


def test_a_question_in_both_files_is_refused_unless_accepted(tmp_path, files):
    files["validation_path"] = write(tmp_path / "b.jsonl", "4", " 2")
    with pytest.raises(DataError, match=r"^1 validation question.*'2'"):
        load_task(config(name="jsonl", **files))
    assert len(load_task(config(name="jsonl", allow_overlap=True, **files)).validation) == 2


def test_only_the_training_problems_that_are_used_count_as_overlap(tmp_path, files):
    files["validation_path"] = write(tmp_path / "b.jsonl", "3")
    assert len(load_task(config(name="jsonl", problems=2, **files)).train) == 2


@pytest.mark.parametrize("question", ["Q", ["Q"], ["P", "Q"]])
def test_columns_by_parameter(tmp_path, question):
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps({"P": "So?", "Q": "1+1", "A": 2.0, "S": "1 and 1", "N": 7}))
    params = {"question_column": question, "answer_column": "A", "solution_column": "S", "id_column": "N"}
    (problem,) = load_problems(Task(name="jsonl", path=str(path), params=params), "train")
    assert problem.question == ("So? 1+1" if question == ["P", "Q"] else "1+1")
    assert (problem.answer, problem.solution, problem.id) == ("2", "1 and 1", "7")


@pytest.mark.parametrize(
    ("task", "message"),
    [
        ({"name": "gsm8"}, r"task\.name = 'gsm8': did you mean 'gsm8k'\? known: chains, gsm8k, math, jsonl"),
        ({"name": "jsonl"}, r"task\.path is empty: task\.name = 'jsonl' reads a file"),
        ({"name": "math", "params": {"colum": "a"}}, r"unknown key task\.params\.colum"),
        ({"name": "jsonl", "params": {"question_column": []}}, r"question_column = \[\]: must be"),
        ({"name": "jsonl", "params": {"question_column": ["a", 1]}}, r"question_column = \['a', 1\]: must be"),
        ({"name": "jsonl", "params": {"question_column": 1}}, r"question_column = 1: must be a name or a list"),
        ({"name": "jsonl", "params": {"answer_column": 1}}, r"answer_column = 1: must be text"),
    ],
)
def test_bad_settings_are_refused(task, message):
    with pytest.raises(ConfigError, match=message):
        load_problems(Task(**task), "train")


def test_two_rows_of_one_id_are_refused(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"question": "1", "answer": "2", "id": "x"}\n' * 2)
    with pytest.raises(DataError, match=r"two rows have the id 'x'.*task\.params\.id_column"):
        load_problems(Task(name="jsonl", path=str(path), params={"id_column": "id"}), "train")


def test_an_unknown_split_is_refused():
    with pytest.raises(ValueError, match="split = 'test'"):
        load_problems(Task(), "test")


STORIES = {"validation_problems": 40, "max_steps": 1}


def test_stories_have_their_two_splits_and_wordings_that_are_set_aside():
    held_out = {**STORIES, "validation": {"templates": "held_out", "max_steps": 3}}
    data = load_task(config(name="stories", problems=300, params=held_out))
    assert (len(data.train), len(data.validation)) == (300, 40)
    assert {problem.details["steps"] for problem in data.train} == {1}
    assert {problem.details["steps"] for problem in data.validation} == {1, 2, 3}
    assert not any("held_out" in problem.details["wording"] for problem in data.train)
    assert all("held_out" in problem.details["wording"] for problem in data.validation)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"templates": "held_out"}, r"unknown key task\.params\.templates"),  # they are never trained on
        (
            {"validation": {"templates": "new"}},
            r"task\.params\.validation\.templates = 'new': must be seen or held_out",
        ),
        ({"families": ["sums"]}, r"task\.params\.families = \['sums'\]: must be some of combine, change"),
        ({"families": []}, r"families = \[\]"),
        ({"max_number": 19}, r"max_number = 19; needs 1 <= min_steps <= max_steps and max_number >= 20"),
        ({"min_steps": 3, "max_steps": 2}, r"min_steps = 3, max_steps = 2"),
        ({"families": ["rates"], "min_steps": 2}, r"no wording of rates has 2 to 3 steps"),
    ],
)
def test_bad_parameters_of_stories_are_refused(params, message):
    with pytest.raises(ConfigError, match=message):
        load_task(config(name="stories", params=params))


def test_a_generator_trains_and_a_file_of_another_set_validates(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"Body": "He has 2", "Question": "How many?", "Answer": 2.0, "ID": "x"}')
    source = f"set:svamp:{tmp_path}/a.jsonl"
    settings = config(name="stories", problems=50, validation_path=source)
    data = load_task(settings)
    assert (len(data.train), settings.task.validated_set) == (50, "svamp")
    assert [(problem.question, problem.answer) for problem in data.validation] == [("He has 2. How many?", "2")]
    assert load_task(settings, train=False).validation == data.validation


def test_a_file_trains_and_a_generator_validates(files):
    data = load_task(config(name="jsonl", path=files["path"], validation_path="set:stories"))
    assert (len(data.train), len(data.validation)) == (3, 2048)


def test_a_set_in_the_place_of_training_problems_is_limited_too(files):
    source = f"set:jsonl:{files['path']}"
    assert questions(load_problems(Task(name="chains", path=source, problems=2), "train")) == ["1", "2"]
    with pytest.raises(ConfigError, match=r"task\.problems = 4, but set:jsonl:.*a\.jsonl holds 3"):
        load_problems(Task(name="chains", path=source, problems=4), "train")


def test_several_files_are_mixed_by_a_pattern(tmp_path, files):
    mixed = load_problems(Task(name="jsonl", path=f"{tmp_path}/*.jsonl"), "train")
    assert sorted(questions(mixed)) == ["1", "2", "3", "4", "5"]
    assert [problem.id.split(":")[0] for problem in mixed] != ["a.jsonl"] * 3 + ["b.jsonl"] * 2
    in_order = load_problems(Task(name="jsonl", path=f"{tmp_path}/*.jsonl", params={"shuffle": False}), "train")
    assert questions(in_order) == ["1", "2", "3", "4", "5"]
    with pytest.raises(DataError, match=r"\*\.csv: no file fits this pattern"):
        load_problems(Task(name="jsonl", path=f"{tmp_path}/*.csv"), "train")


@pytest.mark.parametrize("key", ["path", "validation_path"])
def test_a_generator_reads_no_file(key):
    with pytest.raises(ConfigError, match=rf"task\.{key} = 'a\.jsonl': chains reads no file; leave it empty"):
        load_task(config(name="chains", **{key: "a.jsonl"}))
