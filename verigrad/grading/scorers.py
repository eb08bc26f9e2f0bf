"""What runs inside a worker: a user's reward function, and reasoning-gym's own scorers."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable
from typing import Any

from verigrad.errors import ConfigError
from verigrad.grading.custom import from_function
from verigrad.types import Grade, Problem, Status


def function_score(response: str, payload: dict[str, Any]) -> dict[str, object]:
    """The grade that a function named "package.module:function" gives a response."""
    verify = _verifier(str(payload["function"]))
    problem = Problem(**payload["problem"])
    grade = verify(problem, response)
    assert isinstance(grade, Grade)
    if grade.status is Status.ERROR:
        return {"error": grade.reason}
    return {
        "status": grade.status.value,
        "reason": grade.reason,
        "reward": grade.reward,
        "format_reward": grade.format_reward,
        "extracted": grade.extracted,
    }


def load(name: str) -> dict[str, object]:
    """Imports the module, or the module of the function, that items will need."""
    importlib.import_module(name.partition(":")[0])
    return {"ready": True}


@functools.cache
def _verifier(path: str) -> Callable[[Problem, str], object]:
    return from_function(load_function(path))


def load_function(path: str) -> Callable[..., Any]:
    """The function of "package.module:function". ConfigError where there is none."""
    module, colon, name = path.partition(":")
    if not (module and colon and name):
        raise ConfigError(f"verifier.function = {path!r}: must be 'package.module:function'")
    try:
        function = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise ConfigError(
            f"verifier.function = {path!r} cannot be imported: {error}; run where {module} is found"
        ) from None
    if not callable(function):
        raise ConfigError(f"verifier.function = {path!r} is no function")
    return function  # type: ignore[no-any-return]


def generator_score(answer: str, payload: dict[str, Any]) -> dict[str, object]:
    """reasoning-gym's score of an answer, 0 to 1: CORRECT at 1."""
    import reasoning_gym

    score = float(reasoning_gym.get_score_answer_fn(payload["dataset"])(answer, payload["entry"]))
    return {"status": "correct" if score >= 1 else "wrong", "reward": score, "reason": "score"}
