"""A row of the table, bound to a run's settings: the functions behind the six choices."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from torch import Tensor

from verigrad.algorithms.schedule import updates
from verigrad.algorithms.score import trajectory
from verigrad.algorithms.select import Groups, select
from verigrad.config.schema import Algorithm
from verigrad.errors import ConfigError
from verigrad.objective import CREDITS, LOSSES, NORMALIZERS, Credit, CreditState, LossRow, Sampled
from verigrad.objective.divergence import DIVERGENCES
from verigrad.objective.losses import truncated_weights
from verigrad.objective.shaping import shape
from verigrad.policy import Batch, ClipRange, TokenLoss
from verigrad.types import Group, Sample, ScoredRollout, StopReason, Trajectory

# Streams that exist without scoring.
_GIVEN = {"advantages", "sampler_logprobs", "sequence_index"}


@dataclass(frozen=True, slots=True)
class Row:
    """shape → select → credit → normalise and schedule → loss, as the training loop calls them.

    `needs` names the per-token scores that the row's choices read; nothing else is computed. `clip` is where the loss
    clips, where a step has more than one update and it can; `exact_kl` is the β of the exact KL to the reference.
    """

    algorithm: Algorithm
    needs: frozenset[str]
    loss: TokenLoss
    clip: ClipRange | None
    exact_kl: float
    _credit: Credit

    def select(self, groups: Sequence[Group[ScoredRollout]]) -> Groups:
        """The rollouts to train on, with their rewards shaped."""
        algorithm = self.algorithm
        shaped = shape(groups, kl_in_reward=algorithm.divergence.in_reward, overlong_buffer=algorithm.overlong.buffer)
        if algorithm.overlong.drop:
            shaped = [Group(group.prompt, tuple(one for one in group if _finished(one))) for group in shaped]
        return select(shaped, algorithm.select, algorithm.selection)

    def credit(self, groups: Groups, state: CreditState) -> tuple[list[Trajectory], CreditState]:
        """Trajectories of the kept rollouts with their advantages, and the credit's new state."""
        advantages, state = self._credit(groups, state) if groups else ([], state)
        return [
            trajectory(scored.rollout, values, _with_returns(scored, values) if self._reads(scored) else None)
            for group, rows in zip(groups, advantages, strict=True)
            for scored, values in zip(group, rows, strict=True)
        ], state

    def _reads(self, scored: ScoredRollout) -> bool:
        """Whether the scores matter to the loss, or were only taken of a few rollouts, to be watched."""
        return bool(self.needs) or "old_logprobs" in scored.scores

    def updates(
        self, trajectories: Sequence[Trajectory], seed: str, sampled: Sampled | None = None
    ) -> Iterator[tuple[int, list[Sample]]]:
        """(epoch, samples with weights) of each optimiser update."""
        return updates(trajectories, self.algorithm, NORMALIZERS[self.algorithm.normalizer], seed, sampled)


def make_row(algorithm: Algorithm) -> Row:
    """The row that the settings name."""
    loss, credit, numbers = LOSSES[algorithm.loss], CREDITS[algorithm.credit], _numbers(algorithm)
    read = set(loss.streams) - ({"old_logprobs"} if algorithm.one_update else set())
    return Row(
        algorithm,
        frozenset({*credit.needs, *read, *_needs_of_terms(algorithm)} - _GIVEN),
        partial(_token_loss, loss, {name: numbers[name] for name in loss.numbers}, algorithm),
        _clip(algorithm, loss),
        algorithm.divergence.in_loss if algorithm.divergence.estimator == "exact" else 0.0,
        partial(credit.credit, **{name: numbers[name] for name in credit.numbers}),
    )


def _numbers(algorithm: Algorithm) -> dict[str, Any]:
    """The numbers of credits and losses by the names that their rows use."""
    names = ("gamma", "gae_lambda", "ddof", "advantage_eps")
    return {name: getattr(algorithm, name) for name in names} | {
        "clip_low": algorithm.clip.low,
        "clip_high": algorithm.clip.high,
        "clip_shift": algorithm.clip.shift,
        "gate_positive": algorithm.gate.positive,
        "gate_negative": algorithm.gate.negative,
    }


def _needs_of_terms(algorithm: Algorithm) -> set[str]:
    """What the terms beside credit and loss read."""
    needs = set()
    if algorithm.divergence.in_reward or algorithm.divergence.in_loss:
        needs.add("reference_logprobs")
    if algorithm.divergence.in_reward or algorithm.importance_limit:
        needs.add("old_logprobs")
    return needs


def _clip(algorithm: Algorithm, loss: LossRow) -> ClipRange | None:
    if algorithm.one_update or "clip_high" not in loss.numbers:
        return None
    low = algorithm.clip.low if "clip_low" in loss.numbers else 1.0
    return ClipRange(low, algorithm.clip.high, per_sequence="sequence_index" in loss.streams)


def _token_loss(
    loss: LossRow, numbers: Mapping[str, Any], algorithm: Algorithm, logprobs: Tensor, batch: Batch
) -> Tensor:
    """The row's loss per token, times truncated importance weights, plus the sampled divergence, where they are on.

    Old log-probs that were not scored are the current ones without gradient: the step's only update.
    """
    given = {"old_logprobs": logprobs.detach(), "sequence_index": batch.sequence_index}
    streams = {**given, **batch.streams}
    result = loss.function(logprobs, *[streams[name] for name in loss.streams], **numbers)
    if algorithm.importance_limit:
        drawn = streams.get("sampler_logprobs")
        if drawn is None:
            raise ConfigError("algorithm.importance_limit > 0 needs a sampler that gives log-probs; set it to 0")
        result = result * truncated_weights(streams["old_logprobs"], drawn, algorithm.importance_limit)
    if algorithm.divergence.in_loss and algorithm.divergence.estimator != "exact":
        term = DIVERGENCES[algorithm.divergence.estimator](logprobs, streams["reference_logprobs"])
        result = result + algorithm.divergence.in_loss * term
    return result


def _finished(scored: ScoredRollout) -> bool:
    return scored.rollout.completion.stop_reason is not StopReason.LENGTH


def _with_returns(scored: ScoredRollout, advantages: Sequence[float]) -> ScoredRollout:
    """Where V was read: also the returns that it is to be fitted to, A_t + V(s_t)."""
    values = scored.scores.get("values")
    if values is None:
        return scored
    returns = tuple(a + v for a, v in zip(advantages, values, strict=True))
    return ScoredRollout(scored.rollout, {**scored.scores, "returns": returns})
