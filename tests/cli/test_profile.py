"""`verigrad evaluate --profile`, `task.pass_rate` and few-shot examples, as a user meets them."""

from __future__ import annotations

import pytest

from verigrad.cli import main as cli
from verigrad.runs import read_lines

SETTINGS = """
[run]
threads = 1
[model]
device = "cpu"
[task]
problems = 24
params = { validation_problems = 8, max_terms = 4 }
[sampler]
max_tokens = 40
[algorithm]
steps = 1
questions_per_step = 4
rollouts_per_question = 2
[eval]
samples = 4
"""


@pytest.fixture
def verigrad(tmp_path, monkeypatch, capfd):
    """Runs a command of the config above in a directory of its own; gives (exit code, standard error)."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "c.toml").write_text(SETTINGS)

    def run(command, *words):
        capfd.readouterr()
        return cli.main([command, "c.toml", *words]), capfd.readouterr().err

    return run


def test_a_profile_of_the_training_problems_chooses_among_them(verigrad, tmp_path):
    assert verigrad("evaluate", "--profile")[0] == 0
    directory = tmp_path / "runs" / "c-profile"
    rows = read_lines(directory / "profile.jsonl")
    assert len({row["id"] for row in rows}) == 24
    assert all(row["n"] == 4 and row["pass_rate"] == row["correct"] / 4 for row in rows)
    (conditions,) = read_lines(directory / "eval.jsonl")
    assert (conditions["n"], conditions["samples"], conditions["model"]) == (24, 4, "embedded:chains")
    assert conditions["accuracy"] == pytest.approx(sum(row["correct"] for row in rows) / 96)
    assert "greedy_accuracy" not in conditions

    chosen = {row["id"] for row in rows if 0.25 <= row["pass_rate"] <= 0.75}
    assert 4 <= len(chosen) < 24, "the shipped base solves some of them at times"
    bounds = ("--task.profile", str(directory / "profile.jsonl"), "--task.pass_rate", "[0.25, 0.75]")
    assert verigrad("train", *bounds)[0] == 0
    rollouts = read_lines(tmp_path / "runs" / "c" / "rollouts" / "step_000001.jsonl")
    assert {line["problem_id"] for line in rollouts} <= chosen


def test_a_profile_of_other_problems_is_refused(verigrad, tmp_path):
    (tmp_path / "p.jsonl").write_text('{"id": "x", "question_hash": "0", "pass_rate": 0.5}\n')
    code, error = verigrad("train", "--task.profile", "p.jsonl")
    assert code == 2 and "is not in it; profile these problems" in error
    code, error = verigrad("train", "--task.pass_rate", "[0.1, 0.9]")
    assert code == 2 and "task.pass_rate = [0.1, 0.9] needs low <= high, and task.profile" in error
    assert not (tmp_path / "runs").exists()


def test_few_shot_examples_stand_before_every_question_of_an_evaluation(verigrad, tmp_path):
    assert verigrad("evaluate", "--task.few_shot.count", "2")[0] == 0
    directory = tmp_path / "runs" / "c-evaluate"
    (line,) = read_lines(directory / "eval.jsonl")
    assert line["template"] == "tiny (2-shot)"
    responses = read_lines(directory / "eval" / "step_000000.jsonl")
    beginnings = {response["prompt"].removesuffix(f"{response['question']}=<think>") for response in responses}
    (beginning,) = beginnings
    assert beginning.count("</answer>\n\n") == 2
