"""Given responses, for supervised fine-tuning."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from verigrad.data.files import read_records
from verigrad.errors import DataError
from verigrad.tasks.records import Record
from verigrad.tasks.templates import Template
from verigrad.types import Problem


@dataclass(frozen=True, slots=True)
class Demonstration:
    """A response to be imitated. `problem.answer` is "" where the file does not say what is correct."""

    problem: Problem
    prompt_text: str
    response: str


def load_demonstrations(path: str | Path, template: Template) -> list[Demonstration]:
    """The demonstrations of a file, in its order; a row is of one of two kinds.

        prompt, response [, ground_truth or answer] [, question]   the prompt as the model shall see it
        question, answer (or ground_truth), response               the template is applied

    The first is the layout of the course's sft.jsonl. Prompts and responses are kept to the last space. A question
    that is not given is read back from the prompt where that is a rendering of `template`, so that it can be compared
    with validation questions; otherwise the prompt stands for it.
    """
    return [_demonstration(record, template) for record in read_records(path)]


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
