"""The training loop with scripted responses: what a step does, and when a run stops."""

from __future__ import annotations

import math
from dataclasses import replace
from importlib import import_module
from time import perf_counter

import pytest
import torch

from tests.algorithms.parts import (
    PROBLEMS,
    Watcher,
    exact,
    graded,
    logs,
    make_parts,
    make_policy,
    prompts,
    same,
    scripted,
    settings,
    weights,
)
from verigrad.algorithms import Silent, train
from verigrad.algorithms.score import trajectory
from verigrad.errors import GraderFailures, NonFiniteError, SamplerDrift
from verigrad.runs import RunDirectory, read_lines
from verigrad.samplers import ScriptedSampler
from verigrad.types import Grade, Sample, Status


def run(parts) -> int:
    with RunDirectory(parts.config) as directory, parts.grader:
        return train(parts, directory)


def half_right(request) -> str:
    """Every other rollout is correct; the wrong answers are as long."""
    answer = request.prompt.problem.answer
    return answer if request.key.rollout % 2 == 0 else f"{int(answer) - 1}"


def step_of(request) -> int:
    return int(request.key.generation.removeprefix("train/"))


def likelihood(policy, response) -> float:
    """Sum over the problems of the log-prob of `response(problem)` with its end token, nats."""
    tracks = [
        trajectory(graded(prompt, response(problem)))
        for prompt, problem in zip(prompts(PROBLEMS), PROBLEMS, strict=True)
    ]
    scores = policy.score([Sample(track, (0.0,) * len(track.token_ids)) for track in tracks])
    return math.fsum(logprob for score in scores for logprob in score.logprobs)


def test_expert_iteration_raises_the_likelihood_of_correct_responses_above_that_of_wrong_ones(tmp_path):
    policy = make_policy(lr=1e-2)

    def right(problem):
        return problem.answer

    def wrong(problem):
        return f"{int(problem.answer) - 1}"

    before = likelihood(policy, right), likelihood(policy, wrong)
    config = settings(tmp_path / "run", algorithm={"steps": 4, "questions_per_step": 8, "epochs": 2})
    assert run(make_parts(config, policy, half_right)) == 4
    after = likelihood(policy, right), likelihood(policy, wrong)
    assert after[0] > before[0] + 10
    assert after[0] - before[0] > after[1] - before[1] + 5
    updates = [line for line in logs(tmp_path / "run")["metrics.jsonl"] if line["kind"] == "update"]
    assert updates[-1]["nll"] < updates[0]["nll"] / 2


def test_the_first_update_is_the_gradient_of_the_mean_log_likelihood_of_the_correct_responses(tmp_path):
    # One plain gradient step in slow motion: AdamW's first update is lr·sign(g) where |g| ≫ eps.
    policy, oracle = make_policy(lr=1e-3, clip_norm=1e9), make_policy()
    config = settings(
        tmp_path / "run",
        algorithm={"steps": 1, "questions_per_step": 8, "rollouts_per_question": 2},
        optimizer={"lr": 1e-3, "clip_norm": 1e9},
    )
    before = weights(policy)
    run(make_parts(config, policy, half_right))
    tracks = [trajectory(graded(prompt, prompt.problem.answer)) for prompt in prompts(PROBLEMS)]
    total = torch.zeros((), dtype=torch.float64)
    tokens = 0
    for track in tracks:
        logits = oracle.model(input_ids=torch.tensor([track.token_ids])).logits[0].double().log_softmax(-1)
        for place, sampled in enumerate(track.sampled):
            if sampled:
                total = total - logits[place - 1, track.token_ids[place]]
                tokens += 1
    (total / tokens).backward()
    for name, parameter in oracle.model.named_parameters():
        big = parameter.grad.abs() > 1e-4
        moved = (dict(policy.named_tensors())[name] - before[name])[big]
        assert torch.allclose(moved, -1e-3 * parameter.grad[big].sign(), atol=2e-6), name


