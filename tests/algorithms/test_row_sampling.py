"""What a row samples, counts and shapes before its gradient: refills, denominators, baselines, KL in the reward."""

from __future__ import annotations

from collections import Counter

import pytest
import torch

from tests.algorithms.parts import (
    PROBLEMS,
    exact,
    make_parts,
    make_policy,
    same,
    scripted,
    settings,
    weights,
    write_model,
)
from tests.tiny import make_group, make_sample, slow_scores
from verigrad.algorithms import make_row, train
from verigrad.algorithms.train import sample_step
from verigrad.api import policy_of, reference_of
from verigrad.config import build
from verigrad.runs import RunDirectory, read_lines
from verigrad.samplers import ScriptedSampler
from verigrad.types import Grade, Group, ScoredRollout, Status


def run(parts) -> list[dict]:
    """Trains, and gives back the run's lines of metrics."""
    with RunDirectory(parts.config) as directory, parts.grader:
        train(parts, directory)
    return read_lines(directory.path / "metrics.jsonl")


def loss_by_hand(policy, texts_of, rewards_of, problems, denominator: float) -> float:
    """−1/N Σ_i R_i Σ_t log π(a_t|s_t) from all logits, over the rollouts that `rewards_of` gives a number."""
    total = 0.0
    for problem in problems:
        for rollout in range(2):
            reward = rewards_of(problem, rollout)
            if reward:
                prompt = policy.encode_prompt(f"{problem.question}=")
                response = (*policy.encode_response(texts_of(problem, rollout)), policy.end_ids[0])
                with torch.no_grad():
                    total += reward * slow_scores(policy.model, make_sample(prompt, response))[0].sum().item()
    return -total / denominator


@pytest.mark.parametrize("select", ["all", "signal", "correct"])
def test_n_counts_the_rollouts_that_selection_dropped(tmp_path, select):
    # 8 questions × 2 rollouts, N = 16 however few are kept. p0 … p3: both right; p4, p5: one; p6, p7: none.
    def right(problem, rollout) -> bool:
        return int(problem.id[1:]) < (4 if rollout else 6)

    def text(problem, rollout) -> str:
        return problem.answer if right(problem, rollout) else "0"

    config = settings(
        tmp_path / "run", algorithm={"name": "reinforce", "select": select, "questions_per_step": 8, "steps": 1}
    )
    policy = make_policy()
    counted = PROBLEMS[4:6] if select == "signal" else PROBLEMS
    expected = loss_by_hand(policy, text, lambda p, i: float(right(p, i)), counted, denominator=16)
    update, step = run(make_parts(config, policy, lambda request: text(request.prompt.problem, request.key.rollout)))
    assert (step["rollouts"], step["kept"]) == (16, {"all": 16, "signal": 4, "correct": 10}[select])
    assert update["loss"] == pytest.approx(expected, rel=1e-4)


def test_n_counts_the_rollouts_whose_grading_failed_and_trains_on_none_of_them(tmp_path):
    def failing(problem, response) -> Grade:
        # A reward of 1 that nobody may believe.
        return Grade(1.0, 1.0, 1.0, Status.TIMEOUT) if problem.id in ("p2", "p5") else exact(problem, response)

    config = settings(
        tmp_path / "run",
        algorithm={"name": "reinforce", "questions_per_step": 8, "steps": 1},
        verifier={"max_failure_share": 1.0},
    )
    policy = make_policy()
    graded = [problem for problem in PROBLEMS if problem.id not in ("p2", "p5")]
    expected = loss_by_hand(policy, lambda p, i: p.answer, lambda p, i: 1.0, graded, denominator=16)
    update, step = run(make_parts(config, policy, verify=failing))
    assert (step["rollouts"], step["kept"], step["statuses"]["timeout"]) == (16, 12, 4)
    assert update["loss"] == pytest.approx(expected, rel=1e-4)


def test_a_first_batch_without_signal_is_refilled(tmp_path):
    # The first batch of each step is all wrong; a refill of 2 questions has signal, so that there is no second one.
    def script(request):
        refill = request.key.generation.count("/") == 2
        return request.prompt.problem.answer if refill and request.key.rollout == 0 else "none"

    config = settings(
        tmp_path / "run",
        algorithm={"name": "dapo", "loss": "policy_gradient", "questions_per_step": 2, "selection": {"refills": 5}},
    )
    parts = make_parts(config, make_policy(), script)
    before = weights(parts.policy)
    lines = run(parts)
    for line in (line for line in lines if line["kind"] == "step"):
        assert (line["questions"], line["groups_with_signal"], line["rollouts"], line["kept"]) == (4, 2, 8, 4)
    assert not same(weights(parts.policy), before)
    for step in (1, 2):
        rollouts = read_lines(tmp_path / "run" / "rollouts" / f"step_{step:06d}.jsonl")
        assert Counter((line["stream"]["generation"], line["kept"]) for line in rollouts) == {
            (f"train/{step}", False): 4,
            (f"train/{step}/1", True): 4,
        }


