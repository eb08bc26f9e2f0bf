"""Credit: which advantage A_t each sampled token of each rollout gets.

A credit sees the groups of a step and its own state from earlier steps, and returns one tuple of per-token advantages
for each rollout, group by group, with the new state. State is plain JSON, so that a checkpoint can hold it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from verigrad.types import Group, ScoredRollout

Advantages = list[list[tuple[float, ...]]]
CreditState = Mapping[str, float] | None
Credit = Callable[[Sequence[Group[ScoredRollout]], CreditState], tuple[Advantages, CreditState]]


@dataclass(frozen=True, slots=True)
class CreditRow:
    """A credit and the per-token scores it needs computed (names as in `ScoredRollout`)."""

    credit: Credit
    needs: tuple[str, ...] = ()


def one(groups: Sequence[Group[ScoredRollout]], state: CreditState) -> tuple[Advantages, CreditState]:
    """A_t = 1: every kept rollout counts the same. Imitation: SFT, expert iteration.

    After selecting the correct ones this is the reward of REINFORCE without a baseline, r ∈ {0, 1} (CS336 A5 eq. 20).
    """
    return [[(1.0,) * len(scored.rollout.completion.token_ids) for scored in group] for group in groups], state


CREDITS: dict[str, CreditRow] = {
    "one": CreditRow(one),
}
