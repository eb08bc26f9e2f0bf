"""`verigrad export`: a directory that transformers loads, with a card whose numbers are the run's own."""

from __future__ import annotations

import contextlib
import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tomli_w
import torch
import yaml
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig

from tests.report.conftest import write_run
from verigrad import __version__
from verigrad.cli import export as module
from verigrad.cli import main as cli
from verigrad.config import load
from verigrad.policy import Policy
from verigrad.report import read_run
from verigrad.report.card import model_card
from verigrad.report.compare import interval_text
from verigrad.report.read import accuracy
from verigrad.runs import read_lines

SETTINGS: dict[str, dict[str, Any]] = {
    "run": {"dir": "run", "keep_checkpoints": 0, "threads": 1},
    "model": {"device": "cpu"},
    "task": {"problems": 64},
    "sampler": {"max_tokens": 40},
    "algorithm": {"name": "grpo", "steps": 3, "questions_per_step": 6, "rollouts_per_question": 4},
    "optimizer": {"lr": 5e-4},
    "eval": {"problems": 16, "every": 2, "temperature": 0.7, "top_p": 0.9},
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    """A run of three steps, of which the base, 2 and 3 are evaluated."""
    where = tmp_path_factory.mktemp("export")
    (where / "grpo.toml").write_text(tomli_w.dumps(SETTINGS), encoding="utf-8")
    with contextlib.chdir(where), contextlib.redirect_stdout(io.StringIO()):
        assert cli.main(["train", "grpo.toml"]) == 0
    return where / "run"


@pytest.fixture
def export(capsys, tmp_path, monkeypatch) -> Callable[..., tuple[int, str, str]]:
    monkeypatch.chdir(tmp_path)

    def run(*words: object) -> tuple[int, str, str]:
        code = cli.main(["export", *map(str, words)])
        return code, *capsys.readouterr()

    return run


def refused(result: tuple[int, str, str]) -> str:
    assert result[:2] == (2, "")
    assert result[2].startswith("verigrad: error: ")
    assert result[2].count("\n") == 1
    return result[2]


def head(card: str) -> dict[str, Any]:
    """The card's metadata as the hub reads it."""
    _, text, _ = card.split("---\n", 2)
    return yaml.safe_load(text)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_an_export_is_the_checkpoint_without_the_trainers_state(export, trained):
    code, out, err = export(trained, "--out", "models/mine")
    assert (code, err) == (0, "")
    assert f"step 3 of {trained}: models/mine" in out
    checkpoint, made = trained / "checkpoints" / "step_000003", Path("models/mine")
    theirs, ours = contents(checkpoint), contents(made)
    assert ours.keys() == theirs.keys() - {"trainer.pt"} | {"README.md", "verigrad.json"}
    changed = {name for name in theirs.keys() & ours.keys() if theirs[name] != ours[name]}
    assert changed == {"generation_config.json"}
    assert json.loads(ours["verigrad.json"])["step"] == 3
    assert [path.name for path in Path("models").iterdir()] == ["mine"], "nothing is left beside it"


def test_transformers_loads_an_export_and_samples_as_it_was_measured(export, trained):
    assert export(trained, "--out", "mine")[0] == 0
    model = AutoModelForCausalLM.from_pretrained("mine")
    saved = load_file(trained / "checkpoints/step_000003/model.safetensors")
    assert all(torch.equal(dict(model.named_parameters())[name], tensor) for name, tensor in saved.items())
    assert AutoTokenizer.from_pretrained("mine")("3+4")["input_ids"]
    sampling = GenerationConfig.from_pretrained("mine")
    assert (sampling.do_sample, sampling.temperature, sampling.top_p, sampling.top_k) == (True, 0.7, 0.9, 0)
    assert (sampling.max_new_tokens, sampling.eos_token_id) == (40, model.config.eos_token_id)
    assert Policy.load("mine", device="cpu").path == "mine"


def test_the_cards_program_runs_and_answers_in_the_trained_format(export, trained, capsys):
    assert export(trained, "--out", "mine")[0] == 0
    [program] = re.findall(r"```python\n(.*?)```", Path("mine/README.md").read_text(encoding="utf-8"), re.DOTALL)
    assert "PROMPT = '{question}=<think>'" in program
    torch.manual_seed(0)
    exec(program.replace("What is 3 + 4 - 2?", "3+4-2"), {})
    assert re.search(r"<answer>-?\d+</answer>", capsys.readouterr().out)


def test_the_card_holds_the_runs_own_numbers(export, trained):
    assert export(trained, "--out", "mine", "--license", "apache-2.0")[0] == 0
    card = Path("mine/README.md").read_text(encoding="utf-8")
    lines = {line["step"]: line for line in read_lines(trained / "eval.jsonl")}
    for step, named in ((0, "0 (before training)"), (3, "3")):
        shown = interval_text(accuracy(lines[step]), unit=False)
        greedy = interval_text(accuracy(lines[step], "greedy_"), unit=False)
        format_rate = f"{100 * lines[step]['format_rate']:.1f}"
        assert f"| {named} | {shown} | {greedy} | {format_rate} | {lines[step]['mean_tokens']:.1f} |" in card
    assert "\n| 2 |" not in card, "what lies between is left out"
    assert (
        "Measured on 16 validation problems of chains, 1 response each, temperature 0.7, top_p 0.9, at most 40" in card
    )
    assert "exact McNemar p = " in card
    assert "not evaluated" not in card
    last = [line for line in read_lines(trained / "metrics.jsonl") if line["kind"] == "step"][-1]
    assert "| rollouts seen | 72 |" in card and last["rollouts_seen"] == 72
    assert f"| tokens sampled | {last['tokens_seen']:,} |" in card
    assert re.search(r"\| wall clock \| \d+ s \|", card)
    assert '| `algorithm.credit` | `"group_zscore"` |' in card
    assert '| `sampler.stop` | `["</answer>"]` |' in card
    assert f"| torch | {torch.__version__.partition('+')[0]}" in card
    assert f"| verigrad | {__version__} |" in card
    [config] = re.findall(r"```toml\n(.*?)```", card, re.DOTALL)
    Path("config.toml").write_text(config, encoding="utf-8")
    assert load("config.toml") == load(trained / "config.toml")
    assert head(card)["license"] == "apache-2.0"
    assert head(card)["tags"] == ["verigrad", "grpo", "reasoning", "verifiable-rewards"]
    [result] = head(card)["model-index"][0]["results"]
    assert result["metrics"][0]["value"] == round(100 * lines[3]["accuracy"], 2)
    assert "base_model" not in head(card) and "datasets" not in head(card), "neither is on the hub"


def test_a_step_may_be_chosen_and_the_card_says_what_is_not_known_of_it(export, trained):
    assert export(trained, "--out", "mine", "--step", "1")[0] == 0
    card = Path("mine/README.md").read_text(encoding="utf-8")
    assert "step 1 of 3" in card
    assert "**Step 1 itself was not evaluated**: the last line is of step 0." in card
    assert "| rollouts seen | 24 |" in card
    assert "model-index" not in head(card)
    assert "license" not in head(card)
    assert "Not stated. See those of `embedded:chains`" in card
    saved = (trained / "checkpoints/step_000001/model.safetensors").read_bytes()
    assert Path("mine/model.safetensors").read_bytes() == saved


def test_an_earlier_export_is_replaced_and_nothing_else_is(export, trained):
    Path("mine").mkdir()
    assert export(trained, "--out", "mine", "--step", "1")[0] == 0
    first = contents(Path("mine"))
    assert export(trained, "--out", "mine")[0] == 0
    assert contents(Path("mine"))["model.safetensors"] != first["model.safetensors"]
    before = contents(Path("mine"))
    Path("mine/notes.txt").write_text("mine", encoding="utf-8")
    line = refused(export(trained, "--out", "mine"))
    assert "--out mine: holds 1 files that no export wrote (notes.txt); give an empty or new directory" in line
    assert contents(Path("mine")) == {**before, "notes.txt": b"mine"}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--out", "full"], "--out full: holds 1 files that no export wrote (a); give an empty or new directory"),
        (["--out", "full/a"], "--out full/a: is a file; give a directory"),
        (
            ["--out", "new", "--step", "7"],
            "has no checkpoint of it; it has 1, 2, 3 (run.keep_checkpoints says how many",
        ),
        (["--out", "full/a/b"], "step 3 cannot be exported to full/a/b ("),
        ([], "the following arguments are required: --out"),
    ],
)
def test_what_cannot_be_exported_is_one_line(export, trained, words, message):
    Path("full").mkdir()
    Path("full/a").write_text("x", encoding="utf-8")
    assert message in refused(export(trained, *words))
    assert contents(Path()) == {"full/a": b"x"}


