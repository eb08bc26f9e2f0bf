"""A small run directory in the formats of docs/run-directory.md, with numbers that are easy to find again."""

import json
from pathlib import Path

import pytest
import tomli_w

from verigrad.stats import wilson

HOSTILE = "1 < 2 && </script><script>alert('x')</script><img src=x onerror=alert(1)> \u200b\u202e\x00\ud800end"


def write_lines(path: Path, rows) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def config(seed: int = 0, **algorithm) -> dict:
    return {
        "run": {"dir": f"runs/seed{seed}", "seed": seed},
        "model": {"path": "embedded:chains"},
        "task": {"name": "chains", "template": "tiny"},
        "algorithm": {"name": "expert_iteration", "steps": 4, "questions_per_step": 20, **algorithm},
    }


def evaluation(step: int, right: int, n: int = 40, greedy: int | None = None) -> dict:
    interval = wilson(right, n)
    row = {"step": step, "rollouts_seen": 80 * step, "seconds": 10.0 * step, "n": n, "samples": 1}
    row |= {"accuracy": interval.estimate, "accuracy_low": interval.low, "accuracy_high": interval.high}
    row |= {"format_rate": 0.9, "pass_at_k": {"1": interval.estimate}, "mean_tokens": 30.5, "truncated": 0.05}
    row |= {"classes": {"format1_answer1": right, "format1_answer0": n - right - 4, "format0": 4}}
    row |= {"statuses": {"correct": right, "wrong": n - right - 5, "unparsable": 4, "timeout": 1}}
    row |= {"template": "tiny", "verifier": "r1_zero", "temperature": 1.0, "top_p": 1.0, "max_tokens": 64}
    row |= {"task": "chains", "model": "embedded:chains"}
    if greedy is not None:
        limits = wilson(greedy, n)
        row |= {"greedy_accuracy": greedy / n, "greedy_accuracy_low": limits.low, "greedy_accuracy_high": limits.high}
    return row


def step_line(step: int, seconds: float = 10.0) -> dict:
    row = {"kind": "step", "step": step, "update": 2 * step, "rollouts_seen": 80 * step, "seconds": seconds * step}
    row |= {"pass_rate": 0.1 * step, "format_reward": 0.8, "kept": 8 * step, "questions": 20, "rollouts": 80}
    row |= {"questions_solved": 3 * step, "mean_tokens": 31.0, "entropy_old": 0.9 - 0.1 * step}
    return row | {"mean_tokens_correct": 28.0 + step, "mean_tokens_incorrect": 36.0 + step}


def response(i: int, right: bool, mode: str = "sampled", **changes) -> dict:
    row = {"problem_id": f"p{i}", "question": f"{i}+1=", "prompt": f"Q: {i}+1=\nA:", "truth": str(i + 1), "mode": mode}
    shape = i % 3
    row |= {"response": f"<answer>{i + (1 if right else 2)}</answer>", "extracted": str(i + (1 if right else 2))}
    row |= {"reward": float(right), "answer_reward": float(right), "format_reward": float(right or shape != 0)}
    row |= {"status": "correct" if right else "wrong", "reason": "number" if right else "mismatch"}
    row |= {"stop_reason": "length" if shape == 0 and not right else "stop_string", "token_ids": [1, 2, 3], "tokens": 3}
    row |= {"policy_version": 0, "temperature": 0.0 if mode == "greedy" else 1.0}
    row |= {"stream": {"seed": 0, "generation": "eval", "question": i, "rollout": 0}}
    return row | changes


def responses(right: int, n: int = 40) -> list[dict]:
    return [response(i, i < right, mode) for mode in ("sampled", "greedy") for i in range(n)]


def write_run(path: Path, seed: int = 0, steps: int = 4, lift: int = 6) -> Path:
    """Evaluations of 40 problems: 6 right at the base, `lift` more with each step."""
    path.mkdir(parents=True)
    (path / "config.toml").write_text(tomli_w.dumps(config(seed)), encoding="utf-8")
    (path / "environment.json").write_text(json.dumps({"versions": {"verigrad": "0.1.0"}, "threads": 2}))
    rights = [6 + lift * step for step in range(steps + 1)]
    write_lines(path / "eval.jsonl", [evaluation(step, right, greedy=right + 2) for step, right in enumerate(rights)])
    updates = [
        {"kind": "update", "step": u // 2 + 1, "update": u + 1, "entropy": 0.8 - 0.02 * u, "loss": 0.5}
        for u in range(2 * steps)
    ]
    write_lines(path / "metrics.jsonl", [*updates, *(step_line(step) for step in range(1, steps + 1))])
    for step, right in enumerate(rights):
        write_lines(path / "eval" / f"step_{step:06d}.jsonl", responses(right))
        if step:
            rows = [
                response(i, i % 4 == 0, kept=i % 4 == 0, advantage=1.0, entropy=0.4, sampler_logprobs=[-0.1] * 3)
                for i in range(80)
            ]
            write_lines(path / "rollouts" / f"step_{step:06d}.jsonl", rows)
    return path


@pytest.fixture
def run_dir(tmp_path):
    return write_run(tmp_path / "first")
