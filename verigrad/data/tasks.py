"""The training and validation problems of a config.

What is trained and validated on does not depend on `run.seed`: generators draw from `task.params.seed`, so that runs
with different run seeds answer the same validation problems and can be compared in pairs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from verigrad.config import Config, nearest
from verigrad.config.schema import Task
from verigrad.data.files import read_records
from verigrad.data.reasoning_gym import reasoning_gym_problems
from verigrad.errors import ConfigError, DataError
from verigrad.tasks.chains import chains
from verigrad.tasks.overlap import check_overlap
from verigrad.tasks.records import LAYOUTS, Columns, problem_of
from verigrad.types import Problem

GENERATED_PROBLEMS = 16384
VALIDATION_PROBLEMS = 2048


@dataclass(frozen=True, slots=True)
class TaskData:
    """The problems of a run. `train` is empty where a run only evaluates."""

    train: tuple[Problem, ...]
    validation: tuple[Problem, ...]


def load_task(config: Config, *, train: bool = True) -> TaskData:
    """The problems of a config, checked: no validation question is trained on unless `task.allow_overlap`."""
    task = config.task
    validation = tuple(load_problems(task, "validation"))
    if not train:
        return TaskData((), validation)
    if task.name in LAYOUTS and not task.validation_path and not task.allow_overlap:
        raise ConfigError(
            "task.validation_path is empty: training needs questions that it does not see; give a second file, or "
            "validate on the training file with task.allow_overlap = true"
        )
    training = tuple(load_problems(task, "train"))
    if not task.allow_overlap:
        check_overlap(training, validation)
    return TaskData(training, validation)


def load_problems(task: Task, split: str) -> list[Problem]:
    """The problems of one split ("train" or "validation"), the same for the same settings."""
    if split not in ("train", "validation"):
        raise ValueError(f"split = {split!r}: must be 'train' or 'validation'")
    if task.name not in LOADERS:
        raise ConfigError(f"task.name = {task.name!r}: {nearest(task.name, list(LOADERS))}")
    return LOADERS[task.name](task, split)


def _from_file(task: Task, split: str) -> list[Problem]:
    """The file of a split. Without a validation file, validation reads `task.path`: all that an evaluation needs."""
    layout = LAYOUTS[task.name]
    columns = _columns(task.params, layout.columns)
    path = (split == "validation" and task.validation_path) or task.path
    if not path:
        raise ConfigError(f"task.path is empty: task.name = {task.name!r} reads a file; give its path")
    problems = [problem_of(record, layout, columns) for record in read_records(path)]
    _check_ids(path, problems)
    if split == "validation" or not task.problems:
        return problems
    if task.problems > len(problems):
        raise ConfigError(
            f"task.problems = {task.problems}, but {path} holds {len(problems)}; lower it, or use 0 for all of them"
        )
    return problems[: task.problems]


def _columns(params: Mapping[str, Any], default: Columns) -> Columns:
    """The columns of a layout with those that the config renames. One question column may be given without a list."""
    if isinstance(params.get("question_column"), str):
        params = {**params, "question_column": [params["question_column"]]}
    named = _checked(
        params,
        {
            "question_column": list(default.question),
            "answer_column": default.answer,
            "solution_column": default.solution,
            "id_column": default.id,
        },
    )
    question = named["question_column"]
    if not question or not all(isinstance(column, str) for column in question):
        raise ConfigError(f"task.params.question_column = {question!r}: must be a column's name or a list of names")
    return Columns(tuple(question), named["answer_column"], named["solution_column"], named["id_column"])


def _check_ids(path: str | Path, problems: list[Problem]) -> None:
    seen: set[str] = set()
    for problem in problems:
        if problem.id in seen:
            raise DataError(
                f"{path}: two rows have the id {problem.id!r}, and results are kept by id; correct the file, or leave "
                "task.params.id_column out to number the rows"
            )
        seen.add(problem.id)


def _chains(task: Task, split: str) -> list[Problem]:
    shape = {"min_terms": 4, "max_terms": 6, "max_operand": 9}
    params = _checked(task.params, {**shape, **_GENERATOR})
    shape = {name: params[name] for name in shape}
    if split == "validation":
        shape = _checked(params["validation"], shape, "task.params.validation")
    if shape["min_terms"] < 2 or shape["max_terms"] < shape["min_terms"] or shape["max_operand"] < 1:
        raise ConfigError(
            f"task.params: min_terms = {shape['min_terms']}, max_terms = {shape['max_terms']}, max_operand = "
            f"{shape['max_operand']}; needs 2 <= min_terms <= max_terms and max_operand >= 1"
        )
    try:
        return chains(_count(task, params, split), seed=params["seed"], split=split, **shape)
    except ValueError as error:
        raise ConfigError(f"task.problems or task.params.validation_problems is too high: {error}") from None


def _reasoning_gym(task: Task, split: str) -> list[Problem]:
    params = _checked(task.params, {"dataset": "", "config": {}, **_GENERATOR})
    if not params["dataset"]:
        raise ConfigError("task.params.dataset is empty: name a data set of reasoning-gym, e.g. 'chain_sum'")
    settings = {**params["config"], **(params["validation"] if split == "validation" else {})}
    return reasoning_gym_problems(
        params["dataset"], _count(task, params, split), seed=params["seed"], split=split, config=settings
    )


_GENERATOR: dict[str, Any] = {"seed": 0, "validation_problems": VALIDATION_PROBLEMS, "validation": {}}


def _count(task: Task, params: Mapping[str, Any], split: str) -> int:
    count: int = params["validation_problems"] if split == "validation" else task.problems or GENERATED_PROBLEMS
    if count < 1:
        raise ConfigError(f"task.params.validation_problems = {count}: must be 1 or more")
    return count


def _checked(given: Mapping[str, Any], defaults: Mapping[str, Any], table: str = "task.params") -> dict[str, Any]:
    """`defaults` with what is given: unknown keys raise, and values of another type than the default's."""
    for key, value in given.items():
        if key not in defaults:
            raise ConfigError(f"unknown key {table}.{key}: {nearest(key, list(defaults))}")
        wanted = type(defaults[key])
        if type(value) is not wanted:
            raise ConfigError(f"{table}.{key} = {value!r}: must be {_WORDS[wanted]}")
    return {**defaults, **given}


_WORDS = {int: "a whole number", str: "text", dict: "a table", list: "a name or a list of names"}


LOADERS: dict[str, Callable[[Task, str], list[Problem]]] = {
    "chains": _chains,
    "gsm8k": _from_file,
    "math": _from_file,
    "jsonl": _from_file,
    "reasoning_gym": _reasoning_gym,
}
