"""Selection: which rollouts of a step are trained on."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from verigrad.config.schema import Selection
from verigrad.types import Group, Rollout, ScoredRollout, Status

Groups = list[Group[ScoredRollout]]


def select(groups: Sequence[Group[ScoredRollout]], name: str, limits: Selection) -> Groups:
    """The rollouts that rule `name` keeps, within the limits; questions of which nothing is kept drop out.

    A rollout whose grading failed is left out, unless `limits.failed` is "wrong": then its reward of 0 counts. Limits
    apply in this order: duplicates of a question dropped, at most m per question, at most n unique examples
    (a further rollout of an example that is in is no new one).
    """
    kept = []
    unique: set[tuple[str, tuple[int, ...]]] = set()
    for group in groups:
        chosen = SELECTIONS[name]([scored for scored in group if _counts(scored.rollout, limits.failed)])
        if limits.duplicates == "drop":
            firsts = {scored.rollout.completion.token_ids: scored for scored in reversed(chosen)}
            chosen = [scored for scored in chosen if firsts[scored.rollout.completion.token_ids] is scored]
        if limits.max_per_question:
            chosen = chosen[: limits.max_per_question]
        if limits.max_examples:
            chosen = [scored for scored in chosen if _fits(scored, unique, limits.max_examples)]
        if chosen:
            kept.append(Group(group.prompt, tuple(chosen)))
    return kept


def _fits(scored: ScoredRollout, unique: set[tuple[str, tuple[int, ...]]], limit: int) -> bool:
    completion = scored.rollout.completion
    example = (completion.prompt.text, completion.token_ids)
    if example not in unique and len(unique) == limit:
        return False
    unique.add(example)
    return True


def has_signal(rollouts: Sequence[Rollout], failed: str = "drop") -> bool:
    """Whether the rewards of a question differ: if not, every centred advantage is 0. `failed` as in `select`."""
    return len({rollout.grade.reward for rollout in rollouts if _counts(rollout, failed)}) > 1


def _counts(rollout: Rollout, failed: str) -> bool:
    return failed == "wrong" or not rollout.grade.status.failed


def _all(rollouts: list[ScoredRollout]) -> list[ScoredRollout]:
    return rollouts


def _correct(rollouts: list[ScoredRollout]) -> list[ScoredRollout]:
    return [scored for scored in rollouts if scored.rollout.grade.status is Status.CORRECT]


def _signal(rollouts: list[ScoredRollout]) -> list[ScoredRollout]:
    return rollouts if has_signal([scored.rollout for scored in rollouts], "wrong") else []


# Of the rollouts of one question that count.
SELECTIONS: dict[str, Callable[[list[ScoredRollout]], list[ScoredRollout]]] = {
    "all": _all,
    "correct": _correct,
    "signal": _signal,
}
