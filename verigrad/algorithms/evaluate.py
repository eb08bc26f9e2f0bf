"""Evaluation: sampled and greedy answers to a fixed set of problems, with intervals and the conditions beside them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from verigrad.algorithms.collect import collect, make_requests
from verigrad.algorithms.progress import Progress
from verigrad.config import Config
from verigrad.grading import Grader
from verigrad.runs import rollout_line
from verigrad.samplers import Sampler
from verigrad.stats import mean_interval, pass_at_k, wilson
from verigrad.tasks.templates import template_name
from verigrad.types import Group, Prompt, Rollout, SamplingParams, Status, StopReason


@dataclass(frozen=True, slots=True)
class Evaluation:
    """`metrics` is a line of eval.jsonl without its step; `lines` are those of eval/step_….jsonl."""

    metrics: dict[str, Any]
    lines: list[dict[str, Any]]


def evaluate(
    sampler: Sampler, grader: Grader, prompts: Sequence[Prompt], config: Config, progress: Progress
) -> Evaluation:
    """Answers every prompt `eval.samples` times at `eval.temperature`, and once greedily if `eval.greedy`.

    Random streams depend on the run's seed and the problem alone, so that evaluations of one run are paired.
    """
    settings = config.eval
    params = eval_params(config)
    modes = [("sampled", params, settings.samples)]
    if settings.greedy:
        modes.append(("greedy", replace(params, temperature=0.0), 1))
    groups: dict[str, list[Group[Rollout]]] = {}
    for mode, chosen, samples in modes:
        requests = make_requests(
            prompts, range(len(prompts)), chosen, rollouts=samples, seed=config.run.seed, generation=f"eval/{mode}"
        )
        groups[mode] = collect(sampler, grader, requests, progress, phase=f"evaluating ({mode})")
    metrics = {**summary(groups["sampled"]), **_conditions(config)}
    if settings.greedy:
        correct = sum(rollout.grade.status is Status.CORRECT for group in groups["greedy"] for rollout in group)
        interval = wilson(correct, len(prompts))
        metrics |= {
            "greedy_accuracy": interval.estimate,
            "greedy_accuracy_low": interval.low,
            "greedy_accuracy_high": interval.high,
        }
    lines = [
        rollout_line(rollout) | {"mode": mode} for mode, some in groups.items() for group in some for rollout in group
    ]
    return Evaluation(metrics, lines)


def eval_params(config: Config) -> SamplingParams:
    """How evaluations are sampled: their own temperature, nucleus and budget, the run's stop strings and min_tokens."""
    settings, sampler = config.eval, config.sampler
    assert settings.max_tokens is not None
    return SamplingParams(
        temperature=settings.temperature,
        top_p=settings.top_p,
        min_tokens=min(sampler.min_tokens, settings.max_tokens),
        max_tokens=settings.max_tokens,
        stop=sampler.stop,
    )


def summary(groups: Sequence[Group[Rollout]]) -> dict[str, Any]:
    """Accuracy with its 95 % interval, pass@k, the three classes, verdicts and lengths of sampled groups."""
    rollouts = [rollout for group in groups for rollout in group]
    samples = len(rollouts) // len(groups)
    solved = [sum(rollout.grade.status is Status.CORRECT for rollout in group) for group in groups]
    interval = mean_interval([count / samples for count in solved], samples)
    return {
        "n": len(groups),
        "samples": samples,
        "accuracy": interval.estimate,
        "accuracy_low": interval.low,
        "accuracy_high": interval.high,
        "format_rate": mean([rollout.grade.format_reward > 0 for rollout in rollouts]),
        "classes": classes(rollouts),
        "pass_at_k": {str(k): mean([pass_at_k(samples, c, k) for c in solved]) for k in _powers(samples)},
        **rollout_counts(rollouts),
    }


def classes(rollouts: Sequence[Rollout]) -> dict[str, int]:
    """Counts of the three classes of responses: format and answer right, format alone, neither."""
    names = ("format0", "format1_answer0", "format1_answer1")
    counts = Counter(
        names[(r.grade.format_reward > 0) + (r.grade.format_reward > 0 < r.grade.answer_reward)] for r in rollouts
    )
    return {name: counts[name] for name in reversed(names)}


WRONG_REASONS = ("mismatch", "unreadable", "undecided", "limit", "empty")
"""Why a built-in verifier calls an answer in the right format wrong."""


def rollout_counts(rollouts: Sequence[Rollout]) -> dict[str, Any]:
    """Verdicts, stop reasons and lengths (tokens); a length that no rollout has is left out."""
    correct = [r for r in rollouts if r.grade.status is Status.CORRECT]
    incorrect = [r for r in rollouts if r.grade.status is not Status.CORRECT]
    lengths = {"mean_tokens": rollouts, "mean_tokens_correct": correct, "mean_tokens_incorrect": incorrect}
    stops = Counter(r.completion.stop_reason for r in rollouts)
    statuses = Counter(r.grade.status for r in rollouts)
    reasons = Counter(r.grade.reason for r in rollouts if r.grade.status is Status.WRONG)
    return {
        "statuses": {status.value: statuses[status] for status in Status},
        "wrong_reasons": {reason: reasons[reason] for reason in WRONG_REASONS},
        "stop_reasons": {reason.value: stops[reason] for reason in StopReason},
        "truncated": stops[StopReason.LENGTH] / len(rollouts),
        **{name: mean([len(r.completion.token_ids) for r in some]) for name, some in lengths.items() if some},
    }


def mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _powers(samples: int) -> list[int]:
    """1, 2, 4, … up to `samples`, and `samples` itself."""
    powers = [2**exponent for exponent in range(samples.bit_length()) if 2**exponent <= samples]
    return sorted({*powers, samples})


def _conditions(config: Config) -> dict[str, Any]:
    """What an accuracy is worth nothing without."""
    return {
        "task": config.task.validated_set,
        "template": template_name(config.task.template, config.task.few_shot.count, config.model.chat_template),
        "verifier": config.verifier.name,
        "temperature": config.eval.temperature,
        "top_p": config.eval.top_p,
        "max_tokens": config.eval.max_tokens,
        "model": config.model.path,
    }
