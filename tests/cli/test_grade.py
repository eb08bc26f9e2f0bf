"""`verigrad grade`: rows keep their order and their columns; a bad row is named by file and line."""

from __future__ import annotations

import csv
import json

import pytest

from verigrad.cli import grade as module
from verigrad.cli.main import main
from verigrad.errors import GraderFailures
from verigrad.grading import offline
from verigrad.types import Grade, Status

CORRECT = {"question": "1 + 1?", "answer": "2", "response": "1 + 1 = 2 </think> <answer>2</answer>"}
WRONG = {**CORRECT, "response": "1 + 1 = 3 </think> <answer>3</answer>"}
BROKEN = {**CORRECT, "response": "2"}


@pytest.fixture
def grade(tmp_path, capsys):
    """Grades rows (or lines); gives exit code, graded rows (None where no file was written), output and errors."""

    def grade(*rows: object, words: tuple[str, ...] = ()):
        source, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
        lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
        source.write_text("\n".join(lines), encoding="utf-8")
        code = main(["grade", str(source), "--out", str(out), *words])
        assert not list(tmp_path.glob("*.partial"))
        graded = [json.loads(line) for line in out.read_text().splitlines()] if out.exists() else None
        return code, graded, *capsys.readouterr()

    return grade


def test_rows_keep_their_order_and_columns_and_get_a_grade(grade):
    code, rows, out, err = grade({**WRONG, "id": 7}, CORRECT, BROKEN)
    assert (code, err) == (0, "")
    assert rows == [
        {
            **WRONG,
            "id": 7,
            "reward": 0.0,
            "format_reward": 1.0,
            "answer_reward": 0.0,
            "status": "wrong",
            "extracted": "3",
            "reason": "mismatch",
        },
        {
            **CORRECT,
            "reward": 1.0,
            "format_reward": 1.0,
            "answer_reward": 1.0,
            "status": "correct",
            "extracted": "2",
            "reason": "string",
        },
        {
            **BROKEN,
            "reward": 0.0,
            "format_reward": 0.0,
            "answer_reward": 0.0,
            "status": "unparsable",
            "extracted": "",
            "reason": "format",
        },
    ]
    assert "3 rows, verifier r1_zero" in out
    assert "mean reward 0.3333, mean format reward 0.6667" in out


def test_the_summary_counts_every_status(grade):
    out = grade(CORRECT, CORRECT, BROKEN, WRONG)[2]
    counts = {
        cells[1]: cells[3:6:2]
        for cells in (line.split() for line in out.splitlines())
        if len(cells) == 7 and cells[0] == "│"
    }
    assert counts == {
        "correct": ["2", "50.0%"],
        "wrong": ["1", "25.0%"],
        "unparsable": ["1", "25.0%"],
        "timeout": ["0", "0.0%"],
        "error": ["0", "0.0%"],
    }


def test_labels_make_a_confusion_table(grade):
    out = grade({**CORRECT, "label": True}, {**WRONG, "label": True}, {**WRONG, "label": False}, BROKEN)[2]
    cells = [line.replace("│", " ").split() for line in out.splitlines()]
    assert "3 rows with a label" in out
    assert ["correct", "1", "1", "0", "0", "0"] in cells  # one agrees, one does not
    assert ["wrong", "0", "1", "0", "0", "0"] in cells


def test_more_rows_than_are_read_ahead_keep_their_order(grade, monkeypatch):
    monkeypatch.setattr(offline, "OPEN_ROWS", 3)
    rows = grade(*({**CORRECT, "id": number} for number in range(20)))[1]
    assert [row["id"] for row in rows] == list(range(20))


def test_expressions_are_compared(grade):
    row = {**CORRECT, "answer": "\\frac{1}{2}+x", "response": "so </think> <answer>x+\\frac12</answer>"}
    assert [row["status"] for row in grade(row, WRONG)[1]] == ["correct", "wrong"]


