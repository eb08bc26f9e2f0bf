"""Rollouts: tokens per second of our sampler, beside transformers' `generate` at its best settings.

Both draw from the same model and prompts, at temperature 1 and with the same token limit; only tokens up to and
including each response's end count. `generate` is searched over batch size, threads, cache and how it stops (by stop
string, or by its end token alone, where it decodes past the stop string and those tokens do not count), with PyTorch's
products as they are by default, and on a CPU again with those that our library switches to.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import product
from statistics import median
from time import process_time
from typing import Any

import torch

from benchmarks import harness, machine
from benchmarks.workload import SHAPES, Shape, Work, make_policy, make_step_prompts, rollout_work, step_requests
from verigrad.api import set_threads
from verigrad.config.schema import Sampler as SamplerSettings
from verigrad.policy import Policy
from verigrad.samplers import LocalSampler
from verigrad.samplers.stopping import first_stop
from verigrad.types import Prompt

FINALISTS = 4
Pairs = list[tuple[tuple[int, ...], tuple[int, ...]]]


@dataclass(frozen=True, slots=True)
class Variant:
    """Settings of `generate`."""

    batch: int
    threads: int
    cache: str
    stops_by: str
    products: str = "default"

    def __str__(self) -> str:
        products = ", our products" if self.products == "fast" else ""
        return f"batch {self.batch}, threads {self.threads}, {self.cache} cache, stops by {self.stops_by}{products}"


@dataclass(frozen=True, slots=True)
class Measured:
    """Seconds on the clock and of the processor, and the (prompt, response) pairs of token ids sampled in them."""

    seconds: float
    cpu_seconds: float
    pairs: Pairs

    @property
    def tokens(self) -> int:
        return sum(len(response) for _, response in self.pairs)

    @property
    def rate(self) -> float:
        return self.tokens / self.seconds


class Ours:
    """The embedded sampler with the library's own settings, on `threads` threads."""

    def __init__(
        self,
        policy: Policy,
        prompts: Sequence[Prompt],
        shape: Shape,
        device: str,
        threads: int,
        compute: str = "same",
    ) -> None:
        slots = SamplerSettings().slots
        self._sampler = LocalSampler(
            policy.model, decode=policy.decode, end_ids=policy.end_ids, slots=slots, compute=compute
        )
        self._prompts, self._shape, self._device = prompts, shape, device
        self.rows = min(slots, len(prompts) * shape.rollouts)
        self.threads = threads

    def __call__(self, pair: int) -> Measured:
        requests = step_requests(self._prompts, self._shape, pair)
        with machine.settings(self.threads, "fast"):
            before = process_time()
            seconds, done = machine.timed(lambda: list(self._sampler.sample(requests)), self._device)
        return Measured(seconds, process_time() - before, [(one.prompt.token_ids, one.token_ids) for one in done])


