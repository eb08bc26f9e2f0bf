"""Further places that metrics go to: what they are sent, and what is said where their extra is missing."""

from __future__ import annotations

import sys
import types

import pytest

from tests.algorithms.parts import make_parts, make_policy, settings
from verigrad.algorithms import train
from verigrad.errors import UsageError
from verigrad.runs import RunDirectory, make_loggers
from verigrad.runs.loggers import numbers


def test_numbers_are_flattened_with_slashes_and_everything_else_is_left_out():
    line = {
        "step": 3,
        "accuracy": 0.5,
        "template": "tiny",
        "flag": True,
        "list": [1, 2],
        "classes": {"format0": 4, "deeper": {"k": 1}},
    }
    assert numbers("eval", line) == {
        "eval/step": 3.0,
        "eval/accuracy": 0.5,
        "eval/classes/format0": 4.0,
        "eval/classes/deeper/k": 1.0,
    }


@pytest.mark.parametrize(
    ("name", "module"), [("wandb", "wandb"), ("trackio", "trackio"), ("tensorboard", "torch.utils.tensorboard")]
)
def test_a_missing_extra_is_one_line_with_the_remedy(monkeypatch, name, module):
    monkeypatch.setitem(sys.modules, module, None)  # as if it were not installed
    with pytest.raises(UsageError) as error:
        make_loggers(settings(log={"loggers": [name]}))
    assert str(error.value) == f"log.loggers names '{name}': pip install 'verigrad[{name}]'"


def test_no_logger_is_made_unless_named(monkeypatch):
    for module in ("wandb", "trackio", "torch.utils.tensorboard"):
        monkeypatch.setitem(sys.modules, module, None)
    assert make_loggers(settings()) == []


@pytest.mark.parametrize("name", ["wandb", "trackio"])
def test_trackers_get_the_config_and_the_numbers_of_every_line(monkeypatch, tmp_path, name):
    begun, sent = [], []
    stand_in = types.ModuleType(name)
    stand_in.init = lambda **words: begun.append(words)
    stand_in.log = sent.append
    monkeypatch.setitem(sys.modules, name, stand_in)
    config = settings(tmp_path / "first", algorithm={"steps": 1}, log={"loggers": [name]})
    parts = make_parts(config, make_policy())
    with RunDirectory(config, make_loggers(config)) as run, parts.grader:
        train(parts, run)
    [words] = begun
    assert (words["project"], words["name"]) == ("verigrad", "first")
    assert "[algorithm]" in words["config"]["toml"]
    kinds = [next(iter(line)).split("/")[0] for line in sent]
    assert kinds == ["eval", "update", "eval", "step"]
    assert sent[0]["eval/accuracy"] == 1.0
    assert sent[3]["step/statuses/correct"] == 8.0


def test_tensorboard_gets_updates_by_update_and_steps_by_step(monkeypatch, tmp_path):
    class Writer:
        made: list[str]
        scalars: list[tuple[str, float, int]]

        def __init__(self, where: str) -> None:
            Writer.made, Writer.scalars = [where], []

        def add_scalar(self, key: str, value: float, at: int) -> None:
            Writer.scalars.append((key, value, at))

        def flush(self) -> None:
            """Nothing is held back."""

    stand_in = types.ModuleType("torch.utils.tensorboard")
    stand_in.SummaryWriter = Writer
    monkeypatch.setitem(sys.modules, stand_in.__name__, stand_in)
    [log] = make_loggers(settings(tmp_path / "first", log={"loggers": ["tensorboard"]}))
    log("metrics", {"kind": "update", "step": 2, "update": 7, "nll": 0.25})
    log("metrics", {"kind": "step", "step": 2, "update": 8, "kept": 4})
    log("eval", {"step": 2, "accuracy": 0.5, "pass_at_k": {"1": 0.5}})
    assert Writer.made == [str(tmp_path / "first" / "tensorboard")]
    assert ("update/nll", 0.25, 7) in Writer.scalars
    assert ("step/kept", 4.0, 2) in Writer.scalars
    assert ("eval/pass_at_k/1", 0.5, 2) in Writer.scalars