@pytest.mark.parametrize(("answer", "read"), [(2, "2"), (2.0, "2"), (-0.5, "-0.5"), (10**30, str(10**30))])
def test_an_answer_may_be_a_number(grade, answer, read):
    row = {**CORRECT, "answer": answer, "response": f"so </think> <answer>{read}</answer>"}
    rows = grade(row)[1]
    assert rows[0]["status"] == "correct"
    assert rows[0]["answer"] == answer


def test_another_verifier_can_be_named(grade):
    assert grade({**CORRECT, "response": "\\boxed{2}"}, words=("--verifier", "boxed"))[1][0]["status"] == "correct"


def test_blank_lines_are_no_rows_and_an_empty_file_has_none(grade):
    assert len(grade(CORRECT, "", "  ", WRONG)[1]) == 2
    code, rows, out, _ = grade("")
    assert (code, rows) == (0, [])
    assert "0 rows" in out


def test_hostile_text_is_kept(grade):
    response = "\ud800 \u2028 \x00 </think> <answer>2</answer>"
    row = grade({**CORRECT, "response": response})[1][0]
    assert (row["response"], row["status"]) == (response, "correct")


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ("{", "in.jsonl:2: not JSON"),
        ("[" * 100_000, "in.jsonl:2: not JSON"),
        ("[1]", "in.jsonl:2: a JSON list; each line must be one JSON object"),
        ({"question": "q", "answer": "1"}, "in.jsonl:2: no 'response'; a row needs question, answer and response"),
        ({"question": "q", "answer": "1"}, "--response-column names another"),
        ({"answer": "1", "response": "r"}, "in.jsonl:2: no 'question'"),
        ({"question": "q", "response": "r"}, "in.jsonl:2: no 'answer'"),
        ({**CORRECT, "response": None}, "in.jsonl:2: response = None: text is needed"),
        ({**CORRECT, "answer": True}, "in.jsonl:2: answer = True: text is needed"),
        ({**CORRECT, "answer": " "}, "in.jsonl:2: answer is blank"),
    ],
)
def test_a_bad_row_is_named_and_nothing_is_written(grade, bad, message):
    code, rows, out, err = grade(CORRECT, bad, CORRECT)
    assert (code, rows, out) == (2, None, "")
    assert message in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--verifier", "r1_zer"), "did you mean 'r1_zero'"),
        (("--workers", "0"), "workers = 0"),
        (("--time-limit", "0"), "time_limit = 0"),
        (("--jobs", "-1"), "jobs = -1"),
        (("--tolerance", "-1"), "tolerance = -1"),
        (("--verifier", "blend"), "needs verifier.weights"),
        (("--verifier", "blend", "--weight", "boxed"), "--weight boxed: must be NAME=W"),
        (("--weight", "boxed=1"), "is for verifier.name = 'blend'"),
        (("--verifier", "function"), "verifier.function is empty"),
    ],
)
def test_bad_options_are_refused(grade, words, message):
    code, rows, _, err = grade(CORRECT, words=words)
    assert (code, rows) == (2, None)
    assert message in err


def test_paths_that_cannot_be_used(tmp_path, capsys):
    assert main(["grade", str(tmp_path / "absent"), "--out", str(tmp_path / "new" / "out")]) == 2
    assert "absent: no such file" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()
    source = tmp_path / "in.jsonl"
    source.write_text(json.dumps(CORRECT))
    assert main(["grade", str(source), "--out", str(source / "out")]) == 2
    assert "give another place" in capsys.readouterr().err


def test_the_verifiers_own_failures_are_said_apart(grade, monkeypatch):
    failed = Grade(0.0, 1.0, 0.0, Status.TIMEOUT, "x", "limit")
    monkeypatch.setattr(offline, "verifier_for", lambda settings, train: lambda problem, response: failed)
    _, rows, out, _ = grade(CORRECT)
    assert (rows[0]["status"], rows[0]["reason"]) == ("timeout", "limit")
    assert "1 verdicts are the verifier's own failures, not wrong answers" in out


