"""A user's reward function as a verifier."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable
from typing import SupportsFloat

from verigrad.types import Grade, Problem, Status
from verigrad.verifiers import Claim, Verifier


def from_function(function: Callable[[Problem, str], SupportsFloat | Grade]) -> Verifier:
    """Make a verifier of `(problem, response) -> float | Grade`.

    A `Grade` is taken as it is. A number r gives reward = answer_reward = r and format_reward = 1, since such a
    function knows no format; CORRECT if r > 0.5, else WRONG, reason "function". An exception, a number that is not
    finite or another type gives ERROR with reward 0 and the exception's type and message as reason. The function runs
    in this process, in the thread that submits, without a time limit: one that may hang must guard itself.
    """

    def verify(problem: Problem, response: str) -> Grade:
        try:
            value = function(problem, response)
            return value if isinstance(value, Grade) else _from_number(value)
        except Exception as error:  # the user's code may raise anything; it is counted
            return Grade(0.0, 0.0, 0.0, Status.ERROR, reason=f"{type(error).__name__}: {error}")

    return verify


def by_import_path(path: str) -> Verifier:
    """Make a verifier of the function at "package.module:function", as `from_function`, but run in a worker.

    The worker imports it, with the current directory on its path, before the time limit of a response begins; memory is
    limited throughout. A Grade's rewards,
    status and reason come back; an exception, or what is no reward, is an ERROR.
    """

    def verify(problem: Problem, response: str) -> Claim:
        fields = {field.name: getattr(problem, field.name) for field in dataclasses.fields(problem)}
        payload = json.dumps({"function": path, "problem": {**fields, "details": dict(problem.details)}}, default=str)
        return Claim(problem.answer, response, 1.0, "function", payload, needs=path)

    return verify


def _from_number(value: SupportsFloat) -> Grade:
    if not isinstance(value, SupportsFloat):
        raise TypeError(f"a reward function returns a number or a Grade, not {type(value).__name__}")
    reward = float(value)
    if not math.isfinite(reward):
        raise ValueError(f"reward {reward} is not a finite number")
    status = Status.CORRECT if reward > 0.5 else Status.WRONG
    return Grade(reward, 1.0, reward, status, reason="function")
