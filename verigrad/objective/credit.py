"""Credit: which advantage A_t each sampled token of each rollout gets.

A credit sees the groups of a step and its own state from earlier steps, and returns one tuple of per-token advantages
for each rollout, group by group, with the new state. State is plain JSON, so that a checkpoint can hold it.

CS336 A5 is the course's assignment of 2025; "(2026: …)" are the equations of its edition 26.0.0.

R is the return of a rollout (`returns`), r̄ a mean of returns. Where all returns of a group (a batch) are equal, found
by comparing them, every centred advantage is exactly 0: no rounding error is divided by a standard deviation of 0.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt

from verigrad.objective.returns import discounted_return, gae, rewards_to_go, token_rewards
from verigrad.types import Group, ScoredRollout

Advantages = list[list[tuple[float, ...]]]
CreditState = Mapping[str, float] | None
Credit = Callable[[Sequence[Group[ScoredRollout]], CreditState], tuple[Advantages, CreditState]]
Groups = Sequence[Group[ScoredRollout]]
Credited = tuple[Advantages, CreditState]


@dataclass(frozen=True, slots=True)
class CreditRow:
    """A credit, the per-token scores it needs computed (names as in `ScoredRollout`), and the names of its numbers.

    Bound to its numbers, which are keyword arguments, the function is a `Credit`.
    """

    credit: Callable[..., Credited]
    needs: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()


def one(groups: Groups, state: CreditState) -> Credited:
    """A_t = 1: every kept rollout counts the same. Imitation: SFT, expert iteration.

    After selecting the correct ones this is the reward of REINFORCE without a baseline, r ∈ {0, 1} (CS336 A5 eq. 20;
    2026: eq. 34).
    """
    return [[(1.0,) * len(scored.rollout.completion.token_ids) for scored in group] for group in groups], state


def reward(groups: Groups, state: CreditState, gamma: float = 1.0) -> Credited:
    """A_t = R(τ): REINFORCE without a baseline. Williams 1992; CS336 A5 eq. 20 (2026: 9).

    Unbiased for E[Σ γ^t r_t].
    """
    return _spread(groups, _returns(groups, gamma)), state


def signed_reward(groups: Groups, state: CreditState, gamma: float = 1.0) -> Credited:
    """A_t = 2R − 1: a right answer pushes up by 1, a wrong one down by 1. Reinforce-Rej, arXiv:2504.11343.

    Twice R − 1/2, a constant baseline (CS336 A5 (2026) eq. 15–16), so that the expectation is 2·∇J. Unlike
    `group_mean`, it is not 0 where all rewards of a question are equal; `select = "signal"` leaves those out.
    """
    return _spread(groups, [[2 * value - 1 for value in row] for row in _returns(groups, gamma)]), state


def reward_to_go(groups: Groups, state: CreditState, gamma: float = 1.0) -> Credited:
    """A_t = Σ_{t' ≥ t} γ^{t'−t} r_{t'}. Unbiased for γ = 1; biased for γ < 1, see `returns.rewards_to_go`."""
    return [[rewards_to_go(token_rewards(scored), gamma) for scored in group] for group in groups], state


def running_mean(groups: Groups, state: CreditState, gamma: float = 1.0) -> Credited:
    """A_t = R − the mean return of all *earlier* batches (0 before the first). CS336 A5 eq. 22 (2026: 15).

    Unbiased: what was seen before this batch does not depend on its actions. State: count and sum of earlier returns.
    """
    returns = _returns(groups, gamma)
    seen = state or {"count": 0.0, "sum": 0.0}
    baseline = seen["sum"] / seen["count"] if seen["count"] else 0.0
    new = [value for row in returns for value in row]
    after = {"count": seen["count"] + len(new), "sum": seen["sum"] + sum(new)}
    return _spread(groups, [[value - baseline for value in row] for row in returns]), after


def batch_mean(groups: Groups, state: CreditState, gamma: float = 1.0) -> Credited:
    """A_t = R − r̄ over all N rollouts of the step.

    The baseline holds the rollout's own return, so that the expectation is (1 − 1/N)·∇J: scaled, not turned.
    """
    returns = _returns(groups, gamma)
    centred = iter(_centred([value for row in returns for value in row]))
    return _spread(groups, [[next(centred) for _ in row] for row in returns]), state


def batch_zscore(
    groups: Groups, state: CreditState, gamma: float = 1.0, ddof: int = 1, advantage_eps: float = 1e-6
) -> Credited:
    """A_t = (R − r̄)/(std + ε) over all rollouts of the step. REINFORCE++, arXiv:2501.03262; std with N − ddof.

    One factor for all questions: the direction suffers only because std depends on the rollouts themselves.
    """
    returns = _returns(groups, gamma)
    scores = iter(_zscores([value for row in returns for value in row], ddof, advantage_eps))
    return _spread(groups, [[next(scores) for _ in row] for row in returns]), state


def group_mean(groups: Groups, state: CreditState, gamma: float = 1.0) -> Credited:
    """A_t = R − r̄ over the question's rollouts. Dr. GRPO, arXiv:2503.20783; CS336 A5 eq. 31 (2026: 33).

    Expectation (1 − 1/G)·∇J (2026: eq. 20–24), since r̄ holds the own return; `leave_one_out` is G/(G − 1) times this.
    """
    return _spread(groups, [_centred(row) for row in _returns(groups, gamma)]), state


def leave_one_out(groups: Groups, state: CreditState, gamma: float = 1.0) -> Credited:
    """A_t = R − the mean return of the *other* rollouts of the question = (R − r̄)·G/(G − 1).

    Unbiased, since the baseline does not see the rollout's own action (Kool et al. 2019; RLOO, arXiv:2402.14740;
    CS336 A5 eq. 22–25; 2026: 16–17). A rollout alone in its group has nothing to be compared with: 0.
    """
    returns = _returns(groups, gamma)
    scales = [len(row) / max(1, len(row) - 1) for row in returns]
    rows = [[scale * value for value in _centred(row)] for row, scale in zip(returns, scales, strict=True)]
    return _spread(groups, rows), state


def group_zscore(
    groups: Groups, state: CreditState, gamma: float = 1.0, ddof: int = 1, advantage_eps: float = 1e-6
) -> Credited:
    """A_t = (R − r̄)/(std + ε) over the question's rollouts. GRPO, arXiv:2402.03300; CS336 A5 eq. 28 (2026: 25).

    std divides by G − ddof; ddof = 1 is what both editions of the course compute. With 0/1 rewards the expectation for
    question q is c(p, G)·∇J_q, c = E[std]/(p(1 − p)) for ddof = 0 and √((G − 1)/G) times that for ddof = 1: hard and
    easy questions are weighted up, so that the sum over questions is not along ∇J for G ≥ 4.
    """
    return _spread(groups, [_zscores(row, ddof, advantage_eps) for row in _returns(groups, gamma)]), state


def maxrl(groups: Groups, state: CreditState, gamma: float = 1.0, advantage_eps: float = 1e-6) -> Credited:
    """A_t = (R − r̄)/(r̄ + ε) over the question's rollouts. MaxRL, arXiv:2602.02710; CS336 A5 (2026) eq. 37.

    With 0/1 rewards the expectation for question q is m(p, G)·∇J_q, m = (1 − (1 − p)^{G−1})/p, which grows to 1/p: the
    gradient of log p, the likelihood of a right answer, cut after its first G − 1 terms. A question whose mean is not
    above 0 earned nothing, and has advantage 0: rewards below 0 have no likelihood.
    """
    rows = []
    for row in _returns(groups, gamma):
        mean = sum(row) / len(row)
        scale = 1 / (mean + advantage_eps) if mean > 0 else 0.0
        rows.append([scale * value for value in _centred(row)])
    return _spread(groups, rows), state


def greedy(groups: Groups, state: CreditState, gamma: float = 1.0) -> Credited:
    """A_t = R − b(s_t) with b given from outside as the stream `baseline`, here the return of the greedy rollout.

    Unbiased, since b does not depend on the actions sampled. ReMax, arXiv:2310.10505; CS336 A5 eq. 22 (2026: 16).
    """
    return [
        [tuple(total - b for b in scored.scores["baseline"]) for scored, total in zip(group, row, strict=True)]
        for group, row in zip(groups, _returns(groups, gamma), strict=True)
    ], state


def value(groups: Groups, state: CreditState, gamma: float = 1.0, gae_lambda: float = 1.0) -> Credited:
    """A_t by GAE(γ, λ) from the stream `values`, V(s_t) read before a_t. Schulman et al. 2016, arXiv:1506.02438.

    With λ = γ = 1 and V fitted on earlier batches it is CS336 A5 eq. 22 (2026: 16), unbiased; with λ < 1 the
    error of V enters.
    """
    return [
        [gae(token_rewards(scored), scored.scores["values"], gamma, gae_lambda) for scored in group] for group in groups
    ], state


def _returns(groups: Groups, gamma: float) -> list[list[float]]:
    return [[discounted_return(token_rewards(scored), gamma) for scored in group] for group in groups]


def _centred(values: list[float]) -> list[float]:
    if min(values) == max(values):
        return [0.0] * len(values)
    mean = sum(values) / len(values)
    return [value - mean for value in values]


def _zscores(values: list[float], ddof: int, eps: float) -> list[float]:
    if min(values) == max(values):
        return [0.0] * len(values)
    centred = _centred(values)
    std = sqrt(sum(value * value for value in centred) / (len(values) - ddof))
    return [value / (std + eps) for value in centred]


def _spread(groups: Groups, values: list[list[float]]) -> Advantages:
    """The same advantage on every token of a rollout."""
    return [
        [(value,) * len(scored.rollout.completion.token_ids) for scored, value in zip(group, row, strict=True)]
        for group, row in zip(groups, values, strict=True)
    ]


RETURN = ("gamma",)
STANDARD = ("gamma", "ddof", "advantage_eps")
CREDITS: dict[str, CreditRow] = {
    "one": CreditRow(one),
    "reward": CreditRow(reward, numbers=RETURN),
    "signed_reward": CreditRow(signed_reward, numbers=RETURN),
    "reward_to_go": CreditRow(reward_to_go, numbers=RETURN),
    "running_mean": CreditRow(running_mean, numbers=RETURN),
    "batch_mean": CreditRow(batch_mean, numbers=RETURN),
    "batch_zscore": CreditRow(batch_zscore, numbers=STANDARD),
    "group_mean": CreditRow(group_mean, numbers=RETURN),
    "leave_one_out": CreditRow(leave_one_out, numbers=RETURN),
    "group_zscore": CreditRow(group_zscore, numbers=STANDARD),
    "maxrl": CreditRow(maxrl, numbers=("gamma", "advantage_eps")),
    "greedy": CreditRow(greedy, needs=("baseline",), numbers=RETURN),
    "value": CreditRow(value, needs=("values",), numbers=("gamma", "gae_lambda")),
}
