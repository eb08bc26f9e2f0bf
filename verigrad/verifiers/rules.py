r"""The verifiers that a configuration can name: FORMAT, or FORMAT:JUDGE.

A format says where the answer stands and what is demanded of the response; a judge compares it with the gold answer.
`boxed` is `boxed:math`. Every response gets a verdict.

Rewards are those of the course: format_reward is 1 where the format is right, answer_reward is
1 where besides the answer is equal, and reward = answer_reward. A broken format is UNPARSABLE with reason "format"; a
right format around no answer is WRONG with reason "empty".
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal, TypeAlias

from verigrad.answers import (
    boxed_answers,
    compare,
    concluding_answer,
    course_answer,
    hash_answer,
    is_bare,
    is_readable,
    last_number,
    lenient_answer,
    strict_answer,
    think_answer,
    visible,
)
from verigrad.errors import ConfigError
from verigrad.types import Grade, Problem
from verigrad.verifiers.claims import Blend, Claim, settle, unformatted
from verigrad.verifiers.judges import countdown, exact_match, lm_eval, multiple_choice, numeric, scored_by_generator

Outcome: TypeAlias = Grade | Claim | Blend
Verifier: TypeAlias = Callable[[Problem, str], Outcome]
Judge: TypeAlias = Callable[[Problem, str], Grade | Claim]


@dataclass(frozen=True, slots=True)
class Format:
    """`find` returns the answer, None where the format is broken. Training demands a strict policy.

    `judge` is what the format is judged by where its name stands alone.
    """

    policy: Literal["strict", "lenient"]
    find: Callable[[str], str | None]
    judge: str = "math"


def _tagged(find: Callable[[str], str | None]) -> Callable[[str], str | None]:
    r"""Between tags the last `\boxed{…}` is the answer, if there is one; one that does not close is an empty answer."""

    def find_inside(text: str) -> str | None:
        answer = find(text)
        return boxed_answers(answer) or "" if answer is not None and r"\boxed" in answer else answer

    return find_inside


FORMATS: dict[str, Format] = {
    "r1_zero": Format("strict", _tagged(strict_answer)),
    "r1_zero_course": Format("strict", _tagged(course_answer), "bare"),
    "think_answer": Format("strict", _tagged(think_answer)),
    "boxed": Format("strict", boxed_answers),
    "hash": Format("strict", hash_answer),
    "answer_is": Format("strict", concluding_answer),
    "last_number": Format("lenient", last_number, "lm_eval"),
    "lenient": Format("lenient", lenient_answer, "loose"),
}


def judge(gold: str, answer: str, format_reward: float = 1.0) -> Grade:
    """The grade of an extracted answer against the gold answer. What is undecided or unreadable is wrong."""
    claim = Claim(gold_value(gold), visible(answer).strip(), format_reward)
    if claim.answer and claim.answer == gold.strip():
        return settle(claim, True, "string")
    verdict = compare(claim.gold, claim.answer)
    return settle(claim, bool(verdict), verdict.reason)


def gold_value(gold: str) -> str:
    """The gold answer without what a data file may wrap around it: a box, or the whole solution with its last box."""
    if r"\boxed" in gold or r"\fbox" in gold:
        return lenient_answer(gold) or gold
    return gold.strip()


def _mathematical(problem: Problem, answer: str) -> Grade:
    return judge(problem.answer, answer)


def _bare(problem: Problem, answer: str) -> Grade:
    """As `math`, of a bare expression: the course's grader takes no words beside a value."""
    grade = judge(problem.answer, answer)
    if grade.reason in ("string", "number", "symbolic") and not is_bare(answer):
        return settle(Claim(problem.answer, grade.extracted, 1.0), False, "not bare")
    return grade


def _leniently(problem: Problem, answer: str) -> Grade:
    """For evaluation the gold answer may be a solution in words, too."""
    gold = problem.answer
    return judge(gold if is_readable(gold) else lenient_answer(gold) or gold, answer)


def _format_only(problem: Problem, answer: str) -> Grade:
    return settle(Claim(problem.answer, answer, 1.0), True, "format")


JUDGES: dict[str, Judge] = {
    "math": _mathematical,
    "bare": _bare,
    "loose": _leniently,
    "lm_eval": lm_eval,
    "exact": exact_match,
    "choice": multiple_choice,
    "numeric": numeric,
    "countdown": countdown,
    "reasoning_gym": scored_by_generator,
    "format": _format_only,
}


def verifier_of(form: Format, judged: Judge) -> Verifier:
    """A format and a judge put together."""

    def verify(problem: Problem, response: str) -> Grade | Claim:
        answer = form.find(visible(response))
        return unformatted() if answer is None else judged(problem, answer)

    return verify


def find_verifier(name: str, *, tolerance: float | None = None) -> Verifier:
    """The verifier of a name such as `boxed` or `r1_zero:choice`; ConfigError, with the nearest name, for no such name.

    `tolerance` is that of `numeric`, relative to the gold value.
    """
    form, _, judged = name.partition(":")
    if form not in FORMATS or (judged and judged not in JUDGES):
        nearest = difflib.get_close_matches(form, FORMATS, n=1) if form not in FORMATS else [form]
        hint = f"did you mean '{nearest[0]}'? " if form not in FORMATS and nearest else ""
        raise ConfigError(
            f"verifier.name = '{name}' is not a verifier; {hint}choose one of: {', '.join(FORMATS)}; alone, or with a "
            f"judge after a colon: {', '.join(JUDGES)}"
        )
    if judged == "numeric" and tolerance is not None:
        return verifier_of(FORMATS[form], partial(numeric, tolerance=tolerance))
    return verifier_of(FORMATS[form], JUDGES[judged or FORMATS[form].judge])


def is_strict(name: str) -> bool:
    """Whether the verifier of this name has a strict format, and may be trained on."""
    return FORMATS[name.partition(":")[0]].policy == "strict"


def blended(parts: Sequence[tuple[str, float, Verifier]]) -> Verifier:
    """Σ weight·reward of several verifiers, each reported apart; the first one gives format, answer and status."""

    def verify(problem: Problem, response: str) -> Blend:
        outcomes = []
        for name, weight, each in parts:
            outcome = each(problem, response)
            assert not isinstance(outcome, Blend), "blends are not nested"
            outcomes.append((name, weight, outcome))
        return Blend(tuple(outcomes))

    return verify


VERIFIERS: dict[str, Verifier] = {name: find_verifier(name) for name in FORMATS}
