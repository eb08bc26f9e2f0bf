"""The training loop. Every algorithm is a row of its table; the loop does not know which."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from time import perf_counter
from typing import Any

from torch import Tensor

from verigrad.algorithms.collect import collect, make_requests
from verigrad.algorithms.evaluate import evaluate
from verigrad.algorithms.progress import Clock, Progress
from verigrad.algorithms.record import rollout_lines, shown, step_line
from verigrad.algorithms.schedule import count_updates
from verigrad.algorithms.score import ScoreSummary, score
from verigrad.algorithms.table import make_row
from verigrad.config import Config
from verigrad.errors import NonFiniteError, SamplerDrift
from verigrad.grading import Grader, check_failures
from verigrad.objective import CreditState
from verigrad.policy import Policy
from verigrad.runs import RunDirectory
from verigrad.samplers import Sampler
from verigrad.tasks.batches import batch_indices
from verigrad.types import Prompt, Request, SamplingParams

# Largest mean |Δ log p| (nats) between sampler and trainer that rounding explains, by dtype.
GAP_LIMIT = {"float32": 1e-3, "bfloat16": 5e-2}


@dataclass(frozen=True, slots=True)
class Parts:
    """What a run is made of. `sampler` gives the training responses, `evaluator` those of evaluations."""

    config: Config
    policy: Policy
    sampler: Sampler
    evaluator: Sampler
    grader: Grader
    prompts: list[Prompt]
    validation: list[Prompt]
    progress: Progress
    base: Mapping[str, Tensor]
    stop_requested: Callable[[], bool] = lambda: False


@dataclass(slots=True)
class Position:
    """Where a run is: all that the next step depends on beside weights and optimiser."""

    step: int = 0
    rollouts_seen: int = 0
    tokens_seen: int = 0
    seconds: float = 0.0
    credit_state: CreditState = None


def train(parts: Parts, run: RunDirectory) -> int:
    """Trains from where the run is to its last step; returns the step that was reached.

    Step k depends only on the state after step k − 1, the config and k, so that a run that was killed goes on as if it
    had not been.
    """
    config, policy, progress = parts.config, parts.policy, parts.progress
    row, limits = make_row(config.algorithm), config.run
    at, started = _restore(parts, run), perf_counter()
    if not run.checkpoint:
        _evaluate(parts, run, at)
    earlier = at.seconds
    while at.step < config.algorithm.steps and not parts.stop_requested():
        at.step, clock = at.step + 1, Clock()
        _restart(parts)
        with clock.phase("sampling"):
            parts.sampler.load(at.step - 1, policy.named_tensors())
            groups = collect(parts.sampler, parts.grader, requests_of(parts, at.step), progress)
            check_failures([r.grade for g in groups for r in g], config.verifier.max_failure_share, f"step {at.step}")
        with clock.phase("scoring"):
            scored, scores = score(policy, groups, row.needs, config.algorithm.scored_rollouts)
            _check_gap(scores, config.model.dtype, at.step)
        with clock.phase("training"):
            kept = row.select(scored)
            trajectories, at.credit_state = row.credit(kept, at.credit_state)
            progress.begin("training", count_updates(trajectories, config.algorithm))
            for epoch, samples in row.updates(trajectories, f"{limits.seed}/{at.step}"):
                metrics = _update(policy, samples, row.loss, at.step)
                run.log("metrics", {"kind": "update", **_place(at, policy), "epoch": epoch, **metrics})
                progress.advance()
        at.rollouts_seen += sum(len(group) for group in groups)
        at.tokens_seen += sum(len(rollout.completion.token_ids) for group in groups for rollout in group)
        at.seconds = earlier + perf_counter() - started
        if not trajectories:
            progress.warn(f"step {at.step}: none of {sum(map(len, groups))} responses was kept, so nothing was trained")
        run.write_responses("rollouts", at.step, rollout_lines(scored, kept, trajectories))
        progress.generations(shown(scored, config.log.generations))
        if at.step % config.eval.every == 0 or at.step == config.algorithm.steps:
            with clock.phase("evaluating"):
                _evaluate(parts, run, at)
            at.seconds = earlier + perf_counter() - started
        line = {"kind": "step", **_place(at, policy), **step_line(groups, kept, scores, clock.seconds)}
        run.log("metrics", line)
        progress.stepped(line)
        ending = limits.max_minutes and at.seconds > 60 * limits.max_minutes or parts.stop_requested()
        if at.step % limits.checkpoint_every == 0 or at.step == config.algorithm.steps or ending:
            run.save(at.step, policy.export, {**asdict(at), **policy.state()})
        if ending:
            break
    return at.step


def requests_of(parts: Parts, step: int) -> list[Request]:
    """The questions of a step, G requests each: a pure function of (seed, step)."""
    algorithm, sampler, seed = parts.config.algorithm, parts.config.sampler, parts.config.run.seed
    size = algorithm.questions_per_step or len(parts.prompts)
    params = SamplingParams(
        temperature=sampler.temperature,
        top_p=sampler.top_p,
        top_k=sampler.top_k,
        min_tokens=sampler.min_tokens,
        max_tokens=sampler.max_tokens,
        stop=sampler.stop,
    )
    return make_requests(
        parts.prompts,
        batch_indices(len(parts.prompts), size, seed=seed, step=step),
        params,
        rollouts=algorithm.rollouts_per_question,
        seed=seed,
        generation=f"train/{step}",
    )


def _restore(parts: Parts, run: RunDirectory) -> Position:
    """The run's position, with weights and optimiser taken from its newest checkpoint."""
    if not run.checkpoint:
        return Position()
    state = run.checkpoint.state()
    parts.policy.restore(run.checkpoint.directory, state)
    names = Position.__dataclass_fields__
    return Position(**{name: value for name, value in state.items() if name in names})


def _restart(parts: Parts) -> None:
    """What a step begins from: the last policy or the base anew, the optimiser's moments kept or fresh."""
    if parts.config.algorithm.restart == "base":
        parts.policy.load_weights(parts.base)
    if parts.config.algorithm.optimizer_state == "fresh":
        parts.policy.reset_optimizer()


def _evaluate(parts: Parts, run: RunDirectory, at: Position) -> None:
    parts.evaluator.load(at.step, parts.policy.named_tensors())
    result = evaluate(parts.evaluator, parts.grader, parts.validation, parts.config, parts.progress)
    run.write_responses("eval", at.step, result.lines)
    line = {"step": at.step, "rollouts_seen": at.rollouts_seen, "seconds": at.seconds, **result.metrics}
    run.log("eval", line)
    parts.progress.evaluated(line)


def _update(policy: Policy, samples: Any, loss: Any, step: int) -> dict[str, float]:
    try:
        return policy.update(samples, loss)
    except NonFiniteError as error:
        raise NonFiniteError(f"step {step}: {error}") from None


def _check_gap(scores: ScoreSummary, dtype: str, step: int) -> None:
    if scores.gap_mean > GAP_LIMIT[dtype]:
        raise SamplerDrift(
            f"step {step}: sampler and trainer differ by {scores.gap_mean:.3g} nats per token on average (largest "
            f"{scores.gap_max:.3g}; rounding explains {GAP_LIMIT[dtype]:g}); the sampler holds old weights or samples "
            "from another distribution: check sampler.* and that the model is a supported one"
        )


def _place(at: Position, policy: Policy) -> dict[str, Any]:
    return {
        "step": at.step,
        "update": policy.updates,
        "rollouts_seen": at.rollouts_seen,
        "tokens_seen": at.tokens_seen,
        "seconds": at.seconds,
    }
