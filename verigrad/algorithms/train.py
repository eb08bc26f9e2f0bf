"""The training loop. Every algorithm is a row of its table; the loop does not know which."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from time import perf_counter
from typing import Any

from torch import Tensor

from verigrad.algorithms.collect import collect, make_requests
from verigrad.algorithms.evaluate import evaluate
from verigrad.algorithms.progress import Clock, Progress
from verigrad.algorithms.record import rollout_lines, shown, step_line
from verigrad.algorithms.schedule import count_updates
from verigrad.algorithms.score import ScoreSummary, score, unweighted
from verigrad.algorithms.select import has_signal
from verigrad.algorithms.table import Row, make_row
from verigrad.config import Config
from verigrad.errors import NonFiniteError, SamplerDrift
from verigrad.grading import Grader, check_failures
from verigrad.objective import CreditState, Sampled
from verigrad.policy import Policy, Toward
from verigrad.runs import RunDirectory
from verigrad.samplers import Sampler
from verigrad.tasks.batches import batch_indices
from verigrad.types import Group, Prompt, Request, Rollout, SamplingParams, Trajectory

# Largest mean |Δ log p| (nats) between sampler and trainer that rounding explains, by dtype.
GAP_LIMIT = {"float32": 1e-3, "bfloat16": 5e-2}


@dataclass(frozen=True, slots=True)
class Parts:
    """What a run is made of.

    `sampler` gives the training responses, `evaluator` those of evaluations. `base` holds the first weights where steps
    restart from them; `reference` is the model that a divergence is taken to, where there is one.
    """

    config: Config
    policy: Policy
    sampler: Sampler
    evaluator: Sampler
    grader: Grader
    prompts: list[Prompt]
    validation: list[Prompt]
    progress: Progress
    base: Mapping[str, Tensor]
    reference: Policy | None = None
    stop_requested: Callable[[], bool] = lambda: False


@dataclass(slots=True)
class Position:
    """Where a run is: all that the next step depends on beside weights and optimiser."""

    step: int = 0
    rollouts_seen: int = 0
    tokens_seen: int = 0
    credit_state: CreditState = None
    seconds_before: float = 0.0
    _started: float = field(default_factory=perf_counter)

    @property
    def seconds(self) -> float:
        """Of work, over all processes that continued the run."""
        return self.seconds_before + perf_counter() - self._started

    def count(self, groups: Sequence[Group[Rollout]]) -> None:
        """The rollouts of a step have been seen."""
        self.rollouts_seen += sum(len(group) for group in groups)
        self.tokens_seen += sum(len(rollout.completion.token_ids) for group in groups for rollout in group)

    def place(self, policy: Policy) -> dict[str, Any]:
        """What every line of metrics begins with."""
        seen = {"rollouts_seen": self.rollouts_seen, "tokens_seen": self.tokens_seen}
        return {"step": self.step, "update": policy.updates, **seen, "seconds": self.seconds}

    def state(self) -> dict[str, Any]:
        """For a checkpoint; `Position(**state)` continues it."""
        names = ("step", "rollouts_seen", "tokens_seen", "credit_state")
        return {"position": {name: getattr(self, name) for name in names} | {"seconds_before": self.seconds}}


def train(parts: Parts, run: RunDirectory) -> int:
    """Trains from where the run is to its last step; returns the step that was reached.

    Step k depends only on the state after step k − 1, the config and k, so that a run that was killed goes on as if it
    had not been.
    """
    config, policy, row = parts.config, parts.policy, make_row(parts.config.algorithm)
    at = _restore(parts, run)
    if not run.checkpoint:
        _evaluate(parts, run, at)
    while at.step < config.algorithm.steps and not parts.stop_requested():
        at.step, clock = at.step + 1, Clock()
        _restart(parts)
        with clock.phase("sampling"):
            parts.sampler.load(at.step - 1, policy.named_tensors())
            groups, baselines = sample_step(parts, row, at.step)
        with clock.phase("scoring"):
            monitored = config.algorithm.scored_rollouts
            scored, scores = score(policy, groups, row.needs, monitored, parts.reference, baselines)
        _check(config, policy.compute, at.step, groups, scores)
        at.count(groups)
        with clock.phase("training"):
            kept = row.select(scored)
            trajectories, at.credit_state = row.credit(kept, at.credit_state)
            _update(parts, run, row, at, trajectories, groups)
        run.write_responses("rollouts", at.step, rollout_lines(scored, kept, trajectories))
        parts.progress.generations(shown(scored, config.log.generations))
        late = 0 < config.run.max_minutes * 60 < at.seconds
        if at.step % config.eval.every == 0 or at.step == config.algorithm.steps or late:
            with clock.phase("evaluating"):
                _evaluate(parts, run, at)
        line = {"kind": "step", **at.place(policy), **step_line(groups, kept, scores, clock.seconds)}
        run.log("metrics", line)
        parts.progress.stepped(line)
        last = at.step == config.algorithm.steps or late or parts.stop_requested()
        if at.step % config.run.checkpoint_every == 0 or last:
            run.save(at.step, policy.export, {**at.state(), **policy.state()})
        if last:
            break
    return at.step


def sample_step(parts: Parts, row: Row, step: int) -> tuple[list[Group[Rollout]], list[float]]:
    """The graded groups of a step, and the greedy reward of each question where the row needs it.

    With select = signal, further batches of questions are sampled until as many groups have signal as a step has
    questions, `selection.refills` times at most. What is sampled depends on the policy, the seed and the step alone.
    """
    algorithm = parts.config.algorithm
    groups: list[Group[Rollout]] = []
    for attempt in range(1 + algorithm.selection.refills):
        groups += collect(parts.sampler, parts.grader, requests_of(parts, step, attempt), parts.progress)
        signal = [has_signal(group.rollouts, algorithm.selection.failed) for group in groups]
        if sum(signal) >= algorithm.questions_per_step:
            break
    if "baseline" not in row.needs:
        return groups, []
    greedy = replace(params_of(parts.config), temperature=0.0)
    prompts = [group.prompt for group in groups]
    requests = make_requests(
        prompts, range(len(prompts)), greedy, rollouts=1, seed=parts.config.run.seed, generation=f"greedy/{step}"
    )
    answers = collect(parts.sampler, parts.grader, requests, parts.progress, phase="sampling (greedy)")
    return groups, [answer.rollouts[0].grade.reward for answer in answers]


def requests_of(parts: Parts, step: int, attempt: int = 0) -> list[Request]:
    """The questions of a step, G requests each: a pure function of (seed, step, attempt)."""
    algorithm, seed = parts.config.algorithm, parts.config.run.seed
    size = algorithm.questions_per_step or len(parts.prompts)
    return make_requests(
        parts.prompts,
        batch_indices(len(parts.prompts), size, seed=seed, step=step, attempt=attempt),
        params_of(parts.config),
        rollouts=algorithm.rollouts_per_question,
        seed=seed,
        generation=f"train/{step}/{attempt}" if attempt else f"train/{step}",
    )


def params_of(config: Config) -> SamplingParams:
    """How training rollouts are sampled."""
    sampler = config.sampler
    return SamplingParams(
        temperature=sampler.temperature,
        top_p=sampler.top_p,
        top_k=sampler.top_k,
        min_tokens=sampler.min_tokens,
        max_tokens=sampler.max_tokens,
        stop=sampler.stop,
    )


def _restore(parts: Parts, run: RunDirectory) -> Position:
    """The run's position, with weights and optimiser taken from its newest checkpoint."""
    if not run.checkpoint:
        return Position()
    state = run.checkpoint.state()
    parts.policy.restore(run.checkpoint.directory, state)
    return Position(**state["position"])


