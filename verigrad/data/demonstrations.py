"""Given responses, for supervised fine-tuning."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from verigrad.data.files import read_records
from verigrad.data.hub import SCHEME, read_hub
from verigrad.errors import ConfigError, DataError
from verigrad.tasks.records import Record
from verigrad.tasks.templates import Template
from verigrad.types import Problem

SOLUTIONS = "solutions"
"""`task.demonstrations` where the training problems bring their own."""

# GSM8K's notes for a calculator: "48/2 = <<48/2=24>>24"; arXiv:2110.14168, section 3.
_CALCULATOR = re.compile(r"<<[^<>]*>>")


@dataclass(frozen=True, slots=True)
class Demonstration:
    """A response to be imitated. `problem.answer` is "" where the file does not say what is correct."""

    problem: Problem
    prompt_text: str
    response: str

    @property
    def text(self) -> str:
        return self.prompt_text + self.response


def load_demonstrations(path: str | Path, template: Template) -> list[Demonstration]:
    """The demonstrations of a file or hub data set, in its order; a row is of one of two kinds.

        prompt, response [, ground_truth or answer] [, question]   the prompt as the model shall see it
        question, answer (or ground_truth), response               the template is applied

    The first is the layout of the course's sft.jsonl. Prompts and responses are kept to the last space. A question
    that is not given is read back from the prompt where that is a rendering of `template`, so that it can be compared
    with validation questions; otherwise the prompt stands for it.
    """
    hub = isinstance(path, str) and path.startswith(SCHEME)
    return [_demonstration(record, template) for record in (read_hub(str(path)) if hub else read_records(path))]


def demonstrations_of(problems: Sequence[Problem], template: Template, solution_format: str) -> list[Demonstration]:
    """The problems' own worked solutions as responses, GSM8K's calculator notes left out.

    `solution_format` has {solution} and {answer} in it; every other character stands for itself. DataError where no
    problem has a solution; one without is left out.
    """
    missing = [field for field in ("{solution}", "{answer}") if field not in solution_format]
    if missing:
        raise ConfigError(
            f"task.solution_format = {solution_format!r} has no {' and no '.join(missing)}; write for instance "
            "' {solution} </think> <answer> {answer} </answer>'"
        )
    solved = [problem for problem in problems if problem.solution]
    if not solved:
        raise DataError(
            f"task.demonstrations = {SOLUTIONS!r}, but none of the {len(problems)} training problems has a worked "
            "solution; name its column in task.params.solution_column, or give a file of demonstrations"
        )
    return [
        Demonstration(problem, template.render(problem.question), _response(problem, solution_format))
        for problem in solved
    ]


def _response(problem: Problem, solution_format: str) -> str:
    given = {"{solution}": _CALCULATOR.sub("", problem.solution), "{answer}": problem.answer}
    return re.sub("{solution}|{answer}", lambda found: given[found[0]], solution_format)


def _demonstration(record: Record, template: Template) -> Demonstration:
    has_answer = bool(record.values.keys() & {"ground_truth", "answer"})
    answer = _answer(record) if has_answer else ""
    response = _verbatim(record, "response")
    if "prompt" in record.values:
        prompt = _verbatim(record, "prompt")
        given = "question" in record.values
        question = record.text("question", "question") if given else template.question_of(prompt) or prompt
    elif "question" in record.values and has_answer:
        question = record.text("question", "question")
        prompt = template.render(question)
    else:
        raise DataError(
            f"{record.place}: a demonstration needs prompt and response, or question, answer and response; "
            f"the row has {', '.join(record.values) or 'none'}; rename its columns"
        )
    return Demonstration(Problem(id=record.id, question=question, answer=answer), prompt, response)


def _answer(record: Record) -> str:
    return record.text("ground_truth" if "ground_truth" in record.values else "answer", "answer")


def _verbatim(record: Record, column: str) -> str:
    """A cell as it is: white space at its ends is part of what is trained on."""
    value = record.values.get(column)
    if not isinstance(value, str) or not value.strip():
        state = f"column {column!r} = {value!r}" if column in record.values else f"no column {column!r}"
        raise DataError(
            f"{record.place}: {state}; a demonstration needs a text that is not blank in {column!r}: correct or "
            "remove the row"
        )
    return value
