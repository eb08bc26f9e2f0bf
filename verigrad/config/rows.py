"""The table of algorithms: six choices make one (select, shape, credit, loss, normaliser, schedule).

A row names the choices; the functions behind the names are in `objective` and `algorithms`. Every cell can be
overridden in a config (`algorithm.credit = "…"`), so a row is a set of defaults and nothing else reads its name.
"""

from __future__ import annotations

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

ROWS: dict[str, Row] = {
    # Algorithm 1 of CS336 A5: cross-entropy of given responses; its "sampler" replays demonstrations.
    "sft": {
        **_IMITATION,
        "source": "demonstrations",
        "select": "all",
        "steps": 1,
        "questions_per_step": 0,
        "rollouts_per_question": 1,
    },
    # Algorithm 2 of CS336 A5; Anthony et al. 2017, arXiv:1705.08439; STaR, arXiv:2203.14465; ReST, arXiv:2308.08998.
    "expert_iteration": {**_IMITATION, "select": "correct", "rollouts_per_question": 8},
    # Williams 1992; CS336 A5 eq. 20–21.
    "reinforce": {**_GRADIENT, "credit": "reward", "loss": "policy_gradient"},
    # CS336 A5 eq. 22–25; the baseline is `algorithm.credit`.
    "reinforce_baseline": {**_GRADIENT, "credit": "running_mean", "loss": "policy_gradient"},
    # REINFORCE++, arXiv:2501.03262.
    "reinforce_pp": {**_CLIPPED, "credit": "batch_zscore", "normalizer": "tokens"},
    # Kool et al. 2019; arXiv:2402.14740.
    "rloo": {**_GRADIENT, "credit": "leave_one_out", "loss": "policy_gradient"},
    # CS336 A5 eq. 27.
    "off_policy": {**_GRADIENT, "credit": "reward", "loss": "importance_weighted"},
    # arXiv:2402.03300; CS336 A5 eq. 28–33.
    "grpo": {**_CLIPPED, "normalizer": "sequence_mean"},
    # arXiv:2503.20783.
    "dr_grpo": {**_CLIPPED, "credit": "group_mean", "normalizer": "constant"},
    # arXiv:2503.14476.
    "dapo": {
        **_CLIPPED,
        "select": "signal",
        "normalizer": "tokens",
        "clip": {"high": 0.28},
        "selection": {"refills": 3},
    },
    # arXiv:2507.18071. Its ratio is one per response and near 1, so that its clip range is far narrower.
    "gspo": {**_CLIPPED, "loss": "gspo", "normalizer": "sequence_mean", "clip": {"low": 3e-4, "high": 4e-4}},
    # arXiv:2506.13585.
    "cispo": {**_CLIPPED, "loss": "cispo", "normalizer": "tokens"},
    # Schulman et al. 2017, arXiv:1707.06347, with a learned V(s_t).
    "ppo": {**_CLIPPED, "credit": "value", "normalizer": "tokens"},
}

# Every name that a cell can have. The functions behind them are in dicts of the same keys, which a test compares.
CHOICES: dict[str, tuple[str, ...]] = {
    "select": ("all", "correct", "signal"),
    "credit": (
        "one",
        "reward",
        "reward_to_go",
        "running_mean",
        "batch_mean",
        "batch_zscore",
        "group_mean",
        "leave_one_out",
        "group_zscore",
        "greedy",
        "value",
    ),
    "loss": (
        "nll",
        "policy_gradient",
        "importance_weighted",
        "sequence_importance_weighted",
        "ppo_clip",
        "gspo",
        "cispo",
    ),
    "normalizer": ("sampled_rollouts", "sequence_mean", "constant", "tokens", "kept_tokens"),
}
