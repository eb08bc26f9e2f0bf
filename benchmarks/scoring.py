"""Scoring: log-probs and entropies of 4,096 response tokens at a vocabulary of 151,936, beside the full-logit way.

Each way runs in a process of its own, so that its peak memory is its own. Backward passes take the gradient of a
weighted sum of log-probs; the entropy is a metric there, without gradient, on both sides. The table has all extra
memory; the ratio leaves out, on both sides, the gradients that are handed back (the head's is 890 MiB at these sizes).
Equality is checked on fewer tokens, still several chunks, with gradients of both results.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import Any

import torch

from benchmarks import harness, machine

CHILD = "benchmarks.scoring_child"
SHAPES: dict[str, dict[str, Any]] = {
    "qwen2.5-1.5b": {"tokens": 4096, "hidden": 1536, "vocabulary": 151936},
    "embedded": {"tokens": 16384, "hidden": 128, "vocabulary": 512},
    "smoke": {"tokens": 128, "hidden": 16, "vocabulary": 512},
}
CHECKED = 512
Rows = list[dict[str, Any]]
# Products of [tokens × hidden × vocabulary] that cannot be avoided: one forward, two backward.
PRODUCTS = {False: 1, True: 3}


def main(words: Sequence[str] | None = None) -> None:
    made = harness.parser(__doc__, list(SHAPES))
    made.add_argument("--tokens", type=int, default=0, help="response tokens (default: the shape's)")
    made.add_argument("--threads", type=int, default=0, help="CPU threads (default: PyTorch's own)")
    made.add_argument("--dtype", choices=("float32", "bfloat16"), default="float32")
    arguments = harness.parse(made, words)
    sizes = dict(SHAPES[arguments.shape])
    sizes["tokens"] = arguments.tokens or (512 if arguments.quick else sizes["tokens"])
    report = harness.Report("scoring", arguments, machine.describe(arguments.device))
    rows, bars = [], []
    for backward, limit in ((False, 1.05), (True, 1.4)):
        found = _measure(sizes, backward, limit, arguments)
        rows += found[0]
        bars += found[1]
    report.table(" × ".join(f"{value:,} {name}" for name, value in sizes.items()), rows)
    checked = {**sizes, "tokens": min(CHECKED, sizes["tokens"])}
    gaps = harness.run_child(CHILD, {"task": "compare", **checked, "device": arguments.device})
    bars += [harness.bar(f"largest relative difference, {name}", gap, "≤", 1e-5) for name, gap in gaps.items()]
    report.bars(bars)


def _measure(sizes: dict[str, Any], backward: bool, limit: float, arguments: argparse.Namespace) -> tuple[Rows, Rows]:
    """Table rows and bars of one kind of pass."""
    common = {name: getattr(arguments, name) for name in ("device", "dtype", "threads")}
    task = {"task": "run", **sizes, **common, "backward": backward}

    def side(way: str) -> Callable[[int], dict[str, Any]]:
        return lambda _: harness.run_child(CHILD, {**task, "way": way})

    ours, full = harness.alternate([side("ours"), side("full")], arguments.pairs)
    least = _least_seconds(sizes, PRODUCTS[backward], arguments)
    phase = "forward and backward" if backward else "forward"
    rows: Rows = []
    for name, runs in (("ours", ours), ("full logits", full)):
        seconds = harness.Spread.of([run["seconds"] for run in runs])
        memory = harness.Spread.of([run["bytes"] / 2**20 for run in runs])
        row = {"pass": phase, "way": name, "seconds": seconds, "extra peak MiB": memory}
        rows.append({**row, "of GEMM limit": least / seconds.median})
    time = harness.Spread.ratio([run["seconds"] for run in ours], [run["seconds"] for run in full])
    beyond = [
        [max(4096, run["bytes"] - _result_bytes(sizes, backward, arguments)) for run in side] for side in (ours, full)
    ]
    space = harness.Spread.ratio(*beyond)
    bars = [harness.bar(f"{phase}: seconds, ours ÷ full", time, "≤", limit)]
    what = "extra peak memory beyond the gradients" if backward else "extra peak memory"
    return rows, [*bars, harness.bar(f"{phase}: {what}, ours ÷ full", space, "≤", 1 / 8)]


def _result_bytes(sizes: dict[str, Any], backward: bool, arguments: argparse.Namespace) -> int:
    """Of the gradients of hidden states and head, which a backward pass hands back whichever way it goes."""
    elements = (sizes["tokens"] + sizes["vocabulary"]) * sizes["hidden"] if backward else 0
    return int(elements * getattr(torch, arguments.dtype).itemsize)


def _least_seconds(sizes: dict[str, Any], products: int, arguments: argparse.Namespace) -> float:
    """Of the products that cannot be avoided, at the rate measured for this shape (with a part of the vocabulary)."""
    part = min(sizes["vocabulary"], 16384)
    rows = min(sizes["tokens"], 512)
    with machine.settings(arguments.threads, "fast"):
        dtype = getattr(torch, arguments.dtype)
        rate = machine.gemm_rate(rows, sizes["hidden"], part, dtype=dtype, device=arguments.device)
    return float(products * 2 * sizes["tokens"] * sizes["hidden"] * sizes["vocabulary"] / rate)


if __name__ == "__main__":
    main()