def _restart(parts: Parts) -> None:
    """What a step begins from: the last policy or the base anew, the optimiser's moments kept or fresh."""
    if parts.config.algorithm.restart == "base":
        parts.policy.load_weights(parts.base)
    if parts.config.algorithm.optimizer_state == "fresh":
        parts.policy.reset_optimizer()


def _check(config: Config, compute: str, step: int, groups: Sequence[Group[Rollout]], scores: ScoreSummary) -> None:
    """Stops the run, before anything is trained, if the grader fails too often or the sampler has drifted."""
    grades = [rollout.grade for group in groups for rollout in group]
    check_failures(grades, config.verifier.max_failure_share, f"step {step}")
    limit = config.sampler.gap_limit or GAP_LIMIT[config.model.dtype if compute == "same" else compute]
    if not (scores.gap_mean <= limit and scores.gap_max <= 100 * limit):  # NaN is drift too
        raise SamplerDrift(
            f"step {step}: sampler and trainer differ by {scores.gap_mean:.3g} nats per token on average (largest "
            f"{scores.gap_max:.3g}; rounding explains {limit:g} and {100 * limit:g}); the sampler holds old weights or "
            "samples from another distribution: check sampler.* and that the model is a supported one, try "
            "sampler.engine = 'local', or raise sampler.gap_limit where the engine's rounding is known"
        )


def _update(
    parts: Parts,
    run: RunDirectory,
    row: Row,
    at: Position,
    trajectories: Sequence[Trajectory],
    groups: Sequence[Group[Rollout]],
) -> None:
    """The step's optimiser updates, each with its line of metrics; then the value head, where there is one."""
    config, policy = parts.config, parts.policy
    if not trajectories:
        parts.progress.warn(f"step {at.step}: no response was kept (none was correct?), so nothing was trained")
    lengths = [len(rollout.completion.token_ids) for group in groups for rollout in group]
    sampled = Sampled(len(lengths), sum(lengths), config.sampler.max_tokens)
    parts.progress.begin("training", count_updates(trajectories, config.algorithm))
    toward = Toward(parts.reference, row.exact_kl) if parts.reference and row.exact_kl else None
    for epoch, samples in row.updates(trajectories, f"{config.run.seed}/{at.step}", sampled):
        try:
            metrics = policy.update(samples, row.loss, config.algorithm.entropy_bonus, row.clip, toward)
        except NonFiniteError as error:
            raise NonFiniteError(f"step {at.step}: {error}") from None
        run.log("metrics", {"kind": "update", **at.place(policy), "epoch": epoch, **metrics})
        parts.progress.advance()
    if policy.value and trajectories:
        policy.fit_value([unweighted(track) for track in trajectories], config.algorithm.value.epochs)


def _evaluate(parts: Parts, run: RunDirectory, at: Position) -> None:
    parts.evaluator.load(at.step, parts.policy.named_tensors())
    result = evaluate(parts.evaluator, parts.grader, parts.validation, parts.config, parts.progress)
    run.write_responses("eval", at.step, result.lines)
    line = {"step": at.step, "rollouts_seen": at.rollouts_seen, "seconds": at.seconds, **result.metrics}
    run.log("eval", line)
    parts.progress.evaluated(line)
