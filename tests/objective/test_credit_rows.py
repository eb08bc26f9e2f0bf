"""Each credit by hand on a few rewards, and the identities between them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tiny import make_group
from verigrad.objective.credit import (
    CREDITS,
    batch_mean,
    batch_zscore,
    greedy,
    group_mean,
    group_zscore,
    leave_one_out,
    maxrl,
    one,
    reward,
    reward_to_go,
    running_mean,
    signed_reward,
    value,
)
from verigrad.types import Group, ScoredRollout


def scored(*rewards: tuple[float, ...], length: int = 2, **streams: tuple[float, ...]) -> list[Group[ScoredRollout]]:
    """One group for each tuple of rewards; every response has `length` tokens and these streams."""
    groups = [make_group((1,), [(2,) * length] * len(row), row) for row in rewards]
    return [Group(group.prompt, tuple(ScoredRollout(rollout, streams) for rollout in group)) for group in groups]


def first(credited) -> list[list[float]]:
    """The advantage of each rollout's first token; the others must be the same."""
    advantages, _ = credited
    assert all(len(set(row)) == 1 for group in advantages for row in group)
    return [[row[0] for row in group] for group in advantages]


def test_every_credit_keeps_groups_rollouts_and_lengths():
    groups = scored((1.0, 0.0, 0.0), (0.0, 1.0, 1.0), length=3, baseline=(0.5,) * 3, values=(0.1, 0.2, 0.3))
    for row in CREDITS.values():
        advantages, _ = row.credit(groups, None)
        assert [[len(tokens) for tokens in group] for group in advantages] == [[3, 3, 3], [3, 3, 3]]


def test_one_and_reward():
    assert first(one(scored((1.0, 0.0)), None)) == [[1.0, 1.0]]
    assert first(reward(scored((1.0, 0.0)), None)) == [[1.0, 0.0]]


def test_a_discounted_reward_counts_the_first_action_as_zero():
    # two tokens: γ^1 = 0.5; one token: γ^0 = 1
    assert first(reward(scored((1.0,)), None, gamma=0.5)) == [[0.5]]
    assert first(reward(scored((1.0,), length=1), None, gamma=0.5)) == [[1.0]]


def test_reward_to_go_discounts_from_each_token():
    advantages, _ = reward_to_go(scored((1.0,), length=3), None, gamma=0.5)
    assert advantages == [[(0.25, 0.5, 1.0)]]


def test_running_mean_subtracts_what_was_seen_before_and_remembers_what_is_new():
    groups = scored((1.0, 0.0), (1.0, 1.0))
    credited = running_mean(groups, None)
    assert first(credited) == [[1.0, 0.0], [1.0, 1.0]]  # nothing seen: baseline 0
    assert credited[1] == {"count": 4.0, "sum": 3.0}
    credited = running_mean(groups, credited[1])
    assert first(credited) == [[0.25, -0.75], [0.25, 0.25]]
    assert credited[1] == {"count": 8.0, "sum": 6.0}


def test_batch_mean_centres_over_all_questions():
    # mean of 1, 0, 1, 1 = 3/4
    assert first(batch_mean(scored((1.0, 0.0), (1.0, 1.0)), None)) == [[0.25, -0.75], [0.25, 0.25]]


def test_batch_zscore_divides_by_the_sample_std_of_the_batch():
    # squares about 3/4: 3·(1/16) + 9/16 = 3/4; sample variance 3/4/3 = 1/4, std 1/2
    found = first(batch_zscore(scored((1.0, 0.0), (1.0, 1.0)), None, advantage_eps=0.0))
    assert found == [[0.5, -1.5], [0.5, 0.5]]


def test_group_mean_and_leave_one_out_by_hand():
    groups = scored((1.0, 0.0, 0.0, 0.0), (0.0, 0.0, 0.0, 0.0))
    assert first(group_mean(groups, None)) == [[0.75, -0.25, -0.25, -0.25], [0.0] * 4]
    # 1 − 0 and 0 − 1/3
    found = first(leave_one_out(groups, None))[0]
    assert found == pytest.approx([1.0, -1 / 3, -1 / 3, -1 / 3], abs=1e-15)


def test_leave_one_out_of_a_lonely_rollout_is_zero():
    assert first(leave_one_out(scored((1.0,)), None)) == [[0.0]]


def test_group_zscore_uses_the_sample_std_and_epsilon():
    # 1, 0, 0, 0: sample variance (9/16 + 3/16)/3 = 1/4 -> (3/4)/(1/2 + 1e-6)
    found = first(group_zscore(scored((1.0, 0.0, 0.0, 0.0)), None))[0]
    assert found == pytest.approx([0.75 / 0.500001] + [-0.25 / 0.500001] * 3, abs=1e-15)
    population = first(group_zscore(scored((1.0, 0.0, 0.0, 0.0)), None, ddof=0, advantage_eps=0.0))[0]
    assert population[0] == pytest.approx(0.75 / math.sqrt(3 / 16), abs=1e-15)