class Generate:
    """transformers' `generate` over the same rollouts, shortest prompts first, left-padded."""

    def __init__(self, policy: Policy, prompts: Sequence[Prompt], shape: Shape, device: str) -> None:
        self._policy, self._shape, self._device = policy, shape, device
        rows = [prompt.token_ids for prompt in prompts for _ in range(shape.rollouts)]
        self._rows = sorted(rows, key=len)
        logging.getLogger("transformers.generation.utils").setLevel(logging.ERROR)

    def measure(self, variant: Variant, pair: int) -> Measured:
        torch.manual_seed(pair)
        with machine.settings(variant.threads, variant.products):
            before = process_time()
            seconds, drawn = machine.timed(lambda: list(self._generate(variant)), self._device)
            worked = process_time() - before
        pairs = zip(self._rows, drawn, strict=True)
        return Measured(
            seconds, worked, [(row, tuple(ids.tolist()[: self._length(ids.tolist())])) for row, ids in pairs]
        )

    def _generate(self, variant: Variant) -> Iterator[torch.Tensor]:
        from transformers import GenerationConfig

        settings = GenerationConfig(
            do_sample=True,
            temperature=1.0,
            top_k=0,
            top_p=1.0,
            max_new_tokens=self._shape.max_tokens,
            eos_token_id=list(self._policy.end_ids),
            pad_token_id=self._policy.tokenizer.pad_token_id,
            cache_implementation=None if variant.cache == "dynamic" else variant.cache,
            stop_strings=list(self._shape.stop) if variant.stops_by == "stop string" else None,
        )
        keywords = {"tokenizer": self._policy.tokenizer} if variant.stops_by == "stop string" else {}
        for start in range(0, len(self._rows), variant.batch):
            part = self._rows[start : start + variant.batch]
            width = max(map(len, part))
            ids = torch.tensor([[0] * (width - len(row)) + list(row) for row in part], device=self._device)
            mask = torch.tensor([[0] * (width - len(row)) + [1] * len(row) for row in part], device=self._device)
            with torch.inference_mode():
                drawn = self._policy.model.generate(
                    input_ids=ids, attention_mask=mask, generation_config=settings, **keywords
                )
            yield from drawn[:, width:].cpu()

    def _length(self, ids: list[int]) -> int:
        """Tokens up to and including the response's end: an end token, the token that completes a stop string."""
        ends = [place for place, token in enumerate(ids) if token in self._policy.end_ids]
        length = ends[0] + 1 if ends else len(ids)
        stop = self._shape.stop
        if first_stop(self._policy.decode(ids[:length]), stop) is None:
            return length
        return next(n for n in range(1, length + 1) if first_stop(self._policy.decode(ids[:n]), stop) is not None)


def search(peer: Generate, variants: Iterable[Variant], rounds: int, device: str) -> list[tuple[Variant, float]]:
    """Each variant once, the best few `rounds` times more; (variant, tokens/s) in order.

    On a CPU the best few with our products too; a GPU has no such choice, and with `rounds` = 0 one search is enough.
    """
    first = {variant: peer.measure(variant, 0).rate for variant in variants}
    finalists = sorted(first, key=lambda variant: -first[variant])[:FINALISTS]
    if not rounds:
        return [(variant, first[variant]) for variant in finalists]
    if device == "cpu":
        finalists += [replace(variant, products="fast") for variant in finalists]
    rates = {one: median(peer.measure(one, round_).rate for round_ in range(rounds)) for one in finalists}
    return sorted(rates.items(), key=lambda item: -item[1])


def variants_of(rollouts: int, arguments: argparse.Namespace) -> list[Variant]:
    """The settings of `generate` that are tried."""
    batches = [int(size) for size in arguments.batches.split(",")]
    sizes = sorted({min(size, rollouts) for size in batches})
    threads = machine.thread_counts() if arguments.device == "cpu" else [torch.get_num_threads()]
    if arguments.quick and arguments.device == "cpu":
        sizes = sorted({min(256, rollouts), rollouts})
    caches = ["dynamic"] if arguments.quick else ["dynamic", "static"]
    stops = [arguments.stops_by] if arguments.stops_by else ["end token", "stop string"]
    return [Variant(*chosen) for chosen in product(sizes, threads, caches, stops)]


def limits(policy: Policy, rows: int, work: Work, device: str) -> dict[int, float]:
    """Seconds that the least work takes at measured rates, by thread count: products of the model's own shape."""
    config = policy.model.config
    counts = machine.thread_counts() if device == "cpu" else [torch.get_num_threads()]
    found = {}
    for count in counts:
        with machine.settings(count, "fast"):
            rate = machine.gemm_rate(
                rows, config.hidden_size, config.intermediate_size, dtype=policy.model.dtype, device=device
            )
            found[count] = work.seconds(rate, machine.bandwidth(device))
    return found


