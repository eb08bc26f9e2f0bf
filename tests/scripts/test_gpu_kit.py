"""The kit for a GPU machine: stages run tiny on a CPU, one that hangs is killed, a model's pieces are joined."""

from __future__ import annotations

import importlib
import json
import sys
import tarfile
import time

import pytest

from benchmarks import harness, machine
from scripts.gpu import kit, make_kit, run, stages, summary
from verigrad.config import load

SLEEP = "import subprocess, sys, time; print('begun', flush=True); subprocess.Popen(['sleep', '60']); time.sleep(60)"


def setup_of(folder, tiny=True):
    return stages.Setup(
        sys.executable, tiny, folder / "results.jsonl", folder, "", kit.problem_files(folder, tiny=True)
    )


def call(command):
    """The main of `python -m MODULE WORDS`, in this process."""
    assert command[1] == "-m"
    return importlib.import_module(command[2]).main(list(command[3:]))


def by_name(folder, tiny=True):
    return {stage.name: stage for stage in stages.make_stages(setup_of(folder, tiny))}


@pytest.fixture
def quickly(monkeypatch):
    """Children are called instead of started, and nothing is measured for long."""

    def run_child(module, task, python=""):
        child = importlib.import_module(module)
        return child.dispatch(**task) if hasattr(child, "dispatch") else child.run(**task)

    monkeypatch.setattr(harness, "run_child", run_child)
    monkeypatch.setattr(machine, "SECONDS", 1e-3)
    monkeypatch.setattr(machine, "WINDOWS", 1)
    monkeypatch.setattr(machine, "MEGABYTES", 1)
    with machine.settings():
        yield


