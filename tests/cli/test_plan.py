"""`verigrad plan` on the command line: what it prints, and what it refuses in one line."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from verigrad.cli import main as cli
from verigrad.cli import plan_options
from verigrad.plan import GPUS, NAMES

CONFIG = {
    "vocab_size": 4096,
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 2048,
    "tie_word_embeddings": True,
    "model_type": "qwen2",
}


@pytest.fixture(autouse=True)
def without_hub(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)


@pytest.fixture
def run(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")

    def run(*words: object) -> tuple[int, str, str]:
        try:
            code = cli.main(["plan", *(str(word) for word in words)])
        except SystemExit as leaving:
            code = leaving.code
        return code, *capsys.readouterr()

    return run


@pytest.fixture
def config_file(tmp_path):
    path = tmp_path / "run.toml"
    path.write_text('[sampler]\nmax_tokens = 512\n[algorithm]\nname = "grpo"\n', encoding="utf-8")
    return path


@pytest.mark.parametrize("name", ["Qwen/Qwen2.5-0.5B", "Qwen/Qwen2.5-Math-1.5B", "Qwen/Qwen2.5-7B"])
@pytest.mark.parametrize("gpu", NAMES)
def test_well_known_models_are_planned_without_a_network(run, config_file, name, gpu):
    code, out, err = run(config_file, "--model.path", name, "--gpu", gpu)
    assert (code, err) == (0, "")
    for word in (name, "weights", "optimiser states", "activations", "key–value cache", "peak", "training", "seconds"):
        assert word in out
    assert ("It fits" in out) != ("It does not fit" in out)


def test_a_directory_needs_nothing_but_a_config(run, config_file, tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text(json.dumps(CONFIG), encoding="utf-8")
    code, out, _ = run(config_file, "--model.path", tmp_path / "model", "--gpu", "l4", "--json")
    found = json.loads(out)
    assert code == 0
    # 2 layers of (64·64·2 + 64·32·2 + 3·64·96 weights, 64 + 32·2 biases, 2·64 of norms), a norm, 4096·64 embeddings
    assert found["model"]["parameters"] == 2 * (8192 + 4096 + 18432 + 128 + 128) + 64 + 4096 * 64
    assert found["fits"] is True and found["remedies"] == []


def test_the_embedded_model_is_planned_from_its_directory(run, config_file):
    code, out, _ = run(config_file, "--gpu", "cpu", "--json")
    assert code == 0
    assert json.loads(out)["model"]["parameters"] == 620_160


def test_json_has_the_same_figures_as_bytes_and_adds_up(run, config_file):
    code, out, _ = run(config_file, "--model.path", "Qwen/Qwen2.5-7B", "--gpu", "a100-80gb", "--json")
    found = json.loads(out)
    assert code == 0
    for parts in found["memory"].values():
        assert parts.pop("peak") == sum(parts.values())
    assert found["memory"]["training"]["weights"] == 4 * 7_615_616_512
    assert found["machine"]["memory"] == GPUS["a100-80gb"].memory
    seconds = found["seconds"]
    assert seconds["step"] == pytest.approx(
        seconds["sampling"] + seconds["scoring"] + seconds["training"] + seconds["evaluating"]
    )


def test_what_does_not_fit_is_a_plan_too_with_remedies(run, config_file):
    words = (config_file, "--model.path", "Qwen/Qwen2.5-7B", "--gpu", "h100")
    code, out, err = run(*words)
    assert (code, err) == (0, "")
    assert "It does not fit: " in out and "What to change, cheapest first:" in out
    proposed = [line.split(":")[0].split() for line in out.splitlines() if line.startswith("  --")]
    assert proposed
    changes = [word for key, value in proposed for word in (key, value.strip('"'))]
    assert "It fits" in run(*words, *changes)[1]


def test_where_nothing_is_enough_that_is_said(run, config_file):
    _, out, _ = run(config_file, "--model.path", "Qwen/Qwen2.5-7B", "--memory-gib", "10")
    assert "With every change below it still needs" in out
    assert "seconds" not in out.split("What helps")[0]


def test_a_beginning_names_a_gpu(run, config_file):
    assert "on h200-141gb" in run(config_file, "--model.path", "Qwen/Qwen2.5-0.5B", "--gpu", "H200")[1]


def test_lengths_are_options(run, config_file):
    _, out, _ = run(config_file, "--gpu", "l4", "--prompt-tokens", "100", "--response-tokens", "50")
    assert "longest prompt 100 and response 512 tokens, mean response 50" in out


def test_lora_8_bit_states_and_a_reference_are_parts_of_their_own(run, config_file):
    _, out, _ = run(
        config_file, "--model.path", "Qwen/Qwen2.5-0.5B", "--gpu", "l4", "--model.lora.rank", "16",
        "--algorithm.divergence.in_loss", "0.1", "--algorithm.divergence.reference", "Qwen/Qwen2.5-1.5B",
    )  # fmt: skip
    assert "adapters" in out and "reference" in out and "LoRA of rank 16" in out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--gpu", "h1000"], "--gpu h1000: did you mean 'h100-80gb'? known: rtx4090, l4, a10, a100-80gb"),
        (["--gpu", "a1"], "--gpu a1: did you mean 'a10'?"),
        (["--gpu", "l4", "--memory-gib", "24"], "--gpu and --memory-gib: give one of them"),
        (["--memory-gib", "-3"], "--memory-gib -3: a memory is above 0"),
        (["--prompt-tokens", "0"], "--prompt-tokens 0"),
        (["--memory-gb", "24"], "unknown option --memory-gb"),
        (["--model.path", "nobody/nothing"], "model.path = 'nobody/nothing': its config.json cannot be read"),
        (["--model.path", "./absent"], "model.path = './absent': no such directory"),
        (["--model.dtype", "float8"], "model.dtype = 'float8'"),
    ],
)
def test_bad_usage_is_one_line_and_code_2(run, config_file, words, message):
    code, out, err = run(config_file, *words)
    assert (code, out) == (2, "")
    assert err.startswith(f"verigrad: error: {message}") and err.count("\n") == 1


@pytest.mark.parametrize(
    "text", ["{", "{}", '{"model_type": "nonesuch"}', json.dumps(CONFIG | {"hidden_size": "wide"}), "[]"]
)
def test_a_bad_config_json_is_one_line_and_code_2(run, config_file, tmp_path, text):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text(text, encoding="utf-8")
    code, out, err = run(config_file, "--model.path", tmp_path / "model", "--gpu", "l4")
    assert (code, out) == (2, "")
    assert "model.path" in err and err.count("\n") == 1


def test_a_directory_without_a_config_is_refused(run, config_file, tmp_path):
    code, _, err = run(config_file, "--model.path", tmp_path, "--gpu", "l4")
    assert code == 2 and "its config.json cannot be read" in err


def test_the_help_names_every_gpu(run):
    _, out, _ = run("--help")
    flat = " ".join(out.split())
    assert ", ".join(NAMES) == plan_options.GPUS
    assert plan_options.GPUS in flat
    for option in ("--gpu", "--memory-gib", "--prompt-tokens", "--response-tokens", "--json"):
        assert option in flat


def test_no_weights_are_read_and_no_model_is_made(config_file):
    program = (
        "import sys, transformers\nfrom transformers import PreTrainedModel\n"
        "def refuse(*args, **keywords): raise AssertionError('a model was made')\n"
        "PreTrainedModel.__init__ = PreTrainedModel.from_pretrained = refuse\n"
        "from verigrad.cli.main import main\nsys.exit(main(sys.argv[1:]))"
    )
    words = ["plan", str(config_file), "--model.path", "Qwen/Qwen2.5-7B", "--gpu", "h200"]
    done = subprocess.run(
        [sys.executable, "-c", program, *words], capture_output=True, text=True, timeout=120, env=os.environ.copy()
    )
    assert done.returncode == 0, done.stderr


def test_the_examples_of_the_docs_are_what_is_printed(run, tmp_path):
    page = (Path(__file__).parents[2] / "docs" / "planning.md").read_text(encoding="utf-8")
    (tmp_path / "run.toml").write_text(re.search(r"```toml\n(.*?)```", page, re.DOTALL)[1], encoding="utf-8")
    examples = re.findall(r"```\n\$ verigrad plan run.toml (.*?)\n(.*?)```", page, re.DOTALL)
    assert len(examples) == 6
    for words, printed in examples:
        assert run(tmp_path / "run.toml", *words.split())[1] == printed
