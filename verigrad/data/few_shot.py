"""The worked examples that stand before every question (`task.few_shot`)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from verigrad.config.schema import Task
from verigrad.data.demonstrations import Demonstration, demonstrations_of, load_demonstrations
from verigrad.data.templates import load_template
from verigrad.errors import DataError
from verigrad.tasks.overlap import check_overlap, without
from verigrad.types import Problem


def examples_of_problems(task: Task, pool: Sequence[Problem], validation: Sequence[Problem]) -> list[Demonstration]:
    """`task.few_shot.count` problems of the pool as worked examples, the same for every run.

    They are the first in the order of their questions' hashes among those that have a solution and are not validated
    on. DataError where there are too few.
    """
    count = task.few_shot.count
    usable = [problem for problem in without(pool, validation) if problem.solution]
    if len(usable) < count:
        raise DataError(
            f"task.few_shot.count = {count}, but of {len(pool)} problems {len(usable)} have a worked solution and are "
            "not validated on; name the column in task.params.solution_column, or give task.few_shot.source, e.g. "
            "'set:stories' or a JSONL of question, answer and response"
        )
    usable.sort(key=lambda problem: hashlib.sha256(problem.question.encode()).digest())
    return demonstrations_of(usable[:count], load_template(task.template), task.solution_format)


def examples_of_file(task: Task, validation: Sequence[Problem]) -> list[Demonstration]:
    """The first `task.few_shot.count` demonstrations of a file. DataError for too few, or one that is validated on."""
    count, source = task.few_shot.count, task.few_shot.source
    given = load_demonstrations(source, load_template(task.template))[:count]
    if len(given) < count:
        raise DataError(f"task.few_shot.count = {count}, but {source} holds {len(given)}; lower it")
    check_overlap([example.problem for example in given], validation)
    return given
