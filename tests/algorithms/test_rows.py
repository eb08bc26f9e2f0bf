"""Every row of the table on the one loop: each trains, and each choice does what its name says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.algorithms.parts import (
    PROBLEMS,
    VALIDATION,
    Watcher,
    graded,
    make_parts,
    make_policy,
    prompts,
    same,
    scripted,
    settings,
    weights,
    write_model,
)
from verigrad.algorithms import make_row, train
from verigrad.algorithms.score import score, trajectory, unweighted
from verigrad.algorithms.select import has_signal
from verigrad.algorithms.train import sample_step
from verigrad.api import policy_of, run_training
from verigrad.config import ROWS, build
from verigrad.data import TaskData
from verigrad.grading import from_function
from verigrad.runs import RunDirectory, read_lines
from verigrad.types import Group, Rollout, ScoredRollout, Status, StopReason

PROMPTS = prompts(PROBLEMS[:2])


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> str:
    return str(write_model(tmp_path_factory.mktemp("model")))


def even(problem, response: str) -> float:
    """Something that a random model gets right about half of the time."""
    return float(len(response) % 2 == 0)


def short_run(where: Path, model: str, algorithm: Mapping[str, Any]) -> tuple[Watcher, list[dict[str, Any]]]:
    """Two steps of the random model itself; its progress and its lines of metrics."""
    config = settings(
        where,
        model={"path": model, "device": "cpu"},
        sampler={"max_tokens": 6},
        algorithm={"rollouts_per_question": 4, **algorithm},
        eval={"problems": 1},
    )
    watcher, policy = Watcher(), policy_of(config)
    before = weights(policy)
    task = TaskData(tuple(PROBLEMS), tuple(VALIDATION))
    assert run_training(config, policy, task, from_function(even), watcher) == 2
    assert not same(weights(policy), before), "something was learnt"
    return watcher, read_lines(where / "metrics.jsonl")


@pytest.mark.parametrize("name", [name for name in ROWS if ROWS[name]["source"] == "policy"])
def test_every_row_trains_and_counts_what_it_sampled(tmp_path, model, name):
    _, lines = short_run(tmp_path, model, {"name": name, "sequences_per_update": 6, "epochs": 2})
    updates = [line for line in lines if line["kind"] == "update"]
    steps = [line for line in lines if line["kind"] == "step"]
    row = make_row(build({"algorithm": {"name": name, "sequences_per_update": 6, "epochs": 2}}).algorithm)
    for step in steps:
        assert step["rollouts"] == 4 * step["questions"] >= 16
        assert step["scored_rollouts"] == (step["rollouts"] if row.needs else 0)
        ours = [line for line in updates if line["step"] == step["step"]]
        assert sum(line["trained_sequences"] for line in ours) == 2 * step["kept"]
        assert ("ratio_mean" in ours[0]) == ("old_logprobs" in row.needs)
        if "old_logprobs" in row.needs:
            first = next(line for line in ours if line["epoch"] == 1)
            assert first["ratio_mean"] == pytest.approx(1.0, abs=1e-4), "the first update is on policy"
            assert first["kl_k3_old"] == pytest.approx(0.0, abs=1e-6)


def test_what_a_choice_does_not_do_is_said(tmp_path, model):
    watcher, _ = short_run(tmp_path, model, {"name": "grpo"})
    assert watcher.warnings == [
        "one update per batch of rollouts: the ratio is 1, so ppo_clip limits nothing; "
        "set algorithm.epochs or algorithm.sequences_per_update for more updates"
    ]


@pytest.mark.parametrize("reference", ["", "model"])
def test_the_reference_is_the_base_or_the_model_that_is_named(tmp_path, model, reference):
    divergence = {"in_loss": 0.5, "reference": model if reference else ""}
    _, lines = short_run(tmp_path, model, {"name": "grpo", "divergence": divergence})
    first, second = [line["kl_k3_reference"] for line in lines if line["kind"] == "update"]
    assert first == pytest.approx(0.0, abs=1e-6), "in the first update the policy is its reference"
    assert second > 1e-4


def test_the_exact_divergence_is_that_of_the_whole_distribution(tmp_path, model):
    divergence = {"in_loss": 0.5, "estimator": "exact"}
    _, lines = short_run(tmp_path, model, {"name": "grpo", "divergence": divergence})
    first, second = [line["kl_reference"] for line in lines if line["kind"] == "update"]
    assert first == 0.0, "in the first update the policy is its reference"
    assert second > 1e-4


def scores_of(words: str) -> list[Group[ScoredRollout]]:
    """One question per word of letters, a rollout per letter; capitals are correct, "t" is a timeout."""
    groups = []
    for place, word in enumerate(words.split()):
        rollouts = []
        for rollout, letter in enumerate(word):
            verdict = Status.TIMEOUT if letter == "t" else Status.CORRECT if letter.isupper() else Status.WRONG
            one = graded(PROMPTS[place], letter, verdict, place=place, rollout=rollout)
            rollouts.append(ScoredRollout(one, {}))
        groups.append(Group(PROMPTS[place], tuple(rollouts)))
    return groups


def test_signal_keeps_the_groups_whose_rewards_differ():
    row = make_row(build({"algorithm": {"name": "dapo"}}).algorithm)
    assert [group.prompt for group in row.select(scores_of("AbA AAA"))] == [PROMPTS[0]]
    # A failed verdict is no signal: 0 was not given by the answer.
    failed = scores_of("AAt bbt")
    assert row.select(failed) == []
    assert not any(has_signal([one.rollout for one in group]) for group in failed), "nor does it end the refills"


def test_refills_are_sampled_until_enough_groups_have_signal(tmp_path):
    # 8 problems, 2 a step. Only p0 and p1 have signal; refill batches walk through permutations of their own.
    def script(request):
        answer = request.prompt.problem.answer
        return answer if request.prompt.problem.id not in ("p0", "p1") or request.key.rollout == 0 else "0"

    def sampled(refills: int):
        config = settings(
            tmp_path,
            algorithm={"name": "dapo", "questions_per_step": 2, "selection": {"refills": refills}},
        )
        parts = make_parts(config, make_policy(), script)
        with parts.grader:
            groups, baselines = sample_step(parts, make_row(config.algorithm), step=1)
        assert baselines == []
        return groups

    assert [len(sampled(refills)) for refills in (0, 1)] == [2, 4]
    many = sampled(50)
    signals = [group.prompt.problem.id in ("p0", "p1") for group in many]
    assert sum(signals) >= 2, "enough groups have signal"
    assert sum(signals[:-2]) < 2, "and no batch was sampled beyond that"
    generations = [group.rollouts[0].completion.request.key.generation for group in many]
    assert generations[:4] == ["train/1", "train/1", "train/1/1", "train/1/1"]
    streams = Counter(rollout.completion.request.key.seed64() for group in many for rollout in group)
    assert max(streams.values()) == 1, "no two rollouts share a random stream"


def test_the_greedy_baseline_is_the_reward_of_the_greedy_answer(tmp_path):
    def script(request):
        right = request.prompt.problem.answer
        greedy_is_right = request.prompt.problem.id in ("p0", "p2")
        return right if greedy_is_right or request.params.temperature else "0"

    config = settings(tmp_path, algorithm={"name": "reinforce_baseline", "credit": "greedy", "questions_per_step": 8})
    parts = make_parts(config, make_policy(), script)
    row = make_row(config.algorithm)
    with parts.grader:
        groups, baselines = sample_step(parts, row, step=3)
    by_id = {group.prompt.problem.id: value for group, value in zip(groups, baselines, strict=True)}
    assert by_id == {f"p{i}": float(i in (0, 2)) for i in range(8)}
    scored, _ = score(parts.policy, groups, row.needs, 0, None, baselines)
    for group in scored:
        expected = by_id[group.prompt.problem.id]
        assert all(set(one.scores["baseline"]) == {expected} for one in group)
    # All sampled answers are right: the advantage is 1 − b.
    tracks, _ = row.credit(row.select(scored), None)
    advantages = {track.token_ids[0]: max(track.advantages) for track in tracks}
    assert sorted(advantages.values()) == [0.0] * 2 + [1.0] * 6


def truncated(rollout: Rollout) -> Rollout:
    return Rollout(replace(rollout.completion, stop_reason=StopReason.LENGTH), rollout.grade)


def test_truncated_responses_may_be_left_out():
    whole, cut = graded(PROMPTS[0], "A"), truncated(graded(PROMPTS[0], "B"))
    groups = [Group(PROMPTS[0], (ScoredRollout(whole, {}), ScoredRollout(cut, {})))]

    def kept(**overlong: object) -> list[str]:
        row = make_row(build({"algorithm": {"name": "reinforce", "overlong": overlong}}).algorithm)
        return [one.rollout.completion.text for group in row.select(groups) for one in group]

    assert kept() == ["A", "B"]
    assert kept(drop=True) == ["A"]


def test_a_long_response_is_punished_in_its_advantage():
    # Budget 1024, buffer 1023: a response of 513 tokens loses (1024 − 1023 − 513)/1023 = 512/1023.
    row = make_row(build({"algorithm": {"name": "reinforce", "overlong": {"buffer": 1023}}}).algorithm)
    short, long = graded(PROMPTS[0], ""), graded(PROMPTS[0], "x" * 512)
    tracks, _ = row.credit(row.select([Group(PROMPTS[0], (ScoredRollout(short, {}), ScoredRollout(long, {})))]), None)
    assert [track.advantages[-1] for track in tracks] == pytest.approx([1.0, 1 - 512 / 1023])


def test_importance_weights_change_nothing_while_sampler_and_trainer_agree(tmp_path, model):
    algorithm = {"name": "reinforce", "sequences_per_update": 4}
    _, plain = short_run(tmp_path / "plain", model, algorithm)
    _, weighted = short_run(tmp_path / "weighted", model, {**algorithm, "importance_limit": 2.0})
    losses = [[line["loss"] for line in lines if line["kind"] == "update"] for lines in (plain, weighted)]
    assert losses[0][0] == pytest.approx(losses[1][0], rel=1e-4)


def test_the_value_head_is_fitted_and_its_advantages_are_rewards_minus_values(tmp_path):
    policy = make_policy()
    policy.add_value_head(1e-1)
    assert policy.value is not None
    config = settings(
        tmp_path,
        algorithm={"name": "ppo", "questions_per_step": 8, "steps": 3, "value": {"epochs": 40}},
        optimizer={"lr": 1e-7},
    )

    # A sampler of the policy's own log-probs, whose every response is right: V is to become 1 everywhere.
    parts = make_parts(config, policy, verify=lambda problem, response: 1.0, sampler=Honest(policy))
    with RunDirectory(config) as run, parts.grader:
        train(parts, run)
    means = []
    for step in (1, 2, 3):
        lines = read_lines(tmp_path / "rollouts" / f"step_{step:06d}.jsonl")
        means.append(sum(abs(line["advantage"]) for line in lines) / len(lines))
    assert means[0] > 0.5
    assert means[2] < 0.2, "what the value head expects is no advantage"


class Honest:
    """Says "7" everywhere, with the log-probs that the policy gives it."""

    def __init__(self, policy) -> None:
        self.policy = policy
        self.sampler = scripted(lambda request: "7")

    def load(self, version, tensors) -> None:
        self.sampler.load(version, tensors)

    def sample(self, requests):
        given = list(self.sampler.sample(requests))
        grade = graded(PROMPTS[0], "x").grade
        scores = self.policy.score([unweighted(trajectory(Rollout(one, grade))) for one in given])
        for one, result in zip(given, scores, strict=True):
            yield replace(one, sampler_logprobs=result.logprobs)

    def close(self) -> None:
        """Holds nothing."""