def lines_of(folder):
    return [json.loads(line) for line in (folder / "results.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("name", stages.BENCHMARKS)
def test_a_benchmark_stage_writes_rows(name, tmp_path, quickly):
    call(by_name(tmp_path)[name].command)
    assert {line["benchmark"] for line in lines_of(tmp_path)} == {"profiling" if name == "profile" else name}


@pytest.mark.parametrize("name", ["embedded", "smollm2-ei", "smollm2-grpo"])
def test_a_run_stage_is_summed_up(name, tmp_path, quickly):
    stage = by_name(tmp_path)[name]
    assert not call(stage.command)
    call(stage.summary)
    tables = {line["table"]: line["row"] for line in lines_of(tmp_path)}
    assert set(tables) == {"Evaluations", "Seconds by phase", "Bars"}
    assert tables["Seconds by phase"]["rollouts"] == 8  # 4 questions × 2, one step
    assert tables["Evaluations"]["step"] == 1 and tables["Evaluations"]["problems"] == 4


def test_the_stages_are_those_that_are_named(tmp_path):
    assert tuple(by_name(tmp_path)) == stages.NAMES
    assert tuple(by_name(tmp_path, tiny=False)) == stages.NAMES


class Parsed(Exception):
    """A benchmark has read its arguments and would begin."""


@pytest.mark.parametrize("name", stages.BENCHMARKS)
def test_what_a_gpu_is_asked_for_is_understood(name, tmp_path, monkeypatch):
    def begin(benchmark, arguments, conditions):
        assert arguments.device == "cuda"
        raise Parsed

    monkeypatch.setattr(harness, "Report", begin)
    monkeypatch.setattr(machine, "describe", lambda device: {})
    with pytest.raises(Parsed):
        call(by_name(tmp_path, tiny=False)[name].command)


@pytest.mark.parametrize("name", ["embedded", "smollm2-ei", "smollm2-grpo"])
def test_the_runs_of_a_gpu_are_valid(name, tmp_path):
    path, *overrides = by_name(tmp_path, tiny=False)[name].command[4:]
    config = load(path, overrides)
    assert config.model.device == "cuda" and config.algorithm.steps == (40 if name.endswith("grpo") else 5)


def test_without_its_pieces_a_stage_says_why_it_is_left_out(tmp_path):
    found = by_name(tmp_path, tiny=False)
    assert found["smollm2-ei"].skip == "the model's file is not here: send all of its pieces"
    assert not found["embedded"].skip


def test_the_tests_of_a_gpu_are_found(tmp_path):
    files = by_name(tmp_path, tiny=False)["tests"].command[7:]
    assert "tests/policy/test_cuda.py" in files and "tests/plan/test_measured.py" in files


# The runner.


def test_a_stage_is_killed_at_its_limit_with_what_it_started(tmp_path):
    results = run.Results(tmp_path)
    summed = (sys.executable, "-c", "print('summed up')")
    stage = stages.Stage("slow", "hangs", 1, (sys.executable, "-c", SLEEP), summed)
    started = time.monotonic()
    assert not run.run_stage(stage, 1.0, results, {})
    assert time.monotonic() - started < 20
    (line,) = lines_of(tmp_path)
    assert line["status"] == "cut off" and line["exit"] is None
    assert "begun" in results.output.read_text() and "summed up" in results.report.read_text()


def test_a_stage_that_fails_shows_its_last_lines(tmp_path, capsys):
    results = run.Results(tmp_path)
    assert not run.run_stage(stages.Stage("bad", "fails", 9, (sys.executable, "-c", "1 / 0")), 9.0, results, {})
    assert lines_of(tmp_path)[0]["status"] == "failed"
    assert "ZeroDivisionError" in results.report.read_text()


def test_a_whole_dry_run(tmp_path, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setattr(run, "install", lambda: (tmp_path / "site", []))
    monkeypatch.setattr(run, "join_model", lambda: "")
    assert run.main(["--dry-run", "--stages", "embedded", "--out", str(tmp_path / "out")]) == 0
    lines = lines_of(tmp_path / "out")
    assert [line["stage"] for line in lines if "stage" in line] == ["versions", "embedded"]
    assert {"Evaluations", "Bars"} <= {line.get("table") for line in lines}
    with tarfile.open(tmp_path / "out" / "runs.tgz") as archive:
        assert "embedded/metrics.jsonl" in archive.getnames()
    assert len(list((tmp_path / "out").iterdir())) <= 8


def test_no_stage_begins_when_the_time_is_up(tmp_path, monkeypatch):
    monkeypatch.setattr(run, "install", lambda: (tmp_path / "site", []))
    monkeypatch.setattr(run, "join_model", lambda: "")
    assert run.main(["--dry-run", "--stages", "machine", "--minutes", "0", "--out", str(tmp_path)]) == 0
    assert lines_of(tmp_path)[1] == {"stage": "machine", "status": "skipped", "reason": "no time is left"}


def test_an_unknown_stage_is_refused(capsys):
    with pytest.raises(SystemExit):
        run.main(["--stages", "nothing"])
    assert "--stages nothing: no such stage; known: tests, embedded" in capsys.readouterr().err


def test_the_bars_of_a_run():
    found = [
        {"step": 0, "accuracy": 0.10, "accuracy_low": 0.08, "accuracy_high": 0.12},
        {"step": 5, "accuracy": 0.90, "accuracy_low": 0.15, "accuracy_high": 0.95},
    ]
    steps = [{"seconds_sampling": 3.0, "seconds_scoring": 1.0, "seconds_training": 2.0, "sampler_gap_mean": 2e-3}] * 5
    embedded = {row["bar"]: row["met"] for row in summary.bars("embedded", found, steps)}
    assert embedded == {"≥ 0.85": "yes", "≤ 0.001": "no"}
    rise, gap, seconds = summary.bars("smollm2-ei", found, steps)
    assert rise["measured"] == pytest.approx(0.15 - 0.12) and rise["met"] == "yes"
    assert gap["met"] == "yes" and seconds["measured"] == 5 * 6.0


# The kit.


@pytest.fixture
def places(tmp_path, monkeypatch):
    monkeypatch.setattr(kit, "KIT", tmp_path / "kit")
    monkeypatch.setattr(kit, "STORE", tmp_path / "store")
    (tmp_path / "kit" / "base" / "problems").mkdir(parents=True)
    return tmp_path


def send(places, content=b"abcdefgh", largest=5):
    file = places / "model.gguf"
    file.write_bytes(content)
    model = kit.split(file, kit.KIT, largest)
    (kit.KIT / "base" / "kit.json").write_text(json.dumps({"wheels": [], "model": model}))
    return model


def test_a_model_that_comes_in_two_calls_is_joined(places):
    assert send(places)["pieces"] == ["model.gguf.1", "model.gguf.2"]
    second = (kit.KIT / "model-2").rename(places / "later")
    assert kit.join_model() == ""
    for name in ("base", "model-1"):
        (kit.KIT / name).rename(places / name)
    second.rename(kit.KIT / "model-2")
    joined = places / "store" / "model.gguf"
    assert kit.join_model() == str(joined) and joined.read_bytes() == b"abcdefgh"
    assert kit.join_model() == str(joined)


def test_a_piece_that_was_changed_is_noticed(places):
    send(places)
    (kit.KIT / "model-1" / "model.gguf.1").write_bytes(b"abcX")
    with pytest.raises(SystemExit, match="another checksum; send them again"):
        kit.join_model()


def test_pieces_are_of_about_the_same_size(places):
    send(places, content=b"x" * 11, largest=5)
    assert [path.stat().st_size for path in sorted(kit.KIT.glob("model-*/*"))] == [4, 4, 3]


@pytest.mark.parametrize(
    ("at_least", "missing"), [("0", False), ("8.3", False), ("9999.0", True)], ids=["any", "older", "newer"]
)
def test_a_package_is_installed_where_there_is_none_or_too_old_a_one(at_least, missing):
    assert kit._is_missing("pytest", at_least) is missing
    assert kit._is_missing("no-such-package", at_least)


def test_what_is_carried_is_what_such_a_machine_lacks():
    found = make_kit.carried("3.12")
    assert {"pydantic", "pydantic-core", "tomli-w", "jaxtyping", "wadler-lindig", "pytest"} <= set(found)
    assert not {"torch", "numpy", "transformers", "tokenizers", "verigrad"} & set(found)
    assert found["pydantic"] == "2.10"


def test_word_problems_are_on_one_side_each(tmp_path):
    rows = [{"input": f"What is  {n} and 1?", "target": n + 1.0} for n in range(40)]
    rows += [rows[0], {"input": "Half of 5?", "target": 2.5}]
    (tmp_path / "mawps").mkdir()
    (tmp_path / "mawps" / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    train, validation = make_kit.word_problems(tmp_path)
    assert len(train) + len(validation) == 40 and train and validation
    assert not {question for question, _ in train} & {question for question, _ in validation}
    assert ("What is 3 and 1?", "4") in train + validation
