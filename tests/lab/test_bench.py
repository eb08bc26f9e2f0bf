"""What `verigrad lab` shows and writes."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest
from rich.console import Console

from verigrad import lab
from verigrad.cli.main import DONE, STOPPED, main
from verigrad.errors import DataError
from verigrad.lab import bench, sweeps
from verigrad.lab.estimators import off_policy, on_policy


@pytest.fixture(scope="module")
def results():
    """As the command makes them, with groups of 2 and the fewest points."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bench, "GROUP", 2)
        patch.setattr(sweeps, "GROUP", 2)
        patch.setattr(bench, "_checks", lambda world, batches: [bench.Check("reinforce", batches, 0.001, -0.002)])
        patch.setattr(sweeps, "_points", lambda values, quick: [values[1], values[-1]])
        return bench.measure_all(quick=True)


def test_nothing_surprises(results):
    assert results.surprises == []
    assert [row.name for row in results.sections[0].rows] == [row.name for row in on_policy()]
    assert [row.name for row in results.sections[1].rows] == [row.name for row in off_policy()]


def test_sweeps_show_what_they_say(results):
    found = {sweep.key: {curve.label: curve.y for curve in sweep.curves} for sweep in results.sweeps}
    assert found["zscore-weights"]["G = 2"] == pytest.approx([1.0, 1.0])
    assert found["zscore-direction"]["G = 3"] == pytest.approx([0.0, 0.0], abs=1e-5)
    assert min(found["zscore-direction"]["G = 8"]) > 0.1
    assert max(found["off-policy-bias"]["sequence_importance_weighted"]) < 1e-11
    assert found["off-policy-bias"]["importance_weighted"][1] > found["off-policy-bias"]["importance_weighted"][0] > 0
    assert max(found["lambda-bias"]["exact V"]) < 1e-12
    assert found["lambda-bias"]["learned V"][0] > 0.05 > 1e-12 > found["lambda-bias"]["learned V"][1]
    assert found["length-spread"]["sequence_mean"][0] < 0.01 < 10 < found["length-spread"]["sequence_mean"][1]
    assert max(found["length-spread"]["constant"]) < 1e-5
    assert found["leave-one-out"]["G = 8, two actions"][0] < 1 < found["leave-one-out"]["G = 8, two actions"][1]


def test_the_tables_fit_eighty_columns(results):
    console = Console(width=80, record=True, quiet=False, file=open("/dev/null", "w"))  # noqa: SIM115
    lab.print_results(results, console)
    shown = console.export_text()
    assert "…" not in shown
    assert re.search(r"leave_one_out +leave-one-out +✓ +0 1\.000 +0\.0", shown)
    assert "E[γ^T r_T]" in shown


def test_json_and_page(results, tmp_path):
    page = lab.write(results, tmp_path / "out")
    data = json.loads((tmp_path / "out" / "lab.json").read_text())
    assert data["surprises"] == []
    assert data["world"]["sampled_rollouts"] == 4
    assert next(row for row in data["sections"][2]["rows"] if row["name"] == "k1 in the loss")["angle"] is None
    html = page.read_text()
    assert html.count("<svg") == len(results.sweeps)
    assert not re.search(r"(src|href)=[\"']http", html)
    assert "✗" not in html


def test_a_place_that_cannot_be_written_is_one_clear_line(results, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="choose another --out"):
        lab.write(results, tmp_path / "file")


def test_the_command(results, tmp_path, monkeypatch, capsys):
    written: list[object] = []
    monkeypatch.setattr(lab, "write", lambda results, out: written.append(out) or out / "lab.html")
    monkeypatch.setattr(lab, "measure_all", lambda quick: results)
    assert main(["lab", "--quick", "--out", str(tmp_path)]) == DONE
    assert written == [tmp_path]
    assert str(tmp_path / "lab.html") in capsys.readouterr().out.replace("\n", "")
    wrong = replace(results.sections[0].rows[0], holds=False)
    broken = replace(results, sections=[replace(results.sections[0], rows=[wrong])])
    monkeypatch.setattr(lab, "measure_all", lambda quick: broken)
    assert main(["lab", "--out", str(tmp_path)]) == STOPPED
    assert "theory and measurement disagree on reinforce" in capsys.readouterr().err


def test_points_are_thinned_but_keep_their_ends():
    assert sweeps._points([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], quick=True) == [1.0, 4.0, 6.0]
    assert sweeps._points([1.0, 2.0], quick=False) == [1.0, 2.0]


def test_drawn_checks_are_near(monkeypatch):
    monkeypatch.setattr(bench, "GROUP", 2)
    found = bench._checks(bench.make_world(), 20_000)
    assert [check.name for check in found] == ["leave_one_out", "group_zscore", "sequence_mean"]
    assert all(check.mean < 0.05 and abs(check.trace) < 0.03 for check in found)


def test_checks_hold_drawing_against_enumeration():
    found = bench._check("x", bench.Moments(_ones(2.0), 4.0, 8), bench.Moments(_ones(2.02), 5.0, 8), 10)
    assert found.mean == pytest.approx(0.01)
    assert found.trace == 0.25


def _ones(value: float):
    import torch

    return torch.full((3,), value, dtype=torch.float64)
