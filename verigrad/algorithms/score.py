"""Scoring: what the trainer computes of sampled rollouts before it changes anything."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from verigrad.policy import Policy, TokenScores
from verigrad.types import Group, Rollout, Sample, SamplingParams, ScoredRollout, Trajectory


@dataclass(frozen=True, slots=True)
class ScoreSummary:
    """Figures over the response tokens of the scored rollouts. Gap: |sampler's − trainer's log-prob|, in nats.

    `plain_entropy` is that at temperature 1, the same where rollouts were sampled at 1.
    """

    rollouts: int
    entropy: float
    plain_entropy: float
    gap_mean: float
    gap_max: float


def trajectory(
    rollout: Rollout, advantages: Sequence[float] | None = None, scores: ScoredRollout | None = None
) -> Trajectory:
    """The rollout as a flat stream: prompt and response ids as they were sampled, zeros on the prompt.

    A demonstration (policy version −1) was not sampled: it is scored at temperature 1 with no token masked.
    """
    completion = rollout.completion
    params = completion.request.params if completion.policy_version >= 0 else SamplingParams()
    prompt, response = completion.prompt.token_ids, completion.token_ids
    before = (0.0,) * len(prompt)
    streams = dict(scores.scores) if scores else {}
    if completion.sampler_logprobs:
        streams["sampler_logprobs"] = completion.sampler_logprobs
    return Trajectory(
        token_ids=prompt + response,
        sampled=(False,) * len(prompt) + (True,) * len(response),
        advantages=before + tuple(advantages or (0.0,) * len(response)),
        streams={name: before + values for name, values in streams.items()},
        temperature=params.temperature,
        min_tokens=params.min_tokens,
    )


def score(
    policy: Policy,
    groups: Sequence[Group[Rollout]],
    needs: Collection[str],
    monitored: int,
    reference: Policy | None = None,
    baselines: Sequence[float] = (),
) -> tuple[list[Group[ScoredRollout]], ScoreSummary]:
    """Scores all rollouts if the row `needs` scores, else the first `monitored`, taken across the questions.

    `reference` scores them too where `reference_logprobs` is needed; `baselines` are b(s_0) of each group where
    `baseline` is. The summary is what is watched at every step: exact entropy, and how far sampler and trainer are
    apart.
    """
    rollouts = [rollout for group in groups for rollout in group]
    if needs:
        chosen = list(range(len(rollouts)))
    else:
        places = [place for group in groups for place in range(len(group))]
        chosen = sorted(sorted(range(len(rollouts)), key=lambda index: places[index])[:monitored])
    samples = [unweighted(trajectory(rollouts[index])) for index in chosen]
    scores = policy.score(samples)
    found: dict[int, dict[str, tuple[float, ...]]] = {}
    for index, result in zip(chosen, scores, strict=True):
        every = {"entropy": result.entropy, "old_logprobs": result.logprobs, "values": result.values}
        found[index] = {name: stream for name, stream in every.items() if name == "entropy" or name in needs}
    if reference is not None and "reference_logprobs" in needs:
        for index, result in zip(chosen, reference.score(samples), strict=True):
            found[index]["reference_logprobs"] = result.logprobs
    if "baseline" in needs:
        flat = [baseline for group, baseline in zip(groups, baselines, strict=True) for _ in group]
        for index, baseline in enumerate(flat):
            found[index]["baseline"] = (baseline,) * len(rollouts[index].completion.token_ids)
    place = iter(range(len(rollouts)))
    scored = [Group(g.prompt, tuple(ScoredRollout(r, found.get(next(place), {})) for r in g)) for g in groups]
    return scored, _summary([rollouts[index] for index in chosen], scores)


def unweighted(track: Trajectory) -> Sample:
    """For scoring, where no denominator matters."""
    return Sample(track, (0.0,) * len(track.token_ids))


def _summary(rollouts: Sequence[Rollout], scores: Sequence[TokenScores]) -> ScoreSummary:
    gaps: list[float] = []
    for rollout, result in zip(rollouts, scores, strict=True):
        drawn = rollout.completion.sampler_logprobs
        gaps += [abs(ours - theirs) for ours, theirs in zip(result.logprobs, drawn, strict=False)]
    tokens = sum(len(result.entropy) for result in scores)
    entropy = sum(sum(result.entropy) for result in scores) / max(1, tokens)
    plain = sum(sum(result.plain_entropy or result.entropy) for result in scores) / max(1, tokens)
    gap_mean = sum(gaps) / len(gaps) if gaps else 0.0
    return ScoreSummary(len(rollouts), entropy, plain, gap_mean, max(gaps, default=0.0))
