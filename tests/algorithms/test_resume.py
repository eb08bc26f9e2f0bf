"""A run that was stopped, however, and continued is the run that was not: to the last bit, each step once."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
import torch

from tests.algorithms.parts import PROBLEMS, VALIDATION, logs, settings, write_model
from verigrad.algorithms import Silent
from verigrad.api import policy_of, run_training
from verigrad.config import Config
from verigrad.data import TaskData
from verigrad.grading import from_function
from verigrad.runs import newest_checkpoint, read_lines

STEPS = 4


def even(problem, response: str) -> float:
    """Something that a random model gets right about half of the time."""
    return float(len(response) % 2 == 0)


@pytest.fixture(scope="module")
def config_of(tmp_path_factory) -> Callable[..., Config]:
    """Configs of one run under several names: sampling by the model itself, two updates a step with warm-up."""
    model = write_model(tmp_path_factory.mktemp("model"))
    runs = tmp_path_factory.mktemp("runs")

    def config(name: str, algorithm: Mapping[str, Any] = MappingProxyType({}), **run: Any) -> Config:
        return settings(
            run={"dir": str(runs / name), "seed": 5, "keep_checkpoints": 0, **run},
            model={"path": str(model), "device": "cpu"},
            sampler={"max_tokens": 6, "min_tokens": 1},
            algorithm={"steps": STEPS, "questions_per_step": 4, "epochs": 2, "scored_rollouts": 6, **algorithm},
            optimizer={"lr": 5e-3, "warmup_steps": 5, "schedule": "cosine", "schedule_updates": 9},
            eval={"problems": 0, "samples": 2, "greedy": True},
        )

    return config


def run(config: Config, stop_after: int = STEPS) -> int:
    """As one process does it, with a policy of its own from the model's directory; stopped in step `stop_after`."""

    def stop_requested() -> bool:
        return len(list((Path(config.run.dir) / "rollouts").glob("step_*"))) >= stop_after

    task = TaskData(tuple(PROBLEMS), tuple(VALIDATION))
    return run_training(config, policy_of(config), task, from_function(even), Silent(), stop_requested)


