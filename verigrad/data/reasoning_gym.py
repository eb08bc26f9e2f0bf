"""Generated problems of the reasoning-gym package, an extra.

The package draws item i of seed s from `Random(s + i)`, so the data sets of nearby seeds overlap almost wholly. Here
each data seed owns a block of 2³² consecutive ones: training items start at its beginning, validation items 2³¹
further on. Chance can still make equal questions, often where a data set has few; so each question text belongs to one
split for good, by a hash, as in `verigrad.tasks.chains`.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

from verigrad.config import nearest
from verigrad.errors import ConfigError, DataError, UsageError
from verigrad.tasks.splits import VALIDATION_SHARE, is_validation
from verigrad.types import Problem

BLOCK = 2**32
OFFSET = {"train": 0, "validation": BLOCK // 2}


def reasoning_gym_problems(
    dataset: str, count: int, *, seed: int, split: str, config: Mapping[str, Any]
) -> list[Problem]:
    """`count` problems of one split ("train" or "validation") of the data set `dataset` with its settings `config`.

    A question may occur more than once within a split. Settings that leave one split without questions raise
    `ConfigError`.
    """
    share = VALIDATION_SHARE if split == "validation" else 1 - VALIDATION_SHARE
    draws = int(2 * count / share) + 256
    start = seed * BLOCK + OFFSET[split]
    items = _create(dataset, start, draws, config)
    problems: list[Problem] = []
    for index in range(draws):
        item = _item(dataset, items, index)
        if is_validation(item["question"]) == (split == "validation"):
            problems.append(_problem(dataset, start + index, item))
        if len(problems) == count:
            return problems
    raise ConfigError(
        f"reasoning-gym's {dataset!r} gave {len(problems)} {split} questions in {draws} draws, {count} are needed: it "
        "has too few different questions; widen task.params.config or ask for fewer"
    )


def _create(dataset: str, start: int, size: int, config: Mapping[str, Any]) -> Any:
    try:
        package = importlib.import_module("reasoning_gym")
    except ImportError as error:
        raise UsageError(
            f"task.name = 'reasoning_gym' needs the package reasoning-gym ({error}); "
            "pip install 'verigrad[reasoning-gym]'"
        ) from None
    known = sorted(package.factory.DATASETS)
    if dataset not in known:
        raise ConfigError(f"task.params.dataset = {dataset!r}: not in reasoning-gym; {nearest(dataset, known)}")
    if taken := config.keys() & {"seed", "size"}:
        raise ConfigError(
            f"task.params.config.{min(taken)} is set by Verigrad, so that the splits stay apart; use task.params.seed, "
            "task.problems or task.params.validation_problems"
        )
    try:
        return package.create_dataset(dataset, seed=start, size=size, **config)
    except (AssertionError, TypeError, ValueError) as error:  # how the package says that a setting is not valid
        raise ConfigError(
            f"task.params.config = {dict(config)!r} is refused by reasoning-gym's {dataset!r}: {error}; correct it"
        ) from None


def _item(dataset: str, items: Any, index: int) -> Mapping[str, Any]:
    try:
        item: Mapping[str, Any] = items[index]
        return item
    except ValueError as error:  # a few data sets seed numpy, which takes seeds below 2³² only
        raise ConfigError(
            f"reasoning-gym's {dataset!r} failed on item {index}: {error}; use task.params.seed = 0, or correct "
            "task.params.config"
        ) from None


def _problem(dataset: str, item_seed: int, item: Mapping[str, Any]) -> Problem:
    answer = item["answer"]
    if not isinstance(answer, str) or not answer.strip():
        raise DataError(
            f"reasoning-gym's {dataset!r}, item of seed {item_seed}: answer = {answer!r}; only its own scorer can "
            "judge a response, and Verigrad compares with an answer text: choose another task.params.dataset"
        )
    return Problem(
        id=f"{dataset}/{item_seed}", question=item["question"], answer=answer, details=item.get("metadata", {})
    )
