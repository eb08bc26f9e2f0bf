"""TRL's side of `step`: GRPOTrainer in an environment of its own, on the same model, prompts, sizes and verifier.

Needs trl, torch and transformers; of ours only what is standard library (verifier, task, harness).
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

from benchmarks import harness
from verigrad.tasks.chains import chains
from verigrad.types import Grade
from verigrad.verifiers import find_verifier

WARM_UP = 1


@dataclass(frozen=True, slots=True)
class Task:
    """What is asked of TRL. `products` "fast" gives it the library for float32 products that ours switches to."""

    model: str
    questions: int
    rollouts: int
    max_tokens: int
    steps: int
    microbatch: int
    threads: int
    products: str
    dtype: str
    device: str


def run(**asked: Any) -> dict[str, Any]:
    """Median seconds per step after a warm-up, tokens per response, memory, and the versions used."""
    task = Task(**asked)
    torch, trl, transformers = map(importlib.import_module, ("torch", "trl", "transformers"))
    if task.threads:
        torch.set_num_threads(task.threads)
    if task.products == "fast":
        torch.backends.mkldnn.matmul.fp32_precision = "bf16"
    network = transformers.AutoModelForCausalLM.from_pretrained(task.model, dtype=getattr(torch, task.dtype))
    loaded = harness.resident_bytes()
    with TemporaryDirectory() as directory:
        trainer = _trainer(trl, transformers, network, task, directory)
        clock = _clock(transformers)
        trainer.add_callback(clock)
        trainer.train()
    key = "completions/mean_length"
    lengths = [line[key] for line in trainer.state.log_history if key in line]
    return {
        "seconds": median(clock.seconds[WARM_UP:]),
        "tokens": median(lengths[WARM_UP:]),
        "loaded": loaded,
        "peak": torch.cuda.max_memory_allocated() if task.device == "cuda" else harness.peak_bytes(),
        "versions": {module.__name__: module.__version__ for module in (trl, torch, transformers)},
    }


def _trainer(trl: Any, transformers: Any, network: Any, task: Task, directory: str) -> Any:
    problems = chains(task.questions * (WARM_UP + task.steps), seed=0, split="train")
    by_prompt = {prompt_of(problem.question): problem for problem in problems}
    verify = find_verifier("r1_zero")

    def reward(prompts: list[str], completions: list[str], **_: Any) -> list[float]:
        outcomes = [verify(by_prompt[p], text) for p, text in zip(prompts, completions, strict=True)]
        return [outcome.reward if isinstance(outcome, Grade) else 0.0 for outcome in outcomes]

    sizes = {
        "max_steps": WARM_UP + task.steps,
        "per_device_train_batch_size": task.microbatch,
        "gradient_accumulation_steps": task.questions * task.rollouts // task.microbatch,
        "num_generations": task.rollouts,
        "max_completion_length": task.max_tokens,
    }
    return trl.GRPOTrainer(
        model=network,
        processing_class=transformers.AutoTokenizer.from_pretrained(task.model, padding_side="left"),
        reward_funcs=reward,
        train_dataset=importlib.import_module("datasets").Dataset.from_dict({"prompt": list(by_prompt)}),
        args=trl.GRPOConfig(output_dir=directory, **sizes, **fixed(task.device)),
    )


def prompt_of(question: str) -> str:
    """A question in the template `tiny`."""
    template = Path(__file__).parent.parent / "verigrad" / "data" / "templates" / "tiny.txt"
    return template.read_text(encoding="utf-8").replace("{question}", question)


def fixed(device: str) -> dict[str, Any]:
    """No reference model, no checkpoint, no recomputation, nothing reported: the step alone, at its fastest."""
    return {
        "beta": 0.0,
        "num_iterations": 1,
        "temperature": 1.0,
        "top_p": 1.0,
        "top_k": 0,
        "learning_rate": 1e-6,
        "lr_scheduler_type": "constant",
        "bf16": False,
        "use_cpu": device == "cpu",
        "gradient_checkpointing": False,
        "save_strategy": "no",
        "logging_steps": 1,
        "report_to": "none",
        "disable_tqdm": True,
        "dataloader_pin_memory": False,
        "seed": 0,
    }


def _clock(transformers: Any) -> Any:
    class Clock(transformers.TrainerCallback):  # type: ignore[misc]
        """Seconds from the end of one step to the end of the next."""

        def __init__(self) -> None:
            self.seconds: list[float] = []
            self._last = 0.0

        def on_train_begin(self, *_: Any, **__: Any) -> None:
            self._last = perf_counter()

        def on_step_end(self, *_: Any, **__: Any) -> None:
            now = perf_counter()
            self.seconds.append(now - self._last)
            self._last = now

    return Clock()


if __name__ == "__main__":
    harness.answer(run)
