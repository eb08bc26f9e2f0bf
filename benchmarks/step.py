"""A whole training step, 64 questions × 16 rollouts and one update, beside TRL's GRPOTrainer.

Each side runs in processes of its own, in turn: the same weights, prompts, group size, token limit and verifier, all
rollouts trained on; what they begin with alike, ours computes once. TRL needs an environment with `pip install
'verigrad[bench]'`, named with --peer-python; micro-batch and library for products are searched for it, for each number
of threads. Without it, ours is measured alone.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks import harness, machine
from benchmarks.workload import LONG, SHAPES, make_policy

OURS, TRL = "benchmarks.step_child", "benchmarks.step_trl"
Result = dict[str, Any]
Side = Callable[[int], Result]


def main(words: Sequence[str] | None = None) -> None:
    made = harness.parser(__doc__, ["embedded", "qwen2.5-1.5b", LONG, "smoke"])
    made.add_argument("--peer-python", default="", metavar="PYTHON", help="interpreter of an environment with TRL")
    made.add_argument("--questions", type=int, default=0, help="questions of a step (default: the shape's, 64)")
    made.add_argument("--steps", type=int, default=2, help="measured steps per process, after one that is not")
    made.add_argument("--algorithm", default="grpo", help="a row of the table")
    made.add_argument("--microbatches", default="1024,256,64", help="sequences of TRL's micro-batch to try")
    made.add_argument("--keep", default="", metavar="DIR", help="leave the run of our side there, for one pair")
    arguments = harness.parse(made, words)
    report = harness.Report("step", arguments, machine.describe(arguments.device))
    questions = arguments.questions or SHAPES[arguments.shape].questions
    common = {"questions": questions, "steps": arguments.steps, "device": arguments.device}
    task = {"shape": arguments.shape, "algorithm": arguments.algorithm, "keep": arguments.keep, **common}
    counts = machine.thread_counts() if arguments.device == "cpu" else [0]
    counts = counts[:1] if arguments.quick else counts
    sides: dict[str, Side] = {
        f"ours, threads {count}": lambda _, count=count: harness.run_child(OURS, {**task, "threads": count})  # type: ignore[misc]
        for count in counts
    }
    with TemporaryDirectory() as directory:
        if arguments.peer_python:
            make_policy(arguments.shape).export(Path(directory))
            sides |= _peers(report, directory, common, arguments, counts)
        runs = dict(zip(sides, harness.alternate(list(sides.values()), arguments.pairs), strict=True))
    _report_runs(report, runs, questions * SHAPES[arguments.shape].rollouts)
    if arguments.device == "cuda":
        _report_gpu(report, runs["ours, threads 0"], arguments.shape)


def _peers(
    report: harness.Report, directory: str, common: Result, arguments: argparse.Namespace, threads: Sequence[int]
) -> dict[str, Side]:
    """TRL at its best settings for each number of threads, with PyTorch's products by default and with ours."""
    shape = SHAPES[arguments.shape]
    rollouts = common["questions"] * shape.rollouts
    sizes = sorted({min(int(size), rollouts) for size in arguments.microbatches.split(",")})
    sizes = [size for size in sizes if rollouts % size == 0] or [rollouts]
    if arguments.quick:
        sizes = sizes[-1:]
    fixed = {"model": directory, "rollouts": shape.rollouts, "max_tokens": shape.max_tokens, "dtype": shape.dtype}

    def measure(settings: Result) -> Result:
        return harness.run_child(TRL, {**common, **fixed, **settings}, arguments.peer_python)

    best: dict[str, Side] = {}
    rows = []
    both = ("default", "fast") if machine.has_fast_products() else ("default",)
    for products, count in product(both, threads):
        found = []
        for size in sizes:
            settings = {"microbatch": size, "threads": count, "products": products}
            result = measure(settings)
            found.append((result["seconds"], settings))
            rows.append({"settings": _shown(settings), "seconds per step": result["seconds"]})
        chosen = min(found, key=lambda item: item[0])[1]
        best[f"TRL, {_shown(chosen)}"] = lambda _, chosen=chosen: measure(chosen)  # type: ignore[misc]
    versions = ", ".join(f"{name} {version}" for name, version in result["versions"].items())
    report.table(f"TRL's settings ({versions})", sorted(rows, key=lambda row: row["seconds per step"]))
    return best


def _shown(settings: Result) -> str:
    products = ", our products" if settings["products"] == "fast" else ""
    return f"micro-batch {settings['microbatch']}, threads {settings['threads']}{products}"


def _report_runs(report: harness.Report, runs: dict[str, list[Result]], rollouts: int) -> None:
    def spread(name: str, key: str, unit: float = 1.0) -> harness.Spread:
        return harness.Spread.of([run[key] / unit for run in runs[name]])

    rows = []
    for name in runs:
        row = {"side": name, "seconds per step": spread(name, "seconds"), "tokens per response": spread(name, "tokens")}
        if "planned" in runs[name][0]:
            row["planned peak MiB"] = runs[name][0]["planned"] / 2**20
        row |= {"MiB when loaded": spread(name, "loaded", 2**20), "peak MiB": spread(name, "peak", 2**20)}
        rows.append(row)
    report.table(f"A step of {rollouts:,} rollouts", rows)
    ours = [name for name in runs if name.startswith("ours")]
    rows = []
    for name in ours:
        phases = {
            phase: harness.Spread.of([run["phases"][phase] for run in runs[name]]) for phase in runs[name][0]["phases"]
        }
        rest = harness.Spread.of([run["seconds"] - sum(run["phases"].values()) for run in runs[name]])
        rows.append({"side": name, **phases, "writing and the rest": rest})
    report.table("Ours by phase, seconds", rows)
    bars = []
    for name in [name for name in runs if name not in ours]:
        # against ours on as many threads
        side = next(one for one in ours if name.split(", our products")[0].endswith(one.removeprefix("ours, ")))
        seconds, peak = ([[run[key] for run in runs[one]] for one in (name, side)] for key in ("seconds", "peak"))
        bars.append(harness.bar(f"speed, {side}, against {name}", harness.Spread.ratio(*seconds), "≥", 3.0))
        bars.append(harness.bar(f"peak memory, {side} ÷ {name}", harness.Spread.ratio(*reversed(peak)), "≤", 1.0))
    if bars:
        report.bars(bars)


def _report_gpu(report: harness.Report, runs: list[Result], shape: str) -> None:
    """What a GPU's step is held to: the peak that was planned for it, and the course's step its seconds."""
    peak = harness.Spread.of([abs(run["peak"] / run["planned"] - 1) for run in runs])
    bars = [harness.bar("peak memory beside the plan, relative difference", peak, "≤", 0.1)]
    if shape == LONG:
        seconds = harness.Spread.of([run["seconds"] for run in runs])
        bars.append(harness.bar("seconds of a step of 256 rollouts × 1,024 tokens", seconds, "≤", 15.0))
    report.bars(bars)


if __name__ == "__main__":
    main()