def fingerprint(directory: Path) -> dict[str, str]:
    """SHA-256 of each checkpoint's weights."""
    files = sorted(directory.glob("checkpoints/step_*/model.safetensors"))
    return {path.parent.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def assert_same_run(one: Config, other: Config) -> None:
    """Weights and optimiser to the last bit at every checkpoint that both have, and the same logs apart from times."""
    first, second = Path(one.run.dir), Path(other.run.dir)
    ours, theirs = fingerprint(first), fingerprint(second)
    common = ours.keys() & theirs.keys()
    assert f"step_{STEPS:06d}" in common
    assert {step: ours[step] for step in common} == {step: theirs[step] for step in common}
    states = [newest_checkpoint(path / "checkpoints").state() for path in (first, second)]
    assert states[0]["updates"] == states[1]["updates"]
    for moments, others in zip(*(state["optimizer"]["state"].values() for state in states), strict=True):
        assert all(torch.equal(moments[name], others[name]) for name in ("step", "exp_avg", "exp_avg_sq"))
    before, after = logs(first), logs(second)
    assert before.keys() == after.keys()
    for name, lines in before.items():
        if name == "eval.jsonl":
            assert [line["step"] for line in lines] == list(range(STEPS + 1))
        assert lines == after[name], name


@pytest.fixture(scope="module")
def uninterrupted(config_of) -> Config:
    config = config_of("uninterrupted")
    assert run(config) == STEPS
    return config


def test_each_step_is_in_the_logs_once(uninterrupted):
    lines = read_lines(Path(uninterrupted.run.dir) / "metrics.jsonl")
    assert [(line["kind"], line["step"]) for line in lines] == [
        (kind, step) for step in range(1, STEPS + 1) for kind in ("update", "update", "step")
    ]
    kept = [line["kept"] for line in lines if line["kind"] == "step"]
    assert all(0 < count < 8 for count in kept), "the run would test nothing if all or none were kept"


def test_two_runs_of_one_config_are_equal_and_those_of_two_seeds_are_not(uninterrupted, config_of):
    again, other = config_of("again"), config_of("other", seed=6)
    run(again), run(other)
    assert_same_run(uninterrupted, again)
    assert fingerprint(Path(other.run.dir)) != fingerprint(Path(again.run.dir))


@pytest.mark.parametrize("after", [1, 2, 3])
def test_a_stopped_run_that_is_continued_is_the_uninterrupted_one(uninterrupted, config_of, after):
    config = config_of(f"stopped-{after}")
    assert run(config, stop_after=after) == after
    assert [line["step"] for line in logs(Path(config.run.dir))["eval.jsonl"]] == list(range(after + 1))
    assert run(config) == STEPS
    assert_same_run(uninterrupted, config)


@pytest.mark.parametrize("algorithm", [{"restart": "base"}, {"optimizer_state": "fresh"}])
def test_what_a_step_begins_from_survives_a_stop(uninterrupted, config_of, algorithm):
    (choice,) = algorithm.values()
    whole, stopped = config_of(f"{choice}-whole", algorithm), config_of(f"{choice}-stopped", algorithm)
    run(whole)
    assert [run(stopped, stop_after=2), run(stopped)] == [2, STEPS]
    assert_same_run(whole, stopped)
    usual, ours = fingerprint(Path(uninterrupted.run.dir)), fingerprint(Path(whole.run.dir))
    same = [step for step in usual if usual[step] == ours[step]]
    assert same == ["step_000001"], "the first step has nothing to begin from but the base and no moments"


STATES: dict[str, dict[str, Any]] = {
    "running mean": {"name": "reinforce_baseline"},
    "greedy baseline": {"name": "reinforce_baseline", "credit": "greedy"},
    "value head": {"name": "ppo", "sequences_per_update": 4},
    "reference": {"name": "grpo", "divergence": {"in_loss": 0.1, "in_reward": 0.1}, "sequences_per_update": 4},
    "refills": {"name": "dapo"},
}


@pytest.mark.parametrize("kind", STATES)
def test_every_kind_of_state_survives_a_stop(config_of, kind):
    whole, stopped = config_of(f"{kind}-whole", STATES[kind]), config_of(f"{kind}-stopped", STATES[kind])
    run(whole)
    assert [run(stopped, stop_after=2), run(stopped)] == [2, STEPS]
    assert_same_run(whole, stopped)


def test_a_run_that_is_out_of_time_at_every_step_is_the_uninterrupted_one(uninterrupted, config_of):
    config = config_of("hurried", max_minutes=1e-9)
    assert [run(config) for _ in range(STEPS)] == [1, 2, 3, 4]
    assert_same_run(uninterrupted, config)


def test_steps_after_the_newest_checkpoint_are_run_again_and_logged_once(uninterrupted, config_of):
    # A checkpoint every other step; the process dies in step 4, with lines and files of step 3 already written.
    config = config_of("sparse", checkpoint_every=2)

    class Killed(BaseException):
        """As a kill: nothing catches it, nothing is saved."""

    class Deadly(Silent):
        def generations(self, shown):
            if len(list((Path(config.run.dir) / "rollouts").glob("step_*"))) == 3:
                raise Killed

    task = TaskData(tuple(PROBLEMS), tuple(VALIDATION))
    with pytest.raises(Killed):
        run_training(config, policy_of(config), task, from_function(even), Deadly())
    directory = Path(config.run.dir)
    assert (directory / "checkpoints" / "latest").read_text() == "step_000002\n"
    assert {line["step"] for line in read_lines(directory / "metrics.jsonl")} == {1, 2, 3}
    assert run(config) == STEPS
    assert sorted(fingerprint(directory)) == ["step_000002", "step_000004"]
    assert_same_run(uninterrupted, config)


def test_what_a_crash_leaves_behind_is_harmless(uninterrupted, config_of):
    config = config_of("torn")
    run(config, stop_after=2)
    directory = Path(config.run.dir)
    half = directory / "checkpoints" / ".step_000003.tmp"
    half.mkdir()
    (half / "model.safetensors").write_bytes(b"half of i")
    with (directory / "metrics.jsonl").open("a") as file:
        file.write('{"kind": "update", "step": 3, "update": 5}\n{"kind": "upd')
    with (directory / "eval.jsonl").open("a") as file:
        file.write('{"step": 3, "accu')
    for folder in ("rollouts", "eval"):
        (directory / folder / "step_000003.jsonl").write_text('{"problem_id": "p0", "resp')
        (directory / folder / ".step_000004.jsonl.tmp").write_text("{")
    assert run(config) == STEPS
    assert_same_run(uninterrupted, config)
    assert not half.exists()


def test_a_checkpoint_without_the_trainers_state_is_none(uninterrupted, config_of):
    # As when files were copied by hand: the newest complete one counts.
    config = config_of("copied")
    run(config, stop_after=2)
    (Path(config.run.dir) / "checkpoints" / "step_000002" / "trainer.pt").unlink()
    assert run(config) == STEPS
    assert_same_run(uninterrupted, config)


def test_a_run_that_died_before_its_first_checkpoint_begins_anew(uninterrupted, config_of):
    config = config_of("early")

    class Deadly(Silent):
        def evaluated(self, line):
            raise KeyboardInterrupt

    task = TaskData(tuple(PROBLEMS), tuple(VALIDATION))
    with pytest.raises(KeyboardInterrupt):
        run_training(config, policy_of(config), task, from_function(even), Deadly())
    assert [line["step"] for line in read_lines(Path(config.run.dir) / "eval.jsonl")] == [0]
    assert run(config) == STEPS
    assert_same_run(uninterrupted, config)


def test_a_finished_run_is_left_as_it_is(uninterrupted):
    directory = Path(uninterrupted.run.dir)
    before = {path: path.read_bytes() for path in directory.rglob("*") if path.is_file() and path.name != "lock"}
    assert run(uninterrupted) == STEPS
    after = {path: path.read_bytes() for path in directory.rglob("*") if path.is_file() and path.name != "lock"}
    assert after == before
