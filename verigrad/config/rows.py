"""The table of algorithms: six choices make one (select, shape, credit, loss, normaliser, schedule).

A row names the choices; the functions behind the names are in `objective` and `algorithms`. Every cell can be
overridden in a config (`algorithm.credit = "…"`), so a row is a set of defaults and nothing else reads its name.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Row = dict[str, Any]

# Imitation: every kept rollout counts the same.
_IMITATION: Row = {"source": "policy", "credit": "one", "loss": "nll", "normalizer": "kept_tokens", "steps": 5}

# Policy gradients: one update on each batch of rollouts unless told otherwise (the course's GRPO run: 200 steps).
_GRADIENT: Row = {
    "source": "policy",
    "select": "all",
    "steps": 200,
    "questions_per_step": 32,
    "rollouts_per_question": 8,
    "sequences_per_update": 0,
    "normalizer": "sampled_rollouts",
}

_CLIPPED: Row = {**_GRADIENT, "credit": "group_zscore", "loss": "ppo_clip"}

# CS336 A5 is the course's assignment of 2025; "(2026: …)" are the equations of its edition 26.0.0.

ROWS: dict[str, Row] = {
    # Algorithm 1 of CS336 A5 (2025): cross-entropy of given responses; its "sampler" replays demonstrations.
    "sft": {
        **_IMITATION,
        "source": "demonstrations",
        "select": "all",
        "steps": 1,
        "questions_per_step": 0,
        "rollouts_per_question": 1,
    },
    # Algorithm 2 of CS336 A5 (2025); Anthony et al. 2017, arXiv:1705.08439; STaR, arXiv:2203.14465; ReST,
    # arXiv:2308.08998.
    "expert_iteration": {**_IMITATION, "select": "correct", "rollouts_per_question": 8},
    # Williams 1992; CS336 A5 eq. 20–21 (2026: 9 and 14).
    "reinforce": {**_GRADIENT, "credit": "reward", "loss": "policy_gradient"},
    # CS336 A5 eq. 22–25 (2026: 15–17); the baseline is `algorithm.credit`.
    "reinforce_baseline": {**_GRADIENT, "credit": "running_mean", "loss": "policy_gradient"},
    # REINFORCE++, arXiv:2501.03262.
    "reinforce_pp": {**_CLIPPED, "credit": "batch_zscore", "normalizer": "tokens"},
    # Kool et al. 2019; arXiv:2402.14740.
    "rloo": {**_GRADIENT, "credit": "leave_one_out", "loss": "policy_gradient"},
    # CS336 A5 eq. 27 (2026: 48).
    "off_policy": {**_GRADIENT, "credit": "reward", "loss": "importance_weighted"},
    # arXiv:2402.03300; CS336 A5 eq. 28–33 (2026: 28–32 and 57).
    "grpo": {**_CLIPPED, "normalizer": "sequence_mean"},
    # GRPO with the constant normaliser of Dr. GRPO; CS336 A5 (2026) section 5.4.
    "grpo_constant": {**_CLIPPED, "normalizer": "constant"},
    # arXiv:2503.20783; CS336 A5 eq. 31 (2026: 33).
    "dr_grpo": {**_CLIPPED, "credit": "group_mean", "normalizer": "constant"},
    # arXiv:2602.02710, with the constant normaliser of CS336 A5 (2026) eq. 37 in place of the paper's tokens.
    "maxrl": {**_CLIPPED, "credit": "maxrl", "normalizer": "constant"},
    # Rejection fine-tuning, CS336 A5 (2026) eq. 34: REINFORCE without a baseline. Wrong rollouts, whose weight would be
    # 0, are not passed through the model.
    "rft": {
        **_GRADIENT,
        "select": "correct",
        "credit": "reward",
        "loss": "policy_gradient",
        "normalizer": "constant",
    },
    # RAFT++, arXiv:2504.11343: the correct rollouts, with ratios and clipping.
    "raft_pp": {**_CLIPPED, "select": "correct", "credit": "one", "normalizer": "sequence_mean"},
    # Reinforce-Rej, arXiv:2504.11343: ±1, of questions answered both right and wrong.
    "reinforce_rej": {**_CLIPPED, "select": "signal", "credit": "signed_reward", "normalizer": "sequence_mean"},
    # arXiv:2503.14476.
    "dapo": {
        **_CLIPPED,
        "select": "signal",
        "normalizer": "tokens",
        "clip": {"high": 0.28},
        "selection": {"refills": 3},
    },
    # arXiv:2507.18071; CS336 A5 (2026) eq. 62–65. Its ratio is one per response and near 1, so that its clip range is
    # far narrower.
    "gspo": {**_CLIPPED, "loss": "gspo", "normalizer": "sequence_mean", "clip": {"low": 3e-4, "high": 4e-4}},
    # arXiv:2506.13585; CS336 A5 (2026) eq. 61.
    "cispo": {**_CLIPPED, "loss": "cispo", "normalizer": "tokens"},
    # arXiv:2511.20347.
    "sapo": {**_CLIPPED, "loss": "sapo", "normalizer": "sequence_mean"},
    # arXiv:2602.04879, Binary-TV.
    "dppo": {**_CLIPPED, "loss": "dppo", "normalizer": "tokens"},
    # Schulman et al. 2017, arXiv:1707.06347, with a learned V(s_t).
    "ppo": {**_CLIPPED, "credit": "value", "normalizer": "tokens"},
}


@dataclass(frozen=True, slots=True)
class Facts:
    """What is true of a choice whatever its numbers: what checks, advice, the plan and the laboratory go by.

    Of a credit: it compares rollouts of one question (`group`), is 0 where all rewards are equal (`centred`), reads
    scores of every rollout (`scores`). Of a loss: it reads π/π_old (`ratio`), and limits what a ratio far from 1 does
    (`limits`). Of either, or a normaliser: rollouts of different questions meet in it (`joint`).
    """

    group: bool = False
    centred: bool = False
    scores: bool = False
    ratio: bool = False
    limits: bool = False
    joint: bool = False


# Every name that a cell can have. The functions behind them are in dicts of the same keys, which a test compares.
CHOICES: dict[str, dict[str, Facts]] = {
    "select": {"all": Facts(), "correct": Facts(), "signal": Facts()},
    "credit": {
        "one": Facts(),
        "reward": Facts(),
        "signed_reward": Facts(),
        "reward_to_go": Facts(),
        "running_mean": Facts(),
        "batch_mean": Facts(centred=True, joint=True),
        "batch_zscore": Facts(centred=True, joint=True),
        "group_mean": Facts(group=True, centred=True),
        "leave_one_out": Facts(group=True, centred=True),
        "group_zscore": Facts(group=True, centred=True),
        "maxrl": Facts(group=True, centred=True),
        "greedy": Facts(scores=True),
        "value": Facts(scores=True),
    },
    "loss": {
        "nll": Facts(),
        "policy_gradient": Facts(),
        "importance_weighted": Facts(ratio=True),
        "sequence_importance_weighted": Facts(ratio=True),
        "ppo_clip": Facts(ratio=True, limits=True),
        "gspo": Facts(ratio=True, limits=True),
        "cispo": Facts(ratio=True, limits=True),
        "sapo": Facts(ratio=True, limits=True),
        "dppo": Facts(ratio=True, limits=True),
    },
    "normalizer": {
        "sampled_rollouts": Facts(),
        "sequence_mean": Facts(),
        "constant": Facts(),
        "tokens": Facts(joint=True),
        "kept_tokens": Facts(joint=True),
    },
}
