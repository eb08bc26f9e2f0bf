"""The training and validation problems of a config.

What is trained and validated on does not depend on `run.seed`: generators draw from `task.params.seed`, so that runs
with different run seeds answer the same validation problems and can be compared in pairs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from glob import glob
from pathlib import Path
from typing import Any

from verigrad.config import Config, nearest
from verigrad.config.schema import Task
from verigrad.data.demonstrations import Demonstration
from verigrad.data.few_shot import examples_of_file, examples_of_problems
from verigrad.data.files import read_records
from verigrad.data.functions import problems_of_function
from verigrad.data.hub import SCHEME, read_hub
from verigrad.data.reasoning_gym import reasoning_gym_problems
from verigrad.data.sets import SETS, NamedSet
from verigrad.errors import ConfigError, DataError
from verigrad.tasks.chains import chains
from verigrad.tasks.overlap import check_overlap, without
from verigrad.tasks.profile import with_pass_rate
from verigrad.tasks.records import LAYOUTS, Columns, Record, problem_of
from verigrad.tasks.stories import FAMILIES, LEAST_MAX_NUMBER, TEMPLATES, stories
from verigrad.types import Problem

SET = "set:"
STEMS = {"train": ("train",), "validation": ("validation", "val", "dev", "test")}
ENDINGS = (".jsonl", ".jsonl.gz", ".json", ".parquet", ".csv")
GENERATED_PROBLEMS = 16384
VALIDATION_PROBLEMS = 2048


@dataclass(frozen=True, slots=True)
class TaskData:
    """The problems of a run; `train` is empty where it only evaluates. `examples` stand before every question."""

    train: tuple[Problem, ...]
    validation: tuple[Problem, ...]
    examples: tuple[Demonstration, ...] = ()


def load_task(config: Config, *, train: bool = True) -> TaskData:
    """The problems of a config, checked: no validation question is trained on unless `task.allow_overlap`.

    Few-shot examples are drawn from all training problems, however many of them are used, and not trained on.
    """
    task = config.task
    validation = tuple(load_problems(task, "validation"))
    if not train:
        return prepared(task, TaskData((), validation))
    if task.name in FILED and _source(task, "train") == _source(task, "validation") and not task.allow_overlap:
        raise ConfigError(
            "task.validation_path is empty: training needs questions that it does not see; give a second file, or "
            "validate on the training file with task.allow_overlap = true"
        )
    training = tuple(load_problems(task, "train"))
    if not task.allow_overlap:
        check_overlap(training, validation)
    return prepared(task, TaskData(training, validation))


def prepared(task: Task, data: TaskData) -> TaskData:
    """The data with its few-shot examples, and the training problems that are left: no example, and of the pass rates
    asked for.
    """
    examples = _examples(task, data)
    train = without(data.train, [example.problem for example in examples])
    if train and task.profile:
        rows = [record.values for record in read_records(task.profile)]
        train = with_pass_rate(train, rows, *task.pass_rate, place=task.profile)
    return TaskData(tuple(train), data.validation, tuple(examples))


def _examples(task: Task, data: TaskData) -> list[Demonstration]:
    settings = task.few_shot
    if not settings.count:
        return []
    if settings.source and not settings.source.startswith(SET):
        return examples_of_file(task, data.validation)
    return examples_of_problems(task, _pool(task, data), data.validation)


def _pool(task: Task, data: TaskData) -> Sequence[Problem]:
    """All problems that examples may be drawn from."""
    if task.few_shot.source:
        return _of_set(task.few_shot.source, "train")
    given_in_python = task.name not in LOADERS
    if given_in_python or (data.train and not task.problems):
        return data.train
    return load_problems(task.model_copy(update={"problems": 0}), "train")


def load_problems(task: Task, split: str) -> list[Problem]:
    """The problems of one split ("train" or "validation"), the same for the same settings."""
    if split not in ("train", "validation"):
        raise ValueError(f"split = {split!r}: must be 'train' or 'validation'")
    if task.name not in LOADERS:
        raise ConfigError(f"task.name = {task.name!r}: {nearest(task.name, list(LOADERS))}")
    given = task.path if split == "train" else task.validation_path
    if not given or task.name in FILED:
        return LOADERS[task.name](task, split)
    if given.startswith(SET):
        return _first(_of_set(given, split), task, split, given)
    key = "path" if split == "train" else "validation_path"
    raise ConfigError(
        f"task.{key} = {given!r}: {task.name} reads no file; leave it empty, or name another set as {SET}NAME or "
        f"{SET}NAME:PATH"
    )


def _from_file(task: Task, split: str) -> list[Problem]:
    """The problems of a split's source: a file, a directory of files, the hub, or another named set."""
    layout = LAYOUTS[_home(task).layout]
    params = dict(task.params)
    given = params.pop("shuffle", None)
    _columns(params, layout.columns)  # what is wrong with them is said before anything is read
    source = _source(task, split)
    mixed = any(mark in source for mark in "*?[") and not source.startswith((SCHEME, SET))
    default = mixed or (_home(task).shuffled and source.startswith((SCHEME, SET)))
    shuffle = _checked({"shuffle": default if given is None else given}, {"shuffle": False})["shuffle"]
    if source.startswith(SET):
        problems = _of_set(source, split)
    else:
        records = _records(source)
        columns = _columns(params, layout.fitting(records[0].values))
        problems = [problem_of(record, layout, columns) for record in records]
        _check_ids(source, problems)
    if shuffle:
        problems.sort(key=lambda problem: hashlib.sha256(problem.id.encode()).digest())
    return _first(problems, task, split, source)


