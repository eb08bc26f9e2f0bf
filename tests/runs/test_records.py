"""Lines that hold whatever a model says."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.algorithms.parts import PROBLEMS, encode, graded, prompts
from tests.tiny import END_ID
from verigrad.runs import read_lines, rollout_line, to_line

PROMPT = prompts(PROBLEMS)[3]
HOSTILE = [
    "\ud800 alone, \udc00 too",
    "\x00\x01\x1b[31m\x7f\x85",
    "two\nlines\r\nand\u2028more\u2029",
    '"quoted" \\ </script>',
    "é 漢 🙂 \u202e",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_any_response_survives_writing_and_reading(tmp_path, text):
    path = tmp_path / "lines.jsonl"
    line = rollout_line(graded(PROMPT, "x")) | {"response": text}
    path.write_text(to_line(line) + to_line({"step": 2}), encoding="utf-8")
    assert read_lines(path) == [line, {"step": 2}]
    assert path.read_bytes().isascii()
    assert len(path.read_bytes().split(b"\n")) == 3, "a line is a line, whatever is in it"


@given(st.text(st.characters(codec=None, categories=None)))
def test_a_line_is_one_line_of_ascii_for_every_text(text):
    line = to_line({"response": text})
    assert line.isascii()
    assert line.count("\n") == 1
    assert json.loads(line) == {"response": text}


def test_a_line_of_a_rollout_is_plain_json():
    line = rollout_line(graded(PROMPT, "4"))
    assert line == {
        "problem_id": "p3",
        "question": "3+1",
        "prompt": "3+1=",
        "response": "4",
        "truth": "4",
        "reward": 1.0,
        "format_reward": 1.0,
        "answer_reward": 1.0,
        "status": "correct",
        "extracted": "",
        "reason": "",
        "parts": [],
        "stop_reason": "end_token",
        "token_ids": [*encode("4"), END_ID],
        "tokens": 2,
        "policy_version": 0,
        "stream": {"seed": 0, "generation": "train/1", "question": 0, "rollout": 0},
        "temperature": 1.0,
    }
    assert json.loads(to_line(line)) == line


def test_the_parts_of_a_composed_reward_are_plain_json():
    rollout = graded(PROMPT, "4")
    composed = replace(rollout, grade=replace(rollout.grade, parts=(("boxed", 0.5), ("r1_zero", 1.0))))
    line = rollout_line(composed)
    assert line["parts"] == [["boxed", 0.5], ["r1_zero", 1.0]]
    assert json.loads(to_line(line)) == line


def test_a_number_that_is_none_is_refused_rather_than_written():
    with pytest.raises(ValueError, match="not JSON compliant"):
        to_line({"loss": float("nan")})


def test_a_last_line_that_was_cut_off_is_left_out(tmp_path):
    path = tmp_path / "lines.jsonl"
    path.write_text('{"step": 1}\n\n{"step": 2}\n{"ste', encoding="utf-8")
    assert read_lines(path) == [{"step": 1}, {"step": 2}]
    path.write_text('{"step": 1}', encoding="utf-8")  # whole, but it cannot be known
    assert read_lines(path) == []


def test_a_file_that_is_not_there_has_no_lines(tmp_path):
    assert read_lines(tmp_path / "absent.jsonl") == []
