import json

import pytest

from verigrad.config import build
from verigrad.data import TaskData, load_task, load_template, prepared
from verigrad.errors import DataError
from verigrad.tasks.stories import stories
from verigrad.types import Problem

FORM = " {solution} The answer is {answer}."


def task(count=3, source="", **settings):
    shots = {"count": count, "source": source}
    return {"template": "qa", "solution_format": FORM, "few_shot": shots, **settings}


def config(seed=0, **settings):
    return build({"run": {"seed": seed}, "task": task(**settings)})


def write(path, *rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


@pytest.fixture
def solved(tmp_path):
    """A config of 60 training problems with solutions and 20 validation problems, in files."""

    def written(name, count, split):
        problems = stories(count, seed=0, split=split)
        return write(tmp_path / name, *({"q": p.question, "a": p.answer, "s": p.solution} for p in problems))

    columns = {"question_column": "q", "answer_column": "a", "solution_column": "s"}
    files = {"path": written("train.jsonl", 60, "train"), "validation_path": written("val.jsonl", 20, "validation")}

    def build_config(seed=0, **settings):
        return config(seed, **{"name": "jsonl", "params": columns, **files, **settings})

    return build_config


def texts(problems):
    return {problem.question for problem in problems}


def test_examples_are_the_templates_rendering_with_the_worked_solution(solved):
    data = load_task(solved())
    assert len(data.examples) == 3
    for example in data.examples:
        problem = example.problem
        assert example.text == f"Q: {problem.question}\nA: {problem.solution} The answer is {problem.answer}."


def test_examples_are_neither_trained_nor_validated_on(solved):
    data = load_task(solved())
    assert (len(data.train), len(data.validation)) == (60 - 3, 20)
    assert not texts(example.problem for example in data.examples) & texts((*data.train, *data.validation))


def test_examples_depend_neither_on_the_run_seed_nor_on_the_number_of_training_problems(solved):
    examples = load_task(solved(seed=1)).examples
    assert examples == load_task(solved(seed=2, problems=20)).examples
    assert examples == load_task(solved(), train=False).examples, "an evaluation has the same"
    assert examples[:2] == load_task(solved(count=2), train=False).examples


def test_examples_of_a_generator_depend_on_its_seed_alone():
    first, second, other = (
        load_task(
            config(name="chains", problems=problems, params={"seed": seed, "validation_problems": 9}), train=train
        )
        for problems, seed, train in ((50, 0, True), (0, 0, False), (50, 1, True))
    )
    assert first.examples == second.examples != other.examples


def test_evaluating_without_examples_reads_no_training_problems(tmp_path):
    validation = write(tmp_path / "b.jsonl", {"question": "4", "answer": "4"})
    settings = {"name": "jsonl", "path": str(tmp_path / "none.jsonl"), "validation_path": validation}
    assert load_task(config(count=0, **settings), train=False).examples == ()
    with pytest.raises(DataError, match=r"none\.jsonl: no such file"):
        load_task(config(**settings), train=False)


def test_a_validation_question_is_no_example(tmp_path):
    rows = [{"question": str(n), "answer": str(n), "solution": f"It is {n}."} for n in range(8)]
    settings = {"name": "jsonl", "path": write(tmp_path / "a.jsonl", *rows), "params": {"solution_column": "solution"}}
    settings |= {"validation_path": write(tmp_path / "b.jsonl", *rows[:6]), "allow_overlap": True}
    data = load_task(config(count=2, **settings))
    assert texts(example.problem for example in data.examples) == {"6", "7"}
    assert len(data.train) == 6
    with pytest.raises(DataError, match=r"few_shot\.count = 3, but of 8 problems 2 have a worked solution and are not"):
        load_task(config(count=3, **settings))


def test_a_set_without_solutions_takes_its_examples_from_another(tmp_path):
    path = write(tmp_path / "a.jsonl", {"input": "q", "target": 3.0})
    with pytest.raises(DataError, match=r"of 1 problems 0 have a worked solution.*'set:stories' or a JSONL"):
        load_task(config(name="mawps", path=path), train=False)
    data = load_task(config(name="mawps", path=path, source="set:stories"), train=False)
    assert [example.problem.id.split("/")[0] for example in data.examples] == ["stories"] * 3


def test_trained_on_one_set_and_validated_on_another_the_examples_are_of_the_first(tmp_path, solved):
    path = write(tmp_path / "a.jsonl", {"input": "q", "target": 3.0})
    data = load_task(solved(validation_path=f"set:mawps:{path}"))
    assert data.examples == load_task(solved()).examples
    assert texts(data.validation) == {"q"}


def test_examples_of_a_file(tmp_path, solved):
    rows = [{"question": f"{n}?", "answer": str(n), "response": f" It is {n}."} for n in range(4)]
    source = write(tmp_path / "shots.jsonl", *rows)
    data = load_task(solved(count=2, source=source, problems=20))
    assert [example.text for example in data.examples] == ["Q: 0?\nA: It is 0.", "Q: 1?\nA: It is 1."]
    assert len(data.train) == 20
    with pytest.raises(DataError, match=r"few_shot\.count = 5, but .*shots\.jsonl holds 4; lower it"):
        load_task(solved(count=5, source=source))
    validation = write(tmp_path / "b.jsonl", {"question": "1?", "answer": "1"})
    with pytest.raises(DataError, match="1 validation question"):
        load_task(config(name="jsonl", validation_path=validation, count=2, source=source), train=False)


def test_examples_of_problems_given_in_python():
    given = [Problem(str(n), f"{n}?", str(n), solution=f"It is {n}.") for n in range(10)]
    settings = build({"task": task(count=4, name="given")}).task
    data = prepared(settings, TaskData(tuple(given[:8]), tuple(given[8:])))
    assert (len(data.train), len(data.examples)) == (4, 4)


def test_all_prompts_begin_alike(solved):
    data = load_task(solved())
    template = load_template("qa", [example.text for example in data.examples])
    prompts = [template.render(problem.question) for problem in data.validation]
    beginning = "".join(example.text + "\n\n" for example in data.examples)
    assert template.name == "qa (3-shot)"
    assert all(prompt.startswith(beginning) for prompt in prompts)
    assert template.question_of(prompts[0]) == data.validation[0].question
