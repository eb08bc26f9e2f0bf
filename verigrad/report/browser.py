"""Which rollouts go on the page: some of each class from the base, the middle and the last step, within a size."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from verigrad.errors import DataError
from verigrad.report.read import Record, RunLog, number

CLASS_NAMES = {
    "correct": "correct",
    "answer": "format right, answer wrong",
    "format": "format wrong",
    "failure": "grader failure",
}
PER_BUCKET = 12
"""Rollouts of one run, step, source and class, before the page's size cuts further."""
TRUNCATED_PER_BUCKET = 10
"""Further ones that ended by length, in addition to those that the classes bring."""
MAX_TEXT = 6_000
MAX_BYTES = 1_800_000

BLANKS = frozenset("\u115f\u1160\u2800\u3164\uffa0\u00ad\u034f\u17b4\u17b5")
"""Characters of visible categories that show nothing."""


@dataclass(frozen=True, slots=True)
class Selection:
    """The rows for the page, how many rollouts the chosen steps hold, and how many texts were shortened."""

    rows: tuple[Record, ...]
    available: int
    shortened: int


def select(runs: Sequence[RunLog], max_bytes: int = MAX_BYTES) -> Selection:
    """Takes one rollout of each bucket in turn until the size is used up, so that every bucket has its share."""
    buckets: dict[tuple[int, int, str, str], list[Record]] = {}
    available = 0
    for index, run in enumerate(runs):
        for step, source, row in _candidates(run):
            available += 1
            key = (index, step, source, class_of(row))
            buckets.setdefault(key, []).append(row)
    chosen, size = [], 0
    for (index, step, source, kind), row in _in_turn({key: _spread(rows) for key, rows in buckets.items()}):
        shown = _shown(row, {"run": runs[index].name, "step": step, "source": source, "class": kind})
        cost = len(embed(shown))
        if size + cost > max_bytes:
            break
        chosen.append(shown)
        size += cost
    chosen.sort(key=lambda row: (row["run"], row["step"], row["source"], list(CLASS_NAMES).index(row["class"])))
    return Selection(tuple(chosen), available, sum(1 for row in chosen if row["shortened"]))


def class_of(row: Record) -> str:
    """The key in `CLASS_NAMES`. A timeout or error of the verifier is a class of its own, not a wrong answer."""
    if row.get("status") in ("timeout", "error"):
        return "failure"
    if row.get("status") == "correct":
        return "correct"
    return "answer" if (number(row, "format_reward") or 0) > 0 else "format"


def visible(text: str) -> str:
    """The text with each character that shows nothing written as ⟨U+200B⟩; newlines and plain spaces stay."""
    return "".join(_mark(character) for character in text)


def embed(value: object) -> str:
    """JSON that may stand in a <script> element: pure ASCII, and no <, > or & in it."""
    text = json.dumps(value, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _candidates(run: RunLog) -> Iterator[tuple[int, str, Record]]:
    """(step, source, row) of the base, middle and last step of the evaluations and of the training rollouts."""
    for step in _three(run.response_steps()):
        for row in _readable(run, step, training=False):
            yield step, "greedy evaluation" if row.get("mode") == "greedy" else "evaluation", _light(row)
    for step in _three(run.rollout_steps()):
        for row in _readable(run, step, training=True):
            yield step, "training", _light(row)


def _light(row: Record) -> Record:
    """Without the per-token lists, which are most of a row's size."""
    return {key: value for key, value in row.items() if not isinstance(value, list | dict)}


def _readable(run: RunLog, step: int, training: bool) -> tuple[Record, ...]:
    try:
        return run.rollouts(step) if training else run.responses(step)
    except DataError:  # one damaged file of rollouts does not cost the report; what is left out is counted
        return ()


def _three(steps: Sequence[int]) -> list[int]:
    return sorted({steps[0], steps[len(steps) // 2], steps[-1]}) if steps else []


def _spread(rows: Sequence[Record]) -> list[Record]:
    """Evenly spaced rows, not the first ones: neighbours share a question. Then some more truncated ones."""
    spaced = _evenly(rows, PER_BUCKET)
    taken = {id(row) for row in spaced}
    cut = [row for row in rows if row.get("stop_reason") == "length" and id(row) not in taken]
    return spaced + _evenly(cut, TRUNCATED_PER_BUCKET)


def _evenly(rows: Sequence[Record], count: int) -> list[Record]:
    if len(rows) <= count:
        return list(rows)
    return [rows[i * len(rows) // count] for i in range(count)]


def _in_turn(buckets: Mapping[Any, Sequence[Record]]) -> Iterator[tuple[Any, Record]]:
    longest = max(map(len, buckets.values()), default=0)
    for position in range(longest):
        for key in sorted(buckets):
            if position < len(buckets[key]):
                yield key, buckets[key][position]


def _shown(row: Record, place: Mapping[str, Any]) -> dict[str, Any]:
    texts = {key: str(row.get(key, "")) for key in ("question", "prompt", "response", "truth", "extracted")}
    plain = ("problem_id", "status", "reason", "stop_reason")
    numbers = (
        "reward",
        "format_reward",
        "answer_reward",
        "tokens",
        "entropy",
        "advantage",
        "temperature",
        "policy_version",
    )
    shown = {key: visible(_cut(text)) for key, text in texts.items()}
    shown |= {key: visible(_cut(str(row[key]))) for key in plain if key in row}
    measured = {key: round(value, 5) for key in numbers if (value := number(row, key)) is not None}
    kept = {"kept": bool(row["kept"])} if "kept" in row else {}
    long = any(len(text) > MAX_TEXT for text in texts.values())
    return {**place, **shown, **measured, **kept, "truncated": row.get("stop_reason") == "length", "shortened": long}


def _cut(text: str) -> str:
    """Start and end of a text that is too long: the answer is at the end."""
    if len(text) <= MAX_TEXT:
        return text
    half = MAX_TEXT // 2
    return f"{text[:half]}\n[… {len(text) - 2 * half:,} characters left out here …]\n{text[-half:]}"


def _mark(character: str) -> str:
    if character in " \n":
        return character
    blank = character in BLANKS or unicodedata.category(character)[0] in "CZ" or "\ufe00" <= character <= "\ufe0f"
    return f"⟨U+{ord(character):04X}⟩" if blank else character


def counts(rows: Iterable[Record]) -> dict[str, int]:
    """How many of the rows are of each class, and how many were truncated, for the page's filters."""
    totals = dict.fromkeys([*CLASS_NAMES, "truncated"], 0)
    for row in rows:
        totals[row["class"]] += 1
        totals["truncated"] += row["truncated"]
    return totals
