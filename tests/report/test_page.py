import json
import re
from html.parser import HTMLParser
from importlib import util
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from verigrad.errors import DataError
from verigrad.report import print_table, read_run, save_learning_curve, write_report
from verigrad.report.browser import CLASS_NAMES, MAX_TEXT, embed, select, visible
from verigrad.report.compare import seed_groups, sentences
from verigrad.report.figures import PLANS, draw_all, points
from verigrad.stats import wilson

SPEC = util.spec_from_file_location("report_fixture", Path(__file__).with_name("conftest.py"))
fixture = util.module_from_spec(SPEC)
SPEC.loader.exec_module(fixture)
write_run, write_lines, HOSTILE = fixture.write_run, fixture.write_lines, fixture.HOSTILE


class Tags(HTMLParser):
    """Counts the elements, keeps text outside scripts, and what would be fetched."""

    def __init__(self):
        super().__init__()
        self.opened, self.closed, self.fetched, self.texts = [], [], [], []

    def handle_starttag(self, tag, attrs):
        self.opened.append(tag)
        self.fetched += [value for key, value in attrs if key in ("src", "href") and not (value or "").startswith("#")]

    def handle_endtag(self, tag):
        self.closed.append(tag)

    def handle_data(self, data):
        self.texts.append(data)


def parsed(page: Path) -> tuple[str, Tags]:
    text = page.read_text(encoding="utf-8")
    tags = Tags()
    tags.feed(text)
    return text, tags


def data_of(page: str) -> dict:
    found = re.search(r'<script type="application/json" id="rollout-data">(.*?)</script>', page, re.DOTALL)
    return json.loads(found[1])


def test_the_numbers_on_the_page_are_those_of_the_log(run_dir):
    page, _ = parsed(write_report([run_dir]))
    for right in (6, 12, 18, 24, 30):
        expected = wilson(right, 40)
        cell = f"{100 * right / 40:.1f} [{100 * expected.low:.1f}, {100 * expected.high:.1f}]"
        assert f"<td>{cell}</td>" in page
    assert '<div class="big">15.0<small> %</small></div>' in page
    assert '<div class="big">75.0<small> %</small></div>' in page
    assert "template tiny, verifier r1_zero, temperature 1, top-p 1, max tokens 64" in page
    assert "4 of 4 steps" in page


def test_the_headline_says_what_the_paired_test_says(run_dir):
    # the same 40 problems: 6 right before, those and 24 more after; p = 2/2²⁴ = 1.2e-07
    said = " ".join(sentences(read_run(run_dir)))
    assert "The two 95 % intervals do not overlap." in said
    assert (
        "On the same 40 problems, sampled: 24 went from wrong to right and 0 from right to wrong, +60.0 points" in said
    )
    assert "p = 1.2e-07" in said


def test_small_changes_and_changed_conditions_are_said_to_be_so(tmp_path):
    path = write_run(tmp_path / "flat", lift=0)
    rows = [json.loads(line) for line in (path / "eval.jsonl").read_text().splitlines()]
    rows[-1]["max_tokens"] = 128
    write_lines(path / "eval.jsonl", rows)
    said = " ".join(sentences(read_run(path)))
    assert "intervals overlap" in said
    assert "p = 1.000" in said
    assert "not measured under the same conditions: max_tokens differ" in said


def test_the_curves_are_the_logged_values(run_dir):
    run = read_run(run_dir)
    series = {one.key: points(run, one) for plan in PLANS for one in plan.series}
    assert series["accuracy"] == [(step, (6 + 6 * step) / 40) for step in range(5)]
    assert series["entropy_old"] == [(step, pytest.approx(0.9 - 0.1 * step)) for step in range(1, 5)]
    assert series["questions_solved"][1] == (2, 6 / 20)
    assert series["kept"][1] == (2, 16 / 80)
    assert series["entropy"][0] == (1, 0.8)
    assert {drawing.key for drawing in draw_all([run])} == {plan.key for plan in PLANS} | {"classes"}


def test_many_updates_are_drawn_as_bin_means(run_dir):
    updates = [{"kind": "update", "step": 1, "update": u, "entropy": float(u % 2)} for u in range(1, 1601)]
    write_lines(run_dir / "metrics.jsonl", updates)
    curve = points(read_run(run_dir), PLANS[3].series[0])
    assert len(curve) == 800
    assert curve[0] == (1.5, 0.5)


