"""What is written of a step: its line of metrics, its rollouts, and the few that are shown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from verigrad.algorithms.evaluate import mean, rollout_counts
from verigrad.algorithms.score import ScoreSummary
from verigrad.algorithms.select import has_signal
from verigrad.runs import rollout_line
from verigrad.types import Group, Rollout, ScoredRollout, Status, Trajectory

Scored = Sequence[Group[ScoredRollout]]


def step_line(
    groups: Sequence[Group[Rollout]], kept: Scored, scores: ScoreSummary, seconds: Mapping[str, float]
) -> dict[str, Any]:
    """Metrics of a step over all its sampled rollouts (docs/metrics.md)."""
    rollouts = [rollout for group in groups for rollout in group]
    tokens = sum(len(rollout.completion.token_ids) for rollout in rollouts)
    correct = [any(r.grade.status is Status.CORRECT for r in group) for group in groups]
    line = {
        "reward": mean([r.grade.reward for r in rollouts]),
        "format_reward": mean([r.grade.format_reward for r in rollouts]),
        "answer_reward": mean([r.grade.answer_reward for r in rollouts]),
        "pass_rate": mean([r.grade.status is Status.CORRECT for r in rollouts]),
        **rollout_counts(rollouts),
        "kept": sum(map(len, kept)),
        "questions_solved": sum(correct),
        "questions": len(groups),
        "groups_with_signal": sum(has_signal(group.rollouts) for group in groups),
        "rollouts": len(rollouts),
        "scored_rollouts": scores.rollouts,
        "sampled_tokens_per_second": tokens / seconds["sampling"],
        **{f"seconds_{phase}": spent for phase, spent in seconds.items()},
    }
    if scores.rollouts:
        line["entropy_old"] = scores.entropy
        if rollouts[0].completion.request.params.temperature != 1:
            line["plain_entropy_old"] = scores.plain_entropy
    if scores.rollouts and rollouts[0].completion.sampler_logprobs:
        line |= {"sampler_gap_mean": scores.gap_mean, "sampler_gap_max": scores.gap_max}
    return line


def rollout_lines(scored: Scored, kept: Scored, trajectories: Sequence[Trajectory]) -> Iterator[dict[str, Any]]:
    """A line per rollout of the step; of those that were trained on, their mean advantage too."""
    flat = [one for group in kept for one in group]
    advantages = {
        id(one.rollout): sum(track.advantages) / len(one.rollout.completion.token_ids)
        for one, track in zip(flat, trajectories, strict=True)
    }
    for one in (one for group in scored for one in group):
        line = rollout_line(one.rollout) | {
            "sampler_logprobs": list(one.rollout.completion.sampler_logprobs),
            "kept": id(one.rollout) in advantages,
        }
        if line["kept"]:
            line["advantage"] = advantages[id(one.rollout)]
        if one.scores:
            line["entropy"] = mean(one.scores["entropy"])
        yield line


def shown(scored: Scored, count: int) -> list[tuple[Rollout, float | None]]:
    """`count` rollouts to look at, half of them correct where there are enough, of different questions."""
    flat = [one for group in scored for one in group]
    flat.sort(key=lambda one: (not one.scores, one.rollout.completion.request.key.rollout))
    right = [one for one in flat if one.rollout.grade.status is Status.CORRECT]
    wrong = [one for one in flat if one.rollout.grade.status is not Status.CORRECT]
    first = right[: max(count // 2, count - len(wrong))]
    chosen = (first + wrong)[:count]
    return [(one.rollout, mean(one.scores["entropy"]) if one.scores else None) for one in chosen]
