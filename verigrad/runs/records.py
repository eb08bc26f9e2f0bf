"""Lines of rollouts/ and eval/: what a reader needs to see one response, in plain JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from verigrad.types import Grade, Rollout, StreamKey

_GRADE = tuple(field.name for field in fields(Grade) if field.name != "parts")
_STREAM = tuple(field.name for field in fields(StreamKey))


def rollout_line(rollout: Rollout) -> dict[str, Any]:
    """The fields that training rollouts and evaluation responses share."""
    completion = rollout.completion
    grade = {name: getattr(rollout.grade, name) for name in _GRADE}  # `asdict` copies, which takes as long as the rest
    parts = dict(rollout.grade.parts)
    return {
        "problem_id": completion.problem.id,
        "question": completion.problem.question,
        "prompt": completion.prompt.text,
        "response": completion.text,
        "truth": completion.problem.answer,
        **grade,
        **({"parts": parts} if parts else {}),
        "stop_reason": completion.stop_reason,
        "token_ids": list(completion.token_ids),
        "tokens": len(completion.token_ids),
        "policy_version": completion.policy_version,
        "stream": {name: getattr(completion.request.key, name) for name in _STREAM},
        "temperature": completion.request.params.temperature,
    }


def to_line(values: Mapping[str, Any]) -> str:
    """One line of JSON; lone surrogates are escaped, so that any response can be written and read back."""
    return json.dumps(values, ensure_ascii=True, allow_nan=False) + "\n"


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The complete lines of a JSONL file; a last line that was cut off by a crash is left out."""
    if not path.exists():
        return []
    whole = path.read_bytes().rpartition(b"\n")[0]
    return [json.loads(line) for line in whole.splitlines() if line.strip()]