def test_without_any_signal_a_step_stops_at_its_refills_and_trains_nothing(tmp_path):
    config = settings(
        tmp_path / "run",
        algorithm={
            "name": "dapo",
            "loss": "policy_gradient",
            "questions_per_step": 2,
            "selection": {"refills": 3},
            "steps": 2,
        },
    )
    parts = make_parts(config, make_policy(), lambda request: "none")
    before = weights(parts.policy)
    lines = run(parts)
    assert [(line["kind"], line["questions"], line["kept"]) for line in lines] == [("step", 8, 0)] * 2
    assert same(weights(parts.policy), before)
    assert [warning.split(":")[0] for warning in parts.progress.warnings] == ["step 1", "step 2"]


class Recorder(ScriptedSampler):
    """Remembers what it was asked for."""

    def sample(self, requests):
        self.asked = [*getattr(self, "asked", []), list(requests)]
        return super().sample(requests)


def test_baseline_requests_are_greedy_and_one_per_question(tmp_path):
    config = settings(
        tmp_path,
        algorithm={
            "name": "reinforce_baseline",
            "credit": "greedy",
            "questions_per_step": 4,
            "rollouts_per_question": 3,
        },
        sampler={"max_tokens": 8, "temperature": 0.7},
    )
    sampler = scripted(lambda request: "1", Recorder)
    parts = make_parts(config, make_policy(), sampler=sampler)
    with parts.grader:
        groups, baselines = sample_step(parts, make_row(config.algorithm), step=2)
    sampled, greedy = sampler.asked
    assert len(sampled) == 12 and {request.params.temperature for request in sampled} == {0.7}
    assert [request.prompt for request in greedy] == [group.prompt for group in groups]
    assert {request.params.temperature for request in greedy} == {0.0}
    assert {request.params.max_tokens for request in greedy} == {8}, "else the two would not be comparable"
    assert len(baselines) == len(groups) == 4
    assert not {request.key for request in sampled} & {request.key for request in greedy}


def test_other_credits_ask_for_no_greedy_answers(tmp_path):
    config = settings(tmp_path, algorithm={"name": "reinforce_baseline"})
    sampler = scripted(lambda request: "1", Recorder)
    parts = make_parts(config, make_policy(), sampler=sampler)
    with parts.grader:
        assert sample_step(parts, make_row(config.algorithm), step=1)[1] == []
    assert [len(requests) for requests in sampler.asked] == [8]


def test_the_reference_stays_where_it_was_while_the_policy_moves(tmp_path):
    model = str(write_model(tmp_path / "model"))
    config = settings(
        tmp_path / "run",
        model={"path": model, "device": "cpu"},
        algorithm={"name": "dr_grpo", "divergence": {"in_reward": 0.1}, "steps": 3},
    )
    policy = policy_of(config)
    reference, base = reference_of(config, policy), weights(policy)
    sample = make_sample((1, 2), (3, 4, 5), weight=1 / 3, reference_logprobs=(0.0,) * 3, old_logprobs=(0.0,) * 3)
    for _ in range(3):
        policy.update([sample], lambda logprobs, batch: -logprobs)
    assert not same(weights(policy), base)
    assert same(weights(reference), base)


def held(texts: list[tuple[float, list[float], list[float]]]) -> list[Group[ScoredRollout]]:
    """One question; of each rollout its reward, its old log-probs and the reference's."""
    group = make_group((1, 2), [range(3, 3 + len(old)) for _, old, _ in texts], [reward for reward, _, _ in texts])
    return [
        Group(
            group.prompt,
            tuple(
                ScoredRollout(rollout, {"old_logprobs": tuple(old), "reference_logprobs": tuple(other)})
                for rollout, (_, old, other) in zip(group, texts, strict=True)
            ),
        )
    ]


# old − reference: +1 and −3 nats, so that Σ k1 = −2; then 0.5 nats on one token.
TEXTS = [(1.0, [-1.0, -4.0], [-2.0, -1.0]), (0.0, [-0.5], [-1.0])]


@pytest.mark.parametrize(
    ("credit", "expected"),
    [
        # R = 1 − 0.1·(1 − 3) = 1.2 and 0 − 0.1·0.5 = −0.05
        ("reward", [[1.2, 1.2], [-0.05]]),
        # from the second token on only its own: 1 + 0.3
        ("reward_to_go", [[1.2, 1.3], [-0.05]]),
        # mean 0.575
        ("group_mean", [[0.625, 0.625], [-0.625]]),
        ("leave_one_out", [[1.25, 1.25], [-1.25]]),
    ],
)
def test_the_kl_in_the_reward_changes_advantages_as_by_hand(credit, expected):
    row = make_row(build({"algorithm": {"name": "rloo", "credit": credit, "divergence": {"in_reward": 0.1}}}).algorithm)
    assert row.needs == {"old_logprobs", "reference_logprobs"}
    tracks, _ = row.credit(row.select(held(TEXTS)), None)
    found = [[a for a, sampled in zip(track.advantages, track.sampled, strict=True) if sampled] for track in tracks]
    assert found == [pytest.approx(row) for row in expected]


def test_the_kl_in_the_reward_leaves_the_reported_grade_alone():
    row = make_row(build({"algorithm": {"name": "rloo", "divergence": {"in_reward": 0.1}}}).algorithm)
    assert [one.rollout.grade.reward for group in row.select(held(TEXTS)) for one in group] == [1.0, 0.0]