def test_an_interrupted_run_goes_on_where_it_was(tmp_path, capsys, monkeypatch):
    rows = [{**(CORRECT if n % 3 else WRONG), "id": n} for n in range(20)]
    source, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    monkeypatch.setattr(offline, "OPEN_ROWS", 2)
    command = ["grade", str(source), "--out", str(out), "--verifier", "r1_zero:exact"]
    assert main(command) == 0
    expected, summary = out.read_text(), capsys.readouterr().out
    graded, submit = [], offline.Grader.submit

    def until_the_tenth(self, problem, text):
        if len(graded) == 9:
            raise KeyboardInterrupt
        graded.append(problem.id)
        return submit(self, problem, text)

    out.unlink()
    monkeypatch.setattr(offline.Grader, "submit", until_the_tenth)
    assert main(command) == 130
    assert not out.exists()
    (aside,) = tmp_path.glob("*.partial")
    assert aside.read_text() == "".join(expected.splitlines(keepends=True)[:7])  # two were still open
    aside.write_text(aside.read_text() + expected.splitlines()[7][:10])  # and a line that a kill cut off
    capsys.readouterr()
    monkeypatch.setattr(offline.Grader, "submit", lambda self, *row: graded.append(row[0].id) or submit(self, *row))
    assert main(command) == 0
    assert len(graded) == 9 + 13
    assert (out.read_text(), capsys.readouterr().out) == (expected, summary)
    assert not list(tmp_path.glob("*.partial"))


def test_rows_that_changed_meanwhile_are_graded_again(tmp_path):
    source, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text(json.dumps(WRONG) + "\n" + json.dumps(CORRECT) + "\n", encoding="utf-8")
    stale = {**CORRECT, "reward": 1.0, "format_reward": 1.0, "status": "correct"}
    (tmp_path / "out.jsonl.r1_zero.partial").write_text(json.dumps(stale) + "\n", encoding="utf-8")
    assert main(["grade", str(source), "--out", str(out)]) == 0
    assert [json.loads(line)["status"] for line in out.read_text().splitlines()] == ["wrong", "correct"]


