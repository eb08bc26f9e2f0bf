"""`verigrad train`, `evaluate` and `sample`, as a user meets them: results, refusals of one line, interruptions."""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import time
import types
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from tests.algorithms.parts import logs, tokenizer, write_model
from verigrad.cli import main as cli
from verigrad.cli import runs as module
from verigrad.grading import from_function
from verigrad.policy import Policy
from verigrad.runs import RunDirectory, read_lines

GSM8K = Path(__file__).parents[3] / "shared" / "data" / "gsm8k" / "test.jsonl"

SMALL: dict[str, dict[str, Any]] = {
    "run": {"seed": 2, "threads": 1},
    "model": {"device": "cpu"},
    "task": {"problems": 64, "params": {"validation_problems": 16}},
    "sampler": {"max_tokens": 40},
    "algorithm": {"steps": 2, "questions_per_step": 6, "rollouts_per_question": 4, "sequences_per_update": 8},
    "optimizer": {"lr": 5e-4},
    "eval": {"problems": 8},
}
DEMONSTRATIONS = [
    {"question": "1+2+4", "answer": "7", "response": "3 7</think> <answer>7</answer>"},
    {"question": "9-2-3", "answer": "4", "response": "7 4</think> <answer>4</answer>"},
    {"question": "2+2+2", "answer": "6", "response": "4 6</think> <answer>6</answer>"},
    {"question": "5-1+4", "answer": "8", "response": "4 9</think> <answer>9</answer>"},  # wrong
    {"question": "8-8+1", "answer": "1", "response": "0 1</think> <answer>1"},  # without its stop string
]
STEPS = 8
"""Of the runs that are stopped from outside: enough that they are not done when they are."""
SFT = {"name": "sft", "epochs": 8, "sequences_per_update": 0}


@pytest.fixture
def verigrad(capfd) -> Callable[..., tuple[int, str, str]]:
    """Runs a command line in this process; gives (exit code, standard output, standard error)."""

    def run(*words: object) -> tuple[int, str, str]:
        capfd.readouterr()
        return cli.main([str(word) for word in words]), *capfd.readouterr()

    return run


@pytest.fixture
def config(tmp_path, monkeypatch) -> Callable[..., Path]:
    """Writes a config of some seconds' work, the tables given on top of it; works in an empty directory."""
    monkeypatch.chdir(tmp_path)

    def write(name: str = "first.toml", **tables: Mapping[str, Any]) -> Path:
        named = {section: {} for section, table in tables.items() if "name" in table}
        base = {**SMALL, **named}  # another task or algorithm begins from its own defaults
        merged = {section: {**base.get(section, {}), **tables.get(section, {})} for section in {**base, **tables}}
        path = tmp_path / name
        path.write_text(tomli_w.dumps(merged), encoding="utf-8")
        return path

    return write


