"""Every row's objective written out rollout by rollout, for steps of one update: the slow side of gradient tests."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import mean, stdev

import torch
from torch import Tensor

EPS = 1e-6

# The value head: V = 1/4 everywhere. The running mean of earlier batches: 1 of 4.
VALUE, EARLIER = 0.25, {"count": 4.0, "sum": 1.0}


@dataclass(frozen=True)
class Step:
    """What a step sampled: the rewards and the lengths of each question's rollouts, the budget of one response."""

    rewards: Sequence[Sequence[float]]
    lengths: Sequence[Sequence[int]]
    budget: int

    @property
    def rollouts(self) -> int:
        return sum(map(len, self.rewards))

    @property
    def tokens(self) -> int:
        return sum(map(sum, self.lengths))

    @property
    def correct_tokens(self) -> int:
        pairs = zip(self.rewards, self.lengths, strict=True)
        return sum(length for rs, row in pairs for r, length in zip(rs, row, strict=True) if r)


def zscore(reward: float, rewards: Sequence[float]) -> float:
    return (reward - mean(rewards)) / (stdev(rewards) + EPS)


def clipped(ratio: Tensor, advantage: float, low: float = 0.2, high: float = 0.2) -> Tensor:
    bounded = torch.clip(ratio, 1 - low, 1 + high)
    return torch.minimum(ratio * advantage, bounded * advantage)


# What a rollout adds to the objective that is *maximised*: (step, reward, those of its question, log-probs, old ones).
Objective = Callable[[Step, float, Sequence[float], Tensor, Tensor], Tensor]


def reinforce(at, r, rs, new, old):
    return r * new.sum() / at.rollouts


def reinforce_baseline(at, r, rs, new, old):
    return (r - EARLIER["sum"] / EARLIER["count"]) * new.sum() / at.rollouts


def reinforce_pp(at, r, rs, new, old):
    everything = [reward for row in at.rewards for reward in row]
    return clipped(torch.exp(new - old), zscore(r, everything)).sum() / at.tokens


def rloo(at, r, rs, new, old):
    others = (sum(rs) - r) / 3
    return (r - others) * new.sum() / at.rollouts


def off_policy(at, r, rs, new, old):
    return (torch.exp(new - old) * r).sum() / at.rollouts


def grpo(at, r, rs, new, old):
    return clipped(torch.exp(new - old), zscore(r, rs)).mean() / at.rollouts


def dr_grpo(at, r, rs, new, old):
    return clipped(torch.exp(new - old), r - mean(rs)).sum() / (at.rollouts * at.budget)


def grpo_constant(at, r, rs, new, old):
    return clipped(torch.exp(new - old), zscore(r, rs)).sum() / (at.rollouts * at.budget)


def maxrl(at, r, rs, new, old):
    return clipped(torch.exp(new - old), (r - mean(rs)) / (mean(rs) + EPS)).sum() / (at.rollouts * at.budget)


def rft(at, r, rs, new, old):
    return r * new.sum() / (at.rollouts * at.budget)


def raft_pp(at, r, rs, new, old):
    # A wrong rollout is dropped, and stays in the denominator.
    return r * torch.clip(torch.exp(new - old), max=1.2).mean() / at.rollouts


def reinforce_rej(at, r, rs, new, old):
    # A question with one kind of answer is dropped, and stays in the denominator.
    if len(set(rs)) == 1:
        return 0 * new.sum()
    return clipped(torch.exp(new - old), 1.0 if r else -1.0).mean() / at.rollouts


def sapo(at, r, rs, new, old, positive=1.0, negative=1.05):
    advantage = zscore(r, rs)
    tau = positive if advantage > 0 else negative
    gate = 1 / (1 + torch.exp(-tau * (torch.exp(new - old) - 1)))
    return (4 / tau * gate * advantage).mean() / at.rollouts


def dppo(at, r, rs, new, old, shift=0.15):
    advantage, total = zscore(r, rs), 0 * new.sum()
    for now, before in zip(new, old, strict=True):
        ratio, moved = torch.exp(now - before), abs(math.exp(now.item()) - math.exp(before.item()))
        away = (advantage > 0 and ratio > 1) or (advantage < 0 and ratio < 1)
        if moved <= shift or not away:
            total = total + ratio * advantage
    return total / at.tokens


def dapo(at, r, rs, new, old):
    # A group without signal is dropped, and its tokens stay in the denominator.
    return clipped(torch.exp(new - old), zscore(r, rs), high=0.28).sum() / at.tokens


def gspo(at, r, rs, new, old):
    return clipped(torch.exp((new - old).mean()), zscore(r, rs), low=3e-4, high=4e-4) / at.rollouts


def cispo(at, r, rs, new, old):
    weight = torch.clip(torch.exp(new - old), max=1.2).detach()
    return (weight * zscore(r, rs) * new).sum() / at.tokens


def ppo(at, r, rs, new, old):
    return clipped(torch.exp(new - old), r - VALUE).sum() / at.tokens


def expert_iteration(at, r, rs, new, old):
    return r * new.sum() / at.correct_tokens


ORACLES: dict[str, Objective] = {
    oracle.__name__: oracle
    for oracle in (
        expert_iteration,
        reinforce,
        reinforce_baseline,
        reinforce_pp,
        rloo,
        off_policy,
        grpo,
        grpo_constant,
        dr_grpo,
        maxrl,
        rft,
        raft_pp,
        reinforce_rej,
        dapo,
        gspo,
        cispo,
        sapo,
        dppo,
        ppo,
    )
}
