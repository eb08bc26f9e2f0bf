"""What a policy-gradient run carries beside its weights, the value head and a credit's state, survives a stop."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.algorithms.parts import PROBLEMS, VALIDATION, logs, settings, write_model
from verigrad.algorithms import Silent
from verigrad.api import policy_of, run_training
from verigrad.config import Config
from verigrad.data import TaskData
from verigrad.grading import from_function
from verigrad.runs import newest_checkpoint

STEPS = 4
ROWS: dict[str, dict[str, Any]] = {
    "value head": {"name": "ppo", "sequences_per_update": 4, "epochs": 2},
    "running mean": {"name": "reinforce_baseline"},
}


def even(problem, response: str) -> float:
    """Something that a random model gets right about half of the time."""
    return float(len(response) % 2 == 0)


def states(tensors: Any, prefix: str = "") -> dict[str, Any]:
    """Every leaf of a nested state, tensors as their SHA-256."""
    if isinstance(tensors, Mapping):
        return {name: leaf for key in tensors for name, leaf in states(tensors[key], f"{prefix}/{key}").items()}
    if isinstance(tensors, torch.Tensor):
        return {prefix: hashlib.sha256(tensors.numpy().tobytes()).hexdigest()}
    return {prefix: tensors}


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Callable[[str, int], dict[str, Any]]:
    """State and hash of the weights of a run that was stopped after so many steps and then continued (4: never)."""
    model = write_model(tmp_path_factory.mktemp("model"))
    runs = tmp_path_factory.mktemp("runs")

    def config(kind: str, stop: int) -> Config:
        return settings(
            run={"dir": str(runs / f"{kind}-{stop}"), "seed": 5},
            model={"path": str(model), "device": "cpu"},
            sampler={"max_tokens": 5, "min_tokens": 1},
            algorithm={"steps": STEPS, "questions_per_step": 4, **ROWS[kind]},
            eval={"problems": 1, "greedy": False},
        )

    def finish(kind: str, stop: int) -> dict[str, Any]:
        settings, task = config(kind, stop), TaskData(tuple(PROBLEMS), tuple(VALIDATION))
        where = Path(settings.run.dir)

        def process(steps: int) -> int:
            """One process: a policy of its own, read from the model's directory."""
            policy = policy_of(settings)
            return run_training(
                settings,
                policy,
                task,
                from_function(even),
                Silent(),
                lambda: len(list((where / "rollouts").glob("step_*"))) >= steps,
            )

        if stop < STEPS:
            assert process(stop) == stop
        assert process(STEPS) == STEPS
        checkpoint = newest_checkpoint(where / "checkpoints")
        state = checkpoint.state()
        state["position"].pop("seconds_before")
        weights = hashlib.sha256((checkpoint.directory / "model.safetensors").read_bytes()).hexdigest()
        return {"weights": weights, "logs": logs(where), **states(state)}

    return finish


@pytest.mark.parametrize("kind", ROWS)
def test_a_run_stopped_after_two_steps_and_continued_is_the_uninterrupted_one(finished, kind):
    whole, stopped = finished(kind, STEPS), finished(kind, 2)
    assert whole.keys() == stopped.keys()
    assert {name for name in whole if whole[name] != stopped[name]} == set()
    if kind == "value head":
        assert {"/value/linear/weight", "/value/linear/bias"} < whole.keys()
        assert any(name.startswith("/value/optimizer/state") for name in whole), "its moments are kept too"
    else:
        assert whole["/position/credit_state/count"] == STEPS * 8
        assert 0 < whole["/position/credit_state/sum"] < STEPS * 8, "the baseline would test nothing if it were 0"


def test_the_state_matters(finished, monkeypatch):
    # A continued run that forgets its value head is another run: the equality above is not for nothing.
    whole = finished("value head", STEPS)
    with monkeypatch.context() as forgetful:
        forgetful.setattr("verigrad.policy.value.ValueHead.restore", lambda self, state: None)
        forgotten = finished("value head", 1)
    assert forgotten["weights"] != whole["weights"]