def write_rows(path: Path, rows: Sequence[Mapping[str, object]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def sha256(run: str | Path) -> str:
    """Of the newest checkpoint's weights."""
    checkpoints = Path(run) / "checkpoints"
    weights = checkpoints / (checkpoints / "latest").read_text().strip() / "model.safetensors"
    return hashlib.sha256(weights.read_bytes()).hexdigest()


def assert_one_line(result: tuple[int, str, str], code: int = 2) -> str:
    assert result[0] == code, result
    kind = "error" if code == 2 else "stopped"
    assert result[2].startswith(f"verigrad: {kind}: ")
    assert result[2].count("\n") == 1
    return result[2]


# Training


def test_train_evaluates_trains_shows_and_says_when_it_is_finished(verigrad, config):
    code, out, err = verigrad("train", config())
    assert (code, err) == (0, "")
    assert re.search(r"step   0  validation accuracy 0\.\d{3} \[0\.\d{3}, 0\.\d{3}\]   greedy", out)
    assert "(n = 8 × 1, T = 1, tiny, r1_zero)" in out
    assert re.search(r"step   2  24 rollouts   pass rate 0\.\d{3}   kept \d+   entropy \d\.\d{3}   tokens ", out)
    assert re.search(r"seconds: sampling \d+\.\d, scoring \d+\.\d, training \d+\.\d, evaluating \d+\.\d", out)
    assert "first: expert_iteration, chains, embedded:chains" in out
    assert "<answer>" in out, "some rollouts are shown"
    assert [line["step"] for line in read_lines(Path("runs/first/eval.jsonl"))] == [0, 1, 2]
    before = sha256("runs/first")
    code, out, err = verigrad("train", config())
    assert (code, err) == (0, "")
    assert "this run is finished; give another run.dir to run it anew" in out
    assert "continuing" not in out
    assert sha256("runs/first") == before


def test_an_option_overrides_the_file_and_the_run_says_so(verigrad, config):
    path = config()
    words = ("--run.dir", "elsewhere", "--algorithm.steps=1", "--eval.greedy", "false", "--log.generations", "0")
    code, out, _ = verigrad("train", path, *words)
    assert code == 0
    assert "<answer>" not in out
    [line, _] = read_lines(Path("elsewhere/eval.jsonl"))
    assert "greedy_accuracy" not in line
    assert "seed = 2" in Path("elsewhere/config.toml").read_text()


def test_a_run_out_of_time_says_that_the_same_command_continues_it(verigrad, config):
    path = config(run={"max_minutes": 1e-9})
    code, out, _ = verigrad("train", path)
    assert code == 0
    assert "stopped after step 1; the same command continues it" in out
    code, out, _ = verigrad("train", path)
    assert code == 0
    assert "runs/first: continuing after step 1 of 2" in out
    assert "stopped after" not in out


def test_a_run_out_of_time_ends_with_an_evaluation_and_may_be_given_more(verigrad, config):
    path = config(run={"max_minutes": 1e-9}, algorithm={"steps": 3}, eval={"every": 100})
    assert verigrad("train", path)[0] == 0
    assert [line["step"] for line in read_lines(Path("runs/first/eval.jsonl"))] == [0, 1]
    code, out, _ = verigrad("train", path, "--run.max_minutes", "60")
    assert code == 0
    assert "runs/first: continuing after step 1 of 3" in out
    assert [line["step"] for line in read_lines(Path("runs/first/eval.jsonl"))] == [0, 1, 3]
    assert verigrad("train", path, "--run.max_minutes", "0", "--run.dir", "runs/whole")[0] == 0
    assert sha256("runs/first") == sha256("runs/whole"), "the pause changed nothing"


def test_narrow_products_and_checkpointed_activations_by_option(verigrad, config):
    options = ("--model.compute", "bfloat16", "--model.checkpoint_activations", "true")
    assert verigrad("train", config(), *options)[0::2] == (0, "")
    step = [line for line in read_lines(Path("runs/first/metrics.jsonl")) if line["kind"] == "step"][-1]
    assert 1e-6 < step["sampler_gap_mean"] < 5e-2


def test_a_chat_template_by_option(verigrad, config):
    assert "has no chat template" in assert_one_line(verigrad("train", config(), "--model.chat_template", "true"))
    assert not Path("runs").exists()
    words = tokenizer()
    words.chat_template = "<user>{{ messages[-1]['content'] }}</user>"
    model = write_model(Path("chatty").absolute(), words=words)
    options = (
        "--model.path",
        model,
        "--model.chat_template",
        "true",
        "--algorithm.steps",
        "1",
        "--run.dir",
        "runs/chat",
    )
    code, out, _ = verigrad("train", config(), *options)
    assert code == 0
    assert "model.chat_template puts" in " ".join(out.split()), "tiny ends in <think>"
    assert read_lines(Path("runs/chat/eval.jsonl"))[0]["template"] == "tiny (chat)"
    row = read_lines(Path("runs/chat/eval/step_000000.jsonl"))[0]
    assert row["prompt"] == f"<user>{row['question']}=<think></user>"
    error = assert_one_line(verigrad("train", config(), "--model.system_prompt", "Think."))
    assert "model.system_prompt is for a chat template" in error


def test_a_step_with_nothing_correct_is_a_warning(verigrad, config, monkeypatch):
    monkeypatch.setattr(module, "verifier_for", lambda settings, train: from_function(lambda problem, response: 0.0))
    code, out, err = verigrad("train", config(algorithm={"steps": 1}))
    assert (code, err) == (0, "")
    assert "warning: step 1: no response was kept (none was correct?), so nothing was trained" in " ".join(out.split())


# Supervised fine-tuning


def sft(config, rows=DEMONSTRATIONS, task: Mapping[str, Any] | None = None, **algorithm: Any) -> Path:
    """A config of SFT on these demonstrations, one update per pass over all of them."""
    path = write_rows(Path("sft.jsonl").absolute(), rows)
    return config(
        task={"demonstrations": str(path), **(task or {})},
        algorithm={**SFT, **algorithm},
        optimizer={"lr": 3e-3},
    )


def trained(run: str = "runs/first") -> list[dict[str, Any]]:
    return [line for line in read_lines(Path(run) / "rollouts" / "step_000001.jsonl") if line["kept"]]


def in_order(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """As in the file: a step takes its questions in an order of its own."""
    return sorted(rows, key=lambda row: int(row["problem_id"].rpartition(":")[2]))


def test_sft_fits_its_demonstrations_and_their_ends(verigrad, config):
    code, _, err = verigrad("train", sft(config))
    assert (code, err) == (0, "")
    updates = [line for line in read_lines(Path("runs/first/metrics.jsonl")) if line["kind"] == "update"]
    assert [line["epoch"] for line in updates] == list(range(1, 9))
    assert updates[-1]["loss"] < updates[0]["loss"] / 2
    assert updates[0]["nll"] == pytest.approx(updates[0]["loss"], rel=1e-6)  # kept_tokens: the mean over tokens
    rows = trained()
    policy = Policy.load("embedded:chains", device="cpu")
    for row, given in zip(in_order(rows), DEMONSTRATIONS, strict=True):
        assert row["response"] == given["response"]
        ids = list(policy.encode_response(given["response"]))
        stopped = given["response"].endswith("</answer>")
        assert row["token_ids"] == ids + ([] if stopped else [policy.tokenizer.eos_token_id])
        assert row["stop_reason"] == ("stop_string" if stopped else "end_token")
        assert (row["prompt"], row["policy_version"]) == (f"{given['question']}=<think>", -1)
        assert row["sampler_logprobs"] == []
    assert updates[0]["trained_tokens"] == sum(row["tokens"] for row in rows)
    step = read_lines(Path("runs/first/metrics.jsonl"))[-1]
    assert "sampler_gap_mean" not in step
    assert step["statuses"] == {"correct": 3, "wrong": 1, "unparsable": 1, "timeout": 0, "error": 0}


def test_sft_takes_all_demonstrations_once_by_default(verigrad, config):
    assert verigrad("train", sft(config, epochs=1))[0] == 0
    assert sorted(row["problem_id"] for row in trained()) == [f"sft.jsonl:{number}" for number in range(1, 6)]


def test_sft_does_not_depend_on_how_rollouts_would_be_sampled(verigrad, config):
    path = sft(config, epochs=2)
    for temperature in (1.0, 0.5, 0.0):
        words = ("--sampler.temperature", temperature, "--run.dir", f"at-{temperature}", "--eval.problems", "1")
        assert verigrad("train", path, *words)[0] == 0
    assert sha256("at-1.0") == sha256("at-0.5") == sha256("at-0.0")


def test_sft_on_at_most_n_unique_examples(verigrad, config):
    rows = [DEMONSTRATIONS[0], DEMONSTRATIONS[0], DEMONSTRATIONS[1], DEMONSTRATIONS[2]]
    selection = {"max_examples": 2}
    assert verigrad("train", sft(config, rows, selection=selection, epochs=1))[0] == 0
    kept = [row["question"] for row in trained()]
    every = [row["question"] for row in read_lines(Path("runs/first/rollouts/step_000001.jsonl"))]
    first_two = list(dict.fromkeys(every))[:2]
    assert kept == [question for question in every if question in first_two]


def test_sft_on_what_is_verified_correct(verigrad, config):
    assert verigrad("train", sft(config, select="correct", epochs=1))[0] == 0
    assert sorted(row["truth"] for row in trained()) == ["4", "6", "7"]


def test_sft_from_prompts_and_responses_as_they_are(verigrad, config):
    rows = [
        {"prompt": "1+2=<think>", "response": "3</think>  <answer>3</answer>"},
        {"prompt": "Say:", "response": " x"},
    ]
    code, _, err = verigrad("train", sft(config, rows, epochs=1))
    assert (code, err) == (0, "")
    kept = {row["prompt"]: row for row in trained()}
    assert kept["1+2=<think>"]["question"] == "1+2", "read back from the prompt, to be compared with validation"
    assert kept["Say:"]["response"] == " x"


def test_sft_on_the_training_problems_own_solutions(verigrad, config):
    task = {"name": "chains", "problems": 20, "demonstrations": "solutions"}
    task["solution_format"] = "{solution}</think> <answer>{answer}</answer>"
    code, _, err = verigrad("train", config(task=task, algorithm={**SFT, "epochs": 1}))
    assert (code, err) == (0, "")
    rows = trained()
    assert len(rows) == 20
    assert all(row["status"] == "correct" for row in rows)
    assert all(row["response"].endswith(f"</think> <answer>{row['truth']}</answer>") for row in rows)
    path = config(task={**task, "solution_format": "x"}, algorithm=SFT)
    message = assert_one_line(verigrad("train", path, "--run.dir", "other"))
    assert "task.solution_format = 'x' has no {solution} and no {answer}" in message
    assert not Path("other").exists()


def test_sft_says_what_is_wrong_with_its_demonstrations_before_it_begins(verigrad, config, tmp_path):
    message = assert_one_line(verigrad("train", sft(config, [{"text": "x", "response": "y"}])))
    assert "sft.jsonl:1: a demonstration needs prompt and response, or question, answer and response" in message
    rows = [{"prompt": "1+2=", "response": "3"}]
    message = assert_one_line(verigrad("train", sft(config, rows, select="correct")))
    assert "algorithm.select = 'correct', but no demonstration says what is correct; add an answer" in message
    model = write_model(tmp_path / "short", context=48)
    rows = [{"question": "1+2", "answer": "3", "response": "3" * 60}]
    message = assert_one_line(verigrad("train", sft(config, rows), "--model.path", model))
    assert "demonstration sft.jsonl:1: prompt and response have 72 tokens and the model's context is 48" in message
    assert not Path("runs").exists()


def test_demonstrations_of_validation_questions_are_refused(verigrad, config):
    [problem, *_] = read_validation(verigrad, config)
    rows = [*DEMONSTRATIONS, {"question": problem, "answer": "0", "response": "0</think> <answer>0</answer>"}]
    message = assert_one_line(verigrad("train", sft(config, rows)))
    assert "1 validation question(s) are in the training set too" in message and problem in message
    assert verigrad("train", sft(config, rows, task={"allow_overlap": True}, epochs=1))[0] == 0


def read_validation(verigrad, config) -> list[str]:
    assert verigrad("evaluate", config(), "--run.dir", "seen")[0] == 0
    return [row["question"] for row in read_lines(Path("seen-evaluate/eval/step_000000.jsonl"))]


# Refusals


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"algorithm": {"stepz": 3}}, "unknown key algorithm.stepz: did you mean 'steps'?"),
    ({"algorithm": {"rollouts_per_question": 0}}, "algorithm.rollouts_per_question = 0: input should be greater"),
    ({"algorithm": {"name": "expert"}}, "algorithm.name = 'expert': did you mean 'expert_iteration'?"),
    ({"algorithm": {"select": "corect"}}, "algorithm.select = 'corect': did you mean 'correct'?"),
    ({"algorithm": {"credit": "won"}}, "algorithm.credit = 'won': did you mean 'one'?"),
    ({"algorithm": {"loss": "nl"}}, "algorithm.loss = 'nl': did you mean 'nll'?"),
    ({"algorithm": {"normalizer": "kept_token"}}, "algorithm.normalizer = 'kept_token': did you mean 'kept_tokens'?"),
    ({"verifier": {"name": "r1_zer"}}, "verifier.name = 'r1_zer' is not a verifier; did you mean 'r1_zero'?"),
    ({"sampler": {"engine": "scripted"}}, "sampler.engine = 'scripted' needs a script, which a config cannot hold"),
    ({"task": {"name": "chain"}}, "task.name = 'chain': did you mean 'chains'?"),
    ({"task": {"template": "tinny"}}, "task.template = 'tinny': no shipped template and no file of that name"),
    ({"task": {"template": "plain.txt"}}, "template 'plain.txt' = 'Answer:' has no {question}"),
    (
        {"task": {"name": "jsonl", "path": "no.jsonl", "validation_path": "v.jsonl"}},
        "no.jsonl: no such file; looked for",
    ),
    ({"task": {"name": "jsonl", "path": "t.jsonl", "validation_path": "v.jsonl"}}, "the first is '1 + 1'"),
    ({"task": {"name": "jsonl", "path": "none.jsonl", "validation_path": "v.jsonl"}}, "there are no records in it"),
    ({"task": {"name": "jsonl", "path": "t.jsonl"}}, "task.validation_path is empty: training needs questions that"),
    ({"algorithm": SFT}, "task.demonstrations is empty: sft needs a JSONL of responses; give its path"),
    ({"algorithm": SFT, "task": {"demonstrations": "no.jsonl"}}, "no.jsonl: no such file; looked for"),
    ({"model": {"path": "no/such/model"}}, "model.path = 'no/such/model': no such directory (looked for"),
    ({"model": {"path": "embedded:chain"}}, "model.path = 'embedded:chain': no such shipped model; known: chains"),
    ({"run": {"dir": "plain.txt"}}, "run.dir = 'plain.txt' cannot be made: File exists; choose another"),
    ({"log": {"loggers": ["wandb"]}}, "log.loggers names 'wandb': pip install 'verigrad[wandb]'"),
]


