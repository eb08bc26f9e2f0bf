"""The rows that the laboratory measures: names of the production tables, and what theory claims of each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Literal

from torch import Tensor

from verigrad.config.rows import CHOICES
from verigrad.objective import CREDITS, LOSSES, NORMALIZERS, Credit, CreditState, Normalizer
from verigrad.objective.credit import Credited

Claim = Literal[
    "unbiased",
    "twice",
    "leave-one-out",
    "1 − 1/G",
    "1 − 1/N",
    "c(p, G)",
    "m(p, G)",
    "s(p, G)",
    "parallel",
    "zero",
    "biased",
]

# No ε beside the standard deviation: equal rewards need none, and the law c(p, G) then holds to the last digit.
NUMBERS: Mapping[str, float] = {
    "gamma": 1.0,
    "gae_lambda": 1.0,
    "ddof": 1,
    "advantage_eps": 0.0,
    "clip_low": 0.2,
    "clip_high": 0.2,
    "clip_shift": 0.15,
    "gate_positive": 1.0,
    "gate_negative": 1.05,
}


@dataclass(frozen=True)
class Estimator:
    """One way to estimate ∇J: the functions of a row of the table, and what is expected of it.

    `joint`: rollouts of different questions meet (batch statistics, token counts), so that batches are enumerated whole
    instead of question by question. `needs` are the streams to be computed. `gamma` and `beta` say which objective it
    is measured against. `values` chooses the stream of that name. `kl_in_loss` is a divergence and its β.
    `reward_scale` 0 leaves the KL term alone.
    """

    name: str
    credit: Credit
    loss: Callable[..., Tensor]
    streams: tuple[str, ...]
    normalizer: Normalizer
    claim: Claim
    select: str = "all"
    state: CreditState = None
    values: Literal["learned", "exact"] = "learned"
    kl_in_reward: float = 0.0
    kl_in_loss: tuple[str, float] = ("k1", 0.0)
    gamma: float = 1.0
    beta: float = 0.0
    reward_scale: float = 1.0
    joint: bool = False
    needs: frozenset[str] = frozenset()
    numbers: Mapping[str, float] = field(default_factory=dict)


def estimator(
    name: str,
    credit: str = "reward",
    loss: str = "policy_gradient",
    normalizer: str = "sampled_rollouts",
    claim: Claim = "unbiased",
    numbers: Mapping[str, float] | None = None,
    **options: object,
) -> Estimator:
    """The estimator that these names of the production tables make, bound to its numbers."""
    known = {**NUMBERS, **(numbers or {})}
    credit_row, loss_row = CREDITS[credit], LOSSES[loss]
    bound: Callable[..., Credited] = partial(credit_row.credit, **{key: known[key] for key in credit_row.numbers})
    return Estimator(
        name=name,
        credit=bound,
        loss=partial(loss_row.function, **{key: known[key] for key in loss_row.numbers}),
        streams=loss_row.streams,
        normalizer=NORMALIZERS[normalizer],
        claim=claim,
        joint=CHOICES["credit"][credit].joint or CHOICES["normalizer"][normalizer].joint,
        numbers=known,
        needs=frozenset({*credit_row.needs, *loss_row.streams}),
        **options,  # type: ignore[arg-type]
    )


def on_policy() -> list[Estimator]:
    """Rows at π = π_old, measured against ∇J."""
    # REINFORCE without a baseline comes first: variances are told relative to it.
    return [
        estimator("reinforce"),
        estimator("running_mean", "running_mean", state={"count": 64.0, "sum": 24.0}),
        estimator("greedy", "greedy"),
        estimator("signed_reward", "signed_reward", claim="twice"),
        estimator("signed_reward, signal", "signed_reward", select="signal", claim="s(p, G)"),
        estimator("leave_one_out", "leave_one_out", claim="leave-one-out"),
        estimator("group_mean", "group_mean", claim="1 − 1/G"),
        estimator("batch_mean", "batch_mean", claim="1 − 1/N"),
        estimator("group_zscore", "group_zscore", claim="c(p, G)"),
        estimator("maxrl", "maxrl", claim="m(p, G)"),
        estimator("batch_zscore", "batch_zscore", claim="biased"),
        estimator("exact V, λ = 1", "value", values="exact"),
        estimator("exact V, λ = 0.5", "value", values="exact", numbers={"gae_lambda": 0.5}),
        estimator("learned V, λ = 1", "value"),
        estimator("learned V, λ = 0.5", "value", numbers={"gae_lambda": 0.5}, claim="biased"),
        estimator("sequence_mean", normalizer="sequence_mean", claim="biased"),
        estimator("tokens", normalizer="tokens", claim="biased"),
        estimator("expert_iteration", "one", "nll", "kept_tokens", select="correct", claim="biased"),
        estimator("expert_iteration, 1/N", "one", "nll", select="correct"),
        estimator("grpo", "group_zscore", "ppo_clip", "sequence_mean", claim="biased"),
        estimator("grpo_constant", "group_zscore", "ppo_clip", "constant", claim="c(p, G)"),
        estimator("dr_grpo", "group_mean", "ppo_clip", "constant", claim="parallel"),
        estimator("maxrl, constant", "maxrl", "ppo_clip", "constant", claim="m(p, G)"),
        estimator("rft", "reward", "policy_gradient", "constant", select="correct", claim="parallel"),
        estimator("raft_pp", "one", "ppo_clip", "sequence_mean", select="correct", claim="biased"),
        estimator("reinforce_rej", "signed_reward", "ppo_clip", "sequence_mean", select="signal", claim="biased"),
        estimator("dapo, no refill", "group_zscore", "ppo_clip", "tokens", claim="biased", numbers={"clip_high": 0.28}),
    ]


def off_policy(credit: str = "leave_one_out") -> list[Estimator]:
    """Losses where π has moved away from π_old, all with one credit and 1/N."""
    return [
        estimator("policy_gradient, no ratio", credit, claim="biased"),
        estimator("importance_weighted", credit, "importance_weighted", claim="biased"),
        estimator("sequence_importance_weighted", credit, "sequence_importance_weighted"),
        estimator("ppo_clip", credit, "ppo_clip", claim="biased"),
        estimator("gspo", credit, "gspo", claim="biased"),
        estimator("cispo", credit, "cispo", claim="biased"),
        estimator("sapo", credit, "sapo", claim="biased"),
        estimator("dppo", credit, "dppo", claim="biased"),
    ]


def divergences(beta: float = 0.1) -> list[Estimator]:
    """The KL term alone (rewards 0), measured against −β∇KL(π‖π_ref)."""
    rows = [estimator("k1 in the reward", beta=beta, kl_in_reward=beta, reward_scale=0.0)]
    claims: dict[str, Claim] = {"k1": "zero", "k2": "biased", "k3": "biased", "exact": "biased"}
    rows += [
        estimator(f"{name} in the loss", claim=claims[name], beta=beta, kl_in_loss=(name, beta), reward_scale=0.0)
        for name in claims
    ]
    return rows


def discounted(gamma: float = 0.7) -> list[Estimator]:
    """Forms of a discounted return, against ∇E[γ^T r_T]; the last against ∇E[r_T], which it is not either."""
    numbers = {"gamma": gamma}
    return [
        estimator("discounted return", numbers=numbers, gamma=gamma),
        estimator("discounted reward-to-go", "reward_to_go", numbers=numbers, gamma=gamma, claim="biased"),
        estimator("discounted to-go, against J", "reward_to_go", numbers=numbers, claim="biased"),
        estimator("reward-to-go, γ = 1", "reward_to_go"),
    ]