def test_a_step_with_nothing_correct_warns_trains_nothing_and_goes_on(tmp_path):
    def script(request):
        return "none" if step_of(request) == 1 else request.prompt.problem.answer

    policy = make_policy()
    seen = []

    class Recorder(ScriptedSampler):
        def load(self, version, tensors):
            seen.append({name: tensor.clone() for name, tensor in tensors})

    config = settings(tmp_path / "run", algorithm={"steps": 3})
    parts = make_parts(config, policy, sampler=scripted(script, Recorder))
    assert run(parts) == 3
    assert same(seen[0], seen[1]), "nothing was correct in step 1, so its weights are kept to the last bit"
    assert not same(seen[1], seen[2])
    [warning] = parts.progress.warnings
    assert warning.startswith("step 1: no response was kept")
    lines = logs(tmp_path / "run")["metrics.jsonl"]
    assert [(line["kind"], line["step"]) for line in lines] == [
        ("step", 1),
        ("update", 2),
        ("step", 2),
        ("update", 3),
        ("step", 3),
    ]
    first = lines[0]
    assert (first["kept"], first["pass_rate"], first["update"], first["questions_solved"]) == (0, 0.0, 0, 0)
    assert "mean_tokens_correct" not in first
    assert parts.progress.phases.count(("training", 0)) == 1


def test_the_counters_on_each_line(tmp_path):
    # A step: 4 questions × 2 rollouts of a digit and the end token = 8 rollouts, 16 tokens; 4 kept, 2 per update.
    config = settings(tmp_path / "run", algorithm={"steps": 2, "epochs": 2, "sequences_per_update": 2})
    parts = make_parts(config, make_policy(), half_right, problems=PROBLEMS[1:])
    run(parts)
    lines = read_lines(tmp_path / "run" / "metrics.jsonl")
    assert [line["kind"] for line in lines] == (["update"] * 4 + ["step"]) * 2
    assert [line["update"] for line in lines] == [1, 2, 3, 4, 4, 5, 6, 7, 8, 8]
    assert [line["epoch"] for line in lines if line["kind"] == "update"] == [1, 1, 2, 2] * 2
    assert {(line["step"], line["rollouts_seen"], line["tokens_seen"]) for line in lines} == {(1, 8, 16), (2, 16, 32)}
    assert all(line["trained_tokens"] == 4 and line["trained_sequences"] == 2 for line in lines if "loss" in line)
    times = [line["seconds"] for line in lines]
    assert times == sorted(times) and times[0] > 0
    assert (parts.progress.phases.count(("training", 4)), parts.progress.done.count(4)) == (2, 4 + 1)
    evals = read_lines(tmp_path / "run" / "eval.jsonl")
    assert [(line["step"], line["rollouts_seen"]) for line in evals] == [(0, 0), (1, 8), (2, 16)]


def test_the_steps_walk_through_the_questions(tmp_path):
    # 8 questions, 4 a step: two steps meet each once, and the next two again, in another order.
    run(make_parts(settings(tmp_path / "run", algorithm={"steps": 4}), make_policy(), half_right))
    files = sorted((tmp_path / "run" / "rollouts").iterdir())
    met = [[line["problem_id"] for line in read_lines(path)][::2] for path in files]
    everything = sorted(problem.id for problem in PROBLEMS)
    assert sorted(met[0] + met[1]) == sorted(met[2] + met[3]) == everything
    assert met[:2] != met[2:]


def test_rollouts_carry_the_version_of_the_policy_that_drew_them(tmp_path):
    config = settings(tmp_path / "run", algorithm={"steps": 3})
    run(make_parts(config, make_policy(), half_right))
    for step in (1, 2, 3):
        lines = read_lines(tmp_path / "run" / "rollouts" / f"step_{step:06d}.jsonl")
        assert len(lines) == 8
        assert {line["policy_version"] for line in lines} == {step - 1}
        assert {line["stream"]["generation"] for line in lines} == {f"train/{step}"}
        assert sum(line["kept"] for line in lines) == 4
    for step in (0, 1, 2, 3):
        lines = read_lines(tmp_path / "run" / "eval" / f"step_{step:06d}.jsonl")
        assert {line["policy_version"] for line in lines} == {step}


def restarts(tmp_path, restart: str, optimizer_state: str, steps: int = 3):
    """The weights with which each step began, and the last ones, of a run in which every step does the same work."""
    seen = []

    class Recorder(ScriptedSampler):
        def load(self, version, tensors):
            seen.append({name: tensor.clone() for name, tensor in tensors})

    algorithm = {"questions_per_step": 1, "rollouts_per_question": 1, "steps": steps}
    config = settings(
        tmp_path / f"{restart}-{optimizer_state}",
        algorithm={**algorithm, "restart": restart, "optimizer_state": optimizer_state},
    )
    policy = make_policy()
    sampler = scripted(lambda request: request.prompt.problem.answer, Recorder)
    run(make_parts(config, policy, sampler=sampler, problems=PROBLEMS[:1]))
    return seen, weights(policy)


def test_restart_base_begins_each_step_from_the_base(tmp_path):
    base = weights(make_policy())
    begun, last = restarts(tmp_path, "base", "keep")
    assert all(same(one, base) for one in begun)
    assert not same(last, base)
    begun, _ = restarts(tmp_path, "last", "keep")
    assert [same(one, base) for one in begun] == [True, False, False]


