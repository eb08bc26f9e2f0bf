"""Named data sets: every layout at its published columns, the hub by a stand-in and by the real package, refusals."""

from __future__ import annotations

import csv
import json
import re
import sys
import types
from pathlib import Path
from typing import Any

import pytest

from verigrad.config import build
from verigrad.config.schema import Task
from verigrad.data.hub import HubSource, read_hub
from verigrad.data.sets import SETS
from verigrad.data.tasks import load_problems, load_task
from verigrad.errors import ConfigError, DataError, UsageError
from verigrad.tasks.records import LAYOUTS
from verigrad.verifiers import gold_faults

# A row of each set as the hub has it: columns of the data set's card, contents our own.
ROWS: dict[str, tuple[dict[str, Any], str, str]] = {
    "gsm8k": ({"question": "Two and two?", "answer": "2+2 = <<2+2=4>>4\n#### 4"}, "Two and two?", "4"),
    "math": (
        {"problem": "Half of $1$?", "level": "Level 1", "type": "Algebra", "solution": r"It is $\boxed{\frac{1}{2}}$."},
        "Half of $1$?",
        r"\frac{1}{2}",
    ),
    "math500": (
        {"problem": "p", "solution": r"\boxed{3}", "answer": "3", "subject": "Algebra", "level": 2, "unique_id": "a/1"},
        "p",
        "3",
    ),
    "aime24": ({"id": 60, "problem": "p", "solution": "s", "answer": "073", "url": "u", "year": "2024"}, "p", "073"),
    "aime25": ({"problem": "p", "answer": "70", "id": "0"}, "p", "70"),
    "amc": ({"id": 0, "problem": "p", "answer": 142.0, "url": "u"}, "p", "142"),
    "minerva": ({"question": "q", "answer": r"2.8 \times 10^{4}", "solution": "s"}, "q", r"2.8 \times 10^{4}"),
    "olympiadbench": (
        {"id": 1606, "question": "q", "solution": ["one", "two"], "final_answer": ["$2$", " 3"], "unit": None},
        "q",
        "2, 3",
    ),
    "svamp": (
        {"ID": "chal-1", "Body": "Ten apples.", "Question": "How many?", "Answer": "10.0", "Type": "t"},
        "Ten apples. How many?",
        "10.0",
    ),
    "mawps": ({"id": "m_1", "question": "q", "chain": "c", "result": "7", "result_float": 7.0}, "q", "7"),
    "deepscaler": ({"problem": "p", "answer": r"\sqrt{2}", "solution": ""}, "p", r"\sqrt{2}"),
    "bigmath": ({"problem": "p", "answer": "5", "source": "s", "llama8b_solve_rate": 0.5}, "p", "5"),
}


def stand_in(monkeypatch, load):
    """Puts a function in the place of datasets.load_dataset."""
    package = types.ModuleType("datasets")
    package.load_dataset = load
    package.disable_progress_bars = lambda: None
    monkeypatch.setitem(sys.modules, "datasets", package)


def write(path: Path, *rows: object) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(path)


@pytest.mark.parametrize("name", SETS)
def test_a_set_is_read_from_the_hub_by_name(monkeypatch, name):
    asked: list[tuple[Any, ...]] = []

    def load(repo, subset, *, split, revision):
        asked.append((repo, subset, split, revision))
        return [ROWS["math500" if repo == "HuggingFaceH4/MATH-500" else name][0]]

    stand_in(monkeypatch, load)
    _, question, answer = ROWS[name]
    split = "train" if SETS[name].train else "validation"
    problems = load_problems(Task(name=name), split)
    assert [(problem.question, problem.answer) for problem in problems] == [(question, answer)] * len(problems)
    assert len(problems) == len(asked) == (7 if name == "math" else 1)
    assert gold_faults(problems, "boxed") == []
    source = SETS[name].train or SETS[name].validation
    assert all((repo, split, revision) == (HubSource.parse(source).repo, split, HubSource.parse(source).revision)
               for repo, _, split, revision in asked)  # fmt: skip
    assert load_problems(Task(name=name), "validation"), "every set can be evaluated on"


