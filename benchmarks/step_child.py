"""Our side of `step` and `scaling`: a run of the library in a process of its own, as a user would start it."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import torch

import verigrad
from benchmarks import harness, machine
from benchmarks.workload import SHAPES, make_policy
from verigrad.runs import read_lines
from verigrad.tasks.chains import chains

WARM_UP = 1
PHASES = ("sampling", "scoring", "training")


def run(
    shape: str, algorithm: str, questions: int, steps: int, device: str = "cpu", threads: int = 0
) -> dict[str, Any]:
    """Median seconds per step and per phase after a warm-up, tokens per response, and memory.

    A step is all that the library does for one: sampling, grading, scoring, one update on every rollout, and writing
    rollouts and metrics. Responses end with the end token alone, since not every peer knows stop strings.
    """
    policy = make_policy(shape, device)
    loaded, memory = harness.resident_bytes(), machine.Memory(device)
    problems = chains(questions * (WARM_UP + steps), seed=0, split="train")
    with TemporaryDirectory() as directory:
        settings = settings_of(shape, algorithm, questions, steps, threads)
        validation = chains(2, seed=0, split="validation")
        verigrad.train(policy, problems, validation=validation, run_dir=Path(directory) / "run", settings=settings)
        lines = read_lines(Path(directory) / "run" / "metrics.jsonl")
    ends = [line for line in lines if line["kind"] == "step"]
    whole = [after["seconds"] - before["seconds"] for before, after in pairwise(ends)]
    measured = ends[WARM_UP:]
    seconds = [time - line.get("seconds_evaluating", 0.0) for time, line in zip(whole, measured, strict=True)]
    return {
        "seconds": median(seconds),
        "phases": {phase: median(line[f"seconds_{phase}"] for line in measured) for phase in PHASES},
        "tokens": median(line["mean_tokens"] for line in measured),
        "loaded": loaded,
        "extra": memory.extra(),
        "peak": torch.cuda.max_memory_allocated() if device == "cuda" else harness.peak_bytes(),
    }


def settings_of(shape: str, algorithm: str, questions: int, steps: int, threads: int) -> dict[str, Any]:
    """One update per step on all rollouts, at a rate that leaves the lengths as they are; no evaluation on the way."""
    sizes = SHAPES[shape]
    return {
        "run": {"checkpoint_every": 1_000_000, "threads": threads},
        "model": {"dtype": sizes.dtype},
        "sampler": {"max_tokens": sizes.max_tokens, "stop": [], "min_tokens": 0},
        "algorithm": {
            "name": algorithm,
            "steps": WARM_UP + steps,
            "questions_per_step": questions,
            "rollouts_per_question": sizes.rollouts,
            "select": "all",
            "sequences_per_update": 0,
        },
        "optimizer": {"lr": 1e-6},
        "eval": {"every": 1_000_000, "greedy": False},
    }


if __name__ == "__main__":
    harness.answer(run)