def _records(source: str) -> list[Record]:
    """The records of the hub, of a file, or of every file that a pattern such as data/*.jsonl fits, by name."""
    if source.startswith(SCHEME):
        return read_hub(source)
    if Path(source).expanduser().exists() or not any(mark in source for mark in "*?["):
        return read_records(source)
    paths = sorted(glob(str(Path(source).expanduser())))
    if not paths:
        raise DataError(f"{source}: no file fits this pattern; correct it")
    return [record for path in paths for record in read_records(path)]


def _of_set(source: str, split: str) -> list[Problem]:
    """The problems of "set:NAME", from that set's own place, or of "set:NAME:PATH", from a file of its layout."""
    name, _, path = source.removeprefix(SET).partition(":")
    if name not in LOADERS:
        raise ConfigError(f"{source}: no named set; {nearest(name, list(dict.fromkeys([*SETS, *LOADERS])))}")
    return load_problems(Task(name=name, path=path), split)


def _first(problems: list[Problem], task: Task, split: str, source: str) -> list[Problem]:
    """Of training problems the first `task.problems`, 0 being all."""
    if split == "validation" or not task.problems:
        return problems
    if task.problems > len(problems):
        raise ConfigError(
            f"task.problems = {task.problems}, but {source} holds {len(problems)}; lower it, or use 0 for all of them"
        )
    return problems[: task.problems]


def _source(task: Task, split: str) -> str:
    """Where the problems of a split are. Without a validation file, validation reads `task.path`, all that an
    evaluation needs, and then the set's own home on the hub. Of a directory, the split's own file.
    """
    given = task.path if split == "train" else task.validation_path or task.path
    home = _home(task)
    source = given or (home.train if split == "train" else home.validation)
    if source:
        return source if source.startswith((SCHEME, SET)) else _file_of(source, split)
    if home.train or home.validation:
        raise ConfigError(
            f"task.path is empty: {task.name!r} has no training problems of its own; give some, e.g. task.name = "
            f"'math' with task.validation_path = '{SET}{task.name}'"
        )
    raise ConfigError(f"task.path is empty: task.name = {task.name!r} reads a file; give its path")


def _home(task: Task) -> NamedSet:
    return SETS.get(task.name) or NamedSet(task.name)


def _file_of(source: str, split: str) -> str:
    """The file of a split: the source itself, or DIR/train.jsonl, DIR/validation.jsonl and the like."""
    folder = Path(source).expanduser()
    if not folder.is_dir():
        return source
    names = [f"{stem}{ending}" for stem in STEMS[split] for ending in ENDINGS]
    found = [folder / name for name in names if (folder / name).is_file()]
    if not found:
        raise DataError(
            f"{source}: a directory without a file for {split}; it must have one of {', '.join(STEMS[split])} with an "
            f"ending of {', '.join(ENDINGS)}, or give the path of a file"
        )
    return str(found[0])


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
    return _generated(chains, task, params, split, shape)


def _stories(task: Task, split: str) -> list[Problem]:
    shape: dict[str, Any] = {"families": list(FAMILIES), "min_steps": 1, "max_steps": 3, "max_number": 100}
    params = _checked(task.params, {**shape, **_GENERATOR})
    shape = {name: params[name] for name in shape}
    if split == "validation":
        shape = _checked(params["validation"], {**shape, "templates": "seen"}, "task.params.validation")
    unknown = [family for family in shape["families"] if family not in FAMILIES]
    if unknown or not shape["families"]:
        raise ConfigError(f"task.params.families = {shape['families']!r}: must be some of {', '.join(FAMILIES)}")
    if shape.get("templates", "seen") not in TEMPLATES:
        raise ConfigError(f"task.params.validation.templates = {shape['templates']!r}: must be seen or held_out")
    if shape["min_steps"] < 1 or shape["max_steps"] < shape["min_steps"] or shape["max_number"] < LEAST_MAX_NUMBER:
        raise ConfigError(
            f"task.params: min_steps = {shape['min_steps']}, max_steps = {shape['max_steps']}, max_number = "
            f"{shape['max_number']}; needs 1 <= min_steps <= max_steps and max_number >= {LEAST_MAX_NUMBER}"
        )
    return _generated(stories, task, params, split, shape)


def _generated(
    generate: Callable[..., list[Problem]],
    task: Task,
    params: Mapping[str, Any],
    split: str,
    settings: Mapping[str, Any],
) -> list[Problem]:
    try:
        return generate(_count(task, params, split), seed=params["seed"], split=split, **settings)
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


_WORDS = {int: "a whole number", str: "text", dict: "a table", list: "a name or a list of names", bool: "true or false"}


def _function(task: Task, split: str) -> list[Problem]:
    params = _checked(task.params, {"function": "", "arguments": {}})
    if not params["function"]:
        raise ConfigError("task.params.function is empty: task.name = 'function' needs \"package.module:function\"")
    problems = problems_of_function(params["function"], split, params["arguments"])
    _check_ids(params["function"], problems)
    return problems[: task.problems or None] if split == "train" else problems


FILED = tuple(dict.fromkeys(["gsm8k", "math", "jsonl", "csv", "parquet", *SETS]))
"""Task names whose problems come from a file or from the hub."""

LOADERS: dict[str, Callable[[Task, str], list[Problem]]] = {
    "chains": _chains,
    **dict.fromkeys(FILED, _from_file),
    "stories": _stories,
    "reasoning_gym": _reasoning_gym,
    "function": _function,
}