@pytest.mark.parametrize("name", SETS)
def test_a_set_is_read_from_a_file_of_the_same_columns(tmp_path, name):
    row, question, answer = ROWS[name]
    path = write(tmp_path / "rows.jsonl", row)
    (problem,) = load_problems(Task(name=name, path=path), "validation")
    assert (problem.question, problem.answer) == (question, answer)


def test_sets_point_at_a_revision_or_say_main():
    pinned = re.compile("[0-9a-f]{40}")
    loose = set()
    for name, one in SETS.items():
        assert one.layout in LAYOUTS
        for source in filter(None, (one.train, one.validation)):
            if source.startswith("set:"):
                assert source.removeprefix("set:") in SETS
            elif not pinned.fullmatch(HubSource.parse(source).revision):
                assert HubSource.parse(source).revision == "main"
                loose.add(name)
    page = (Path(__file__).parents[2] / "docs" / "datasets.md").read_text(encoding="utf-8")
    for name in SETS:
        line = next(line for line in page.splitlines() if line.startswith(f"| `{name}` |"))
        assert ("`main`" in line) == (name in loose), line
        sources = [s for s in (SETS[name].train, SETS[name].validation) if s.startswith("hub:")]
        assert all(HubSource.parse(source).repo in line for source in sources), line
        assert name in loose or all(HubSource.parse(source).revision[:12] in line for source in sources), line


def test_solutions_come_along():
    one = LAYOUTS["olympiadbench"]
    from verigrad.tasks.records import Record, problem_of

    problem = problem_of(Record("x[0]", ROWS["olympiadbench"][0]), one, one.columns)
    assert (problem.solution, problem.id) == ("one\n\ntwo", "1606")
    alone = problem_of(Record("x[0]", {"question": "q", "final_answer": "4", "id": 1}), one, one.columns)
    assert (alone.answer, alone.solution) == ("4", "")
    bare = problem_of(Record("x[0]", {"question": "q", "final_answer": [4, 0.5], "id": 1}), one, one.columns)
    assert (bare.answer, bare.solution) == ("4, 0.5", "")
    for answers in ([], ["$ $"], [None]):
        with pytest.raises(DataError, match=r"x\[0\]: column 'final_answer' = .* must be a list of texts or numbers"):
            problem_of(Record("x[0]", {"question": "q", "final_answer": answers, "id": 1}), one, one.columns)


def test_mawps_has_two_spellings(tmp_path):
    old = write(tmp_path / "a.jsonl", {"input": "q", "target": 43.0})
    (problem,) = load_problems(Task(name="mawps", path=old), "train")
    assert (problem.question, problem.answer, problem.id) == ("q", "43", "a.jsonl:1")


def test_a_file_that_fits_no_spelling_names_the_missing_column(tmp_path):
    path = write(tmp_path / "a.jsonl", {"text": "q", "gold": 43.0})
    with pytest.raises(DataError, match=r"a\.jsonl:1: no column 'input' for the question; the row has text, gold"):
        load_problems(Task(name="mawps", path=path), "train")
    params = {"question_column": "text", "answer_column": "gold"}
    assert load_problems(Task(name="mawps", path=path, params=params), "train")[0].answer == "43"


def test_sets_sorted_by_subject_are_shuffled_in_an_order_that_stays(monkeypatch, tmp_path):
    rows = [{"problem": f"p{i}", "solution": rf"\boxed{{{i}}}"} for i in range(20)]
    stand_in(monkeypatch, lambda repo, subset, split, revision: [{**row, "type": subset} for row in rows])
    hub = load_problems(Task(name="math"), "validation")
    assert len(hub) == 140
    assert len({problem.details["type"] for problem in hub[:20]}) >= 4
    assert load_problems(Task(name="math"), "validation") == hub
    assert hub[0].id.startswith("hendrycks_math:")
    path = write(tmp_path / "a.jsonl", *rows)
    straight = load_problems(Task(name="math", path=path, params={"shuffle": False}), "train")
    assert [problem.question for problem in straight] == [f"p{i}" for i in range(20)]
    mixed = load_problems(Task(name="jsonl", path=path, params={
        "shuffle": True, "question_column": "problem", "answer_column": "problem"}), "train")  # fmt: skip
    assert {problem.question for problem in mixed} == {f"p{i}" for i in range(20)}
    assert [problem.question for problem in mixed] != [f"p{i}" for i in range(20)]
    with pytest.raises(ConfigError, match=r"task\.params\.shuffle = 1: must be true or false"):
        load_problems(Task(name="math", path=path, params={"shuffle": 1}), "train")


