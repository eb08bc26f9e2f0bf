"""Training alone: the share of the machine's float32 product rate that an update reaches, and what packing wastes.

An update is packing, forward, backward, clipping and AdamW on given samples. Its least work is three products per
weight and token; attention and the head's second forward pass count as overhead. Packing is measured on the lengths of
GSM8K (pieces of a word-and-digit split, where a file is at hand), or on log-normal lengths fitted to them.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarks import harness, machine
from benchmarks.workload import SHAPES, make_policy, make_samples, training_work
from verigrad.api import set_threads
from verigrad.objective import LOSSES
from verigrad.policy import Batch, Policy, pack
from verigrad.types import Sample

GSM8K = "../shared/data/gsm8k/train.jsonl"
PIECES = re.compile(r"\d|[^\W\d]+|[^\s\w]+|\n")
# Mean and deviation of log length, in pieces, of GSM8K's questions and answers.
LOG_NORMAL = ((3.942, 0.356), (4.642, 0.431))
# Sequences, and tokens of prompt and response, of one update.
UPDATES = {"embedded": (1024, 13, 24), "hidden512": (32, 64, 64), "qwen2.5-1.5b": (64, 64, 1024), "smoke": (8, 4, 4)}
BUDGETS = (4096, 16384)  # the first is what a CPU has where none is given (policy.pack.token_budget)


def main(words: Sequence[str] | None = None) -> None:
    made = harness.parser(__doc__, ["all", *UPDATES])
    made.add_argument("--lengths", default=GSM8K, metavar="FILE", help="JSON lines with question and answer")
    made.add_argument("--sequences", type=int, default=1024, help="sequences that packing is measured on")
    arguments = harness.parse(made, words)
    report = harness.Report("training", arguments, machine.describe(arguments.device))
    shapes = ["embedded", "hidden512"] if arguments.shape == "all" else [arguments.shape]
    rows, bars = [], []
    for name in shapes:
        row = measure(name, arguments.device, arguments.pairs)
        rows.append(row)
        if name == "hidden512":
            bars.append(harness.bar("share of the product rate at width 512", row["share of rate"], "≥", 0.6))
        if arguments.device == "cuda" and name == "qwen2.5-1.5b":
            bars.append(
                harness.bar("share of the product rate, responses of 1,024 tokens", row["share of rate"], "≥", 0.45)
            )
    report.table("Updates", rows)
    source, lengths = read_lengths(arguments.lengths, arguments.sequences)
    rows = [{"budget, tokens": budget, "padding": padding(lengths, budget)} for budget in BUDGETS]
    report.table(f"Padding of the attention's rows, {len(lengths):,} sequences, lengths of {source}", rows)
    bars.append(harness.bar("padding at the default budget of a CPU", rows[0]["padding"], "≤", 0.05))
    few = lengths[: 16 if arguments.quick else 128]
    gap = gradient_gap("smoke" if arguments.shape == "smoke" else "embedded", few, arguments.device)
    bars.append(harness.bar("gradient, packed − alone, relative to the largest", gap, "≤", 1e-6))
    report.bars(bars)


def measure(name: str, device: str, repeats: int) -> dict[str, Any]:
    """One shape's update against the product rate of its own widest layer, measured in turn with it."""
    count, prompt, response = UPDATES[name]
    with machine.settings():
        policy = make_policy(name, device)
        set_threads(0, policy)
        sizes = policy.model.config
        samples = make_samples([prompt] * count, [response] * count, sizes.vocab_size)
        work = training_work(policy.model, samples)
        policy.update(samples, _nll)
        rows = min(policy.tokens_per_microbatch, count * (prompt + response))

        def update(_: int) -> float:
            return work.flop / machine.timed(lambda: policy.update(samples, _nll), device)[0]

        def limit(_: int) -> float:
            dtype = policy.model.dtype
            return machine.gemm_rate(rows, sizes.hidden_size, sizes.intermediate_size, dtype=dtype, device=device)

        reached, possible = harness.alternate([update, limit], repeats)
        return {
            "shape": name,
            "hidden": sizes.hidden_size,
            "threads": torch.get_num_threads(),
            "tokens": count * (prompt + response),
            "GFLOP": work.flop / 1e9,
            "GFLOP/s": harness.Spread.of([rate / 1e9 for rate in reached]),
            "product rate": harness.Spread.of([rate / 1e9 for rate in possible]),
            "share of rate": harness.Spread.ratio(reached, possible),
        }


def read_lengths(path: str, count: int) -> tuple[str, list[tuple[int, int]]]:
    """(name of the source, lengths of prompt and response of `count` sequences, drawn with a fixed seed)."""
    draw = random.Random(0)
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except OSError:
        (question, spread), (answer, other) = LOG_NORMAL
        pairs = [(draw.lognormvariate(question, spread), draw.lognormvariate(answer, other)) for _ in range(count)]
        return "a log-normal fit to GSM8K", [(1 + int(a), 1 + int(b)) for a, b in pairs]
    records = [json.loads(line) for line in draw.sample(lines, min(count, len(lines)))]
    return Path(path).parent.name, [
        (len(PIECES.findall(one["question"])), len(PIECES.findall(one["answer"]))) for one in records
    ]


def padding(lengths: Sequence[tuple[int, int]], budget: int) -> float:
    """Share of the attention's rows that is padding, over all micro-batches."""
    samples = _samples(lengths)
    filled = whole = 0
    for batch in pack(samples, budget):
        sizes = [len(samples[row].trajectory.token_ids) for row in batch.rows]
        filled += sum(sizes)
        whole += len(sizes) * max(sizes)
    return 1 - filled / whole


def gradient_gap(shape: str, lengths: Sequence[tuple[int, int]], device: str) -> float:
    """Largest difference between the gradients of packed sequences and of each alone, relative to the largest entry."""
    context = SHAPES[shape].model.get("max_position_embeddings", 2048)
    samples = _samples([pair for pair in lengths if sum(pair) <= context])
    with machine.settings():
        gradients = [
            _gradient(make_policy(shape, device, tokens_per_microbatch=budget), samples) for budget in (16384, 1)
        ]
    packed, alone = gradients
    scale = max(tensor.abs().max().item() for tensor in alone)
    return max((a - b).abs().max().item() for a, b in zip(packed, alone, strict=True)) / scale


def _samples(lengths: Sequence[tuple[int, int]]) -> list[Sample]:
    return make_samples([prompt for prompt, _ in lengths], [response for _, response in lengths], vocabulary=512)


def _gradient(policy: Policy, samples: Sequence[Sample]) -> list[Tensor]:
    set_threads(0, policy)
    policy.accumulate(samples, _nll)
    return [parameter.grad for parameter in policy.model.parameters()]


def _nll(logprobs: Tensor, batch: Batch) -> Tensor:
    """The library's loss of imitation; what it costs is nothing beside the passes."""
    loss: Callable[[Tensor], Tensor] = LOSSES["nll"].function
    return loss(logprobs)


if __name__ == "__main__":
    main()