def test_nothing_a_model_writes_becomes_markup(run_dir):
    clean_page, clean = parsed(write_report([run_dir]))
    rows = [fixture.response(i, i < 9, response=HOSTILE, question=HOSTILE, truth=HOSTILE) for i in range(40)]
    write_lines(run_dir / "eval" / "step_000000.jsonl", rows)
    config = fixture.config()
    config["task"]["name"] = "<b>&\"' </script>"
    (run_dir / "config.toml").write_text(fixture.tomli_w.dumps(config), encoding="utf-8")
    page, tags = parsed(write_report([run_dir]))
    assert tags.opened.count("script") == clean.opened.count("script") == 2
    assert "img" not in tags.opened
    assert "b" not in tags.opened
    assert "&lt;b&gt;&amp;&quot;&#x27; &lt;/script&gt;" in page
    embedded = [row for row in data_of(page)["rows"] if "alert" in row["response"]]
    assert embedded[0]["response"] == HOSTILE.replace("\u200b", "⟨U+200B⟩").replace("\u202e", "⟨U+202E⟩").replace(
        "\x00", "⟨U+0000⟩"
    ).replace("\ud800", "⟨U+D800⟩")
    assert clean_page.count("<tr") == page.count("<tr")


def test_the_page_fetches_nothing(run_dir):
    page, tags = parsed(write_report([run_dir]))
    assert tags.fetched == []
    assert "default-src 'none'" in page
    assert not re.search(r"@import|url\((?!#)|fetch\(|XMLHttpRequest", page)


def test_ids_are_unique_and_every_reference_has_its_target(run_dir):
    page, _ = parsed(write_report([run_dir]))
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'(?:xlink:href="|url\()#([^")]+)', page)) <= set(ids)


def test_each_class_has_ten_examples_where_there_are_ten(run_dir):
    chosen = select([read_run(run_dir)])
    assert chosen.available == 3 * 80 + 3 * 80
    for kind in ("correct", "answer", "format"):
        assert sum(row["class"] == kind for row in chosen.rows) >= 10
    assert {row["step"] for row in chosen.rows} == {0, 1, 2, 3, 4}
    assert any(row["truncated"] for row in chosen.rows)


def test_a_grader_failure_is_a_class_of_its_own(run_dir):
    rows = [fixture.response(i, right=False, status="timeout" if i < 3 else "wrong") for i in range(40)]
    write_lines(run_dir / "eval" / "step_000004.jsonl", rows)
    shown = [row for row in select([read_run(run_dir)]).rows if row["class"] == "failure"]
    assert [row["problem_id"] for row in shown] == ["p0", "p1", "p2"]
    assert set(CLASS_NAMES) == {"correct", "answer", "format", "failure"}


def test_the_page_stays_small_and_says_what_was_left_out(run_dir):
    long = "x" * 40_000
    for step in range(5):
        rows = [fixture.response(i, i < 20, response=f"a{long}z", prompt=long) for i in range(200)]
        write_lines(run_dir / "eval" / f"step_{step:06d}.jsonl", rows)
    target = write_report([run_dir])
    page, _ = parsed(target)
    assert target.stat().st_size < 3_000_000
    assert "other" in page
    assert "are in the run directory." in page
    assert f"have a text of more than {MAX_TEXT:,} characters" in page
    response = next(row["response"] for row in data_of(page)["rows"] if row["shortened"])
    assert (response[0], response[-1]) == ("a", "z")
    assert len(select([read_run(run_dir)], max_bytes=5_000).rows) < 10


@pytest.mark.parametrize("files", [["config.toml"], ["eval.jsonl"], ["config.toml", "metrics.jsonl"]])
def test_part_of_a_run_gives_a_page_and_a_table(run_dir, tmp_path, files):
    part = tmp_path / "part"
    part.mkdir()
    for name in files:
        (part / name).write_bytes((run_dir / name).read_bytes())
    page, _ = parsed(write_report([part]))
    assert "<h1>part</h1>" in page
    out = StringIO()
    print_table([part], Console(file=out, width=150))
    assert "part" in out.getvalue()