def test_signed_reward_turns_a_wrong_answer_into_minus_one():
    assert first(signed_reward(scored((1.0, 0.0), (0.0, 0.0), (0.75,)), None)) == [[1.0, -1.0], [-1.0, -1.0], [0.5]]
    # of a discounted reward: two tokens, γ = 0.5, 2·0.5 − 1 and 2·0 − 1
    assert first(signed_reward(scored((1.0, 0.0)), None, gamma=0.5)) == [[0.0, -1.0]]


def test_maxrl_divides_by_the_mean_of_the_group():
    # mean 1/4: (3/4)/(1/4) = 3, (−1/4)/(1/4) = −1; mean 3/4: 1/3 and −1
    found = first(maxrl(scored((1.0, 0.0, 0.0, 0.0), (1.0, 1.0, 1.0, 0.0)), None, advantage_eps=0.0))
    assert found[0] == pytest.approx([3.0, -1.0, -1.0, -1.0], abs=1e-15)
    assert found[1] == pytest.approx([1 / 3, 1 / 3, 1 / 3, -1.0], abs=1e-15)
    # graded rewards 1/2 and 0: mean 1/4, ε beside it: (1/4)/(1/4 + 1e-6)
    assert first(maxrl(scored((0.5, 0.0)), None))[0] == pytest.approx([0.25 / 0.250001, -0.25 / 0.250001], abs=1e-15)


@pytest.mark.parametrize("rewards", [(1.0, -1.0), (-1.0, 0.5), (-0.5, -1.0)])
def test_maxrl_leaves_a_question_out_whose_mean_is_not_above_zero(rewards):
    assert first(maxrl(scored(rewards), None)) == [[0.0, 0.0]]


@pytest.mark.parametrize("credit", [group_mean, leave_one_out, group_zscore, maxrl, batch_mean, batch_zscore])
@pytest.mark.parametrize("equal", [0.0, 1.0, 0.1])  # 0.1 · 3 / 3 is not 0.1 in floating point
def test_equal_rewards_give_exactly_zero(credit, equal):
    assert first(credit(scored((equal,) * 3), None)) == [[0.0] * 3]


def test_greedy_subtracts_the_given_baseline():
    advantages, _ = greedy(scored((1.0, 0.0), baseline=(0.25, 0.5)), None)
    assert advantages == [[(0.75, 0.5), (-0.25, -0.5)]]


def test_value_with_lambda_one_is_the_reward_to_come_minus_the_value():
    groups = scored((1.0,), length=3, values=(0.2, 0.5, 0.9))
    advantages, _ = value(groups, None)
    assert advantages[0][0] == pytest.approx((0.8, 0.5, 0.1), abs=1e-15)


def test_value_with_lambda_zero_is_the_one_step_error():
    # V(s_{t+1}) − V(s_t), and 1 − V at the end
    advantages, _ = value(scored((1.0,), length=3, values=(0.2, 0.5, 0.9)), None, gae_lambda=0.0)
    assert advantages[0][0] == pytest.approx((0.3, 0.4, 0.1), abs=1e-15)


def test_the_table_says_what_each_credit_needs():
    needs = {name: row.needs for name, row in CREDITS.items() if row.needs}
    assert needs == {"greedy": ("baseline",), "value": ("values",)}
    assert CREDITS["group_zscore"].numbers == ("gamma", "ddof", "advantage_eps")


@given(st.lists(st.lists(st.floats(-2, 2), min_size=2, max_size=6).map(tuple), min_size=1, max_size=3))
def test_identities(rewards):
    groups = scored(*rewards)
    centred, left_out = first(group_mean(groups, None)), first(leave_one_out(groups, None))
    for row, ours, others in zip(rewards, centred, left_out, strict=True):
        size = len(row)
        assert sum(ours) == pytest.approx(0.0, abs=1e-12)
        assert others == pytest.approx([value * size / (size - 1) for value in ours], abs=1e-12)
        slow = [r - (sum(row) - r) / (size - 1) for r in row]  # the mean of the others, spelt out
        assert others == pytest.approx(slow, abs=1e-12)


@given(st.lists(st.sampled_from([0.0, 1.0]), min_size=2, max_size=8), st.floats(0.1, 10))
def test_maxrl_does_not_change_with_the_unit_of_the_reward(rewards, unit):
    plain = first(maxrl(scored(tuple(rewards)), None, advantage_eps=0.0))[0]
    scaled = first(maxrl(scored(tuple(unit * r for r in rewards)), None, advantage_eps=0.0))[0]
    assert scaled == pytest.approx(plain, abs=1e-12)
    assert sum(plain) == pytest.approx(0.0, abs=1e-12)
    # all wrong answers lose 1 together with each of their kind, whatever the others do
    mixed = 0 < sum(rewards) < len(rewards)
    assert all(a == pytest.approx(-1.0, abs=1e-12) for r, a in zip(rewards, plain, strict=True) if mixed and not r)
