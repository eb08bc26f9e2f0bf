import gzip
import json

import pytest

from verigrad.data.files import read_records
from verigrad.errors import DataError

ROWS = [{"question": "1+1", "answer": "2"}, {"question": "2+2\u2028", "answer": 4}]


def write(path, text):
    path.write_text(text, encoding="utf-8")
    return path


def lines(rows):
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def test_json_lines(tmp_path):
    path = write(tmp_path / "a.jsonl", "\ufeff\n" + lines(ROWS).replace("\n", "\r\n"))
    records = read_records(path)
    assert [record.values for record in records] == ROWS
    assert [record.place for record in records] == [f"{path}:2", f"{path}:3"]
    assert [record.id for record in records] == ["a.jsonl:2", "a.jsonl:3"]


def test_a_json_list(tmp_path):
    path = write(tmp_path / "a.json", " " + json.dumps(ROWS, indent=1))
    assert [(record.id, record.values) for record in read_records(str(path))] == [
        ("a.json[0]", ROWS[0]),
        ("a.json[1]", ROWS[1]),
    ]


def test_json_lines_named_json_and_gzipped(tmp_path):
    assert len(read_records(write(tmp_path / "a.json", lines(ROWS)))) == 2
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(gzip.compress(lines(ROWS).encode()))
    assert [record.values for record in read_records(path)] == ROWS


def test_the_home_directory_is_understood(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    write(tmp_path / "a.jsonl", lines(ROWS))
    assert len(read_records("~/a.jsonl")) == 2


def test_a_missing_file_says_where_it_was_looked_for(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError) as error:
        read_records("data/a.jsonl")
    assert f"data/a.jsonl: no such file; looked for {tmp_path / 'data' / 'a.jsonl'}; correct" in str(error.value)


@pytest.mark.parametrize("text", ["", "\n \n", "[]"])
def test_an_empty_file_is_refused(tmp_path, text):
    with pytest.raises(DataError, match=r"a\.jsonl: there are no records in it"):
        read_records(write(tmp_path / "a.jsonl", text))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"a": 1}\n\n{"a": }\n', r"a\.jsonl:3: not JSON \(Expecting value at column 7\)"),
        ('{"a": 1}\n"text"\n', r"a\.jsonl:2: a JSON str; each row must be an object"),
        ('[{"a": 1}, 3]', r"a\.jsonl\[1\]: a JSON int; each row must be an object"),
        ('[{"a": 1},\n {"b"}]', r"a\.jsonl:2: not JSON"),
        ('[{"a": 1}', r"a\.jsonl: not JSON"),
        ('{"a": ' + "1" * 5000 + "}", r"a\.jsonl:1: cannot be read as JSON \(Exceeds the limit"),
        ("[" * 200_000, r"a\.jsonl: cannot be read as JSON"),
    ],
)
def test_a_bad_row_is_named_by_file_and_line(tmp_path, text, message):
    with pytest.raises(DataError, match=message):
        read_records(write(tmp_path / "a.jsonl", text))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.jsonl", b"\xff\xfe"),
        ("a.jsonl.gz", b"{}"),
        ("b.jsonl.gz", gzip.compress(b"{}" * 1000)[:-12]),
        ("c.jsonl.gz", gzip.compress(b"{}")[:10] + b"\xff\xff\xff\xff\xff\xff\xff"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=rf"{name}: cannot be read"):
        read_records(tmp_path / name)


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(DataError, match="cannot be read"):
        read_records(tmp_path)