@pytest.mark.parametrize(("tables", "message"), REFUSED, ids=[message[:40] for _, message in REFUSED])
def test_what_cannot_be_done_is_one_line_with_the_remedy_and_nothing_is_written(
    verigrad, config, monkeypatch, tables, message
):
    path = config(**tables)
    Path("plain.txt").write_text("Answer:", encoding="utf-8")
    Path("none.jsonl").write_text("\n", encoding="utf-8")
    write_rows(Path("t.jsonl"), [{"question": "2+2", "answer": "4"}, {"question": "1  + 1", "answer": "2"}])
    write_rows(Path("v.jsonl"), [{"question": "1 + 1", "answer": "2"}])
    monkeypatch.setitem(sys.modules, "wandb", None)
    line = assert_one_line(verigrad("train", path))
    assert message in line
    if "looked for" in message:
        assert str(Path.cwd()) in line
    assert not Path("runs").exists()


OFFLINE: list[tuple[dict[str, Any], str, str]] = [
    (
        {"model": {"path": "Qwen/Qwen2.5-0.5B-of-nobody"}},
        "model.path = 'Qwen/Qwen2.5-0.5B-of-nobody' cannot be loaded (offline: HF_HUB_OFFLINE is set): ",
        "give a directory with config.json, model.safetensors and a tokenizer, or a hub id while online",
    ),
    (
        {"task": {"name": "gsm8k"}},
        "cannot be had from the hub (offline: HF_HUB_OFFLINE or HF_DATASETS_OFFLINE is set): no connection; ",
        "load it once while online, which fills the cache, or give a local copy in task.path",
    ),
    (
        {"task": {"name": "gsm8k", "path": "set:math5000", "validation_path": "v.jsonl"}},
        "set:math5000: no named set; did you mean 'math500'?",
        "known: gsm8k, math, math500",
    ),
    (
        {"task": {"name": "gsm8k", "path": "bare.jsonl", "validation_path": "v.jsonl"}},
        "bare.jsonl:1: no column 'answer' for the answer; the row has question, result; ",
        "name the right column in task.params.answer_column",
    ),
    (
        {"task": {"name": "jsonl", "path": "bare.jsonl", "params": {"question_column": "problem"}}},
        "bare.jsonl:1: no column 'problem' for the question; the row has question, result; ",
        "name the right column in task.params.question_column",
    ),
]