def test_the_course_directory_is_one_path(tmp_path):
    write(tmp_path / "MATH" / "train.jsonl", {"problem": "a", "solution": r"\boxed{1}", "answer": "1"})
    write(tmp_path / "MATH" / "validation.jsonl", {"problem": "b", "solution": r"\boxed{2}", "answer": "2"})
    write(tmp_path / "MATH" / "sft.jsonl", {"prompt": "c", "response": "d", "ground_truth": "3"})
    data = load_task(build({"task": {"name": "math", "path": str(tmp_path / "MATH")}}))
    assert [problem.question for problem in (*data.train, *data.validation)] == ["a", "b"]


def test_a_directory_without_a_split_says_which_names_are_looked_for(tmp_path):
    write(tmp_path / "test.jsonl", {"question": "b", "answer": "2"})
    assert load_problems(Task(name="jsonl", path=str(tmp_path)), "validation")[0].question == "b"
    with pytest.raises(
        DataError, match=r"without a file for train; it must have one of train with an ending of \.jsonl"
    ):
        load_problems(Task(name="jsonl", path=str(tmp_path)), "train")


def test_one_set_trains_and_another_validates(monkeypatch, tmp_path):
    stand_in(monkeypatch, lambda repo, subset, split, revision: [ROWS["math500"][0]])
    path = write(tmp_path / "a.jsonl", {"problem": "a", "solution": r"\boxed{1}"})
    data = load_task(build({"task": {"name": "math", "path": path, "validation_path": "set:math500"}}))
    assert [problem.question for problem in (*data.train, *data.validation)] == ["a", "p"]


@pytest.mark.parametrize(
    ("task", "message"),
    [
        ({"name": "math500"}, r"'math500' has no training problems of its own; give some, e\.g\. .*'set:math500'"),
        ({"name": "math", "path": "set:math50"}, r"set:math50: no named set; did you mean 'math500'\?"),
        ({"name": "jsonl", "path": "hub:gsm8k"}, r"hub:gsm8k: 'gsm8k' is no hub id; write hub:OWNER/NAME"),
        ({"name": "jsonl", "path": "hub:a/b?spilt=x"}, r"unknown key 'spilt': did you mean 'split'\?"),
        ({"name": "jsonl", "path": "hub:a/b?split="}, r"split is empty; give a value"),
    ],
)
def test_bad_names_are_refused(task, message):
    with pytest.raises(ConfigError, match=message):
        load_problems(Task(**task), "train")


@pytest.mark.parametrize("offline", [True, False])
def test_a_hub_that_cannot_be_had_is_one_line_with_the_remedy(monkeypatch, offline):
    def load(*_, **__):
        raise ConnectionError("Couldn't reach 'openai/gsm8k' on the Hub\n(more)")

    stand_in(monkeypatch, load)
    monkeypatch.delenv("HF_DATASETS_OFFLINE", raising=False)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1" if offline else "0")
    with pytest.raises(DataError) as error:
        load_problems(Task(name="gsm8k"), "train")
    text = str(error.value)
    assert "\n" not in text
    assert text.startswith("hub:openai/gsm8k?subset=main&split=train&revision=e53f048856ff")
    assert ("offline: HF_HUB_OFFLINE" in text) == offline
    assert ("load it once while online" if offline else "check id, subset, split") in text


def test_without_the_package_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(UsageError, match=r"hub:openai/gsm8k.* needs the package datasets .*'verigrad\[hub\]'"):
        load_problems(Task(name="gsm8k"), "validation")


def test_an_empty_split_is_refused(monkeypatch):
    stand_in(monkeypatch, lambda *_, **__: [])
    with pytest.raises(DataError, match=r"hub:a/b: there are no records in it"):
        read_hub("hub:a/b")


