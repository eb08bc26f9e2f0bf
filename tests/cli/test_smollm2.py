"""The recipes for SmolLM2 run: two steps with a tiny model of its architecture in its place."""

from __future__ import annotations

from pathlib import Path

import pytest
from transformers import AutoTokenizer

from tests.tiny import make_model
from verigrad.cli import main as cli
from verigrad.config import load
from verigrad.policy.load import resolve
from verigrad.runs import read_lines
from verigrad.sweep import load_sweep

FOLDER = Path(__file__).parents[2] / "configs" / "smollm2"
SMALL = {
    "model.device": "cpu",
    "task.problems": 40,
    "sampler.max_tokens": 6,
    "algorithm.steps": 2,
    "algorithm.questions_per_step": 3,
    "algorithm.rollouts_per_question": 2,
    "eval.problems": 3,
    "eval.every": 1,
    "run.checkpoint_every": 2,
}


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    """A tiny Llama with the embedded tokenizer, whose tokens are bytes."""
    directory = tmp_path_factory.mktemp("smollm2") / "model"
    tokenizer = AutoTokenizer.from_pretrained(resolve("embedded:chains"))
    changes = {"vocab_size": len(tokenizer), "max_position_embeddings": 2048, "eos_token_id": tokenizer.eos_token_id}
    make_model("Llama", **changes).save_pretrained(directory)
    tokenizer.save_pretrained(directory)
    return directory


@pytest.mark.parametrize("recipe", ["expert_iteration", "grpo", "sft"])
def test_a_recipe_trains(recipe, model, tmp_path):
    words = [word for key, value in SMALL.items() for word in (f"--{key}", str(value))]
    words += ["--model.path", str(model), "--run.dir", str(tmp_path / "run")]
    assert cli.main(["train", str(FOLDER / f"{recipe}.toml"), *words]) == 0
    lines = read_lines(tmp_path / "run" / "eval.jsonl")
    shots = load(FOLDER / f"{recipe}.toml").task.few_shot.count
    assert [line["template"] for line in lines] == [f"qa ({shots}-shot)" if shots else "qa"] * 3
    assert lines[0]["verifier"] == "answer_is" and lines[-1]["step"] == 2


def test_the_base_is_measured_with_and_without_examples(model, tmp_path):
    words = ["--model.path", str(model), "--eval.problems", "3", "--sampler.max_tokens", "6"]
    for shots in (0, 4):
        run = tmp_path / f"run{shots}"
        given = ["--run.dir", str(run), "--task.few_shot.count", str(shots)]
        assert cli.main(["evaluate", str(FOLDER / "zero_shot.toml"), *words, *given]) == 0
        (line,) = read_lines(tmp_path / f"run{shots}-evaluate" / "eval.jsonl")
        assert line["n"] == 3


@pytest.mark.parametrize("sweep", sorted(path.name for path in (FOLDER / "sweeps").glob("*.toml")))
def test_every_run_of_a_sweep_is_valid(sweep):
    assert len(load_sweep(FOLDER / "sweeps" / sweep).cells) >= 7
