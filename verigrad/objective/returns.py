"""Returns: what a trajectory earned, from its per-token rewards. The first sampled token has index 0."""

from __future__ import annotations

from collections.abc import Sequence

from verigrad.types import ScoredRollout


def token_rewards(scored: ScoredRollout) -> tuple[float, ...]:
    """r_t of each response token: the stream `rewards` where shaping made one, else the verified terminal reward.

    Terminal: r_t = 0 before the last token T, r_T = the grade's reward.
    """
    shaped = scored.scores.get("rewards")
    if shaped is not None:
        return shaped
    return (0.0,) * (len(scored.rollout.completion.token_ids) - 1) + (scored.rollout.grade.reward,)


def discounted_return(rewards: Sequence[float], gamma: float = 1.0) -> float:
    """R(τ) = Σ_{t=0}^{T} γ^t r_t. CS336 A5 eq. 6; with γ = 1, the default, the undiscounted return of eq. 5
    (2026: eq. 4, the terminal reward alone).

    With a terminal reward this is γ^T r_T: a response of one token is not discounted.
    """
    if gamma == 1.0:
        return sum(rewards)
    return sum(gamma**place * reward for place, reward in enumerate(rewards))


def rewards_to_go(rewards: Sequence[float], gamma: float = 1.0) -> tuple[float, ...]:
    """R_t = Σ_{t' ≥ t} γ^{t'−t} r_{t'}, per token.

    With γ = 1 an action keeps the rewards that can depend on it, which changes no expectation, and nothing at all where
    the reward is terminal. With γ < 1 the exponent counts from t, not from 0: weights of Σ_t ∇log π_t R_t are then
    the gradient of neither E[Σ r_t] nor E[Σ γ^t r_t] (Nota & Thomas 2020, arXiv:1906.07073).
    """
    running, results = 0.0, []
    for reward in reversed(rewards):
        running = reward + gamma * running
        results.append(running)
    return tuple(reversed(results))


def gae(rewards: Sequence[float], values: Sequence[float], gamma: float, gae_lambda: float) -> tuple[float, ...]:
    """Generalised advantage estimate, per token.

        δ_t = r_t + γ V(s_{t+1}) − V(s_t),   V(s_{T+1}) = 0,   A_t = Σ_{l ≥ 0} (γλ)^l δ_{t+l}

    Schulman et al. 2016, arXiv:1506.02438, eq. 16. `values[t]` is V(s_t), read *before* action t. The token budget is
    the horizon, so that nothing follows a truncated response either. A_t + V(s_t) is the λ-return that V is fitted to.
    With λ = γ = 1, A_t = R_t − V(s_t): unbiased for every V that does not know this rollout (CS336 A5 eq. 22;
    2026: 16).
    """
    following = running = 0.0
    results = []
    for reward, value in zip(reversed(rewards), reversed(values), strict=True):
        running = reward + gamma * following - value + gamma * gae_lambda * running
        following = value
        results.append(running)
    return tuple(reversed(results))