@pytest.mark.parametrize(("tables", "what", "remedy"), OFFLINE, ids=[what[:40] for _, what, _ in OFFLINE])
@pytest.mark.parametrize("command", ["train", "evaluate"])
def test_what_is_not_there_is_one_line_with_the_remedy(verigrad, config, monkeypatch, command, tables, what, remedy):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    package = types.ModuleType("datasets")  # the real one reads the switch once, when it is imported

    def load_dataset(*given: object, **named: object) -> None:
        raise ConnectionError("no connection")

    vars(package).update(load_dataset=load_dataset, disable_progress_bars=lambda: None)
    monkeypatch.setitem(sys.modules, "datasets", package)
    path = config(**tables)
    write_rows(Path("v.jsonl"), [{"question": "1 + 1", "answer": "#### 2"}])
    write_rows(Path("bare.jsonl"), [{"question": "2 + 2", "result": "4"}])
    if command == "evaluate" and "path" in tables.get("task", {}):
        path = config(task={**tables["task"], "validation_path": tables["task"]["path"]})
    line = assert_one_line(verigrad(command, path))
    assert what in line
    assert remedy in line
    assert not Path("runs").exists()


def unknown_words() -> PreTrainedTokenizerFast:
    """A tokenizer that knows digits and signs, and no letters."""
    vocabulary = {word: place for place, word in enumerate(["[UNK]", "[END]", *"0123456789+-= "])}
    words = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    words.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    return PreTrainedTokenizerFast(tokenizer_object=words, unk_token="[UNK]", eos_token="[END]", pad_token="[END]")


