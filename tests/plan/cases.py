"""The cases that are measured, and the config of each: what the plan is asked."""

from __future__ import annotations

from typing import Any

from tests.plan.phases import Case
from verigrad.config import Config, build
from verigrad.plan import Lengths, Machine, Memory, cpu, memory_of, shape_of

# 19 to 31 M parameters, few enough tokens that each is measured in seconds.
DEEP: dict[str, Any] = {"hidden": 512, "inner": 1408, "layers": 8, "heads": 8, "kv_heads": 2, "vocabulary": 4096}
WORDY: dict[str, Any] = {"hidden": 128, "inner": 352, "layers": 4, "heads": 4, "kv_heads": 2, "vocabulary": 151936}
FEW: dict[str, Any] = {"questions": 2, "group": 4, "prompt": 32, "response": 48}
TRAINING = ("training",)

CASES: dict[str, Case] = {
    "plain": Case(**DEEP, **FEW),
    "checkpointed": Case(**DEEP, **FEW, checkpoint=True, phases=TRAINING),
    "narrow products": Case(**DEEP, **FEW, compute="bfloat16"),
    "narrow products, checkpointed": Case(**DEEP, **FEW, compute="bfloat16", checkpoint=True, phases=TRAINING),
    "narrow weights": Case(**DEEP, **FEW, dtype="bfloat16", phases=("training", "scoring")),
    "micro-batches": Case(**DEEP, **FEW, budget=160, phases=("training", "scoring")),
    "micro-batches, checkpointed": Case(**DEEP, **FEW, budget=160, checkpoint=True, phases=TRAINING),
    "long rows": Case(**DEEP, questions=1, group=1, prompt=64, response=500, phases=("training", "scoring")),
    "many words": Case(**WORDY, **FEW),
    "many words, untied": Case(**WORDY | {"vocabulary": 65536}, **FEW, tied=False, phases=TRAINING),
    "many words, entropy bonus": Case(**WORDY, **FEW, entropy_bonus=0.01, phases=TRAINING),
    "many words, one micro-batch a row": Case(**WORDY, **FEW, budget=80, checkpoint=True, phases=TRAINING),
    "many prompts": Case(**DEEP, questions=24, group=1, prompt=48, response=8, phases=("sampling",)),
    "warm": Case(**WORDY, questions=4, group=8, prompt=16, response=12, temperature=0.7, phases=("sampling",)),
    "greedy": Case(**WORDY, questions=32, group=1, prompt=16, response=8, temperature=0.0, phases=("evaluating",)),
    "nucleus": Case(**WORDY, questions=8, group=4, prompt=16, response=12, top_p=0.9, phases=("evaluating",)),
    "Qwen3": Case(**DEEP, **FEW, architecture="Qwen3", phases=TRAINING),
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
