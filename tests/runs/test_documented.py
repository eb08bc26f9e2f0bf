"""docs/run-directory.md and docs/metrics.md against what a run really writes, in both directions."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.algorithms.parts import PROBLEMS, VALIDATION, settings, write_model
from verigrad.algorithms import Silent
from verigrad.api import policy_of, run_training
from verigrad.data import TaskData
from verigrad.grading import from_function
from verigrad.runs import read_lines

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def directory(tmp_path_factory) -> Path:
    """A run in which everything occurs: correct and wrong responses, several samples, greedy answers."""
    where = tmp_path_factory.mktemp("run")
    config = settings(
        where,
        model={"path": str(write_model(tmp_path_factory.mktemp("model"))), "device": "cpu"},
        sampler={"max_tokens": 6},
        algorithm={"questions_per_step": 8, "scored_rollouts": 4},
        eval={"problems": 0, "samples": 8, "greedy": True},
    )
    verify = from_function(lambda problem, response: len(response) % 2 == 0)
    run_training(config, policy_of(config), TaskData(tuple(PROBLEMS), tuple(VALIDATION)), verify, Silent())
    return where


@pytest.fixture(scope="module")
def clipped(tmp_path_factory) -> Path:
    """A run with old log-probs, an exact KL to a reference, and more than one update per batch of rollouts."""
    where = tmp_path_factory.mktemp("clipped")
    config = settings(
        where,
        model={"path": str(write_model(tmp_path_factory.mktemp("model"))), "device": "cpu"},
        sampler={"max_tokens": 6, "temperature": 0.8},
        algorithm={
            "name": "grpo",
            "steps": 1,
            "questions_per_step": 4,
            "sequences_per_update": 4,
            "divergence": {"in_loss": 0.1, "estimator": "exact"},
        },
        eval={"problems": 4},
    )
    verify = from_function(lambda problem, response: len(response) % 2 == 0)
    run_training(config, policy_of(config), TaskData(tuple(PROBLEMS), tuple(VALIDATION)), verify, Silent())
    return where


def section(page: str, title: str) -> str:
    text = (DOCS / page).read_text(encoding="utf-8")
    return text.partition(f"## {title}\n")[2].partition("\n## ")[0]


def names(text: str) -> set[str]:
    """What stands in backticks and looks like a field."""
    return {word for quoted in re.findall(r"`([^`]+)`", text) for word in re.findall(r"^[a-z_][a-z0-9_]*$", quoted)}


def fields(directory: Path, *patterns: str) -> set[str]:
    lines = [line for pattern in patterns for path in directory.glob(pattern) for line in read_lines(path)]
    assert lines
    return {field for line in lines for field in line}


def of_kind(directory: Path, kind: str) -> set[str]:
    return {key for line in read_lines(directory / "metrics.jsonl") if line["kind"] == kind for key in line}


def metrics_paragraphs() -> tuple[set[str], set[str], set[str]]:
    """The fields of both kinds, of updates, of steps."""
    text = section("run-directory.md", "Lines of metrics.jsonl")
    both, rest = text.split("\n`update`:")
    update, step = rest.split("\n`step`:")
    return names(both), names(update), names(step)


def test_every_file_of_a_run_is_documented(directory):
    table = (DOCS / "run-directory.md").read_text().partition("## ")[0]
    documented = {quoted.partition("/")[0] for quoted in re.findall(r"^\| `([^`]+)`", table, flags=re.MULTILINE)}
    assert {path.name for path in directory.iterdir()} == documented - {"report.html"}


def test_updates_hold_what_is_documented_and_nothing_else(directory, clipped):
    both, update, _ = metrics_paragraphs()
    _, _, sometimes = section("run-directory.md", "Lines of metrics.jsonl").partition(", and where old log-probs")
    sometimes = names(sometimes.partition("\n`step`:")[0])
    assert sometimes
    assert of_kind(clipped, "update") == both | update
    assert of_kind(directory, "update") == (both | update) - sometimes


def test_steps_hold_what_is_documented_and_nothing_else(directory, clipped):
    both, _, step = metrics_paragraphs()
    # `correct` is the verdict that pass_rate counts; `truncated` and the rest are fields.
    assert of_kind(directory, "step") == (both | step) - {"correct", "plain_entropy_old"}
    assert of_kind(clipped, "step") - of_kind(directory, "step") == {"plain_entropy_old"}


def test_evaluations_hold_what_is_documented_and_nothing_else(directory):
    documented = names(section("run-directory.md", "Lines of eval.jsonl"))
    classes = {"format1_answer1", "format1_answer0", "format0"}
    assert fields(directory, "eval.jsonl") == documented - classes
    assert all(set(line["classes"]) == classes for line in read_lines(directory / "eval.jsonl"))


def test_responses_hold_what_is_documented_and_nothing_else(directory):
    text = section("run-directory.md", "Lines of rollouts/ and eval/")
    shared, further = text.split("\nrollouts also")
    rollouts, evals = further.split("eval also")
    assert fields(directory, "rollouts/*.jsonl") == names(shared) | names(rollouts)
    assert fields(directory, "eval/*.jsonl") == names(shared) | names(evals)
    [stream] = re.findall(r"`stream` \(object: ([a-z, ]+)\)", shared)
    line = read_lines(directory / "rollouts" / "step_000001.jsonl")[0]
    assert list(line["stream"]) == stream.split(", ")


def test_every_metric_has_a_definition(directory, clipped):
    page = (DOCS / "metrics.md").read_text(encoding="utf-8")
    words = names(page) | set(re.findall(r"`(_[a-z]+)`", page))
    prefixes = {word.rpartition("_")[0] for word in words} | words

    def defined(field: str) -> bool:
        """By name, or by a shortened one: "`seconds_sampling`, `_scoring`"."""
        head, line, tail = field.rpartition("_")
        return field in words or (f"{line}{tail}" in words and head in prefixes)

    written = (fields(directory, "metrics.jsonl", "eval.jsonl") | fields(clipped, "metrics.jsonl")) - {"kind"}
    assert {field for field in written if not defined(field)} == set()


def test_numbers_that_do_not_exist_are_absent_not_null(directory):
    for path in directory.rglob("*.jsonl"):
        for line in read_lines(path):
            assert None not in line.values(), path


def test_counts_on_a_line_agree_with_the_rollouts_beside_it(directory):
    for line in read_lines(directory / "metrics.jsonl"):
        if line["kind"] == "step":
            rollouts = read_lines(directory / "rollouts" / f"step_{line['step']:06d}.jsonl")
            assert line["rollouts"] == len(rollouts)
            assert line["kept"] == sum(one["kept"] for one in rollouts)
            assert line["scored_rollouts"] == sum("entropy" in one for one in rollouts) == 4
            tokens = sum(one["tokens"] for one in rollouts if "entropy" in one)
            weighted = sum(one["entropy"] * one["tokens"] for one in rollouts if "entropy" in one)
            assert line["entropy_old"] == pytest.approx(weighted / tokens)
            assert line["pass_rate"] == sum(one["status"] == "correct" for one in rollouts) / len(rollouts)
            assert all(one["tokens"] == len(one["token_ids"]) == len(one["sampler_logprobs"]) for one in rollouts)
            assert {one.get("advantage") for one in rollouts if one["kept"]} == {1.0}
    for line in read_lines(directory / "eval.jsonl"):
        answers = read_lines(directory / "eval" / f"step_{line['step']:06d}.jsonl")
        sampled = [one for one in answers if one["mode"] == "sampled"]
        greedy = [one for one in answers if one["mode"] == "greedy"]
        assert (len(sampled), len(greedy)) == (line["n"] * line["samples"], line["n"])
        assert line["accuracy"] == pytest.approx(sum(one["status"] == "correct" for one in sampled) / len(sampled))
        assert line["greedy_accuracy"] == sum(one["status"] == "correct" for one in greedy) / len(greedy)
        assert line["truncated"] == sum(one["stop_reason"] == "length" for one in sampled) / len(sampled)