@pytest.mark.parametrize("command", ["train", "evaluate"])
def test_a_text_that_the_tokenizer_has_no_tokens_for_is_refused(verigrad, config, tmp_path, command):
    model = write_model(tmp_path / "model", words=unknown_words(), architecture="Qwen3")
    Path("bare.txt").write_text("{question}=", encoding="utf-8")
    path = config(model={"path": str(model)})
    line = assert_one_line(verigrad(command, path))
    assert "a prompt: the tokenizer has no tokens for some of" in line and "[UNK]" in line
    assert not Path("runs").exists()
    assert verigrad("evaluate", path, "--task.template", "bare.txt")[0] == 0


@pytest.mark.parametrize("command", ["train", "evaluate"])
def test_a_prompt_longer_than_the_models_context_is_refused(verigrad, config, tmp_path, command):
    model = write_model(tmp_path / "model", context=12)
    line = assert_one_line(verigrad(command, config(model={"path": str(model)})))
    assert re.search(r"problem chains/\S+: its prompt has \d+ tokens and the model's context is 12; leave such", line)
    assert not Path("runs").exists(), "nothing was begun, so nothing stands in the way of another try"


def test_a_changed_config_on_an_existing_run_is_refused_with_its_keys(verigrad, config):
    path = config(algorithm={"steps": 1})
    assert verigrad("train", path)[0] == 0
    before = logs(Path("runs/first"))
    line = assert_one_line(verigrad("train", path, "--optimizer.lr", "1e-3", "--run.seed", "3"))
    assert "begun with other settings (optimizer.lr: 0.0005 → 0.001; run.seed: 2 → 3); continue it with" in line
    assert logs(Path("runs/first")) == before


