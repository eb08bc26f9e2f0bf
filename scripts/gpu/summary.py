"""Sums up a run directory, finished or cut off: evaluations, seconds by phase, sampler gap, and the bars of the run."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import harness
from verigrad.runs import read_lines

PHASES = ("sampling", "scoring", "training", "evaluating")
Rows = list[dict[str, Any]]


def evaluations(lines: Sequence[dict[str, Any]]) -> Rows:
    rows = []
    for line in lines:
        row = {"step": line["step"], "problems": line["n"]}
        row["accuracy, T = 1"] = harness.Spread(line["accuracy"], line["accuracy_low"], line["accuracy_high"])
        row |= {"greedy": line.get("greedy_accuracy", "–"), "format": line["format_rate"]}
        rows.append({**row, "tokens": line["mean_tokens"], "seconds so far": line["seconds"]})
    return rows


def phases(steps: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Sums over the steps."""
    row: dict[str, Any] = {"steps": len(steps), "rollouts": sum(line["rollouts"] for line in steps)}
    for phase in PHASES:
        row[f"{phase}, s"] = float(sum(line.get(f"seconds_{phase}", 0.0) for line in steps))
    tokens = sum(line["mean_tokens"] * line["rollouts"] for line in steps)
    row["sampled tokens/s"] = tokens / max(row["sampling, s"], 1e-9)
    row["largest mean gap, nats"] = max((line.get("sampler_gap_mean", 0.0) for line in steps), default=0.0)
    row["reward, first to last"] = f"{steps[0]['reward']:.3f} → {steps[-1]['reward']:.3f}"
    return row


def bars(name: str, found: Sequence[dict[str, Any]], steps: Sequence[dict[str, Any]]) -> Rows:
    """What such a run is held to."""
    last, first = found[-1], found[0]
    gap = max((line.get("sampler_gap_mean", 0.0) for line in steps), default=0.0)
    if name == "embedded":
        return [
            harness.bar("accuracy after the last step", last["accuracy"], "≥", 0.85),
            harness.bar("largest mean gap between sampler and trainer, float32, nats", gap, "≤", 1e-3),
        ]
    rise = last["accuracy_low"] - first["accuracy_high"]
    rows = [
        harness.bar("lower end of the last interval − upper end of the first", rise, "≥", 0.0),
        harness.bar("largest mean gap between sampler and trainer, bfloat16, nats", gap, "≤", 5e-2),
    ]
    if name == "smollm2-ei":
        spent = sum(line[f"seconds_{phase}"] for line in steps for phase in PHASES[:3])
        rows.append(harness.bar("seconds of five steps, evaluations apart", 5 * spent / len(steps), "≤", 90.0))
    return rows


def main(words: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("--name", required=True)
    parser.add_argument("--json", default="")
    arguments = parser.parse_args(words)
    report = harness.Report(arguments.name, arguments, {"run": arguments.name})
    found = read_lines(arguments.run / "eval.jsonl")
    steps = [line for line in read_lines(arguments.run / "metrics.jsonl") if line["kind"] == "step"]
    if found:
        report.table("Evaluations", evaluations(found))
    if steps:
        report.table("Seconds by phase", [phases(steps)])
    if steps and arguments.name != "step":
        report.bars(bars(arguments.name, found, steps))


if __name__ == "__main__":
    main()