def big_file(path, count=2000):
    """More rows than one batch holds, right and wrong by turns, a few of which need a worker."""
    claim = {**CORRECT, "answer": "10", "response": "so </think> <answer>\\\\sum_{k=1}^{4} k</answer>"}
    rows = [
        {**(claim if n % 500 == 7 else CORRECT if n % 3 else WRONG), "id": n, "label": n % 3 > 0} for n in range(count)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def test_several_processes_give_the_same_file_and_the_same_summary(tmp_path, capsys, monkeypatch):
    source, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    big_file(source)
    command = ["grade", str(source), "--out", str(out), "--jobs"]
    assert main([*command, "1"]) == 0
    alone = out.read_text(), capsys.readouterr()
    monkeypatch.setattr(module, "JOB_BYTES", 1)
    started, start = [], offline.ProcessPoolExecutor
    monkeypatch.setattr(
        offline, "ProcessPoolExecutor", lambda jobs, *a, **k: started.append(jobs) or start(jobs, *a, **k)
    )
    assert main([*command, "2"]) == 0
    assert (out.read_text(), capsys.readouterr()) == alone
    assert started == [2]
    assert [json.loads(line)["id"] for line in alone[0].splitlines()] == list(range(2000))


def test_several_processes_are_stopped_and_go_on(tmp_path, monkeypatch):
    source, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    big_file(source)
    monkeypatch.setattr(module, "JOB_BYTES", 1)
    command = ["grade", str(source), "--out", str(out), "--jobs", "2"]
    read = []

    def cut_off(path):
        for line in offline.read_lines(path):
            read.append(line)
            if len(read) > 1700:
                raise KeyboardInterrupt
            yield line

    monkeypatch.setattr(module, "read_lines", cut_off)
    assert main(command) == 130
    monkeypatch.undo()
    (aside,) = tmp_path.glob("*.partial")
    before = aside.read_text().splitlines()
    assert len(before) % offline.BATCH_ROWS == 0 < len(before)  # whole batches, in their order
    assert main(command) == 0
    lines = out.read_text().splitlines()
    assert lines[: len(before)] == before
    assert [json.loads(line)["id"] for line in lines] == list(range(2000))


def test_a_bad_row_in_another_process_is_named(tmp_path, capsys, monkeypatch):
    source, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    big_file(source, 300)
    source.write_text(source.read_text() + "[1]\n", encoding="utf-8")
    monkeypatch.setattr(module, "JOB_BYTES", 1)
    assert main(["grade", str(source), "--out", str(out), "--jobs", "2"]) == 2
    assert "in.jsonl:301: a JSON list" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == [source]


def test_a_process_that_dies_is_told(tmp_path):
    source = tmp_path / "in.jsonl"
    big_file(source, 3000)
    settings = module.settings({})
    graded = offline.graded_apart(source, offline.read_lines(source), settings, 2)
    first = next(graded)
    for child in offline.multiprocessing.active_children():
        child.kill()
    with pytest.raises(GraderFailures, match="has died, perhaps for lack of memory; .* --jobs below 2"):
        list(graded)
    assert sum(first.tally.statuses.values()) == offline.BATCH_ROWS


def test_every_setting_of_a_verifier_can_be_given(grade, tmp_path, monkeypatch):
    blend = ("--verifier", "blend", "--weight", "r1_zero=0.75", "--weight", "r1_zero:format=0.25")
    right, wrong = grade(CORRECT, WRONG, words=blend)[1]
    assert (right["reward"], wrong["reward"]) == (1.0, 0.25)
    assert wrong["parts"] == {"r1_zero": 0.0, "r1_zero:format": 1.0}
    near = {**CORRECT, "response": "so </think> <answer>2.01</answer>"}
    for tolerance, status in (("0.001", "wrong"), ("0.1", "correct")):
        rows = grade(near, words=("--verifier", "r1_zero:numeric", "--tolerance", tolerance))[1]
        assert rows[0]["status"] == status
    (tmp_path / "my_reward.py").write_text("def share(problem, response): return len(problem.details['names']) / 4")
    monkeypatch.chdir(tmp_path)
    words = ("--verifier", "function", "--function", "my_reward:share", "--time-limit", "20")
    assert grade({**CORRECT, "names": ["a"]}, words=words)[1][0]["reward"] == 0.25


def test_columns_of_a_row_are_what_its_problem_is_made_of(grade):
    row = {**CORRECT, "numbers": [3, 4, 5], "target": 17}
    rows = grade(
        {**row, "response": "so </think> <answer>3*4+5</answer>"},
        {**row, "response": "so </think> <answer>12+5</answer>"},
        words=("--verifier", "r1_zero:countdown"),
    )[1]
    assert [one["status"] for one in rows] == ["correct", "wrong"]


def test_other_settings_go_on_in_other_files():
    labels = [
        module._label(module.settings(values))
        for values in ({}, {"name": "boxed:exact"}, {"tolerance": 0.1}, {"name": "blend", "weights": {"boxed": 1.0}})
    ]
    assert labels[:2] == ["r1_zero", "boxed-exact"]
    assert len(set(labels)) == 4
    assert module._label(module.settings({"workers": 3})) == "r1_zero"  # changes no verdict


RENAMED = {"problem": "1 + 1?", "gold": "2", "output": "1 + 1 = 2 </think> <answer>2</answer>", "n": "7"}
COLUMNS = ("--question-column", "problem", "--answer-column", "gold", "--response-column", "output")


def test_columns_may_have_other_names(grade):
    rows = grade(RENAMED, words=COLUMNS)[1]
    assert rows[0] == {**RENAMED, **rows[0]} and rows[0]["status"] == "correct"
    code, _, _, err = grade(RENAMED)
    assert code == 2 and "--response-column names another" in err


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_tables_are_graded_into_json_lines(tmp_path, kind):
    source, out = tmp_path / f"in.{kind}", tmp_path / "out.jsonl"
    rows = [RENAMED, {**RENAMED, "gold": "3"}]
    if kind == "csv":
        with source.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, RENAMED)
            writer.writeheader()
            writer.writerows(rows)
    else:
        arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
        parquet.write_table(arrow.Table.from_pylist(rows), source)
    assert main(["grade", str(source), "--out", str(out), *COLUMNS]) == 0
    graded = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert [(row["n"], row["status"]) for row in graded] == [("7", "correct"), ("7", "wrong")]
