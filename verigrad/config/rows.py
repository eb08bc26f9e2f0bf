"""The table of algorithms: six choices make one (select, shape, credit, loss, normaliser, schedule).

A row names the choices; the functions behind the names are in `objective` and `algorithms`. Every cell can be
overridden in a config (`algorithm.credit = "…"`), so a row is a set of defaults and nothing else reads its name.
"""

from __future__ import annotations

ROWS: dict[str, dict[str, str | int | bool]] = {
    # Algorithm 1 of CS336 A5: cross-entropy of given responses; its "sampler" replays demonstrations.
    "sft": {
        "source": "demonstrations",
        "select": "all",
        "credit": "one",
        "loss": "nll",
        "normalizer": "kept_tokens",
        "steps": 1,
        "questions_per_step": 0,
        "rollouts_per_question": 1,
    },
    # Algorithm 2 of CS336 A5; Anthony et al. 2017, arXiv:1705.08439; STaR, arXiv:2203.14465; ReST, arXiv:2308.08998.
    "expert_iteration": {
        "source": "policy",
        "select": "correct",
        "credit": "one",
        "loss": "nll",
        "normalizer": "kept_tokens",
        "steps": 5,
        "rollouts_per_question": 8,
    },
}
