"""What is scored, what the scores are, and how far sampler and trainer are apart."""

from __future__ import annotations

import math

import pytest

from tests.algorithms.parts import PROBLEMS, encode, graded, make_policy, prompts
from tests.tiny import END_ID, make_sampler, slow_scores
from verigrad.algorithms import make_requests, make_row
from verigrad.algorithms.score import score, trajectory
from verigrad.config import build
from verigrad.errors import ConfigError
from verigrad.types import Completion, Group, Rollout, Sample, SamplingParams, ScoredRollout, Status, StopReason

PROMPTS = prompts(PROBLEMS[:3])


def sampled_groups(policy, params: SamplingParams, rollouts: int = 2) -> list[Group[Rollout]]:
    requests = make_requests(PROMPTS, range(3), params, rollouts=rollouts, seed=0, generation="train/1")
    groups: dict[int, list[Rollout]] = {}
    for completion in make_sampler(policy).sample(requests):
        rollout = Rollout(completion, graded(PROMPTS[0], "x").grade)
        groups.setdefault(completion.request.key.question, []).append(rollout)
    return [Group(PROMPTS[place], tuple(groups[place])) for place in sorted(groups)]


def test_a_trajectory_is_prompt_then_response_and_only_the_response_is_sampled():
    rollout = graded(PROMPTS[1], "7")
    track = trajectory(rollout, advantages=(2.0, 3.0))
    prompt = encode("1+1=")
    assert track.token_ids == (*prompt, *encode("7"), END_ID)
    assert track.sampled == (False,) * 4 + (True, True)
    assert track.advantages == (0.0,) * 4 + (2.0, 3.0)
    assert track.streams == {"sampler_logprobs": (0.0,) * 4 + (-1.0, -1.0)}


def test_a_trajectory_carries_the_scores_and_says_which_distribution_was_sampled():
    rollout = graded(PROMPTS[1], "7")
    request = rollout.completion.request
    params = SamplingParams(temperature=0.5, min_tokens=3)
    warm = Completion(
        type(request)(request.prompt, params, request.key), (1, 2), (-1.0, -2.0), "7", StopReason.END_TOKEN, 0
    )
    scored = ScoredRollout(Rollout(warm, rollout.grade), {"old_logprobs": (-3.0, -4.0)})
    track = trajectory(scored.rollout, None, scored)
    assert (track.temperature, track.min_tokens) == (0.5, 3)
    assert track.streams["old_logprobs"] == (0.0,) * 4 + (-3.0, -4.0)
    assert track.advantages == (0.0,) * 6


def test_a_demonstration_is_of_temperature_one_and_has_no_sampler_logprobs():
    rollout = graded(PROMPTS[1], "7")
    request = rollout.completion.request
    cold = type(request)(request.prompt, SamplingParams(temperature=0.0, min_tokens=4), request.key)
    given = Completion(cold, (1, 2), (), "7", StopReason.END_TOKEN, -1)
    track = trajectory(Rollout(given, rollout.grade))
    assert (track.temperature, track.min_tokens, track.streams) == (1.0, 0, {})


@pytest.mark.parametrize("params", [{}, {"temperature": 0.5}, {"min_tokens": 6}])
def test_sampler_and_scorer_agree_on_the_distribution_that_was_sampled(params):
    policy = make_policy()
    groups = sampled_groups(policy, SamplingParams(max_tokens=8, **params))
    scored, summary = score(policy, groups, (), monitored=100)
    assert summary.rollouts == 6
    assert summary.gap_mean <= summary.gap_max < 1e-5
    # The oracle: the model's own forward pass over one sequence, all its logits, a plain log_softmax.
    entropies = []
    for group in scored:
        for one in group:
            track = trajectory(one.rollout)
            _, entropy = slow_scores(policy.model, Sample(track, (0.0,) * len(track.token_ids)))
            assert one.scores["entropy"] == pytest.approx(entropy.tolist(), abs=1e-4)
            entropies += entropy.tolist()
    assert summary.entropy == pytest.approx(math.fsum(entropies) / len(entropies), abs=1e-5)