def test_missing_optional_keys_are_dashes(tmp_path):
    path = tmp_path / "bare"
    path.mkdir()
    write_lines(path / "eval.jsonl", [{"accuracy": 0.25}, {"step": 2, "accuracy": 0.5, "pass_at_k": {"4": 0.75}}])
    page, _ = parsed(write_report([path]))
    assert "<td>25.0</td>" in page
    assert "<th>pass@4 %</th>" in page
    assert "<td>—</td>" in page


def test_a_damaged_file_of_responses_does_not_cost_the_report(run_dir):
    (run_dir / "eval" / "step_000000.jsonl").write_text("{\n{\n")
    page, _ = parsed(write_report([run_dir]))
    assert "McNemar" not in page
    assert "do not overlap" in page


def test_runs_that_differ_in_their_seed_are_one_group(tmp_path):
    dirs = [write_run(tmp_path / f"seed{seed}", seed=seed, lift=5 + seed) for seed in range(3)]
    other = write_run(tmp_path / "z_other")
    (other / "config.toml").write_text(fixture.tomli_w.dumps(fixture.config(1, epochs=2)))
    runs = [read_run(path) for path in [*dirs, other]]
    assert [[run.name for run in group] for group in seed_groups(runs)] == [["seed0", "seed1", "seed2"]]
    target = write_report([tmp_path])
    assert target == tmp_path / "report.html"
    page, _ = parsed(target)
    assert "seed0 and 2 more seeds, mean ± 95 % (t)" in page
    # last accuracies (6 + 4·lift)/40 = 0.65, 0.75, 0.85: mean 0.75, half = 4.302653·0.1/√3 = 0.248414
    assert "<td>75.0 [50.2, 99.8]</td>" in page
    assert {row["run"] for row in data_of(page)["rows"]} == {"seed0", "seed1", "seed2", "z_other"}


def test_several_runs_on_the_terminal_are_a_row_each(tmp_path):
    dirs = [write_run(tmp_path / name) for name in ("[red]a", "b")]
    out = StringIO()
    print_table(dirs, Console(file=out, width=160))
    assert "[red]a" in out.getvalue()
    assert out.getvalue().count("75.0 [") == 2
    assert write_report(dirs) == tmp_path / "report.html"


def test_a_long_run_is_thinned_on_the_terminal_and_says_so(tmp_path):
    path = write_run(tmp_path / "long", steps=1)
    write_lines(path / "eval.jsonl", [fixture.evaluation(step, 10) for step in range(101)])
    out = StringIO()
    print_table([path], Console(file=out, width=150))
    assert "40 of 101 steps" in out.getvalue()
    assert "│  100 │" in out.getvalue()


def test_the_report_is_replaced_and_the_same_input_gives_the_same_page(run_dir, tmp_path):
    first = write_report([run_dir], tmp_path / "deep" / "a.html").read_bytes()
    assert write_report([run_dir], tmp_path / "deep" / "a.html").read_bytes() == first
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["a.html"]
    with pytest.raises(DataError, match="cannot be written"):
        write_report([run_dir], run_dir / "config.toml" / "a.html")


def test_the_learning_curve_is_a_png(run_dir, tmp_path):
    save_learning_curve([run_dir], tmp_path / "curve.png")
    assert (tmp_path / "curve.png").read_bytes().startswith(b"\x89PNG")
    (run_dir / "eval.jsonl").write_text("")
    with pytest.raises(ValueError, match="no data for 'accuracy'"):
        save_learning_curve([run_dir], tmp_path / "none.png")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a b\nc", "a b\nc"),
        ("\t", "⟨U+0009⟩"),
        ("\u00a0x\u2028", "⟨U+00A0⟩x⟨U+2028⟩"),
        ("\u3164\ufe0f", "⟨U+3164⟩⟨U+FE0F⟩"),
    ],
)
def test_characters_that_show_nothing_are_named(text, shown):
    assert visible(text) == shown
    assert json.loads(embed(text)) == text


def test_importing_report_loads_neither_matplotlib_nor_torch():
    import subprocess
    import sys

    code = "import sys, verigrad.report; sys.exit(bool({'matplotlib', 'torch'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
