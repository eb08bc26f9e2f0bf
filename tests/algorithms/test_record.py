"""What is written of a step, by hand, and which rollouts are shown."""

from __future__ import annotations

import pytest

from tests.algorithms.parts import PROBLEMS, graded, prompts
from verigrad.algorithms.record import rollout_lines, shown, step_line
from verigrad.algorithms.score import ScoreSummary, trajectory
from verigrad.types import Group, Rollout, ScoredRollout, Status

PROMPTS = prompts(PROBLEMS[:3])
SECONDS = {"sampling": 2.0, "scoring": 0.5, "training": 1.0}
RIGHT, WRONG, FAILED = Status.CORRECT, Status.WRONG, Status.TIMEOUT


def step() -> list[Group[Rollout]]:
    """Three questions, two rollouts each; responses of 1, 2, … 6 letters, so of 2, 3, … 7 tokens."""
    statuses = [[RIGHT, WRONG], [WRONG, FAILED], [RIGHT, RIGHT]]
    groups, letters = [], 0
    for place, row in enumerate(statuses):
        rollouts = []
        for rollout, status in enumerate(row):
            letters += 1
            rollouts.append(graded(PROMPTS[place], "abcdefg"[:letters], status, place=place, rollout=rollout))
        groups.append(Group(PROMPTS[place], tuple(rollouts)))
    return groups


def scored(groups, entropies=()) -> list[Group[ScoredRollout]]:
    """With these mean entropies for the first rollouts, none for the rest."""
    values = iter(entropies)

    def one(rollout: Rollout) -> ScoredRollout:
        value = next(values, None)
        tokens = len(rollout.completion.token_ids)
        return ScoredRollout(rollout, {} if value is None else {"entropy": (value,) * tokens})

    return [Group(group.prompt, tuple(one(rollout) for rollout in group)) for group in groups]


def test_a_steps_line_by_hand():
    kept = [group for group in scored(step()) if group.prompt is not PROMPTS[1]]
    line = step_line(step(), kept, ScoreSummary(3, 0.7, 0.9, 1e-6, 2e-6), SECONDS)
    assert (line["rollouts"], line["questions"], line["kept"]) == (6, 3, 4)
    assert line["questions_solved"] == 2
    assert line["pass_rate"] == line["reward"] == line["answer_reward"] == 3 / 6
    assert line["format_reward"] == 1.0
    assert line["statuses"] == {"correct": 3, "wrong": 2, "unparsable": 0, "timeout": 1, "error": 0}
    assert line["stop_reasons"] == {"end_token": 6, "stop_string": 0, "length": 0}
    assert line["mean_tokens"] == (2 + 3 + 4 + 5 + 6 + 7) / 6
    assert line["mean_tokens_correct"] == (2 + 6 + 7) / 3
    assert line["mean_tokens_incorrect"] == (3 + 4 + 5) / 3
    assert line["sampled_tokens_per_second"] == 27 / 2.0
    assert (line["seconds_sampling"], line["seconds_scoring"], line["seconds_training"]) == (2.0, 0.5, 1.0)
    assert (line["scored_rollouts"], line["entropy_old"]) == (3, 0.7)
    assert (line["sampler_gap_mean"], line["sampler_gap_max"]) == (1e-6, 2e-6)


def test_what_was_not_measured_is_absent():
    line = step_line(step(), [], ScoreSummary(0, 0.0, 0.0, 0.0, 0.0), SECONDS)
    assert not {"entropy_old", "sampler_gap_mean", "sampler_gap_max"} & line.keys()
    assert line["scored_rollouts"] == 0


def test_rollout_lines_say_what_was_trained_on_and_with_which_advantage():
    groups = scored(step(), entropies=(0.1, 0.2, 0.3))
    kept = [Group(PROMPTS[2], (groups[2].rollouts[1],))]
    advantages = (3.0, 0.0, 0.0, 1.0, 0.0, 0.0, 3.0)  # 7 tokens: the mean is 1
    tracks = [trajectory(kept[0].rollouts[0].rollout, advantages)]
    lines = list(rollout_lines(groups, kept, tracks))
    assert [line["kept"] for line in lines] == [False] * 5 + [True]
    assert [line.get("advantage") for line in lines] == [None] * 5 + [1.0]
    assert [line.get("entropy") for line in lines] == pytest.approx([0.1, 0.2, 0.3, None, None, None])
    assert lines[5]["sampler_logprobs"] == [-1.0] * 7
    assert (lines[5]["response"], lines[5]["tokens"], lines[5]["policy_version"]) == ("abcdef", 7, 0)


def test_half_of_what_is_shown_is_correct_of_different_questions():
    seen = shown(scored(step()), 4)
    assert [rollout.completion.text for rollout, _ in seen] == ["a", "abcde", "abc", "ab"]
    assert [entropy for _, entropy in seen] == [None] * 4


def test_scored_ones_are_shown_first_with_their_entropy():
    groups = scored(step(), entropies=(0.1, 0.2))
    assert [(rollout.completion.text, entropy) for rollout, entropy in shown(groups, 2)] == [
        ("a", pytest.approx(0.1)),
        ("ab", pytest.approx(0.2)),
    ]


@pytest.mark.parametrize(
    ("status", "count"),
    [(RIGHT, 4), (WRONG, 4), (RIGHT, 0), (WRONG, 1)],
)
def test_where_one_kind_is_missing_the_other_fills_up(status, count):
    groups = [Group(PROMPTS[0], tuple(graded(PROMPTS[0], "a", status, rollout=i) for i in range(6)))]
    assert len(shown(scored(groups), count)) == count
