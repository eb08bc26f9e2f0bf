"""The Python API: the examples as they are printed, own problems and own rewards, and what is refused."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import verigrad
from tests.algorithms.parts import Watcher, logs, same, weights, write_model
from verigrad import api
from verigrad.config.load import build
from verigrad.grading import verifier_for
from verigrad.policy import Policy
from verigrad.runs import newest_checkpoint, read_lines

ROOT = Path(__file__).parents[1]
PROBLEMS = [verigrad.Problem(id=f"p{i}", question=f"{i}+{i}", answer=str(2 * i)) for i in range(12)]
TRAINING, VALIDATION = PROBLEMS[4:], PROBLEMS[:4]
SETTINGS: dict[str, dict[str, Any]] = {
    "run": {"seed": 1},
    "sampler": {"max_tokens": 6, "min_tokens": 0},
    "algorithm": {"steps": 2, "questions_per_step": 4, "rollouts_per_question": 4},
    "optimizer": {"lr": 1e-2},
}


def even(problem: verigrad.Problem, response: str) -> float:
    """Something that a random model gets right about half of the time."""
    return float(len(response) % 2 == 0)


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> str:
    return str(write_model(tmp_path_factory.mktemp("model")))


@pytest.fixture
def policy(model) -> Policy:
    return verigrad.load_policy(model, device="cpu")


@pytest.fixture
def train(policy, tmp_path) -> Callable[..., api.TrainResult]:
    """`verigrad.train` on the small problems; keywords change its arguments."""

    def run(reward: Any = even, **changes: Any) -> api.TrainResult:
        words = {"validation": VALIDATION, "run_dir": tmp_path / "run", "settings": SETTINGS, **changes}
        problems = words.pop("problems", TRAINING)
        return verigrad.train(words.pop("policy", policy), problems, reward, **words)

    return run


def readme_example() -> str:
    [example] = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), flags=re.DOTALL)
    return example


def docstring_example() -> str:
    _, _, example = (api.__doc__ or "").partition("\n\n")
    return textwrap.dedent(example)


@pytest.mark.parametrize("example", [docstring_example, readme_example])
def test_the_printed_examples_run_as_they_are(example, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec(compile(example(), "example", "exec"), names)
    result = names["result"]
    assert result.step == 2
    assert 0 <= result.accuracy <= 1
    assert str(result.accuracy) in capsys.readouterr().out
    assert result.directory.parent == Path("runs")
    assert newest_checkpoint(result.directory / "checkpoints") is not None


def test_train_changes_the_policy_in_place_and_tells_what_it_reached(train, policy, tmp_path):
    before = weights(policy)
    result = train()
    assert (result.directory, result.step) == (tmp_path / "run", 2)
    assert [line["step"] for line in result.evaluations] == [0, 1, 2]
    assert result.accuracy == result.evaluations[-1]["accuracy"]
    assert not same(weights(policy), before)
    assert same(weights(policy), weights(verigrad.load_policy(str(tmp_path / "run"), device="cpu")))
    config = verigrad.load_config(tmp_path / "run" / "config.toml")
    assert config.verifier.name == f"python:{__name__}.even"
    assert (config.task.name, config.run.seed, config.sampler.max_tokens) == ("given", 1, 6)


def test_evaluate_after_training_agrees_with_the_runs_own_evaluation_and_writes_nothing(train, policy, tmp_path):
    result = train()
    files = sorted(tmp_path.rglob("*"))
    again = verigrad.evaluate(policy, VALIDATION, even, settings=SETTINGS)
    last = result.evaluations[-1]
    assert again.metrics == {key: last[key] for key in again.metrics}
    assert [line["response"] for line in again.lines] == [
        line["response"] for line in read_lines(tmp_path / "run" / "eval" / "step_000002.jsonl")
    ]
    assert sorted(tmp_path.rglob("*")) == files


def test_evaluate_takes_all_problems_unless_told_otherwise(policy):
    many = [verigrad.Problem(id=str(i), question=f"{i}+1", answer="1") for i in range(600)]
    settings = {"sampler": {"max_tokens": 1, "min_tokens": 0}, "eval": {"greedy": False}}
    assert verigrad.evaluate(policy, many, even, settings=settings).metrics["n"] == 600
    settings["eval"] = {**settings["eval"], "problems": 5}
    assert verigrad.evaluate(policy, many, even, settings=settings).metrics["n"] == 5


def test_a_second_call_continues_the_run(train, policy, model, tmp_path):
    train(run_dir=tmp_path / "whole")
    whole = weights(policy)
    hurried = {**SETTINGS, "run": {"seed": 1, "max_minutes": 1e-9}}
    assert train(policy=verigrad.load_policy(model, device="cpu"), settings=hurried).step == 1
    assert train(policy=verigrad.load_policy(model, device="cpu"), settings=hurried).step == 2
    finished = verigrad.load_policy(model, device="cpu")
    assert train(policy=finished, settings=hurried).step == 2, "a finished run is given back"
    assert same(weights(finished), whole)
    assert logs(tmp_path / "run") == logs(tmp_path / "whole")


def test_a_reward_may_be_a_grade_which_is_written_as_it_is(train, tmp_path):
    def reward(problem: verigrad.Problem, response: str) -> verigrad.Grade:
        right = float(len(response) > 2)
        status = verigrad.Status.CORRECT if right else verigrad.Status.UNPARSABLE
        return verigrad.Grade(0.25 * right, right, right, status, extracted=response[:1], reason="long")

    result = train(reward)
    lines = read_lines(tmp_path / "run" / "rollouts" / "step_000001.jsonl")
    assert {line["reward"] for line in lines} <= {0.0, 0.25}
    assert {line["reason"] for line in lines} == {"long"}
    assert all((line["status"] == "correct") == line["kept"] for line in lines)
    assert result.evaluations[0]["format_rate"] == result.evaluations[0]["accuracy"]


def test_a_verifiers_name_is_a_reward(train):
    result = train("boxed")
    assert result.evaluations[0]["verifier"] == "boxed"
    assert result.evaluations[0]["classes"]["format0"] == 4, "a random model boxes nothing"


def test_progress_hears_of_evaluations_and_steps(train):
    watcher = Watcher()
    train(progress=watcher)
    assert [line["step"] for line in watcher.evaluations] == [0, 1, 2]
    assert [line["step"] for line in watcher.steps] == [1, 2]


def test_a_reward_function_that_fails_stops_the_run_and_says_why(train):
    def reward(problem: verigrad.Problem, response: str) -> float:
        return problem.answr  # type: ignore[attr-defined, no-any-return]

    with pytest.raises(verigrad.RunStopped, match="AttributeError: 'Problem' object has no attribute 'answr'"):
        train(reward)


def test_sft_from_the_api(train, tmp_path):
    path = tmp_path / "sft.jsonl"
    path.write_text('{"question": "1+1", "answer": "2", "response": "2"}\n' * 3, encoding="utf-8")
    settings = {**SETTINGS, "algorithm": {"name": "sft", "epochs": 6}, "task": {"demonstrations": str(path)}}
    result = train(problems=[], settings=settings, validation=PROBLEMS[2:])
    losses = [line["loss"] for line in read_lines(result.directory / "metrics.jsonl") if line["kind"] == "update"]
    assert losses[-1] < losses[0] / 2


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"validation": []}, verigrad.DataError, "there are no validation problems"),
        ({"problems": []}, verigrad.DataError, "there are no training problems"),
        ({"validation": TRAINING[:1]}, verigrad.DataError, "1 validation question"),
        ({"reward": "r1_zer"}, verigrad.ConfigError, "did you mean 'r1_zero'"),
        ({"settings": {"algorithm": {"stepz": 1}}}, verigrad.ConfigError, "did you mean 'steps'"),
        ({"settings": {"algorithm": {"loss": "nl"}}}, verigrad.ConfigError, "did you mean 'nll'"),
        ({"settings": {"task": {"template": "tinny"}}}, verigrad.ConfigError, "did you mean 'tiny'"),
        ({"settings": {"algorithm": {"name": "sft"}}}, verigrad.ConfigError, "task.demonstrations is empty"),
        ({"settings": {"algorithm": 3}}, verigrad.ConfigError, "algorithm = 3: a section is needed"),
        ({"problems": [verigrad.Problem("x", "1" * 300, "1")]}, verigrad.DataError, "the model's context is 256"),
    ],
)
def test_what_cannot_be_done_is_refused_before_anything_is_written(train, tmp_path, changes, error, message):
    with pytest.raises(error, match=message):
        train(**changes)
    assert not (tmp_path / "run").exists()


def test_overlap_may_be_accepted(train):
    settings = {**SETTINGS, "task": {"allow_overlap": True}}
    assert train(validation=TRAINING[:2], settings=settings).step == 2


@pytest.mark.parametrize(("verifier", "started"), [({}, 0), ({"name": "function", "function": "m:f"}, 1)], ids=str)
def test_workers_start_early_where_every_answer_needs_one(monkeypatch, verifier, started):
    warmed = []
    monkeypatch.setattr(api.Grader, "warm", lambda self: warmed.append(self))
    config = build({"verifier": verifier})
    with api._grader(config, verifier_for(config.verifier, train=True)) as grader:
        assert warmed == [grader] * started
