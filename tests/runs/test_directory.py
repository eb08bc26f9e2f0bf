"""The run directory: one writer, its own settings, each step once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib

import pytest

from tests.algorithms.parts import settings
from verigrad.config import load
from verigrad.errors import ConfigError, UsageError
from verigrad.runs import RunDirectory, environment, read_lines
from verigrad.runs import directory as module
from verigrad.runs.files import write_whole


def save(run: RunDirectory, step: int) -> None:
    run.save(step, lambda directory: (directory / "weights").write_bytes(b"w"), {"step": step})


def test_config_and_environment_are_written_before_anything_else(tmp_path):
    config = settings(tmp_path / "a" / "run", run={"dir": str(tmp_path / "a" / "run"), "seed": 11})
    with RunDirectory(config) as run:
        assert load(run.path / "config.toml") == config
        assert tomllib.loads((run.path / "config.toml").read_text())["algorithm"]["credit"] == "one"
        about = json.loads((run.path / "environment.json").read_text())
        assert about["seed"] == 11
        assert set(about["packages"]) >= {"verigrad", "torch", "transformers"}
        assert about["cpus"] == os.cpu_count()
        assert run.checkpoint is None


def test_a_second_writer_is_refused_by_the_number_of_the_first(tmp_path):
    config = settings(tmp_path)
    with RunDirectory(config), pytest.raises(UsageError) as error:
        RunDirectory(config)
    assert f"{tmp_path} is in use by process {os.getpid()}; wait for it, stop it" in str(error.value)
    with RunDirectory(config) as run:  # given back when it was closed
        assert run.path == tmp_path


def test_a_lock_is_given_back_by_a_process_that_was_killed(tmp_path):
    program = (
        "import fcntl, os, sys\n"
        "file = open(sys.argv[1], 'a+'); fcntl.flock(file, fcntl.LOCK_EX)\n"
        "file.write(str(os.getpid())); file.flush(); print('held', flush=True); input()"
    )
    words = [sys.executable, "-c", program, str(tmp_path / "lock")]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None and holder.stdout.readline() == b"held\n"
        with pytest.raises(UsageError, match=f"in use by process {holder.pid}"):
            RunDirectory(settings(tmp_path))
        holder.kill()
        holder.wait()
    RunDirectory(settings(tmp_path)).close()


def test_a_changed_config_is_refused_with_the_keys_that_differ(tmp_path):
    RunDirectory(settings(tmp_path)).close()
    changed = settings(tmp_path, run={"dir": str(tmp_path), "seed": 1}, optimizer={"lr": 0.5})
    with pytest.raises(ConfigError) as error:
        RunDirectory(changed)
    message = str(error.value)
    assert "optimizer.lr: 0.01 → 0.5; run.seed: 0 → 1" in message
    assert "continue it with its own settings, or give another run.dir" in message
    RunDirectory(settings(tmp_path)).close()  # and the lock was given back


def test_a_run_may_be_moved(tmp_path):
    RunDirectory(settings(tmp_path / "a")).close()
    (tmp_path / "a").rename(tmp_path / "b")
    RunDirectory(settings(tmp_path / "b")).close()


def test_lines_are_appended_and_loggers_told(tmp_path):
    told = []
    with RunDirectory(settings(tmp_path), [lambda name, line: told.append((name, line))]) as run:
        run.log("metrics", {"step": 1, "kind": "step"})
        run.log("eval", {"step": 1})
        assert read_lines(tmp_path / "metrics.jsonl") == [{"step": 1, "kind": "step"}]
    assert told == [("metrics", {"step": 1, "kind": "step"}), ("eval", {"step": 1})]


@pytest.mark.skipif(not os.path.exists("/proc/self/fd"), reason="the files behind descriptors are read from /proc")
def test_lines_are_on_the_disk_before_the_checkpoint_that_ends_their_steps(tmp_path, monkeypatch):
    flushed = []
    fsync = os.fsync

    def watched(handle: int) -> None:
        flushed.append(os.path.basename(os.readlink(f"/proc/self/fd/{handle}")))
        fsync(handle)

    with RunDirectory(settings(tmp_path)) as run:
        run.log("metrics", {"step": 1})
        run.log("eval", {"step": 1})
        monkeypatch.setattr(os, "fsync", watched)
        save(run, 1)
    assert set(flushed[:2]) == {"metrics.jsonl", "eval.jsonl"}
    assert flushed[2:] == ["weights", "trainer.pt", ".step_000001.tmp", "checkpoints", ".latest.tmp", "checkpoints"]


def test_what_came_after_the_newest_checkpoint_is_dropped(tmp_path):
    config = settings(tmp_path)
    with RunDirectory(config) as run:
        run.log("eval", {"step": 0})
        for step in (1, 2):
            run.log("metrics", {"step": step})
            run.write_responses("rollouts", step, [{"problem_id": "p"}])
            run.log("eval", {"step": step})
            run.write_responses("eval", step, [])
            if step == 1:
                save(run, step)
    with RunDirectory(config) as run:
        assert run.checkpoint is not None and run.checkpoint.step == 1
        assert read_lines(tmp_path / "metrics.jsonl") == [{"step": 1}]
        assert read_lines(tmp_path / "eval.jsonl") == [{"step": 0}, {"step": 1}]
        for folder in ("rollouts", "eval"):
            assert [path.name for path in (tmp_path / folder).iterdir()] == ["step_000001.jsonl"]


def test_without_a_checkpoint_everything_is_run_again(tmp_path):
    with RunDirectory(settings(tmp_path)) as run:
        run.log("eval", {"step": 0})
        run.write_responses("eval", 0, [{"problem_id": "v"}])
    RunDirectory(settings(tmp_path)).close()
    assert read_lines(tmp_path / "eval.jsonl") == []
    assert list((tmp_path / "eval").iterdir()) == []


def test_a_place_that_cannot_be_a_directory_is_said_so(tmp_path):
    (tmp_path / "file").write_text("")
    for where in ("file", "file/run"):
        with pytest.raises(UsageError, match="cannot be made: .*; choose another"):
            RunDirectory(settings(tmp_path / where))


def test_a_file_is_the_old_one_or_the_new_one(tmp_path, monkeypatch):
    path = tmp_path / "f"
    write_whole(path, "old")

    def crash(handle: int) -> None:
        raise OSError("power cut")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", crash)
        with pytest.raises(OSError, match="power cut"):
            write_whole(path, "new")
    assert path.read_text() == "old"
    write_whole(path, "new")
    assert [path.read_text() for path in tmp_path.iterdir()] == ["new"]


def test_the_environment_of_a_machine_that_says_little(monkeypatch, tmp_path):
    def no_git(*words, **options):
        raise FileNotFoundError("git")

    monkeypatch.setattr(module.subprocess, "run", no_git)
    monkeypatch.setattr(module, "Path", lambda *parts: tmp_path / "absent")
    about = environment(seed=3)
    assert about["git_commit"] == ""
    assert isinstance(about["processor"], str)
    assert module._version("no-such-package") == ""


def test_outside_a_repository_there_is_no_commit(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert environment(seed=3)["git_commit"] == ""
