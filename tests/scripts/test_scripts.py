"""The size ratchet finds what is too long; the generated pages are up to date."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]


def script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def sizes():
    return script("sizes")


def function(lines: int, head: str = "def f():") -> str:
    return "\n".join([head, *["    x = 1"] * (lines - 1)]) + "\n"


def test_sizes_at_the_limit_pass(sizes, tmp_path, capsys):
    (tmp_path / "a.py").write_text(function(60))
    (tmp_path / "b.py").write_text("x = 1\n" * 350)
    assert sizes.main([str(tmp_path)]) == 0
    assert capsys.readouterr().out == "sizes: 2 files, 0 too long\n"


def test_sizes_above_the_limit_are_named(sizes, tmp_path, capsys):
    inside = "class A:\n" + "".join(f"    {line}\n" for line in function(61, "async def g(self):").splitlines())
    (tmp_path / "a.py").write_text(function(61) + inside)
    (tmp_path / "b.py").write_text("x = 1\n" * 351)
    assert sizes.main([str(tmp_path)]) == 1
    assert capsys.readouterr().out.splitlines() == [
        f"{tmp_path}/a.py:1: f has 61 lines, more than 60",
        f"{tmp_path}/a.py:63: g has 61 lines, more than 60",
        f"{tmp_path}/b.py:1: file has 351 lines, more than 350",
        "sizes: 2 files, 3 too long",
    ]


def test_generated_pages_are_up_to_date():
    stale = [path.name for path, text in script("docs").pages().items() if path.read_text(encoding="utf-8") != text]
    assert not stale, "run `make docs`"


def test_docs_writes_what_check_then_accepts(tmp_path, monkeypatch, capsys):
    docs = script("docs")
    monkeypatch.setattr(docs, "DOCS", tmp_path)
    assert docs.main(check=True) == 1
    assert capsys.readouterr().out == "config.md is stale: run `make docs`\n"
    assert docs.main(check=False) == 0
    assert docs.main(check=True) == 0


def test_the_counts_of_gold_answers_in_the_docs_are_those_of_the_files():
    data = ROOT / ".." / "shared" / "data"
    if not data.exists():
        pytest.skip("the data sets are not at ../shared/data")
    golds = script("golds")
    page = (ROOT / "docs" / "datasets.md").read_text(encoding="utf-8")
    counted = list(golds.lines(data))
    assert counted
    for line in (*golds.HEAD, *counted):
        assert line in page.splitlines()
    for line in counted:
        rows, found, correct = line.split(" | ")[2:]
        assert rows == found == correct.rstrip(" |"), line
