"""Problems from a user's own Python function, by its import path."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from verigrad.errors import ConfigError, DataError
from verigrad.tasks.records import LAYOUTS, Columns, Record, problem_of
from verigrad.types import Problem


def problems_of_function(path: str, split: str, arguments: Mapping[str, Any]) -> list[Problem]:
    """What the function at "package.module:function" gives for (split, **arguments).

    `split` is "train" or "validation". The function returns problems, or mappings with question, answer and, where
    there are, id and solution; other entries become details. The current directory is on the import path.
    """
    function = find_function(path)
    try:
        items = list(function(split, **arguments))
    except Exception as error:  # the user's code may raise anything
        raise DataError(
            f"task.params.function = {path!r} failed on split {split!r}: {type(error).__name__}: {error}; it must take "
            "(split, **task.params.arguments) and return problems"
        ) from None
    if not items:
        raise DataError(f"task.params.function = {path!r} gave no problems for split {split!r}; it must give some")
    return [_problem(path, split, index, item) for index, item in enumerate(items)]


def find_function(path: str) -> Callable[..., Iterable[Problem | Mapping[str, Any]]]:
    """The function that the path names; ConfigError where there is none."""
    module_name, colon, name = path.partition(":")
    if not (module_name and colon and name):
        raise ConfigError(f'task.params.function = {path!r}: write "package.module:function"')
    here = os.getcwd()
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        module = importlib.import_module(module_name)
    except Exception as error:  # a module may raise anything while it is imported
        raise ConfigError(
            f"task.params.function = {path!r}: module {module_name!r} cannot be imported ({type(error).__name__}: "
            f"{error}); it is looked for in the current directory and among the installed packages"
        ) from None
    function = getattr(module, name, None)
    if not callable(function):
        raise ConfigError(f"task.params.function = {path!r}: module {module_name!r} has no function {name!r}")
    found: Callable[..., Iterable[Problem | Mapping[str, Any]]] = function
    return found


def _problem(path: str, split: str, index: int, item: object) -> Problem:
    if isinstance(item, Problem):
        return item
    place = f"{path}:{split}[{index}]"
    if not isinstance(item, Mapping):
        raise DataError(
            f"{place}: a {type(item).__name__}; the function must give problems, or mappings with question and answer"
        )
    solution, identity = ("solution" if "solution" in item else ""), ("id" if "id" in item else "")
    return problem_of(Record(place, item), LAYOUTS["jsonl"], Columns(solution=solution, id=identity))
