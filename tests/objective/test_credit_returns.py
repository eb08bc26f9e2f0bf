"""Returns, GAE against its sum, and shaping of rewards."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tiny import make_completion, make_prompt
from verigrad.objective.returns import discounted_return, gae, rewards_to_go, token_rewards
from verigrad.objective.shaping import kl_rewards, overlong_penalty, shape
from verigrad.types import Grade, Group, Rollout, ScoredRollout, Status


def scored(length: int, reward: float = 1.0, max_tokens: int = 1024, **streams: tuple[float, ...]) -> ScoredRollout:
    completion = make_completion((1,), (2,) * length, max_tokens=max_tokens)
    return ScoredRollout(Rollout(completion, Grade(reward, 1.0, reward, Status.CORRECT)), streams)


def test_the_verified_reward_is_on_the_last_token():
    assert token_rewards(scored(3)) == (0.0, 0.0, 1.0)
    assert token_rewards(scored(3, rewards=(0.1, 0.2, 0.3))) == (0.1, 0.2, 0.3)


def test_returns_by_hand():
    # eq. 5: 1 + 2 + 4 = 7; eq. 6 with γ = 1/2: 1 + 1 + 1 = 3
    assert discounted_return((1.0, 2.0, 4.0)) == 7.0
    assert discounted_return((1.0, 2.0, 4.0), 0.5) == 3.0
    assert discounted_return((0.0, 0.0, 1.0), 0.5) == 0.25  # γ^T r_T with T = 2
    assert rewards_to_go((1.0, 2.0, 4.0), 0.5) == (3.0, 4.0, 4.0)


@given(
    st.lists(st.tuples(st.floats(-2, 2), st.floats(-2, 2)), min_size=1, max_size=8), st.floats(0, 1), st.floats(0, 1)
)
def test_gae_is_its_sum(steps, gamma, lam):
    rewards, values = [r for r, _ in steps], [v for _, v in steps]
    following = [*values[1:], 0.0]
    errors = [r + gamma * n - v for r, n, v in zip(rewards, following, values, strict=True)]
    slow = [sum((gamma * lam) ** (u - t) * errors[u] for u in range(t, len(steps))) for t in range(len(steps))]
    assert gae(rewards, values, gamma, lam) == pytest.approx(slow, abs=1e-12)


def test_overlong_penalty_falls_linearly_to_minus_one():
    # budget 10, buffer 4: free up to 6, then a quarter for each token
    assert [overlong_penalty(n, 10, 4) for n in (1, 6, 7, 8, 9, 10)] == [0.0, 0.0, -0.25, -0.5, -0.75, -1.0]
    assert overlong_penalty(10, 10, 0) == 0.0


def test_kl_rewards_are_minus_beta_k1():
    assert kl_rewards((-1.0, -2.0), (-1.5, -1.0), 0.1) == pytest.approx((-0.05, 0.1), abs=1e-15)


def test_shape_adds_penalty_and_kl_and_leaves_the_grade():
    rollout = scored(3, 1.0, 4, old_logprobs=(-1.0, -1.0, -1.0), reference_logprobs=(-2.0, -1.0, 0.0))
    groups = [Group(make_prompt((1,)), (rollout,))]
    [[shaped]] = shape(groups, kl_in_reward=0.5, overlong_buffer=2)
    # KL terms −½, 0, +½; 3 tokens of a budget of 4 with a buffer of 2: −½ on the last
    assert shaped.scores["rewards"] == (-0.5, 0.0, 1.0 - 0.5 + 0.5)
    assert shaped.rollout == rollout.rollout
    [[long]] = shape(groups, overlong_buffer=2)
    assert long.scores["rewards"] == (0.0, 0.0, 0.5)
    assert shape(groups) == groups
