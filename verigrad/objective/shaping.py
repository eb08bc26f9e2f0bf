"""Shaping: rewards per token before credit. Each term is off by default and leaves the verified grade as it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from verigrad.objective.returns import token_rewards
from verigrad.types import Group, ScoredRollout


def overlong_penalty(length: int, max_tokens: int, buffer: int) -> float:
    """Soft overlong punishment, from 0 down to −1 over the last `buffer` tokens of the budget.

        0 for length ≤ max_tokens − buffer, then (max_tokens − buffer − length)/buffer

    DAPO, arXiv:2503.14476, eq. 13. A response that fills the budget has −1. buffer 0: no penalty.
    """
    if not buffer:
        return 0.0
    return max(-1.0, min(0.0, (max_tokens - buffer - length) / buffer))


def kl_rewards(old_logprobs: Sequence[float], reference_logprobs: Sequence[float], beta: float) -> tuple[float, ...]:
    """−β k1_t with k1_t = log π_old(a_t|s_t) − log π_ref(a_t|s_t), the share of token t in −β KL(π_old‖π_ref). Nats.

    Added to the rewards, its policy gradient is that of −β KL exactly: E[Σ_t ∇log π_t · Σ_t' k1_t'] = ∇KL, since
    ∇log π itself has expectation 0 (CS336 A5 eq. 24; 2026: 17). Ziegler et al. 2019, arXiv:1909.08593, eq. 2.
    """
    return tuple(-beta * (old - ref) for old, ref in zip(old_logprobs, reference_logprobs, strict=True))


def shape(
    groups: Sequence[Group[ScoredRollout]], *, kl_in_reward: float = 0.0, overlong_buffer: int = 0
) -> list[Group[ScoredRollout]]:
    """The groups with a stream `rewards`: the terminal reward, the overlong penalty on it, and the KL of each token.

    With both terms off the groups come back unchanged. `kl_in_reward` is β and needs the streams `old_logprobs` and
    `reference_logprobs`.
    """
    if not kl_in_reward and not overlong_buffer:
        return list(groups)
    return [
        Group(group.prompt, tuple(_shaped(scored, kl_in_reward, overlong_buffer) for scored in group))
        for group in groups
    ]


def _shaped(scored: ScoredRollout, beta: float, buffer: int) -> ScoredRollout:
    completion = scored.rollout.completion
    rewards = list(token_rewards(scored))
    rewards[-1] += overlong_penalty(len(rewards), completion.request.params.max_tokens, buffer)
    if beta:
        terms = kl_rewards(scored.scores["old_logprobs"], scored.scores["reference_logprobs"], beta)
        rewards = [reward + term for reward, term in zip(rewards, terms, strict=True)]
    return replace(scored, scores={**scored.scores, "rewards": tuple(rewards)})
