"""`verigrad grade`: rows keep their order and their columns; a bad row is named by file and line."""

from __future__ import annotations

import json

import pytest

from verigrad.cli import grade as module
from verigrad.cli.main import main
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
    monkeypatch.setattr(module, "OPEN_ROWS", 3)
    rows = grade(*({**CORRECT, "id": number} for number in range(20)))[1]
    assert [row["id"] for row in rows] == list(range(20))


def test_answers_that_need_a_worker_get_one(grade):
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
    monkeypatch.setattr(module, "find_verifier", lambda name: lambda problem, response: failed)
    _, rows, out, _ = grade(CORRECT)
    assert (rows[0]["status"], rows[0]["reason"]) == ("timeout", "limit")
    assert "1 verdicts are the verifier's own failures, not wrong answers" in out


def test_an_interrupted_run_goes_on_where_it_was(tmp_path, capsys, monkeypatch):
    rows = [{**(CORRECT if n % 3 else WRONG), "id": n} for n in range(20)]
    source, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    monkeypatch.setattr(module, "OPEN_ROWS", 2)
    command = ["grade", str(source), "--out", str(out), "--verifier", "r1_zero:exact"]
    assert main(command) == 0
    expected, summary = out.read_text(), capsys.readouterr().out
    graded, submit = [], module.Grader.submit

    def until_the_tenth(self, problem, text):
        if len(graded) == 9:
            raise KeyboardInterrupt
        graded.append(problem.id)
        return submit(self, problem, text)

    out.unlink()
    monkeypatch.setattr(module.Grader, "submit", until_the_tenth)
    assert main(command) == 130
    assert not out.exists()
    (aside,) = tmp_path.glob("*.partial")
    assert aside.read_text() == "".join(expected.splitlines(keepends=True)[:7])  # two were still open
    aside.write_text(aside.read_text() + expected.splitlines()[7][:10])  # and a line that a kill cut off
    capsys.readouterr()
    monkeypatch.setattr(module.Grader, "submit", lambda self, *row: graded.append(row[0].id) or submit(self, *row))
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
