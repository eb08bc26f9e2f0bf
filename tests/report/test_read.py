import json

import pytest

from verigrad.errors import DataError
from verigrad.report.read import find_runs, number, read_jsonl, read_run


def test_a_run_is_read_whole(run_dir):
    run = read_run(run_dir)
    assert run.name == "first"
    assert [row["step"] for row in run.evaluations] == [0, 1, 2, 3, 4]
    assert [row["update"] for row in run.updates] == list(range(1, 9))
    assert len(run.steps) == 4
    assert run.setting("algorithm.name") == "expert_iteration"
    assert run.setting("algorithm.name.deeper", default="none") == "none"
    assert run.rollout_steps() == (1, 2, 3, 4)
    assert run.response_steps() == (0, 1, 2, 3, 4)
    assert len(run.responses(2)) == 80
    assert {row["mode"] for row in run.responses(2, "greedy")} == {"greedy"}
    assert len(run.rollouts(1)) == 80


def test_a_run_in_progress_loses_only_its_half_written_line(run_dir):
    for name in ("metrics.jsonl", "eval.jsonl"):
        with (run_dir / name).open("a") as log:
            log.write('{"kind": "step", "step": 5, "pass_')
    run = read_run(run_dir)
    assert (len(run.steps), len(run.evaluations)) == (4, 5)


def test_a_broken_line_in_the_middle_is_named(tmp_path):
    (tmp_path / "rows.jsonl").write_text('{"a": 1}\n{"a": \n{"a": 3}\n')
    with pytest.raises(DataError, match=r"rows\.jsonl:2: not a JSON object"):
        list(read_jsonl(tmp_path / "rows.jsonl"))


def test_a_step_written_twice_counts_once_with_its_last_line(run_dir):
    with (run_dir / "metrics.jsonl").open("a") as log:
        log.write(json.dumps({"kind": "step", "step": 4, "pass_rate": 0.99}) + "\n")
    run = read_run(run_dir)
    assert len(run.steps) == 4
    assert run.steps[-1]["pass_rate"] == 0.99


def test_only_a_config_or_only_an_evaluation_is_a_run(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "config.toml").write_text("[run]\nseed = 1\n")
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "eval.jsonl").write_text('{"accuracy": 0.5}\n')
    assert read_run(tmp_path / "a").evaluations == ()
    assert read_run(tmp_path / "b").config == {}


@pytest.mark.parametrize("name", ["empty", "absent"])
def test_what_is_no_run_is_refused_with_the_remedy(tmp_path, name):
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"not a run directory .*give the directory that run\.dir names"):
        read_run(tmp_path / name)
    with pytest.raises(DataError, match="no run in it"):
        find_runs([tmp_path / name])


@pytest.mark.parametrize(("name", "content"), [("config.toml", "= 3"), ("environment.json", "{")])
def test_a_damaged_file_is_named(run_dir, name, content):
    (run_dir / name).write_text(content)
    with pytest.raises(DataError, match=name):
        read_run(run_dir)


def test_a_sweep_directory_gives_its_runs_once(tmp_path, run_dir):
    assert find_runs([tmp_path, run_dir]) == [run_dir]


@pytest.mark.parametrize("value", [None, "3", True, float("nan"), float("inf")])
def test_what_is_not_a_finite_number_is_absent(value):
    assert number({"x": value}, "x") is None
