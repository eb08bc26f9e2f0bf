"""Every benchmark runs at a tiny shape; its arithmetic is checked by hand. Figures made here mean nothing."""

from __future__ import annotations

import importlib
import json
from dataclasses import replace

import pytest
import torch

from benchmarks import (
    grading,
    harness,
    machine,
    profiling,
    rollout,
    scaling,
    scoring,
    scoring_child,
    step,
    step_trl,
    training,
)
from benchmarks.workload import Work, linear_flop, make_policy, make_samples, rollout_work, training_work
from verigrad.data import load_template
from verigrad.types import Sample


@pytest.fixture(autouse=True)
def in_this_process(monkeypatch):
    """Children are called instead of started, and nothing is measured for long."""
    monkeypatch.setattr(harness, "run_child", lambda module, task, python="": call(module, task))
    monkeypatch.setattr(machine, "SECONDS", 1e-3)
    monkeypatch.setattr(machine, "WINDOWS", 1)
    monkeypatch.setattr(machine, "MEGABYTES", 1)
    monkeypatch.setattr(harness, "QUIET", 1e9)
    with machine.settings():
        yield


def call(module, task):
    child = importlib.import_module(module)
    return child.dispatch(**task) if hasattr(child, "dispatch") else child.run(**task)


SMOKE = ["--quick", "--shape", "smoke"]


@pytest.mark.parametrize(
    ("benchmark", "words", "bars"),
    [
        (machine, [], 0),
        (rollout, [], 2),
        (scoring, [], 8),
        (training, ["--sequences", "32"], 2),
        (step, ["--steps", "1"], 0),
        (scaling, ["--steps", "1"], 2),
        (profiling, ["--tokens", "2"], 0),
    ],
)
def test_it_runs_and_writes_its_tables_as_json(benchmark, words, bars, tmp_path, capsys):
    file = tmp_path / "figures.jsonl"
    benchmark.main([*SMOKE, *words, "--json", str(file)])
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert {line["benchmark"] for line in lines} == {benchmark.__name__.removeprefix("benchmarks.")}
    assert sum(line["table"] == "Bars" for line in lines) == bars
    assert capsys.readouterr().out.count("\n| ") == len(lines) + len({line["table"] for line in lines})


def test_settings_last_as_long_as_their_block():
    def now():
        return torch.get_num_threads(), torch.backends.mkldnn.matmul.fp32_precision

    before = now()
    with machine.settings(threads=2, products="fast"):
        assert now()[0] == 2
        with machine.settings(products="default"):
            assert now() == (2, "none")
    assert now() == before


def test_both_ways_of_scoring_are_equal():
    gaps = scoring_child.compare(tokens=70, hidden=16, vocabulary=512, device="cpu")
    assert max(gaps.values()) < 1e-5


def test_sides_alternate_and_change_order():
    calls = []
    sides = [lambda pair: calls.append(("a", pair)) or 2.0, lambda pair: calls.append(("b", pair)) or 1.0]
    assert harness.alternate(sides, 2) == [[2.0, 2.0], [1.0, 1.0]]
    assert calls == [("a", 0), ("b", 0), ("b", 1), ("a", 1)]


def test_a_ratio_is_taken_pair_by_pair():
    ratio = harness.Spread.ratio([6.0, 8.0, 2.0], [2.0, 2.0, 2.0])
    assert ratio == harness.Spread(3.0, 1.0, 4.0)
    assert harness.bar("speed", ratio, "≥", 3.0)["met"] == "yes"
    assert harness.bar("time", ratio, "≤", 2.5)["met"] == "no"


@pytest.mark.parametrize(
    ("value", "text"), [(12345.6, "12,300"), (1999.9, "2,000"), (0.12345, "0.123"), (3.2e-7, "3.2e-07")]
)
def test_numbers_have_three_digits(value, text):
    assert harness.number(value) == text


def test_least_work_by_hand():
    """Width 16, inner 32, two layers of 2 heads and 1 key–value head of size 8; vocabulary 512."""
    model = make_policy("smoke").model
    layer = 16 * 16 + 2 * 16 * 8 + 16 * 16 + 3 * 16 * 32
    assert linear_flop(model) == (2 * 2 * layer, 2 * 16 * 512)
    # Prompts of 3 and 2 tokens, each read once; responses of 4 and 1: 3 and 0 tokens are fed back. Of a third that has
    # two tokens in common with the first, one more is fed, behind 3 + 2.
    pairs = [((5, 6, 7), (1, 2, 3, 4)), ((5, 6), (1,))]
    work = rollout_work(model, pairs)
    assert work.flop == (5 + 3) * 2 * 2 * layer + 5 * 2 * 16 * 512
    assert work.cache_bytes == (4 + 5 + 6) * 2 * 2 * 8 * 4
    more = rollout_work(model, [*pairs, ((5, 6, 7), (1, 2, 9, 8))])
    assert more.flop == (5 + 4) * 2 * 2 * layer + 6 * 2 * 16 * 512
    assert more.cache_bytes == (4 + 5 + 6 + 6) * 2 * 2 * 8 * 4
    assert Work(100.0, 10.0).seconds(gemm_rate=50.0, bandwidth=5.0) == 4.0


