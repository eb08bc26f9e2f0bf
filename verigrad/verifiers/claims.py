"""What a verifier hands on: a claim that only another process can settle, a blend of several outcomes, and grades."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from verigrad.types import Grade, Status


@dataclass(frozen=True, slots=True)
class Claim:
    """An answer in the right format that code of others must judge.

    `kind` says which question a worker is asked: "reasoning_gym" (its scorer's score) or "function" (a user's reward).
    `payload` is JSON with what else the worker must know; `needs` names the module, or the module:function, that it
    imports first. A built-in judge decides by itself and leaves these empty.
    """

    gold: str
    answer: str
    format_reward: float
    kind: str = ""
    payload: str = ""
    needs: str = ""


@dataclass(frozen=True, slots=True)
class Blend:
    """Name, weight and outcome of several verifiers of one response; the first is the leading one."""

    parts: tuple[tuple[str, float, Grade | Claim], ...]


def settle(claim: Claim, equal: bool, reason: str) -> Grade:
    """The grade of a claim whose equivalence is known: reward = answer_reward = 1 if equal, else 0."""
    return scored(claim, float(equal), equal, reason)


def scored(claim: Claim, reward: float, correct: bool, reason: str) -> Grade:
    """The grade of a claim with a reward of its own."""
    status = Status.CORRECT if correct else Status.WRONG
    return Grade(reward, claim.format_reward, reward, status, extracted=claim.answer, reason=reason)


def fail(claim: Claim, status: Status, reason: str) -> Grade:
    """The grade of a claim on which the verifier itself failed: reward 0, status TIMEOUT or ERROR."""
    assert status.failed, f"{status} is a verdict on the answer, not a failure of the verifier"
    return Grade(0.0, claim.format_reward, 0.0, status, extracted=claim.answer, reason=reason)


def unformatted() -> Grade:
    """The grade of a response in no format."""
    return Grade(0.0, 0.0, 0.0, Status.UNPARSABLE, reason="format")


def mixed(names: Sequence[str], weights: Sequence[float], grades: Sequence[Grade]) -> Grade:
    """Σ weight·reward, with each part's own reward in `parts`. A part that failed makes the whole a failure."""
    failed = [grade for grade in grades if grade.status.failed]
    lead = failed[0] if failed else grades[0]
    reward = 0.0 if failed else sum(weight * grade.reward for weight, grade in zip(weights, grades, strict=True))
    parts = tuple((name, grade.reward) for name, grade in zip(names, grades, strict=True))
    return replace(lead, reward=reward, parts=parts)
