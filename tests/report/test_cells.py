"""A sweep's statistics by hand, and what the report says of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from rich.console import Console

from tests.report.conftest import write_run
from verigrad import report
from verigrad.errors import UsageError
from verigrad.report.cells import average, compare_cells, read_sweep
from verigrad.report.sweep_table import cells_sheet, markdown
from verigrad.stats import crossed_difference, holm


def test_holm_by_hand():
    # sorted 0.01, 0.03, 0.04: 3·0.01 = 0.03; 2·0.03 = 0.06; 1·0.04 = 0.04, raised to 0.06
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


def test_crossed_difference_by_hand():
    # d = [[1, 0], [0, 0]]: mean 1/4; seeds' means ½, 0; problems' means ½, 0
    # MS_s = 2·(1/16 + 1/16)/1 = ¼, MS_p = ¼, residuals ±¼: MS_e = 4/16/1 = ¼
    # V = ¼ + 0, error = √(¼/4) = ¼, t = 1, df = 1: two-sided p of Cauchy's distribution at 1 is ½
    test = crossed_difference([[1, 0], [0, 0]])
    assert (test.difference.estimate, test.df, test.seeds, test.problems) == (0.25, 1.0, 2, 2)
    assert test.p_value == pytest.approx(0.5)
    # quantile of t with 1 degree of freedom: tan(0.475·π) = 12.7062
    assert test.difference.high == pytest.approx(0.25 + 0.25 * 12.7062, abs=1e-4)


def test_crossed_difference_with_problems_that_matter_by_hand():
    # d = [[3, 1, -1], [3, 0, 0]]: mean 1; seeds 1, 1; problems 3, ½, -½
    # MS_s = 0; MS_p = 2·(4 + ¼ + 9/4)/2 = 6.5; residuals 0, ½, -½, 0, -½, ½: MS_e = 1/2 = 0.5
    # V = max(0, ½) + 6 = 6.5; error = √(6.5/6); df = 1·(6.5/0.5)² = 169
    test = crossed_difference([[3, 1, -1], [3, 0, 0]])
    assert test.df == pytest.approx(169)
    half = test.difference.high - 1
    assert half == pytest.approx((6.5 / 6) ** 0.5 * 1.9741, abs=1e-3)


def test_crossed_difference_where_nothing_varies():
    assert crossed_difference([[0.0, 0.0]] * 2).p_value == 1.0
    assert crossed_difference([[1.0, 1.0]] * 2).p_value == 0.0
    with pytest.raises(ValueError, match="2 or more of both"):
        crossed_difference([[1.0, 0.0]])


def test_seeds_that_disagree_are_not_made_certain_by_many_problems():
    # 400 problems each: +20, -10 and +20 points over seeds. The pooled pairs would say p < 1e-4.
    rows = [[1.0] * 80 + [0.0] * 320, [-1.0] * 40 + [0.0] * 360, [1.0] * 80 + [0.0] * 320]
    assert crossed_difference(rows).p_value > 0.3


def test_curves_are_averaged_at_equal_steps_also_where_their_x_differ():
    [(x0, _), (x1, mean)] = average([[(0, 0.0, 0.4), (5, 10.0, 0.6)], [(0, 0.0, 0.4), (5, 14.0, 0.8), (10, 20.0, 0.9)]])
    assert (x0, x1) == (0.0, 12.0)
    assert mean.estimate == pytest.approx(0.7)
    assert mean.low == pytest.approx(0.7 - 12.7062 * 0.1, abs=1e-4)


@pytest.fixture
def sweep(tmp_path) -> Path:
    """Two cells × two seeds that end at 30 and 14 of 40, and a third whose one run stopped itself."""
    where = tmp_path / "sweep"
    cells = []
    for name, lr, lift in (("lr=0.1", 0.1, 6), ("lr=0.01", 0.01, 2), ("lr=1", 1.0, 1)):
        for seed in (0, 1):
            directory = write_run(where / name / f"seed={seed}", seed=seed, lift=lift)
            outcome = {"status": "stopped", "message": "step 3: <nan>"} if lr == 1.0 else {"status": "finished"}
            (directory / "outcome.json").write_text(json.dumps(outcome))
        runs = [{"dir": f"{name}/seed={seed}", "seed": seed} for seed in (0, 1)]
        values = {"optimizer.lr": lr}
        cells.append({"name": name, "row": "", "values": values, "settings": values, "runs": runs})
    facts = {"name": "lr", "description": "Which?", "base": "b.toml", "target": 0.5, "axes": ["optimizer.lr"]}
    (where / "sweep.json").write_text(json.dumps({**facts, "cells": cells}))
    return where


def test_a_cell_is_summed_up_over_its_finished_seeds(sweep):
    sheet = cells_sheet(read_sweep(sweep))
    rows = {row[0]: dict(zip(sheet.head, row, strict=True)) for row in sheet.rows}
    assert list(rows) == ["lr=0.1", "lr=0.01", "lr=1"], "best first, without a result last"
    best = rows["lr=0.1"]
    # 6, 12, 18, 24, 30 of 40 right: 20 of 40 is first reached at step 3, after 240 rollouts
    assert best["accuracy %"] == "75.0 [75.0, 75.0]"
    assert (best["steps to 50 %"], best["rollouts to 50 %"], best["greedy %"]) == ("3", "240", "80.0")
    assert rows["lr=0.01"]["steps to 50 %"] == "—"
    assert (rows["lr=1"]["seeds"], rows["lr=1"]["diverged"], rows["lr=1"]["accuracy %"]) == ("0", "2", "—")


def test_pairs_are_compared_on_their_problems_and_runs_that_stopped_are_in_none(sweep):
    [pair] = compare_cells(read_sweep(sweep))
    assert (pair.a, pair.b, pair.seeds, pair.problems) == ("lr=0.1", "lr=0.01", 2, 40)
    assert pair.difference.estimate == pytest.approx(16 / 40)
    assert pair.adjusted == pair.p_value and pair.significant


def test_one_seed_is_compared_by_mcnemar(sweep):
    plan = json.loads((sweep / "sweep.json").read_text())
    for cell in plan["cells"]:
        cell["runs"] = cell["runs"][:1]
    (sweep / "sweep.json").write_text(json.dumps(plan))
    [pair] = compare_cells(read_sweep(sweep))
    # 16 problems went one way and none the other: 2·2⁻¹⁶
    assert pair.p_value == pytest.approx(2**-15)


def test_page_terminal_and_markdown_say_the_same(sweep, tmp_path):
    console = Console(record=True, width=200, file=(tmp_path / "out").open("w"))
    report.print_table([sweep], console)
    said = console.export_text()
    page = report.write_report([sweep]).read_text(encoding="utf-8")
    table = report.write_markdown([sweep], tmp_path / "table.md").read_text(encoding="utf-8")
    for text in (said, page, table):
        assert "75.0 [75.0, 75.0]" in text
        assert "1 of 1 pairs differ at 5 % after Holm" in text
        assert "lr=1/seed=0 stopped itself" in text
    assert "&lt;nan&gt;" in page and "<nan>" not in page
    for key in ("sensitivity", "accuracy_by_step", "accuracy_by_rollouts_seen", "accuracy_by_seconds", "entropy"):
        assert f'id="figure-{key}"' in page
    assert "2 of 2" in page, "the sensitivity plot marks the value that diverged"
    assert markdown(read_sweep(sweep)) == table


def test_tables_and_plots_are_of_one_sweep(sweep, tmp_path):
    with pytest.raises(UsageError, match="--markdown is of one sweep"):
        report.write_markdown([sweep / "lr=0.1" / "seed=0"], tmp_path / "x.md")
    names = {path.name for path in report.save_plots([sweep], tmp_path / "plots")}
    assert {"lr-sensitivity.png", "lr-accuracy_by_step.svg"} <= names
