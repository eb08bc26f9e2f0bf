"""Every recipe for a real model runs end to end: two steps with a tiny model of its architecture in its place.

The model is a table of next tokens: it answers in the format that the prompt asks for with a digit from 1 to 4, so that
the recipes' own verifiers find right and wrong answers among its responses to problems whose answer is such a digit.
Its tokenizer is the embedded one, byte-level, with words added so that the table needs no memory.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoTokenizer

from tests.tiny import make_model
from verigrad.cli import main as cli
from verigrad.config import Config, differences, load
from verigrad.data import load_template
from verigrad.policy.load import resolve
from verigrad.runs import read_lines
from verigrad.sweep import load_sweep

ROOT = Path(__file__).parents[2]
FOLDERS = ("gsm8k", "qwen2.5-math-1.5b", "olmo-2-1b")
ARCHITECTURES = {"Qwen": "Qwen2", "allenai": "Olmo2"}
RECIPES = [path.relative_to(ROOT) for folder in FOLDERS for path in sorted((ROOT / "configs" / folder).glob("*.toml"))]
OVERLAYS = [path.relative_to(ROOT) for path in sorted((ROOT / "configs" / "hardware").glob("*.toml"))]
MEASURING = ("common", "evaluate", "zero_shot", "three_shot", "question_only")
"""What these name is measured, and not trained."""

GSM8K = ROOT / "../shared/data/gsm8k/train.jsonl"
BEGINNING, END = "</think> <answer>", "</answer>"
DIGITS = "1234"
BOXED = [f"\\boxed{{{digit}}}" for digit in DIGITS]
TRAINING, VALIDATION = 12, 4

SUBSTITUTES = {
    "sampler.engine": "local",
    "model.device": "cpu",
    "model.lora.rank": 0,
    "optimizer.states": "full",
}
"""There is neither a GPU nor vLLM here. Adapters and lean optimiser states have tests of their own."""


def published_rows() -> list[dict[str, str]]:
    """GSM8K's own short problems whose answer is a digit that the tiny model says; none where the file is absent."""
    if not GSM8K.exists():
        return []
    rows = [json.loads(line) for line in GSM8K.read_text(encoding="utf-8").splitlines()]
    return [row for row in rows if row["answer"].split()[-1] in DIGITS and len(row["question"]) < 200]


def own_rows() -> list[dict[str, str]]:
    """Rows of the same format."""
    pairs = [(a, b, name) for name in ("Ann", "Bob", "Eve", "Tim") for a, b in ((1, 1), (1, 2), (2, 1), (1, 3), (2, 2))]
    return [
        {
            "question": f"{name} has {a} pens, buys {b} more and gives none away. How many pens has {name}?",
            "answer": f"{name} has {a} + {b} = <<{a}+{b}={a + b}>>{a + b} pens.\n#### {a + b}",
        }
        for a, b, name in pairs
    ]


ROWS = (published_rows() or own_rows())[: TRAINING + VALIDATION]


