r"""The verifiers that a configuration can name: FORMAT, or FORMAT:JUDGE.

A format says where the answer stands and what is demanded of the response; a judge compares it with the gold answer.
`boxed` is `boxed:math`. Rewards are those of the course: format_reward is 1 where the format is right, answer_reward is
1 where besides the answer is equal, and reward = answer_reward. A broken format is UNPARSABLE with reason "format"; a
right format around no answer is WRONG with reason "empty".
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal, TypeAlias

from verigrad.errors import ConfigError
from verigrad.types import Grade, Problem
from verigrad.verifiers.claims import Blend, Claim, settle, unformatted
from verigrad.verifiers.equality import decide
from verigrad.verifiers.extract import boxed_answer, concluding_answer, course_answer, hash_answer, strict_answer
from verigrad.verifiers.judges import countdown, exact_match, multiple_choice, numeric, scored_by_generator
from verigrad.verifiers.lenient import lenient_answer
from verigrad.verifiers.prose import is_prose

Outcome: TypeAlias = Grade | Claim | Blend
Verifier: TypeAlias = Callable[[Problem, str], Outcome]
Judge: TypeAlias = Callable[[Problem, str], Grade | Claim]


@dataclass(frozen=True, slots=True)
class Format:
    """`find` returns the answer, None where the format is broken. Training demands a strict policy."""

    policy: Literal["strict", "lenient"]
    find: Callable[[str], str | None]


def _tagged(find: Callable[[str], str | None]) -> Callable[[str], str | None]:
    r"""Between tags the last `\boxed{…}` is the answer, if there is one; one that does not close is an empty answer."""

    def find_inside(text: str) -> str | None:
        answer = find(text)
        return boxed_answer(answer) or "" if answer is not None and r"\boxed" in answer else answer

    return find_inside


FORMATS: dict[str, Format] = {
    "r1_zero": Format("strict", _tagged(strict_answer)),
    "r1_zero_course": Format("strict", _tagged(course_answer)),
    "boxed": Format("strict", boxed_answer),
    "hash": Format("strict", hash_answer),
    "answer_is": Format("strict", concluding_answer),
    "lenient": Format("lenient", lenient_answer),
}


def judge(gold: str, answer: str, format_reward: float = 1.0) -> Grade | Claim:
    """Compare an extracted answer with the gold answer in tier 1; a Claim where that does not decide."""
    claim = Claim(gold_value(gold), answer.strip(), format_reward)
    if claim.answer and claim.answer == gold.strip():
        return settle(claim, True, "string")
    verdict = decide(claim.gold, claim.answer)
    return claim if verdict.equal is None else settle(claim, verdict.equal, verdict.reason)


def gold_value(gold: str) -> str:
    """The gold answer without what a data file may wrap around it: a box, or the whole solution with its last box."""
    if r"\boxed" in gold or r"\fbox" in gold:
        return lenient_answer(gold) or gold
    return gold.strip()


def _mathematical(problem: Problem, answer: str) -> Grade | Claim:
    return judge(problem.answer, answer)


def _leniently(problem: Problem, answer: str) -> Grade | Claim:
    """For evaluation the gold answer may be a solution in words, too."""
    gold = problem.answer
    return judge(lenient_answer(gold) or gold if is_prose(gold) else gold, answer)


def _format_only(problem: Problem, answer: str) -> Grade:
    return settle(Claim(problem.answer, answer, 1.0), True, "format")


JUDGES: dict[str, Judge] = {
    "math": _mathematical,
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
        answer = form.find(response)
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
    if judged in ("", "math") and FORMATS[form].policy == "lenient":
        return verifier_of(FORMATS[form], _leniently)
    return verifier_of(FORMATS[form], JUDGES[judged or "math"])


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
