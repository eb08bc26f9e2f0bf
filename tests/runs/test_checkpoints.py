"""Checkpoints: whole or absent, the newest few kept, loadable by anything that reads Hugging Face's layout."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from tests.algorithms.parts import make_parts, make_policy, same, settings, weights
from verigrad.algorithms import train
from verigrad.policy import Policy
from verigrad.runs import RunDirectory, newest_checkpoint, save_checkpoint


def export(directory: Path) -> None:
    (directory / "sub").mkdir()
    (directory / "sub" / "weights").write_bytes(b"w")


def names(parent: Path) -> list[str]:
    return sorted(path.name for path in parent.iterdir())


def test_a_checkpoint_is_made_aside_and_renamed(tmp_path):
    def look(directory: Path) -> None:
        assert directory.name == ".step_000003.tmp"
        assert newest_checkpoint(tmp_path) is None
        export(directory)

    made = save_checkpoint(tmp_path, 3, look, {"updates": 9, "tensor": torch.ones(2)}, keep=0)
    assert names(tmp_path) == ["latest", "step_000003"]
    assert made == newest_checkpoint(tmp_path)
    state = made.state()
    assert state["updates"] == 9
    assert torch.equal(state["tensor"], torch.ones(2))


def test_a_save_that_fails_leaves_the_last_one_as_it_was(tmp_path):
    def fail(directory: Path) -> None:
        export(directory)
        raise OSError("disk full")

    save_checkpoint(tmp_path, 1, export, {}, keep=1)
    with pytest.raises(OSError, match="disk full"):
        save_checkpoint(tmp_path, 2, fail, {}, keep=1)
    newest = newest_checkpoint(tmp_path)
    assert newest is not None and newest.step == 1
    assert (tmp_path / "latest").read_text() == "step_000001\n"
    save_checkpoint(tmp_path, 2, export, {}, keep=1)  # over what was left aside
    assert names(tmp_path) == ["latest", "step_000002"]


@pytest.mark.parametrize(
    ("keep", "left"),
    [(0, [1, 2, 3, 12]), (1, [12]), (2, [3, 12]), (9, [1, 2, 3, 12])],
)
def test_only_the_newest_are_kept(tmp_path, keep, left):
    for step in (1, 2, 3, 12):
        save_checkpoint(tmp_path, step, export, {}, keep)
    assert names(tmp_path) == ["latest", *(f"step_{step:06d}" for step in left)]


def test_the_newest_is_that_of_the_highest_step_whatever_latest_says(tmp_path):
    # A crash between the rename and the writing of `latest`.
    for step in (9, 10):
        save_checkpoint(tmp_path, step, export, {}, keep=0)
    (tmp_path / "latest").write_text("step_000009\n")
    newest = newest_checkpoint(tmp_path)
    assert newest is not None and newest.step == 10


def test_the_state_file_runs_no_code(tmp_path):
    class Evil:
        def __reduce__(self):
            return (print, ("run",))

    made = save_checkpoint(tmp_path, 1, export, {"evil": Evil()}, keep=0)
    with pytest.raises(Exception, match="[Ww]eights.only"):
        made.state()


def test_plain_transformers_loads_a_runs_checkpoint_and_gives_the_runs_weights(tmp_path):
    config = settings(tmp_path / "run", algorithm={"steps": 3}, run={"dir": str(tmp_path / "run")})
    policy = make_policy()
    base = weights(policy)
    parts = make_parts(config, policy)
    with RunDirectory(config) as run, parts.grader:
        train(parts, run)
    checkpoints = tmp_path / "run" / "checkpoints"
    assert names(checkpoints) == ["latest", "step_000002", "step_000003"]  # keep_checkpoints = 2
    directory = checkpoints / (checkpoints / "latest").read_text().strip()
    model = AutoModelForCausalLM.from_pretrained(directory)
    loaded = dict(model.named_parameters())
    assert same(weights(policy), {name: tensor.detach() for name, tensor in loaded.items()})
    assert not same(weights(policy), base)
    words = AutoTokenizer.from_pretrained(directory)
    assert words.decode(words("3+4=é")["input_ids"]) == "3+4=é"
    assert (directory / "model.safetensors").is_file()
    # A run directory is a model path: that of its newest checkpoint.
    assert same(weights(Policy.load(str(tmp_path / "run"), device="cpu")), weights(policy))