def test_equal_beginnings_are_trained_through_once():
    model = make_policy("smoke").model
    body, head = linear_flop(model)
    samples = make_samples([3, 3], [4, 4], 512)
    assert training_work(model, samples).flop == 3 * (14 * body + 8 * head)
    assert training_work(model, [samples[0], samples[0]]).flop == 3 * (7 * body + 4 * head)
    other = make_samples([3], [6], 512, seed=1)[0]
    ids = samples[0].trajectory.token_ids[:5] + other.trajectory.token_ids[5:]
    # 3 prompt and 2 of 6 response tokens alike
    longer = Sample(replace(other.trajectory, token_ids=ids), other.weights)
    assert training_work(model, [samples[0], longer]).flop == 3 * (11 * body + 8 * head)


def test_padding_is_what_shorter_rows_lack():
    assert training.padding([(2, 8), (2, 4), (2, 2)], budget=16) == pytest.approx(1 - 20 / (10 + 2 * 6))
    assert training.padding([(2, 8)] * 3, budget=4096) == 0


def test_time_in_which_several_kernels_run_counts_once():
    # 0–4 and 2–5 overlap, 7–8 stands alone: 5 + 1 of 8 microseconds are work, 2 of 8 idle
    kernels = [profiling.Kernel("b", 2, 5), profiling.Kernel("a", 0, 4), profiling.Kernel("a", 7, 8)]
    assert profiling.busy(kernels) == 6
    assert profiling.Profile(1.0, kernels, 3).idle == pytest.approx(2 / 8)
    assert profiling.Profile(1.0, [], 0).idle == 1.0
    first, second = profiling.top(kernels, steps=2)
    assert first == {"kernel": "a", "calls": 1.0, "ms": 5 / 2 / 1e3, "share": 5 / 8}
    assert second["kernel"] == "b" and second["calls"] == 0.5


def test_a_step_on_a_gpu_is_held_to_its_plan():
    kept = []
    report = type("Kept", (), {"bars": lambda self, rows: kept.extend(rows)})()
    step._report_gpu(report, [{"peak": 108, "planned": 100, "seconds": 20.0}], step.LONG)
    assert kept[0]["measured"].median == pytest.approx(0.08) and kept[0]["met"] == "yes"
    assert kept[1]["bar"] == "≤ 15" and kept[1]["met"] == "no"


def test_the_peer_gets_our_prompts():
    assert step_trl.prompt_of("1+2") == load_template("tiny").render("1+2")


def test_stop_strings_end_a_response_of_the_peer():
    policy = make_policy("embedded")
    shape = rollout.SHAPES["embedded"]
    peer = rollout.Generate(policy, [], shape, "cpu")
    ids = [*policy.encode_response("7</answer>"), *policy.encode_response("8"), 0, 0]
    assert peer._length(ids) == len(policy.encode_response("7</answer>"))
    assert peer._length([*policy.encode_response("78"), 0, 0]) == len(policy.encode_response("78")) + 1


def test_a_child_runs_in_a_process_of_its_own(monkeypatch):
    monkeypatch.undo()
    with pytest.raises(SystemExit, match="no_such_module"):
        harness.run_child("benchmarks.no_such_module", {})


def test_graders_side_by_side(tmp_path, monkeypatch, capsys):
    cases = [
        {"gold": "1/2", "answer": r"\frac{2}{4}", "equivalent": True, "kind": "bare", "tier": "core"},
        {"gold": "3", "answer": "4", "equivalent": False, "kind": "bare", "tier": "core"},
        {"gold": r"\boxed{7}", "answer": "so it is $7$", "equivalent": True, "kind": "extract", "tier": "core"},
        {"gold": "x", "answer": "y", "equivalent": True, "kind": "bare", "tier": "suspect"},
    ]
    (tmp_path / "cases.jsonl").write_text("".join(json.dumps(case) + "\n" for case in cases), encoding="utf-8")
    course = "def grade(answer, gold, fast):\n    return 1 / 0 if fast else True\n"
    (tmp_path / "course.py").write_text(course, encoding="utf-8")
    monkeypatch.setattr("sys.argv", ["grading", str(tmp_path / "cases.jsonl"), "--course", str(tmp_path / "course.py")])
    grading.main()
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith(("| ours", "| the"))]
    rows = [line.split(" | ")[:5] for line in lines]
    # agree, wrongly accepted, wrongly refused, left open: bare, extract, all
    assert rows[0] == ["| ours", "100.0%", "0", "0", "0"]
    assert rows[1] == ["| the course's, fast", "50.0%", "0", "1", "0"]
    assert rows[2] == ["| the course's, full", "50.0%", "1", "0", "0"]
    assert rows[3] == ["| ours", "100.0%", "0", "0", "0"]
    assert rows[6] == ["| ours", "75.0%", "0", "1", "0"]