def test_a_second_process_is_refused_while_the_first_is_at_work(verigrad, config):
    from verigrad.config import load

    path = config()
    with RunDirectory(load(path)):
        line = assert_one_line(verigrad("train", path))
    assert f"runs/first is in use by process {os.getpid()}; wait for it, stop it, or give another run.dir" in line


# Runs that stop themselves


def test_failures_of_the_verifier_stop_the_run_with_exit_code_3(verigrad, config, monkeypatch):
    def broken(problem, response):
        raise TypeError("no such column")

    monkeypatch.setattr(module, "verifier_for", lambda settings, train: from_function(broken))
    line = assert_one_line(verigrad("train", config()), code=3)
    assert "verdicts of step 1: 24 of 24 (100.0%) are the verifier's own failures" in line
    assert "TypeError: no such column" in line


@pytest.mark.parametrize(
    ("sequences", "message"),
    [(2, "step 1: update 2: loss nan"), (0, "sampling from policy version 1: its logits are not numbers")],
)
def test_divergence_stops_the_run_with_exit_code_3(verigrad, config, sequences, message):
    words = ("--optimizer.lr", "1e30", "--algorithm.sequences_per_update", sequences)
    line = assert_one_line(verigrad("train", config(), *words), code=3)
    assert message in line and "lower optimizer.lr" in line


# Interruptions


def test_the_first_interrupt_lets_the_step_end_and_the_second_stops_at_once(verigrad, config, monkeypatch):
    interrupts = []

    def verify(problem, response):
        if interrupts:
            interrupts.pop()
            signal.raise_signal(signal.SIGINT)
        return float("<answer>" in response)

    monkeypatch.setattr(module, "verifier_for", lambda settings, train: from_function(verify))
    path = config()
    before = signal.getsignal(signal.SIGINT)
    interrupts.append(1)
    code, out, err = verigrad("train", path)
    assert (code, err) == (130, "")
    assert "interrupt: finishing this step and saving" in out
    assert "stopped after step 0; the same command continues it" in out
    interrupts.extend([1, 1])
    assert verigrad("train", path)[::2] == (130, "verigrad: interrupted\n")
    assert signal.getsignal(signal.SIGINT) == before
    assert verigrad("train", path)[0] == 0


