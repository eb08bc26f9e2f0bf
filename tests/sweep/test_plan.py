"""Sweep files: the runs they stand for, their names, and every refusal, before anything runs."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import tomli_w

from verigrad.cli import main as cli
from verigrad.config import dump, load
from verigrad.sweep import load_sweep, state_of
from verigrad.sweep.execute import child_environment
from verigrad.sweep.state import write_outcome

ROOT = Path(__file__).parents[2]
SHIPPED = sorted((ROOT / "configs").glob("**/sweeps/*.toml"))
BASE = {"run": {"threads": 1}, "algorithm": {"name": "grpo", "steps": 2}, "sampler": {"max_tokens": 40}}


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Writes base.toml and a sweep file; works in an empty directory."""
    monkeypatch.chdir(tmp_path)
    Path("base.toml").write_text(tomli_w.dumps(BASE))

    def sweep(**tables: Any) -> Path:
        path = tmp_path / "first.toml"
        path.write_text(tomli_w.dumps({"base": "base.toml", "sweep": {"dir": "out"}, **tables}))
        return path

    return sweep


def test_a_grid_is_every_combination_of_its_axes_and_seeds_named_by_their_values(write):
    sweep = load_sweep(
        write(
            seeds=[3, 4],
            set={"algorithm.epochs": 2, "eval": {"every": 5}},
            grid={"optimizer.lr": [1e-4, 3e-4], "algorithm.loss": ["ppo_clip", "cispo"]},
        )
    )
    assert [cell.name for cell in sweep.cells] == [
        "lr=0.0001,loss=ppo_clip",
        "lr=0.0001,loss=cispo",
        "lr=0.0003,loss=ppo_clip",
        "lr=0.0003,loss=cispo",
    ]
    assert len(sweep.runs) == 8
    assert [run.seed for run in sweep.runs] == [3] * 4 + [4] * 4, "seed by seed"
    run = sweep.runs[5]
    assert (run.name, run.config.run.dir) == ("lr=0.0001,loss=cispo/seed=4", "out/lr=0.0001,loss=cispo/seed=4")
    assert (run.config.run.seed, run.config.optimizer.lr, run.config.algorithm.loss) == (4, 1e-4, "cispo")
    assert (run.config.algorithm.epochs, run.config.eval.every) == (2, 5)
    assert sweep.cells[1].values == {"optimizer.lr": 1e-4, "algorithm.loss": "cispo"}


def test_cells_have_names_and_go_through_the_grid_or_their_own(write):
    cells = [
        {"name": "a", "set": {"algorithm.name": "rloo"}},
        {"name": "b", "set": {"algorithm.epochs": 4}, "grid": {"optimizer.lr": [1e-2]}},
    ]
    sweep = load_sweep(write(grid={"optimizer.lr": [1e-4, 3e-4]}, cell=cells))
    assert [cell.name for cell in sweep.cells] == ["a,lr=0.0001", "a,lr=0.0003", "b,lr=0.01"]
    assert [cell.row for cell in sweep.cells] == ["a", "a", "b"]
    assert [cell.runs[0].config.algorithm.name for cell in sweep.cells] == ["rloo", "rloo", "grpo"]
    assert [cell.name for cell in load_sweep(write(cell=cells[:1])).cells] == ["a"]
    assert [cell.name for cell in load_sweep(write()).cells] == ["base"]


