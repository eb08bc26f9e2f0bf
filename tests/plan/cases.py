"""The cases that are measured, and the config of each: what the plan is asked."""

from __future__ import annotations

from typing import Any

from tests.plan.phases import Case
from verigrad.config import Config, build
from verigrad.plan import Lengths, Machine, Memory, cpu, memory_of, shape_of

# 20 to 25 M parameters, few enough tokens that each is measured in seconds.
DEEP: dict[str, Any] = {"hidden": 512, "inner": 1408, "layers": 8, "heads": 8, "kv_heads": 2, "vocabulary": 4096}
WORDY: dict[str, Any] = {"hidden": 128, "inner": 352, "layers": 4, "heads": 4, "kv_heads": 2, "vocabulary": 151936}
FEW: dict[str, Any] = {"questions": 2, "group": 4, "prompt": 32, "response": 32}
LEARNING, TRAINING, SAMPLING = ("training", "scoring"), ("training",), ("sampling",)
SHORT: dict[str, Any] = {"questions": 4, "group": 8, "prompt": 32, "response": 8, "phases": SAMPLING}

CASES: dict[str, Case] = {
    "plain": Case(**DEEP, **FEW, phases=LEARNING),
    "plain, sampling": Case(**DEEP, **SHORT),
    "checkpointed": Case(**DEEP, **FEW, checkpoint=True, phases=TRAINING),
    "narrow products": Case(**DEEP, **FEW, compute="bfloat16", phases=LEARNING),
    "narrow products, checkpointed": Case(**DEEP, **FEW, compute="bfloat16", checkpoint=True, phases=TRAINING),
    "narrow products, sampling": Case(**DEEP, **SHORT, compute="bfloat16"),
    "narrow weights": Case(**DEEP, **FEW, dtype="bfloat16", phases=LEARNING),
    "micro-batches": Case(**DEEP, **FEW, budget=128, phases=LEARNING),
    "micro-batches, checkpointed": Case(**DEEP, **FEW, budget=128, checkpoint=True, phases=TRAINING),
    "long rows": Case(**DEEP, questions=1, group=1, prompt=64, response=500, phases=LEARNING),
    "Qwen3": Case(**DEEP, **FEW, architecture="Qwen3", phases=TRAINING),
    "many prompts": Case(**DEEP, **SHORT | {"questions": 24, "group": 1, "prompt": 48}),
    "many words": Case(**WORDY, **FEW, phases=LEARNING),
    "many words, sampling": Case(**WORDY, **SHORT),
    "many words, untied": Case(**WORDY | {"vocabulary": 80000}, **FEW, tied=False, phases=TRAINING),
    "many words, entropy bonus": Case(**WORDY, **FEW, entropy_bonus=0.01, phases=TRAINING),
    "many words, a row each": Case(**WORDY, **FEW, budget=64, checkpoint=True, phases=TRAINING),
    "many words, warm": Case(**WORDY, **SHORT, temperature=0.7),
    "many words, greedy": Case(
        **WORDY, **SHORT | {"group": 1, "questions": 32, "phases": ("evaluating",)}, temperature=0
    ),
    "many words, nucleus": Case(**WORDY, **SHORT | {"phases": ("evaluating",)}, top_p=0.9),
}


def config_of(case: Case) -> Config:
    """A run whose step is the case; an evaluation of it, where only that is measured."""
    evaluates = "evaluating" in case.phases
    return build(
        {
            "run": {"dir": "runs/plan"},
            "model": {
                "dtype": case.dtype,
                "compute": case.compute,
                "checkpoint_activations": case.checkpoint,
            },
            "sampler": {
                "max_tokens": case.response,
                "min_tokens": case.min_tokens,
                "slots": case.slots,
                "temperature": 1.0 if evaluates else case.temperature,
            },
            "algorithm": {
                "name": "reinforce",
                "questions_per_step": case.questions,
                "rollouts_per_question": case.group,
                "tokens_per_microbatch": case.budget,
                "entropy_bonus": case.entropy_bonus,
            },
            "eval": {
                "problems": case.questions if evaluates else 1,
                "samples": case.group if evaluates else 1,
                "temperature": case.temperature,
                "top_p": case.top_p,
                "greedy": False,
            },
        }
    )


def planned(case: Case, machine: Machine | None = None) -> Memory:
    shape = shape_of(case.config().to_dict())
    lengths = Lengths(case.prompt, case.response)
    return memory_of(shape, config_of(case), lengths, machine or cpu(2**40, 1))