def main(words: Sequence[str] | None = None) -> None:
    made = harness.parser(__doc__, ["embedded", "qwen2.5-1.5b", "smoke"])
    made.add_argument("--batches", default="64,128,256,512,1024", help="batch sizes of generate to try")
    made.add_argument("--questions", type=int, default=0, help="questions (default: the shape's, 64)")
    made.add_argument("--tokens", type=int, default=0, help="token limit of a response (default: the shape's)")
    made.add_argument("--stops-by", choices=("end token", "stop string"), help="how generate stops (default: both)")
    arguments = harness.parse(made, words)
    shape = SHAPES[arguments.shape]
    shape = replace(
        shape,
        questions=arguments.questions or shape.questions,
        max_tokens=arguments.tokens or shape.max_tokens,
    )
    report = harness.Report("rollout", arguments, machine.describe(arguments.device))
    with machine.settings():
        _compare(report, shape, arguments)


def _compare(report: harness.Report, shape: Shape, arguments: argparse.Namespace) -> None:
    policy = make_policy(arguments.shape, arguments.device)
    set_threads(0, policy)
    prompts = make_step_prompts(policy, shape.questions)
    counts = machine.thread_counts() if arguments.device == "cpu" else [torch.get_num_threads()]
    ours = [Ours(policy, prompts, shape, arguments.device, threads) for threads in counts]
    peer = Generate(policy, prompts, shape, arguments.device)
    for one in ours:
        one(-1)
    rounds = 2 if not arguments.quick else int(arguments.device == "cpu")
    found = search(peer, variants_of(shape.questions * shape.rollouts, arguments), rounds, arguments.device)
    report.table("generate, its best settings", [{"settings": str(one), "tokens/s": rate} for one, rate in found])
    kinds = ("default", "fast") if arguments.device == "cpu" else ("default",)
    best = [next(one for one, _ in found if one.products == products) for products in kinds]
    peers = [partial(peer.measure, variant) for variant in best]
    sides: list[Callable[[int], Measured]] = [*ours, *peers]
    names = [*[f"ours, threads {one.threads}" for one in ours], *[f"generate, {variant}" for variant in best]]
    runs = dict(zip(names, harness.alternate(sides, arguments.pairs), strict=True))
    _report_sides(report, runs)
    work = rollout_work(policy.model, runs[names[0]][0].pairs)
    seconds = [median(one.seconds for one in runs[name]) for name in names[: len(ours)]]
    report.table(
        f"Limit: {work.flop / 1e9:.3g} GFLOP in linear layers, {work.cache_bytes / 1e9:.3g} GB of keys and values",
        [
            {"threads": count, "limit, seconds": limit, "ours reaches": limit / reached}
            for (count, limit), reached in zip(
                limits(policy, ours[0].rows, work, arguments.device).items(), seconds, strict=True
            )
        ],
    )
    rates = {name: [one.rate for one in measured] for name, measured in runs.items()}
    fastest = max(names[: len(ours)], key=lambda name: median(rates[name]))
    least = 3.0 if arguments.device == "cpu" else 5.0
    report.bars(
        [
            harness.bar(f"tokens/s, {fastest} ÷ {name}", harness.Spread.ratio(rates[fastest], rates[name]), "≥", least)
            for name in names[len(ours) :]
        ]
    )


def _report_sides(report: harness.Report, runs: Mapping[str, Sequence[Measured]]) -> None:
    rows = []
    for name, measured in runs.items():
        row: dict[str, Any] = {"side": name, "tokens/s": harness.Spread.of([one.rate for one in measured])}
        row["tokens per CPU second"] = harness.Spread.of([one.tokens / one.cpu_seconds for one in measured])
        row["seconds"] = harness.Spread.of([one.seconds for one in measured])
        row["tokens per response"] = sum(one.tokens for one in measured) / sum(len(one.pairs) for one in measured)
        rows.append(row)
    report.table("Side by side, median (smallest–largest)", rows)


if __name__ == "__main__":
    main()
