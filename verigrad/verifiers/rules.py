"""The verifiers that a configuration can name: where each finds the answer, and what it demands of the format.

Rewards are those of the course: format_reward is 1 where the format is right, answer_reward is 1 where besides the
answer is equal, and reward = answer_reward. A broken format is UNPARSABLE with reason "format"; a right format around
no answer is WRONG with reason "empty".
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from verigrad.errors import ConfigError
from verigrad.types import Grade, Problem, Status
from verigrad.verifiers import exact
from verigrad.verifiers.extract import boxed_answer, course_answer, strict_answer

LONGEST_ANSWER = 10_000
"""Characters. A longer answer that the exact tier cannot decide is wrong (reason "length"); no process reads it."""


@dataclass(frozen=True, slots=True)
class Claim:
    """An answer in the right format of which the exact tier cannot say whether it equals the gold answer."""

    gold: str
    answer: str
    format_reward: float


Verifier: TypeAlias = Callable[[Problem, str], Grade | Claim]


def judge(gold: str, answer: str, format_reward: float = 1.0) -> Grade | Claim:
    """Compare an extracted answer with the gold answer in the exact tier; a Claim where that does not decide."""
    claim = Claim(gold, answer.strip(), format_reward)
    if not claim.answer:
        return settle(claim, False, "empty")
    verdict = exact.equal(gold, claim.answer)
    if verdict is not None:
        match = "string" if gold.strip() == claim.answer else "number"
        return settle(claim, verdict, match if verdict else "mismatch")
    if len(claim.answer) > LONGEST_ANSWER:
        return settle(claim, False, "length")
    return claim


def settle(claim: Claim, equal: bool, reason: str) -> Grade:
    """The grade of a claim whose equivalence is known: reward = answer_reward = 1 if equal, else 0."""
    reward = float(equal)
    status = Status.CORRECT if equal else Status.WRONG
    return Grade(reward, claim.format_reward, reward, status, extracted=claim.answer, reason=reason)


def fail(claim: Claim, status: Status, reason: str) -> Grade:
    """The grade of a claim on which the verifier itself failed: reward 0, status TIMEOUT or ERROR."""
    assert status.failed, f"{status} is a verdict on the answer, not a failure of the verifier"
    return Grade(0.0, claim.format_reward, 0.0, status, extracted=claim.answer, reason=reason)


def r1_zero(problem: Problem, response: str) -> Grade | Claim:
    r"""Our strict rule for the r1_zero prompt: see `strict_answer`.

    If the answer holds a `\boxed{…}`, the last one is taken; a box that does not balance counts as an empty answer.
    """
    return _judge_tagged(problem, strict_answer(response))


def r1_zero_course(problem: Problem, response: str) -> Grade | Claim:
    r"""The course's own rule for the r1_zero prompt, for comparable format rates: see `course_answer`.

    Only the format test and the extraction are the course's; equality is ours, which accepts fewer wrong answers.
    """
    return _judge_tagged(problem, course_answer(response))


def boxed(problem: Problem, response: str) -> Grade | Claim:
    r"""For the question_only prompt: the last `\boxed{…}` is the answer, and its being there is the format."""
    answer = boxed_answer(response)
    return _unformatted() if answer is None else judge(problem.answer, answer)


def _judge_tagged(problem: Problem, answer: str | None) -> Grade | Claim:
    if answer is None:
        return _unformatted()
    if r"\boxed" in answer:
        answer = boxed_answer(answer) or ""
    return judge(problem.answer, answer)


def _unformatted() -> Grade:
    return Grade(0.0, 0.0, 0.0, Status.UNPARSABLE, reason="format")


VERIFIERS: dict[str, Verifier] = {"r1_zero": r1_zero, "r1_zero_course": r1_zero_course, "boxed": boxed}


def find_verifier(name: str) -> Verifier:
    """The row of `VERIFIERS`. ConfigError, with the nearest name and the list, where there is none."""
    if name in VERIFIERS:
        return VERIFIERS[name]
    nearest = difflib.get_close_matches(name, VERIFIERS, n=1)
    hint = f"did you mean '{nearest[0]}'? " if nearest else ""
    raise ConfigError(f"verifier.name = '{name}' is not a verifier; {hint}choose one of: {', '.join(VERIFIERS)}")