def test_the_directory_that_one_is_in_may_be_the_place(export, trained, tmp_path, monkeypatch):
    Path("here").mkdir()
    monkeypatch.chdir("here")
    assert export(trained, "--out", ".")[0] == 0
    assert (tmp_path / "here/README.md").read_text(encoding="utf-8").count("# here\n") == 1


def test_directories_that_are_no_trained_runs_are_refused(export, tmp_path):
    Path("empty").mkdir()
    assert "empty: not a run directory" in refused(export("empty", "--out", "mine"))
    write_run(tmp_path / "measured")
    line = refused(export("measured", "--out", "mine"))
    assert "measured: there is no checkpoint in it; give the directory of a `verigrad train` run" in line


def test_an_export_that_fails_half_way_leaves_the_earlier_one(export, trained, monkeypatch):
    assert export(trained, "--out", "mine", "--step", "1")[0] == 0
    before = contents(Path("mine"))

    def full(*given: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(module, "sync_tree", full)
        assert "(No space left on device" in refused(export(trained, "--out", "mine")).replace("[Errno 28] ", "")
        assert contents(Path()) == {f"mine/{name}": data for name, data in before.items()}
    rename = Path.rename

    def fails_once(path: Path, target: Path) -> Path:
        if path.name == ".mine.tmp":
            raise OSError(5, "Input/output error")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", fails_once)
    assert "Input/output error" in refused(export(trained, "--out", "mine"))
    assert contents(Path()) == {f"mine/{name}": data for name, data in before.items()}


# The card alone


def run_with(path: Path, **tables: dict[str, Any]) -> Any:
    """A run of made-up numbers, with the config given on top."""
    write_run(path)
    config = {**read_run(path).config}
    for name, table in tables.items():
        config[name] = {**config.get(name, {}), **table}
    (path / "config.toml").write_text(tomli_w.dumps(config), encoding="utf-8")
    return read_run(path)


def test_a_card_names_models_and_data_of_the_hub(tmp_path):
    model = {"path": "Qwen/Qwen2.5-Math-1.5B"}
    card = model_card(run_with(tmp_path / "a", model=model, task={"name": "gsm8k"}), 4, "mine")
    assert head(card)["base_model"] == "Qwen/Qwen2.5-Math-1.5B"
    assert head(card)["base_model_relation"] == "finetune"
    assert head(card)["datasets"] == ["openai/gsm8k"]
    given = {"name": "jsonl", "path": "hub:me/mine?split=train"}
    adapted = {**model, "lora": {"rank": 8, "alpha": 16.0}}
    card = model_card(run_with(tmp_path / "b", model=adapted, task=given), 4, "mine")
    assert head(card)["datasets"] == ["me/mine"]
    assert "base_model_relation" not in head(card), "the hub works out whether there are adapters"
    assert "| adapters (LoRA) | rank 8, alpha 16.0 |" in card
    shown = {"task": {"name": "gsm8k", "demonstrations": "hub:me/traces"}, "algorithm": {"source": "demonstrations"}}
    assert head(model_card(run_with(tmp_path / "c", **shown), 4, "mine"))["datasets"] == ["me/traces"]
    own = {"task": {"name": "gsm8k", "demonstrations": "solutions"}, "algorithm": {"source": "demonstrations"}}
    assert head(model_card(run_with(tmp_path / "d", **own), 4, "mine"))["datasets"] == ["openai/gsm8k"]


def test_a_card_of_a_run_that_has_hardly_anything(tmp_path):
    (tmp_path / "config.toml").write_text('[model]\npath = "x"\n', encoding="utf-8")
    card = model_card(read_run(tmp_path), 3, "mine")
    assert "The run holds no evaluation up to this step" in card
    assert "## Use" not in card and "## Versions" not in card and "rollouts seen" not in card
    assert head(card)["library_name"] == "transformers"


def test_durations_are_in_words(tmp_path):
    run = run_with(tmp_path / "a")
    assert "| wall clock | 40 s |" in model_card(run, 4, "mine")
    lines = read_lines(tmp_path / "a" / "metrics.jsonl")
    for seconds, text in ((75.4, "1 min 15 s"), (7384.0, "2 h 3 min")):
        changed = [{**line, "seconds": seconds} if line["kind"] == "step" else line for line in lines]
        text_of = "".join(json.dumps(line) + "\n" for line in changed)
        (tmp_path / "a" / "metrics.jsonl").write_text(text_of, encoding="utf-8")
        assert f"| wall clock | {text} |" in model_card(read_run(tmp_path / "a"), 4, "mine")
