"""Questions that are in both the training and the validation set, which would make a validation accuracy too high."""

from __future__ import annotations

from collections.abc import Iterable

from verigrad.errors import DataError
from verigrad.types import Problem


def overlap(training: Iterable[Problem], validation: Iterable[Problem]) -> list[str]:
    """The question texts in both, each once, in the order of `validation`; runs of white space count as one space."""
    seen = {_normal(problem.question) for problem in training}
    texts = dict.fromkeys(_normal(problem.question) for problem in validation)
    return [text for text in texts if text in seen]


def without(problems: Iterable[Problem], others: Iterable[Problem]) -> list[Problem]:
    """The problems whose question is none of the others'; runs of white space count as one space."""
    texts = {_normal(problem.question) for problem in others}
    return [problem for problem in problems if _normal(problem.question) not in texts]


def check_overlap(training: Iterable[Problem], validation: Iterable[Problem]) -> None:
    """Raises `DataError` if a question is in both sets."""
    both = overlap(training, validation)
    if both:
        raise DataError(
            f"{len(both)} validation question(s) are in the training set too, so validation would measure memory; the "
            f"first is {_short(both[0])!r}; use other files or generator settings, or accept it with "
            "task.allow_overlap = true"
        )


def _normal(question: str) -> str:
    return " ".join(question.split())


def _short(text: str, limit: int = 80) -> str:
    return text if len(text) <= limit else text[: limit - 3] + "..."