def test_axes_that_end_alike_keep_their_whole_keys_and_values_become_file_names(write):
    grid = {"optimizer.lr": [1e-5], "algorithm.value.lr": [1e-3], "task.template": ["a/b c.txt"]}
    Path("a").mkdir()
    Path("a/b c.txt").write_text("{question}")
    [cell] = load_sweep(write(grid=grid)).cells
    assert cell.name == "optimizer.lr=1e-05,algorithm.value.lr=0.001,template=a-b-c.txt"


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        ({"grids": {}}, "unknown key grids: did you mean 'grid'?"),
        ({"sweep": {"dri": "x"}}, "unknown key sweep.dri: did you mean 'dir'?"),
        ({"cell": [{"name": "a", "sett": {}}]}, "unknown key cell.0.sett: did you mean 'set'?"),
        ({"cell": [{"name": "a/b"}]}, "cell.0.name = 'a/b'"),
        ({"seeds": []}, "seeds = []: tuple should have at least 1 item"),
        ({"seeds": [1, 1]}, "seeds holds 1 twice"),
        ({"grid": {"optimizer.lr": []}}, "grid.optimizer.lr = []"),
        ({"grid": {"optimizer.learning_rate": [1.0]}}, "'optimizer.learning_rate' names no setting; did you mean"),
        ({"set": {"run.seed": 3}}, "run.seed is set by the sweep; use seeds = […]"),
        ({"grid": {"run.dir": ["a"]}}, "run.dir is set by the sweep; use dir of [sweep]"),
        ({"set": {"optimizer.lr": 1.0}, "grid": {"optimizer.lr": [1.0]}}, "optimizer.lr is both set and an axis"),
        ({"grid": {"optimizer.lr": [1e-3, 0.001]}}, "two cells would be called 'lr=0.001'"),
        ({"cell": [{"name": "a"}, {"name": "a"}]}, "2 cells are called 'a'"),
        (
            {"grid": {"algorithm.rollouts_per_question": [8, 1]}},
            "cell 'rollouts_per_question=1': algorithm.rollouts_per_question = 1 makes every group_zscore advantage 0",
        ),
        ({"grid": {"algorithm.credit": ["group_mean", "grop_mean"]}}, "cell 'credit=grop_mean': algorithm.credit"),
        ({"grid": {"task.template": ["tiny", "tinny"]}}, "cell 'template=tinny': task.template = 'tinny'"),
        ({"grid": {"verifier.name": ["r1_zero", "r2"]}}, "cell 'name=r2'"),
        ({"base": "nowhere.toml"}, "nowhere.toml: no such config file"),
    ],
)
def test_what_is_wrong_is_one_line_and_nothing_has_begun(write, capsys, tables, message):
    assert cli.main(["sweep", str(write(**tables))]) == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1
    assert not Path("out").exists()


def test_a_directory_begun_with_other_settings_is_refused_by_name(write, capsys):
    path = write(grid={"optimizer.lr": [1e-3]})
    [run] = load_sweep(path).runs
    run.directory.mkdir(parents=True)
    (run.directory / "config.toml").write_text(dump(run.config))
    assert state_of(run).status == "begun"
    assert cli.main(["sweep", str(write(grid={"optimizer.lr": [1e-3]}, set={"algorithm.epochs": 3}))]) == 2
    assert "out/lr=0.001/seed=0 was begun with other settings (algorithm.epochs: 1 → 3); remove it" in (
        capsys.readouterr().err
    )


def test_dry_run_lists_cells_and_states_and_makes_nothing(write, capsys):
    path = write(seeds=[0, 1], set={"eval.every": 2}, grid={"optimizer.lr": [1e-3, 1e-2]}, description="How fast?")
    assert cli.main(["sweep", str(path), "--dry-run"]) == 0
    out = capsys.readouterr().out
    assert "first: 2 cells, 4 runs (4 new), base" in out
    assert "How fast?" in out
    assert "every cell: eval.every = 2\n" in out
    assert "lr=0.01   optimizer.lr = 0.01   seed 0 new, seed 1 new" in out
    assert not Path("out").exists()


def test_sixty_finished_runs_are_looked_at_in_two_seconds_without_torch(write):
    path = write(seeds=list(range(12)), grid={"optimizer.lr": [1e-3, 2e-3, 3e-3, 4e-3, 5e-3]})
    for run in load_sweep(path).runs:
        run.directory.mkdir(parents=True)
        (run.directory / "config.toml").write_text(dump(run.config))
        write_outcome(run.directory, type(state_of(run))("finished"), 0)
    code = (
        "import sys, time; start = time.perf_counter(); from verigrad.cli import main\n"
        f"assert main.main(['sweep', {str(path)!r}, '--dry-run']) == 0\n"
        "assert 'torch' not in sys.modules; print('took', time.perf_counter() - start)"
    )
    started = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "60 runs (60 finished)" in done.stdout
    assert time.perf_counter() - started < 4, "2 s, and as much again for a machine that is busy"


def test_cores_are_shared_between_jobs_and_the_users_own_number_stays(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert [child_environment(jobs, cores=8)["OMP_NUM_THREADS"] for jobs in (1, 3, 8, 20)] == ["8", "2", "1", "1"]
    monkeypatch.setenv("OMP_NUM_THREADS", "5")
    assert child_environment(2, cores=8)["OMP_NUM_THREADS"] == "5"


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_sweep_is_valid_and_asks_a_question(path):
    sweep = load_sweep(path)
    assert sweep.description.endswith("?")
    assert len(sweep.cells) > 1


def test_the_runs_of_rows_are_reused_by_rows_final():
    first, final = (load_sweep(ROOT / "configs" / "sweeps" / f"{name}.toml") for name in ("rows", "rows_final"))
    configs = {run.name: run.config for run in first.runs}
    shared = [run for run in final.runs if run.seed == 0]
    assert len(shared) == 12
    assert all(configs[run.name] == run.config for run in shared)
    assert load(ROOT / "configs" / "tiny" / "grpo.toml").algorithm.name == "grpo"
