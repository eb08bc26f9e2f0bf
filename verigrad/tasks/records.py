"""From one record of a data file to a `Problem`.

A layout says how the true answer is found; its columns say where. Columns can be renamed in a config
(`task.params.question_column`), so that a layout serves every file of its kind.

    gsm8k           answer = worked solution, then "#### 72"                   Cobbe et al. 2021, arXiv:2110.14168
    math, problems  answer = its own column, or the last box of the solution   Hendrycks et al. 2021, arXiv:2103.03874
    olympiadbench   answer = a list of texts, each perhaps between $           He et al. 2024, arXiv:2402.14008
    all others      answer = its own column

A set that is published with several spellings of its columns has several `Columns`; the first that a file's first
record has is taken.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import PurePath

from verigrad.answers import boxed_answer, hash_answer
from verigrad.errors import DataError
from verigrad.types import Problem


@dataclass(frozen=True, slots=True)
class Record:
    """A row of a data file. `place` says where it is: "data/train.jsonl:3", or "data/train.json[2]" in a JSON list."""

    place: str
    values: Mapping[str, object]

    @property
    def id(self) -> str:
        """`place` without its folders, so that a problem keeps its id when the data moves."""
        return PurePath(self.place).name

    def text(self, column: str, role: str) -> str:
        """A cell as text, which must be there and not be blank. `role` is what the cell is needed as, for the error.

        A number without a fraction is written as an integer (145.0 → "145"), any other without an exponent.
        """
        if column not in self.values:
            raise DataError(
                f"{self.place}: no column {column!r} for the {role}; the row has {', '.join(self.values) or 'none'}; "
                f"name the right column in task.params.{role}_column, or choose the task.name that fits the file"
            )
        value = self.values[column]
        text = value.strip() if isinstance(value, str) else _number(value)
        if not text:
            raise DataError(
                f"{self.place}: column {column!r} = {value!r} is no {role}; it must be text or a finite number, not "
                "blank: correct or remove the row"
            )
        return text


@dataclass(frozen=True, slots=True)
class Columns:
    """Where a record holds what. Several question columns are joined (`_joined`). "": there is no such column."""

    question: tuple[str, ...] = ("question",)
    answer: str = "answer"
    solution: str = ""
    id: str = ""


Truth = Callable[[Record, Columns], tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Layout:
    """`truth` finds the answer and the worked solution ("" if none); `columns` are those of the published files.

    `others` are columns of other publications of the same set.
    """

    truth: Truth
    columns: Columns
    others: tuple[Columns, ...] = ()

    def fitting(self, values: Mapping[str, object]) -> Columns:
        """The columns that these values have: question, and answer or solution; the published ones where none fit."""
        for columns in (self.columns, *self.others):
            if values.keys() >= set(columns.question) and values.keys() & {columns.answer, columns.solution}:
                return replace(columns, id=columns.id if columns.id in values else "")
        return self.columns


def problem_of(record: Record, layout: Layout, columns: Columns) -> Problem:
    """The problem of a record. Columns that are not used become its `details`."""
    question = _joined([record.text(column, "question") for column in columns.question])
    answer, solution = layout.truth(record, columns)
    identity = record.text(columns.id, "id") if columns.id else record.id
    used = {*columns.question, columns.answer, columns.solution, columns.id}
    details = {name: value for name, value in record.values.items() if name not in used}
    return Problem(id=identity, question=question, answer=answer, solution=solution, details=details)


def _joined(parts: Sequence[str]) -> str:
    """The parts in one line of text. One that ends in a letter or digit, where the next begins with a capital, lacks
    its full stop and gets it (so do 358 of SVAMP's 1,000 bodies).
    """
    text = parts[0]
    for part in parts[1:]:
        text += ". " if text[-1].isalnum() and part[0].isupper() else " "
        text += part
    return text


def _after_hashes(record: Record, columns: Columns) -> tuple[str, str]:
    worked = record.text(columns.answer, "answer")
    answer = hash_answer(worked)
    if not answer:
        raise DataError(
            f"{record.place}: column {columns.answer!r} has no answer after '####'; correct the row, or use "
            "task.name = 'jsonl' where the column is the bare answer"
        )
    return answer, worked.rpartition("####")[0].strip()


def _boxed(record: Record, columns: Columns) -> tuple[str, str]:
    if columns.answer in record.values:
        worked = record.values.get(columns.solution, "")
        return record.text(columns.answer, "answer"), worked if isinstance(worked, str) else ""
    worked = record.text(columns.solution, "solution")
    answer = boxed_answer(worked)
    if not answer:
        raise DataError(
            f"{record.place}: column {columns.solution!r} has no \\boxed{{...}}, and there is no column "
            f"{columns.answer!r}; correct the row, or name the answer's column in task.params.answer_column"
        )
    return answer, worked


def _given(record: Record, columns: Columns) -> tuple[str, str]:
    solution = record.text(columns.solution, "solution") if columns.solution else ""
    return record.text(columns.answer, "answer"), solution


def _listed(record: Record, columns: Columns) -> tuple[str, str]:
    """Answers of a list, joined by ", "; the texts of a list of solutions, joined by a blank line."""
    values = record.values.get(columns.answer)
    if not isinstance(values, list | tuple):
        return record.text(columns.answer, "answer"), ""
    answers = [value.strip().strip("$").strip() if isinstance(value, str) else _number(value) for value in values]
    if not answers or not all(answers):
        raise DataError(
            f"{record.place}: column {columns.answer!r} = {values!r} is no answer; it must be a list of texts or "
            "numbers, none blank: correct or remove the row"
        )
    solution = record.values.get(columns.solution)
    texts = [text for text in solution if isinstance(text, str)] if isinstance(solution, list | tuple) else []
    return ", ".join(answers), "\n\n".join(texts)


def _number(value: object) -> str:
    """A finite number as text, "" for anything else. A bool is none, though Python counts it among the integers."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, float) or not math.isfinite(value):
        return ""
    # repr is the shortest text that reads back as the same float; Decimal spells its exponent out.
    return str(int(value)) if value.is_integer() else format(Decimal(repr(value)), "f")


_PROBLEMS = Columns(question=("problem",), solution="solution")
_QUESTIONS = Columns(solution="solution")
_TABLE = Layout(_given, Columns())

LAYOUTS: dict[str, Layout] = {
    "gsm8k": Layout(_after_hashes, Columns()),
    "math": Layout(_boxed, _PROBLEMS),
    "problems": Layout(_boxed, _PROBLEMS, (_QUESTIONS,)),
    "olympiadbench": Layout(_listed, Columns(answer="final_answer", solution="solution", id="id")),
    "svamp": Layout(_given, Columns(question=("Body", "Question"), answer="Answer", id="ID")),
    "mawps": Layout(_given, Columns(question=("input",), answer="target"), (Columns(answer="result", id="id"),)),
    "jsonl": _TABLE,
    "csv": _TABLE,
    "parquet": _TABLE,
}
