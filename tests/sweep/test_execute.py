"""Sweeps at work: real runs of the embedded model in child processes, interrupted, gone on with, diverged, crashed."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import tomli_w

from verigrad.cli import main as cli
from verigrad.runs import read_lines

STEPS = 5
BASE = {
    "run": {"threads": 1},
    "model": {"device": "cpu"},
    "task": {"problems": 64, "params": {"validation_problems": 16}},
    "sampler": {"max_tokens": 40},
    "algorithm": {
        "name": "grpo",
        "steps": STEPS,
        "questions_per_step": 4,
        "rollouts_per_question": 4,
        "sequences_per_update": 8,
    },
    "eval": {"problems": 16, "every": STEPS},
}
GOOD, BAD = "good/seed=0", "breaks/seed=0"


def write(where: Path, name: str, **tables: object) -> Path:
    (where / "base.toml").write_text(tomli_w.dumps(BASE))
    path = where / f"{name}.toml"
    path.write_text(tomli_w.dumps({"base": "base.toml", "sweep": {"dir": str(where / name)}, **tables}))
    return path


def sha256(run: Path) -> str:
    latest = (run / "checkpoints" / "latest").read_text().strip()
    return hashlib.sha256((run / "checkpoints" / latest / "model.safetensors").read_bytes()).hexdigest()


def cells(**settings: dict[str, object]) -> list[dict[str, object]]:
    return [{"name": name, "set": given} for name, given in settings.items()]


@pytest.fixture(scope="module")
def swept(tmp_path_factory) -> tuple[Path, int]:
    """A sweep of three cells, one run at a time: one learns, one diverges, one cannot begin."""
    where = tmp_path_factory.mktemp("sweep")
    path = write(
        where,
        "mixed",
        cell=cells(
            good={"optimizer.lr": 5e-4},
            breaks={"optimizer.lr": 1e30},
            absent={"sampler.engine": "scripted"},
        ),
    )
    return path, cli.main(["sweep", str(path)])


@pytest.fixture
def children(monkeypatch) -> list[list[str]]:
    """The command lines of the children that were started."""
    started = []
    real = subprocess.Popen

    def popen(words, **rest):
        started.append(words)
        return real(words, **rest)

    monkeypatch.setattr(subprocess, "Popen", popen)
    return started


def test_a_run_that_breaks_costs_itself_only_and_what_became_of_each_is_written(swept):
    path, code = swept
    where = path.parent / "mixed"
    assert code == 3, "a run failed"
    found = {name: json.loads((where / name / "seed=0" / "outcome.json").read_text()) for name in ("good", "breaks")}
    assert found["good"] == {"status": "finished", "message": "", "exit_code": 0}
    assert (found["breaks"]["status"], found["breaks"]["exit_code"]) == ("stopped", 3)
    assert "step" in found["breaks"]["message"]
    failed = json.loads((where / "absent/seed=0/outcome.json").read_text())
    assert failed["status"] == "failed"
    assert "'scripted' needs a script" in failed["message"]
    assert "validation accuracy" in (where / GOOD / "log.txt").read_text()
    assert (where / GOOD / "environment.json").exists()


def test_finished_and_stopped_runs_are_left_alone_and_failed_ones_tried_again(swept, children, capsys):
    path, _ = swept
    assert cli.main(["sweep", str(path)]) == 3
    assert [Path(words[-1]).parent.parent.name for words in children] == ["absent"]
    captured = capsys.readouterr()
    assert "1 finished, 1 stopped, 1 failed; 1 to do, 1 at a time" in captured.out
    assert "1 of 3 runs failed: absent/seed=0" in captured.err
    assert captured.err.count("\n") == 1
    assert "1 of 2 pairs" not in captured.out


def test_the_report_of_a_sweep_has_its_cells_its_diverged_run_and_is_one_file(swept, capsys):
    path, _ = swept
    where = path.parent / "mixed"
    plots, table = where / "plots", where / "table.md"
    assert cli.main(["report", str(where), "--markdown", str(table), "--plots", str(plots)]) == 0
    capsys.readouterr()
    page = (where / "report.html").read_text()
    assert "good" in page and "breaks/seed=0 stopped itself" in page
    assert "http" not in page.replace("http://www.w3.org", "").replace("http-equiv", "")
    rows = [line for line in table.read_text().splitlines() if line.startswith("| ")]
    assert rows[0].startswith("| cell | seeds | diverged |")
    assert [row.split(" | ")[0] for row in rows[1:4]] == ["| good", "| breaks", "| absent"]
    assert rows[2].split(" | ")[1:3] == ["0", "1"]
    assert (plots / "mixed-accuracy_by_step.png").stat().st_size > 1000
    assert (plots / "mixed-accuracy_by_seconds.svg").exists()


def test_retry_goes_on_with_a_run_that_stopped_itself(swept, children):
    path, _ = swept
    assert cli.main(["sweep", str(path), "--retry"]) == 3
    assert [Path(words[-1]).parent.parent.name for words in children] == ["breaks", "absent"]


def test_an_interrupted_sweep_goes_on_and_two_at_a_time_give_the_weights_of_one_at_a_time(swept, tmp_path, capsys):
    path = write(tmp_path, "pair", seeds=[0, 1], cell=cells(good={"optimizer.lr": 5e-4}))
    words = [sys.executable, "-m", "verigrad.cli.main", "sweep", str(path), "--jobs", "2"]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ})
    deadline = time.monotonic() + 100
    while not (tmp_path / "pair" / GOOD / "checkpoints" / "latest").exists():
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.005)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (130, "")
    assert "interrupted: what was begun is saved; the same command goes on" in out
    assert not (tmp_path / "pair" / "report.html").exists()
    assert cli.main(["sweep", str(path), "--jobs", "2"]) == 0
    assert "2 begun; 2 to do, 2 at a time" in (said := capsys.readouterr().out) or "1 finished, 1 begun" in said
    assert sha256(tmp_path / "pair" / GOOD) == sha256(swept[0].parent / "mixed" / GOOD)
    for seed in (0, 1):
        run = tmp_path / "pair" / f"good/seed={seed}"
        assert [line["step"] for line in read_lines(run / "eval.jsonl")] == [0, STEPS]
    assert (tmp_path / "pair" / "report.html").exists()