class Process:
    """`verigrad train` in a process of its own."""

    def __init__(self, where: Path, *words: object) -> None:
        command = [sys.executable, "-m", "verigrad.cli.main", "train", *map(str, words)]
        pipe = subprocess.PIPE
        self.where = where
        self.process = subprocess.Popen(command, cwd=where, stdout=pipe, stderr=pipe, text=True)

    def has_saved(self, run: str, step: int) -> bool:
        assert self.process.poll() is None, self.process.communicate()
        return (self.where / run / "checkpoints" / f"step_{step:06d}").exists()

    def end(self) -> tuple[int, str, str]:
        out, err = self.process.communicate(timeout=120)
        return self.process.returncode, out, err


@pytest.fixture(scope="module")
def processes(tmp_path_factory) -> dict[str, Any]:
    """Three processes at once, and how they ended: one interrupted and one killed after step 2, one refused."""
    where = tmp_path_factory.mktemp("processes")
    path = where / "long.toml"
    changes = {
        "run": {**SMALL["run"], "keep_checkpoints": 0},
        "sampler": {"max_tokens": 25},
        "algorithm": {**SMALL["algorithm"], "steps": STEPS, "questions_per_step": 4},
        "eval": {"problems": 2, "greedy": False, "every": 2},
    }
    path.write_text(tomli_w.dumps({**SMALL, **changes}), encoding="utf-8")
    model = write_model(where / "model", context=12)
    signals = {"interrupted": signal.SIGINT, "killed": signal.SIGKILL}
    started = {name: Process(where, path, "--run.dir", name) for name in signals}
    started["refused"] = Process(where, path, "--run.dir", "refused", "--model.path", model)
    deadline = time.monotonic() + 120
    while signals:
        assert time.monotonic() < deadline, f"no checkpoint of step 2 in time: {signals}"
        for name, number in list(signals.items()):
            if started[name].has_saved(name, 2):
                started[name].process.send_signal(number)
                del signals[name]
        time.sleep(0.005)
    return {"where": where, **{name: process.end() for name, process in started.items()}}


def steps_of(log: Path) -> list[int]:
    return [line["step"] for line in read_lines(log)]


def test_a_refusal_is_one_line_also_in_a_process_of_its_own(processes):
    code, out, err = processes["refused"]
    assert (code, out) == (2, "")
    assert err.startswith("verigrad: error: problem chains/")
    assert err.count("\n") == 1


def test_an_interrupted_process_saves_its_step_and_says_how_to_go_on(processes):
    code, out, err = processes["interrupted"]
    assert (code, err) == (130, "")
    reached = steps_of(processes["where"] / "interrupted" / "metrics.jsonl")[-1]
    assert 2 <= reached < STEPS
    assert f"stopped after step {reached}; the same command continues it" in out
    assert (processes["where"] / "interrupted/checkpoints/latest").read_text() == f"step_{reached:06d}\n"


def test_processes_that_were_interrupted_or_killed_and_continued_are_the_uninterrupted_one(
    processes, verigrad, monkeypatch
):
    monkeypatch.chdir(processes["where"])
    assert processes["killed"][0] == -signal.SIGKILL
    assert int(Path("killed/checkpoints/latest").read_text()[5:]) < STEPS
    for run in ("whole", "killed", "interrupted"):
        code, out, _ = verigrad("train", "long.toml", "--run.dir", run)
        assert code == 0
        assert (f"{run}: continuing after step" in out) == (run != "whole")
        assert steps_of(Path(run) / "eval.jsonl") == list(range(0, STEPS + 1, 2))
        assert sha256(run) == sha256("whole")
        assert logs(Path(run)) == logs(Path("whole"))


# Evaluation and samples


def test_evaluate_measures_a_model_and_reports_the_three_classes(verigrad, config):
    code, out, err = verigrad("evaluate", config(), "--eval.samples", "2")
    assert (code, err) == (0, "")
    [line] = read_lines(Path("runs/first-evaluate/eval.jsonl"))
    assert (line["step"], line["n"], line["samples"]) == (0, 8, 2)
    assert line["seconds"] > 0
    counts = line["classes"]
    assert sum(counts.values()) == 16
    assert (
        f"format and answer right {counts['format1_answer1']}, format alone {counts['format1_answer0']}, "
        f"neither {counts['format0']}; every response with its grade: runs/first-evaluate/eval/step_000000.jsonl"
    ) in out
    assert not Path("runs/first").exists()
    # Again: the same numbers, once in the log.
    assert verigrad("evaluate", config(), "--eval.samples", "2")[0] == 0
    assert logs(Path("runs/first-evaluate"))["eval.jsonl"] == [
        {key: value for key, value in line.items() if key != "seconds"}
    ]