def test_the_real_package_reads_a_repository_of_that_layout(monkeypatch, tmp_path):
    """A directory of the repository's name, files and card as on the hub: what `datasets` makes of it is real."""
    pytest.importorskip("datasets", reason="datasets is not installed: pip install 'verigrad[hub]'")
    parquet, pa = pytest.importorskip("pyarrow.parquet"), pytest.importorskip("pyarrow")
    folder = tmp_path / "openai" / "gsm8k" / "main"
    folder.mkdir(parents=True)
    for split, count in (("train", 3), ("test", 2)):
        rows = [{"question": f"{split} {i}?", "answer": f"so\n#### {i}"} for i in range(count)]
        parquet.write_table(pa.Table.from_pylist(rows), folder / f"{split}-00000-of-00001.parquet")
    files = [{"split": split, "path": f"main/{split}-*"} for split in ("train", "test")]
    card = json.dumps({"configs": [{"config_name": "main", "data_files": files}]})
    (folder.parent / "README.md").write_text(f"---\n{card}\n---\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    data = load_task(build({"task": {"name": "gsm8k"}}))
    assert [problem.answer for problem in data.train] == ["0", "1", "2"]
    assert [problem.id for problem in data.validation] == ["gsm8k:main:test[0]", "gsm8k:main:test[1]"]
    with pytest.raises(DataError, match=r"hub:openai/gsm8k\?subset=main&split=tset: cannot be had from the hub"):
        load_problems(Task(name="gsm8k", path="hub:openai/gsm8k?subset=main&split=tset"), "train")


def test_parquet(tmp_path, monkeypatch):
    parquet, pa = pytest.importorskip("pyarrow.parquet"), pytest.importorskip("pyarrow")
    path = tmp_path / "a.parquet"
    parquet.write_table(pa.Table.from_pylist([{"question": "1+1", "answer": 2.0}]), path)
    (problem,) = load_problems(Task(name="parquet", path=str(path)), "train")
    assert (problem.question, problem.answer, problem.id) == ("1+1", "2", "a.parquet[0]")
    (tmp_path / "b.parquet").write_bytes(b"PAR1")
    with pytest.raises(DataError, match=r"b\.parquet: cannot be read as Parquet"):
        load_problems(Task(name="parquet", path=str(tmp_path / "b.parquet")), "train")


def test_parquet_without_its_package_or_file(tmp_path, monkeypatch):
    with pytest.raises(DataError, match=r"c\.parquet: no such file; looked for"):
        load_problems(Task(name="parquet", path=str(tmp_path / "c.parquet")), "train")
    (tmp_path / "b.parquet").write_bytes(b"PAR1")
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(UsageError, match=r"b\.parquet: Parquet needs the package pyarrow .*'verigrad\[hub\]'"):
        load_problems(Task(name="parquet", path=str(tmp_path / "b.parquet")), "train")


def test_csv(tmp_path):
    path = tmp_path / "a.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(
            [["question", "answer", "note"], ['Say "one",\nthen two', "1,000", "x"], ["b", 2, ""]]
        )
    first, second = load_problems(Task(name="csv", path=str(path)), "train")
    assert (first.question, first.answer, first.details, first.id) == (
        'Say "one",\nthen two', "1,000", {"note": "x"}, "a.csv:3"
    )  # fmt: skip
    assert (second.answer, second.id) == ("2", "a.csv:4")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("question,answer\n1\n", r"a\.csv:2: it has not as many cells as the header has columns \(2\)"),
        ("question,answer\n1,2,3\n", r"a\.csv:2: it has not as many cells"),
        ('question,answer\n1,"2" x\n', r"a\.csv:2: not CSV"),
        ("question,question\n1,2\n", r"a\.csv:1: two columns have the same name \(question, question\)"),
        ("question,answer\n", r"a\.csv: there are no records in it"),
        ("", r"a\.csv: there are no records in it"),
    ],
)
def test_a_bad_csv_is_named_by_file_and_line(tmp_path, text, message):
    path = tmp_path / "a.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=message):
        load_problems(Task(name="csv", path=str(path)), "train")


@pytest.mark.parametrize("command", ["train", "evaluate"])
def test_the_command_line_says_it_in_one_line_and_exits_with_2(monkeypatch, tmp_path, capsys, command):
    from verigrad.cli import main as cli

    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "datasets", None)
    Path("a.toml").write_text('[task]\nname = "gsm8k"\n', encoding="utf-8")
    assert cli.main([command, "a.toml"]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert error.startswith("verigrad: error: hub:openai/gsm8k?")
    assert "pip install 'verigrad[hub]'" in error