def test_the_gap_is_the_distance_of_the_samplers_log_probs_from_the_trainers():
    policy = make_policy()
    rollout = sampled_groups(policy, SamplingParams(max_tokens=4, min_tokens=4), rollouts=1)[0].rollouts[0]
    drawn = rollout.completion
    off = (0.5, 0.0, -0.25, 0.0)
    lied = tuple(logprob + gap for logprob, gap in zip(drawn.sampler_logprobs, off, strict=True))
    liar = Completion(drawn.request, drawn.token_ids, lied, drawn.text, drawn.stop_reason, 0)
    _, summary = score(policy, [Group(drawn.prompt, (Rollout(liar, rollout.grade),))], (), monitored=1)
    assert summary.gap_mean == pytest.approx((0.5 + 0.25) / 4, abs=1e-5)
    assert summary.gap_max == pytest.approx(0.5, abs=1e-5)


def test_the_monitored_rollouts_are_taken_across_the_questions():
    policy = make_policy()
    words = [graded(PROMPTS[place], "1", place=place, rollout=rollout) for place in range(3) for rollout in range(3)]
    groups = [Group(PROMPTS[place], tuple(words[3 * place : 3 * place + 3])) for place in range(3)]
    scored, summary = score(policy, groups, (), monitored=4)
    assert summary.rollouts == 4
    assert [[bool(one.scores) for one in group] for group in scored] == [
        [True, True, False],  # the first of each question, then the second of the first one
        [True, False, False],
        [True, False, False],
    ]
    assert all(set(one.scores) <= {"entropy"} for group in scored for one in group)


def test_a_row_that_needs_scores_has_them_for_every_rollout():
    policy = make_policy()
    groups = [Group(prompt, (graded(prompt, "12"), graded(prompt, "3"))) for prompt in PROMPTS]
    scored, summary = score(policy, groups, ("old_logprobs",), monitored=1)
    assert summary.rollouts == 6
    for group in scored:
        for one in group:
            track = trajectory(one.rollout)
            logprobs, _ = slow_scores(policy.model, Sample(track, (0.0,) * len(track.token_ids)))
            assert one.scores["old_logprobs"] == pytest.approx(logprobs.tolist(), abs=1e-4)


def test_nothing_to_monitor_scores_nothing():
    groups = [Group(PROMPTS[0], (graded(PROMPTS[0], "1"),))]
    scored, summary = score(make_policy(), groups, (), monitored=0)
    assert (summary.rollouts, summary.gap_mean) == (0, 0.0)
    assert scored[0].rollouts[0].scores == {}


@pytest.mark.parametrize(
    ("key", "name", "meant"),
    [
        ("select", "corect", "did you mean 'correct'?"),
        ("credit", "won", "did you mean 'one'?"),
        ("loss", "nl", "did you mean 'nll'?"),
        ("normalizer", "token", "did you mean 'tokens'?"),
    ],
)
def test_a_row_knows_its_names(key, name, meant):
    with pytest.raises(ConfigError, match=f"algorithm.{key} = '{name}'") as error:
        make_row(build({"algorithm": {key: name}}).algorithm)
    assert meant in str(error.value)


def test_expert_iterations_row_trains_the_correct_ones_with_advantage_one_and_scores_nothing():
    row = make_row(build({}).algorithm)
    assert row.needs == frozenset()
    right, wrong = graded(PROMPTS[0], "1"), graded(PROMPTS[0], "22", Status.WRONG)
    groups = row.select([Group(PROMPTS[0], (ScoredRollout(wrong, {}), ScoredRollout(right, {})))])
    [track], state = row.credit(groups, None)
    assert track.token_ids == (*encode("0+1=1"), END_ID)
    assert track.advantages == (0.0,) * 4 + (1.0, 1.0)
    assert state is None
