"""Continuing a run from Python: what it began with is the base, also where the policy at hand has moved on."""

from __future__ import annotations

from typing import Any

import pytest

import verigrad
from tests.algorithms.parts import PROBLEMS, VALIDATION, same, weights, write_model
from verigrad.algorithms import Silent
from verigrad.errors import UsageError

KINDS: dict[str, dict[str, Any]] = {
    "reference": {"name": "grpo", "divergence": {"in_loss": 0.1}},
    "restart": {"restart": "base"},
    "neither": {"name": "reinforce"},
}


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> str:
    return str(write_model(tmp_path_factory.mktemp("model")))


class Impatient(Silent):
    """Presses Ctrl-C once, in the first step after a checkpoint."""

    def __init__(self) -> None:
        self.steps = 0

    def generations(self, shown) -> None:
        self.steps += 1
        if self.steps == 2:
            raise KeyboardInterrupt


def train(policy, run_dir, algorithm, progress=None):
    return verigrad.train(
        policy,
        PROBLEMS,
        lambda problem, response: float(len(response) % 2 == 0),
        validation=VALIDATION[:1],
        run_dir=run_dir,
        settings={
            "sampler": {"max_tokens": 5, "min_tokens": 1},
            "algorithm": {"steps": 3, "questions_per_step": 4, "rollouts_per_question": 4, **algorithm},
            "optimizer": {"lr": 5e-3},
            "eval": {"greedy": False},
        },
        progress=progress,
    )


@pytest.mark.parametrize("kind", KINDS)
def test_an_interrupted_run_goes_on_from_its_own_base_or_not_at_all(kind, model, tmp_path):
    whole, policy = verigrad.load_policy(model, device="cpu"), verigrad.load_policy(model, device="cpu")
    train(whole, tmp_path / "whole", KINDS[kind])
    with pytest.raises(KeyboardInterrupt):
        train(policy, tmp_path / "run", KINDS[kind], Impatient())
    if kind != "neither":
        with pytest.raises(
            UsageError, match=r"needs the weights that it began with.*with a policy that was loaded anew"
        ):
            train(policy, tmp_path / "run", KINDS[kind])
        policy = verigrad.load_policy(model, device="cpu")
    assert train(policy, tmp_path / "run", KINDS[kind]).step == 3
    assert same(weights(policy), weights(whole))
    assert train(policy, tmp_path / "run", KINDS[kind]).step == 3, "a finished run has nothing to go on from"