def test_a_fresh_optimiser_from_the_base_does_the_same_step_again_and_a_kept_one_does_not(tmp_path):
    # Each step trains the base on the one same response; all that can differ is the optimiser's moments.
    _, once = restarts(tmp_path / "once", "base", "fresh", steps=1)
    _, thrice = restarts(tmp_path / "thrice", "base", "fresh", steps=3)
    assert same(once, thrice)
    _, kept = restarts(tmp_path / "kept", "base", "keep", steps=3)
    assert not same(once, kept)


def test_max_minutes_stops_after_a_checkpoint_and_the_same_command_goes_on(tmp_path):
    config = settings(tmp_path / "run", run={"dir": str(tmp_path / "run"), "max_minutes": 1e-9}, algorithm={"steps": 3})
    assert [run(make_parts(config, make_policy(), half_right)) for _ in range(4)] == [1, 2, 3, 3]
    assert (tmp_path / "run/checkpoints/latest").read_text() == "step_000003\n"
    assert [line["step"] for line in read_lines(tmp_path / "run" / "eval.jsonl")] == [0, 1, 2, 3]
    steps = [line for line in read_lines(tmp_path / "run" / "metrics.jsonl") if line["kind"] == "step"]
    assert [line["step"] for line in steps] == [1, 2, 3]
    assert steps[0]["seconds"] < steps[1]["seconds"] < steps[2]["seconds"], "working time is summed over processes"


def test_the_limit_is_in_minutes_of_working_time(tmp_path, monkeypatch):
    # Each step takes 50 s: it is the third that ends beyond two minutes.
    config = settings(tmp_path / "run", run={"dir": str(tmp_path / "run"), "max_minutes": 2}, algorithm={"steps": 9})
    begun = []
    loop = import_module("verigrad.algorithms.train")  # the package has a function of that name
    monkeypatch.setattr(loop, "perf_counter", lambda: perf_counter() + 50 * len(begun))

    class Slow(ScriptedSampler):
        def load(self, version, tensors):
            begun.append(version)

    assert run(make_parts(config, make_policy(), sampler=scripted(half_right, Slow))) == 3


def test_each_step_takes_its_samples_in_an_order_of_its_own(tmp_path):
    # One question, six responses of 1 … 6 letters, all correct: an update each, told apart by 2 … 7 trained tokens.
    config = settings(
        tmp_path / "run",
        algorithm={"steps": 3, "questions_per_step": 1, "rollouts_per_question": 6, "sequences_per_update": 1},
    )
    parts = make_parts(
        config,
        make_policy(lr=1e-6),
        lambda request: "abcdef"[: request.key.rollout + 1],
        verify=lambda problem, response: 1.0,
        problems=PROBLEMS[:1],
    )
    run(parts)
    lines = [line for line in logs(tmp_path / "run")["metrics.jsonl"] if line["kind"] == "update"]
    orders = [tuple(line["trained_tokens"] for line in lines if line["step"] == step) for step in (1, 2, 3)]
    assert all(sorted(order) == [2, 3, 4, 5, 6, 7] for order in orders)
    assert len(set(orders)) == 3


def test_a_requested_stop_lets_the_step_end_and_saves_it(tmp_path):
    asked = []
    config = settings(
        tmp_path / "run", run={"dir": str(tmp_path / "run"), "checkpoint_every": 10}, algorithm={"steps": 5}
    )

    def script(request):
        if step_of(request) == 2:
            asked.append(True)
        return half_right(request)

    parts = make_parts(config, make_policy(), script, stop_requested=lambda: bool(asked))
    assert run(parts) == 2
    assert (tmp_path / "run/checkpoints/latest").read_text() == "step_000002\n"
    assert [line["step"] for line in read_lines(tmp_path / "run" / "eval.jsonl")] == [0, 1, 2]
    assert run(make_parts(config, make_policy(), half_right)) == 5


def test_a_stop_that_is_requested_at_once_evaluates_the_base_and_trains_nothing(tmp_path):
    config = settings(tmp_path / "run")
    assert run(make_parts(config, make_policy(), half_right, stop_requested=lambda: True)) == 0
    assert not (tmp_path / "run/checkpoints").exists()
    assert run(make_parts(config, make_policy(), half_right)) == 2
    assert [line["step"] for line in read_lines(tmp_path / "run" / "eval.jsonl")] == [0, 1, 2]