def write(path: Path, rows: list[dict[str, str]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def as_math(row: Mapping[str, str]) -> dict[str, str]:
    """The row in MATH's columns."""
    worked, _, answer = row["answer"].rpartition("\n#### ")
    return {"problem": row["question"], "solution": f"{worked} So it is $\\boxed{{{answer}}}$."}


def as_demonstration(row: Mapping[str, str]) -> dict[str, str]:
    """The row as the course's sft.jsonl has it."""
    worked, _, answer = row["answer"].rpartition("\n#### ")
    prompt = load_template("r1_zero").render(row["question"])
    return {"prompt": prompt, "response": f" {worked} {BEGINNING} {answer} {END}", "ground_truth": answer}


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    """A directory with a model of each architecture, and the rows in both layouts."""
    folder = tmp_path_factory.mktemp("recipes")
    for architecture in ARCHITECTURES.values():
        write_answering_model(folder / architecture, architecture)
    for layout, rows in {"gsm8k": ROWS, "math": [as_math(row) for row in ROWS]}.items():
        (folder / layout).mkdir()
        write(folder / layout / "train.jsonl", rows[:TRAINING])
        write(folder / layout / "test.jsonl", rows[TRAINING:])
    write(folder / "sft.jsonl", [as_demonstration(row) for row in ROWS[:TRAINING]])
    return folder


def write_answering_model(directory: Path, architecture: str) -> None:
    """After a prompt: an answer's beginning, a blank, a digit, its end; or a boxed digit. All else is improbable."""
    tokenizer = AutoTokenizer.from_pretrained(resolve("embedded:chains"))
    tokenizer.add_tokens([BEGINNING, END, *BOXED])
    end = tokenizer.eos_token
    ids = {text: tokenizer.convert_tokens_to_ids(text) for text in (BEGINNING, END, end, "Ġ", *DIGITS, *BOXED)}
    [opened], [asked] = (
        tokenizer(load_template(name).render("1+1"))["input_ids"][-1:] for name in ("r1_zero", "question_only_boxed")
    )
    model: Any = make_model(
        architecture,
        vocab_size=len(tokenizer),
        hidden_size=len(tokenizer),
        max_position_embeddings=2048,
        tie_word_embeddings=False,
        eos_token_id=tokenizer.eos_token_id,
    )
    table = {opened: [BEGINNING], ids[BEGINNING]: ["Ġ"], ids["Ġ"]: list(DIGITS), asked: BOXED}
    table |= {ids[digit]: [END] for digit in DIGITS} | {ids[answer]: [end] for answer in BOXED}
    with torch.no_grad():
        for layer in model.model.layers:
            quiet = (layer.self_attn.o_proj, layer.mlp.down_proj)
            if architecture == "Olmo2":  # norms come after attention and MLP, and undo their scale
                quiet = (layer.post_attention_layernorm, layer.post_feedforward_layernorm)
            for module in quiet:
                module.weight.mul_(1e-3)
        model.model.embed_tokens.weight.copy_(torch.eye(len(tokenizer)))
        model.lm_head.weight.zero_()
        for token, following in table.items():
            for text in following:
                model.lm_head.weight[ids[text], token] = 0.6  # a logit of 0.6·√518 = 14 against 0
    model.save_pretrained(directory)
    tokenizer.save_pretrained(directory)


def tiny_model(config: Config, place: Path) -> Path:
    return place / ARCHITECTURES[config.model.path.partition("/")[0]]


def small(config: Config, place: Path) -> list[str]:
    """The options that make a recipe small and put tiny parts in the place of what is not here."""
    algorithm = config.algorithm
    data = place / config.task.name
    values = {
        **SUBSTITUTES,
        "model.path": tiny_model(config, place),
        "task.path": data / "train.jsonl",
        "task.problems": min(config.task.problems, TRAINING),
        "task.validation_path": data / "test.jsonl",
        "sampler.max_tokens": 8,
        "algorithm.steps": 2,
        "algorithm.questions_per_step": min(algorithm.questions_per_step, TRAINING),
        "algorithm.rollouts_per_question": min(algorithm.rollouts_per_question, 4),
        "algorithm.sequences_per_update": min(algorithm.sequences_per_update, 8),
        "eval.problems": VALIDATION,
        "eval.every": 1,
        "run.checkpoint_every": 2,
        "log.generations": 1,
    }
    if config.task.demonstrations.endswith(".jsonl"):
        values["task.demonstrations"] = place / "sft.jsonl"
    return [word for key, value in values.items() for word in (f"--{key}", str(value))]


@pytest.mark.skipif(not GSM8K.exists(), reason="GSM8K is not at ../shared/data/gsm8k; the recipes run on rows like its")
def test_the_problems_are_published_ones():
    assert len(ROWS) == TRAINING + VALIDATION
    text = GSM8K.read_text(encoding="utf-8")
    assert all(json.dumps(row["question"]) in text for row in ROWS)


def test_recipes_write_to_directories_of_their_own():
    directories = [load(ROOT / path).run.dir for path in RECIPES if path.stem != "common"]
    assert len(set(directories)) == len(directories) > 15
    assert all(directory.startswith(f"runs/{folder}/") for directory, folder in zip(
        directories, (path.parent.name for path in RECIPES if path.stem != "common"), strict=True
    ))  # fmt: skip


@pytest.mark.parametrize("recipe", [path for path in RECIPES if path.stem in MEASURING], ids=str)
def test_a_recipe_measures(recipe, place, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["evaluate", str(ROOT / recipe), *small(load(ROOT / recipe), place)]) == 0
    assert capsys.readouterr().err == ""
    [line] = read_lines(Path(f"{load(ROOT / recipe).run.dir}-evaluate/eval.jsonl"))
    config = load(ROOT / recipe)
    assert (line["n"], line["template"]) == (VALIDATION, config.task.template)
    assert line["verifier"] == config.verifier.name
    assert line["format_rate"] > 0.5


def sums(lines: list[dict[str, Any]], key: str) -> float:
    return math.fsum(line[key] for line in lines)


def check_run(directory: Path, config: Config, base: Path) -> None:
    """Two steps that sampled (or replayed), graded, trained and measured as the recipe says."""
    assert [line["step"] for line in read_lines(directory / "eval.jsonl")] == [0, 1, 2]
    lines = read_lines(directory / "metrics.jsonl")
    steps, updates = ([line for line in lines if line["kind"] == kind] for kind in ("step", "update"))
    assert [line["step"] for line in steps] == [1, 2]
    assert {line["step"] for line in updates} == {1, 2}
    correct, wrong = (sums([line["statuses"] for line in steps], status) for status in ("correct", "wrong"))
    assert correct > 0
    assert (wrong > 0) == (config.algorithm.source == "policy"), "sampled answers are right and wrong, given ones right"
    assert sums(updates, "gradient_norm") > 0
    assert all(math.isfinite(line["loss"]) for line in updates)
    [row, *_] = read_lines(directory / "rollouts" / "step_000001.jsonl")
    assert row["prompt"] == load_template(config.task.template).render(row["question"])
    ours, theirs = (load_file(place / "model.safetensors") for place in (directory / "checkpoints/step_000002", base))
    assert ours.keys() == theirs.keys()
    assert not torch.equal(ours["lm_head.weight"], theirs["lm_head.weight"])
    assert load(directory / "config.toml").algorithm.name == config.algorithm.name


@pytest.mark.parametrize("recipe", [path for path in RECIPES if path.stem not in MEASURING], ids=str)
def test_a_recipe_trains(recipe, place, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    config = load(ROOT / recipe)
    assert (config.sampler.engine, config.task.template) == ("vllm", "r1_zero")
    assert cli.main(["train", str(ROOT / recipe), *small(config, place)]) == 0
    assert capsys.readouterr().err == ""
    check_run(Path(config.run.dir), config, tiny_model(config, place))


def test_the_course_of_2026_has_its_eight_variants_with_four_seeds_each():
    sweep = load_sweep(ROOT / "configs/olmo-2-1b/sweeps/variants.toml")
    recipes = [path for path in RECIPES if path.parent.name == "olmo-2-1b" and path.stem not in MEASURING]
    assert sorted(cell.name for cell in sweep.cells) == sorted(path.stem for path in recipes)
    assert len(sweep.cells) == 1 + 8
    for cell in sweep.cells:
        assert sorted(run.seed for run in cell.runs) == [0, 1, 2, 3]
        recipe = load(ROOT / f"configs/olmo-2-1b/{cell.name}.toml")
        for run in cell.runs:
            assert differences(run.config, recipe) in ([], [f"run.seed: {run.seed} → 0"])


@pytest.mark.parametrize("overlay", OVERLAYS, ids=str)
def test_a_recipe_trains_with_the_settings_of_other_hardware(overlay, place, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    recipe = ROOT / "configs/qwen2.5-math-1.5b/grpo.toml"
    config = load(recipe, overlays=[ROOT / overlay])
    assert config != load(recipe)
    assert cli.main(["train", str(recipe), "--with", str(ROOT / overlay), *small(config, place)]) == 0
    assert capsys.readouterr().err == ""
    check_run(Path(config.run.dir), config, tiny_model(config, place))
    ran = load(Path(config.run.dir) / "config.toml")
    assert (ran.optimizer.lr, ran.sampler.vllm) == (config.optimizer.lr, config.sampler.vllm)
    assert ran.model.checkpoint_activations == config.model.checkpoint_activations
