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
from benchmarks.workload import SHAPES, make_policy, make_step_prompts
from verigrad.cli.plan import machine_of
from verigrad.config import build
from verigrad.plan import Lengths, make_plan, shape_of
from verigrad.policy import Policy
from verigrad.runs import read_lines
from verigrad.tasks.chains import chains

WARM_UP = 1
PHASES = ("sampling", "scoring", "training")


def run(
    shape: str, algorithm: str, questions: int, steps: int, device: str = "cpu", threads: int = 0, keep: str = ""
) -> dict[str, Any]:
    """Median seconds per step and per phase after a warm-up, tokens per response, and memory.

    A step is all that the library does for one: sampling, grading, scoring, one update on every rollout, and writing
    rollouts and metrics. Responses end with the end token alone, since not every peer knows stop strings. `keep`: a run
    directory that is left there, so that what was done can be read should this process be ended.
    """
    policy = make_policy(shape, device)
    loaded, memory = harness.resident_bytes(), machine.Memory(device)
    problems = chains(questions * (WARM_UP + steps), seed=0, split="train")
    settings = settings_of(shape, algorithm, questions, steps, threads)
    with TemporaryDirectory() as directory:
        run_dir = Path(keep or directory) / "run"
        validation = chains(2, seed=0, split="validation")
        verigrad.train(policy, problems, validation=validation, run_dir=run_dir, settings=settings)
        lines = read_lines(run_dir / "metrics.jsonl")
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
        "planned": planned_bytes(policy, settings),
        "peak": torch.cuda.max_memory_allocated() if device == "cuda" else harness.peak_bytes(),
    }


def settings_of(shape: str, algorithm: str, questions: int, steps: int, threads: int) -> dict[str, Any]:
    """One update per step on all rollouts, at a rate that leaves the lengths as they are; next to no evaluation."""
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
        "eval": {"every": 1_000_000, "problems": 2, "max_tokens": min(8, sizes.max_tokens), "greedy": False},
    }


def planned_bytes(policy: Policy, settings: dict[str, Any]) -> int:
    """The peak that `verigrad plan` says of such a run on this machine: of tensors, all responses at their limit."""
    device = {"device": policy.device.type}
    config = build({**settings, "run": {"dir": "runs/step"}, "model": {**settings["model"], **device}})
    prompts = make_step_prompts(policy, settings["algorithm"]["questions_per_step"])
    longest = Lengths(max(len(prompt.token_ids) for prompt in prompts), config.sampler.max_tokens)
    shape = shape_of(policy.model.config.to_dict())
    return make_plan(config, shape, machine_of(config, "", 0.0), longest, longest).memory.largest


if __name__ == "__main__":
    harness.answer(run)