def test_a_sampler_that_lies_about_its_log_probs_stops_the_run_by_name(tmp_path):
    class Certain(ScriptedSampler):
        """Says log-prob 0, of which the random model knows nothing."""

        def sample(self, requests):
            for completion in super().sample(requests):
                yield replace(completion, sampler_logprobs=(0.0,) * len(completion.token_ids))

    config = settings(tmp_path / "run", algorithm={"scored_rollouts": 4})
    policy = make_policy()
    before = weights(policy)
    with pytest.raises(SamplerDrift, match=r"^step 1: sampler and trainer differ by .* nats per token on average"):
        run(make_parts(config, policy, sampler=scripted(half_right, Certain)))
    assert same(weights(policy), before)
    assert not (tmp_path / "run" / "metrics.jsonl").exists()


def test_log_probs_that_are_no_numbers_are_drift_too(tmp_path):
    class Broken(ScriptedSampler):
        def sample(self, requests):
            for completion in super().sample(requests):
                yield replace(completion, sampler_logprobs=(math.nan,) * len(completion.token_ids))

    config = settings(tmp_path / "run", algorithm={"scored_rollouts": 4})
    with pytest.raises(SamplerDrift, match="differ by nan nats"):
        run(make_parts(config, make_policy(), sampler=scripted(half_right, Broken)))


def flaky(problem, response) -> Grade:
    """The verifier itself fails on one problem of the eight."""
    if problem.id == "p3":
        return Grade(0.0, 0.0, 0.0, Status.TIMEOUT, reason="limit")
    return exact(problem, response)


def test_too_many_failures_of_the_grader_stop_the_run_before_anything_is_trained(tmp_path):
    # 1 of 8 questions = 12.5 % of the verdicts.
    algorithm = {"questions_per_step": 8}
    policy = make_policy()
    before = weights(policy)
    config = settings(tmp_path / "a", algorithm=algorithm, verifier={"max_failure_share": 0.124})
    with pytest.raises(GraderFailures, match=r"verdicts of step 1: 2 of 16 \(12.5%\).*above the limit of 12.4%"):
        run(make_parts(config, policy, half_right, verify=flaky))
    assert same(weights(policy), before)
    config = settings(tmp_path / "b", algorithm=algorithm, verifier={"max_failure_share": 0.125})
    assert run(make_parts(config, policy, half_right, verify=flaky)) == 2


def test_a_gradient_that_is_no_number_names_step_and_remedy(tmp_path):
    policy = make_policy()
    next(policy.model.parameters()).data[5, 3] = math.nan  # a byte that no prompt has
    policy.model.model.norm.weight.data[0] = math.inf
    with pytest.raises(NonFiniteError, match=r"^step 1: update 1: loss .* nothing was updated; lower optimizer.lr"):
        run(make_parts(settings(tmp_path / "run"), policy, half_right))


@pytest.mark.parametrize(("every", "steps", "evaluated"), [(1, 3, [0, 1, 2, 3]), (2, 5, [0, 2, 4, 5]), (9, 2, [0, 2])])
def test_evaluations_are_due_every_so_many_steps_and_at_both_ends(tmp_path, every, steps, evaluated):
    config = settings(tmp_path / "run", algorithm={"steps": steps}, eval={"every": every})
    parts = make_parts(config, make_policy(), half_right)
    run(parts)
    assert [line["step"] for line in read_lines(tmp_path / "run" / "eval.jsonl")] == evaluated
    assert [line["step"] for line in parts.progress.evaluations] == evaluated
    files = sorted(path.name for path in (tmp_path / "run" / "eval").iterdir())
    assert files == [f"step_{step:06d}.jsonl" for step in evaluated]
    lines = [line for line in read_lines(tmp_path / "run" / "metrics.jsonl") if line["kind"] == "step"]
    assert [line["step"] for line in lines if "seconds_evaluating" in line] == [step for step in evaluated if step]


def test_progress_hears_of_every_step_and_sees_rollouts(tmp_path):
    config = settings(tmp_path / "run", log={"generations": 2})
    parts = make_parts(config, make_policy(), half_right)
    run(parts)
    watcher = parts.progress
    assert isinstance(watcher, Watcher)
    assert [line["step"] for line in watcher.steps] == [1, 2]
    assert [[rollout.grade.status for rollout, _ in shown] for shown in watcher.shown] == [
        [Status.CORRECT, Status.WRONG]
    ] * 2


def test_silence_is_a_progress_too(tmp_path):
    parts = make_parts(settings(tmp_path / "run"), make_policy(), lambda request: "none")
    assert run(replace(parts, progress=Silent())) == 2