def test_evaluate_takes_a_run_directory_as_a_model(verigrad, config):
    path = config(algorithm={"steps": 1})
    assert verigrad("train", path)[0] == 0
    assert verigrad("evaluate", path, "--model.path", "runs/first", "--run.dir", "checked")[0] == 0
    [line] = read_lines(Path("checked-evaluate/eval.jsonl"))
    [_, after] = read_lines(Path("runs/first/eval.jsonl"))
    same = line.keys() - {"step", "rollouts_seen", "seconds", "model"}
    assert {key: line[key] for key in same} == {key: after[key] for key in same}
    assert line["model"] == "runs/first"


def test_evaluate_on_gsm8k_with_the_courses_prompt(verigrad, config):
    rows = [
        {"question": "Ann has 3 pens and buys 4. How many has she?", "answer": "3 + 4 = <<3+4=7>>7\n#### 7"},
        {"question": "Bob had 9 eggs and ate 2. How many are left?", "answer": "9 - 2 = 7\n#### 7"},
        {"question": "A house costs $1,200. Two cost?", "answer": "#### 2,400"},
    ]
    path = write_rows(Path("gsm8k.jsonl"), rows)
    task = {"name": "gsm8k", "path": str(path), "template": "r1_zero"}
    Path("first.toml").unlink(missing_ok=True)
    code, out, err = verigrad("evaluate", config("course.toml", task=task))
    assert (code, err) == (0, "")
    [line] = read_lines(Path("runs/course-evaluate/eval.jsonl"))
    assert (line["n"], line["task"], line["template"], line["verifier"]) == (3, "gsm8k", "r1_zero", "r1_zero")
    assert set(line["classes"]) == {"format1_answer1", "format1_answer0", "format0"}
    assert "format and answer right" in out
    first = read_lines(Path("runs/course-evaluate/eval/step_000000.jsonl"))[0]
    assert first["truth"] == "7"
    assert first["prompt"].startswith("A conversation between User and Assistant.")
    assert first["prompt"].endswith(f"User: {rows[0]['question']}\nAssistant: <think>")


@pytest.mark.skipif(not GSM8K.exists(), reason="GSM8K's test set is not beside the checkout (shared/data/gsm8k)")
def test_evaluate_on_the_real_gsm8k(verigrad, config):
    task = {"name": "gsm8k", "path": str(GSM8K), "template": "r1_zero"}
    code, out, err = verigrad("evaluate", config(task=task), "--eval.problems", "16", "--eval.greedy", "false")
    assert (code, err) == (0, "")
    [line] = read_lines(Path("runs/first-evaluate/eval.jsonl"))
    assert line["n"] == sum(line["classes"].values()) == 16
    assert "neither" in out


def test_sample_puts_two_models_side_by_side(verigrad, config, tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "160")
    other = write_model(tmp_path / "other")
    words = ("sample", "embedded:chains", "3+4-2", "1+[b]1[/b]", "--model", other, "--n", "2", "--max-tokens", "20")
    code, out, err = verigrad(*words)
    assert (code, err) == (0, "")
    assert out.count("3+4-2") == 2
    assert out.count("1+[b]1[/b]") == 2, "a question is text, not markup"
    assert re.search(r"question\s*┃\s*embedded:chains\s*┃", out)
    assert out.count("tokens]") == 8, "two questions, two samples, two models"
    assert verigrad(*words) == (code, out, err), "the same seed, the same responses"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--n", "0"], "--n and --max-tokens must be 1 or more, and --temperature 0 or more"),
        (["--template", "tinny"], "no shipped template and no file of that name; did you mean 'tiny'?"),
        (["--model", "no/such/model"], "model.path = 'no/such/model': no such directory"),
    ],
)
def test_sample_refuses_in_one_line(verigrad, config, words, message):
    assert message in assert_one_line(verigrad("sample", "embedded:chains", "1+1", "--max-tokens", "4", *words))


def test_sample_answers_greedily_at_temperature_0(verigrad):
    code, out, _ = verigrad(
        "sample", "embedded:chains", "3+4-2", "--temperature", "0", "--n", "2", "--max-tokens", "30"
    )
    assert code == 0
    assert out.count("<answer>5</answer>") == 2
