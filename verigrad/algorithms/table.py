"""A row of the table, bound to a run's settings: the functions behind the six choices."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from torch import Tensor

from verigrad.algorithms.schedule import updates
from verigrad.algorithms.score import trajectory
from verigrad.algorithms.select import SELECTIONS, Groups, select
from verigrad.config import nearest
from verigrad.config.schema import Algorithm
from verigrad.errors import ConfigError
from verigrad.objective import CREDITS, LOSSES, NORMALIZERS, CreditState
from verigrad.policy import Batch, TokenLoss
from verigrad.types import Group, Sample, ScoredRollout, Trajectory


@dataclass(frozen=True, slots=True)
class Row:
    """select → credit → normalise and schedule → loss, as the training loop calls them."""

    algorithm: Algorithm
    needs: tuple[str, ...]
    loss: TokenLoss

    def select(self, groups: Sequence[Group[ScoredRollout]]) -> Groups:
        return select(groups, self.algorithm.select, self.algorithm.selection)

    def credit(self, groups: Groups, state: CreditState) -> tuple[list[Trajectory], CreditState]:
        """Trajectories of the kept rollouts with their advantages, and the credit's new state."""
        advantages, state = CREDITS[self.algorithm.credit].credit(groups, state)
        return [
            trajectory(scored.rollout, values, scored if self.needs else None)
            for group, rows in zip(groups, advantages, strict=True)
            for scored, values in zip(group, rows, strict=True)
        ], state

    def updates(self, trajectories: Sequence[Trajectory], seed: str) -> Iterator[tuple[int, list[Sample]]]:
        """(epoch, samples with weights) of each optimiser update."""
        return updates(trajectories, self.algorithm, NORMALIZERS[self.algorithm.normalizer], seed)


def make_row(algorithm: Algorithm) -> Row:
    """The row that the settings name; ConfigError with the nearest name for a choice that does not exist."""
    choices = {
        "select": (algorithm.select, list(SELECTIONS)),
        "credit": (algorithm.credit, list(CREDITS)),
        "loss": (algorithm.loss, list(LOSSES)),
        "normalizer": (algorithm.normalizer, list(NORMALIZERS)),
    }
    for key, (name, known) in choices.items():
        if name not in known:
            raise ConfigError(f"algorithm.{key} = {name!r}: {nearest(name, known)}")
    loss = LOSSES[algorithm.loss]
    made = {"advantages", "sampler_logprobs", "sequence_index"}
    needs = {*CREDITS[algorithm.credit].needs, *loss.streams} - made
    numbers = {name: getattr(algorithm, name) for name in loss.numbers}
    return Row(algorithm, tuple(sorted(needs)), partial(_call, loss.function, loss.streams, numbers))


def _call(function, streams, numbers, logprobs: Tensor, batch: Batch) -> Tensor:  # type: ignore[no-untyped-def]
    values = {**batch.streams, "sequence_index": batch.sequence_index}
    result: Tensor = function(logprobs, *[values[name] for name in streams], **numbers)
    return result
