"""The parts of a run around the tiny random model: scripted responses, a verifier that runs no process, short logs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import torch

from tests.tiny import END_ID, make_model, make_tokenizer
from verigrad.algorithms import Parts, make_prompts
from verigrad.config import Config, build
from verigrad.grading import Grader, from_function
from verigrad.policy import Policy
from verigrad.runs import read_lines
from verigrad.samplers import ScriptedSampler
from verigrad.types import (
    Completion,
    Grade,
    Problem,
    Prompt,
    Request,
    Rollout,
    SamplingParams,
    Status,
    StopReason,
    StreamKey,
)

CONTEXT = 256
tokenizer = cache(make_tokenizer)


def make_policy(lr: float = 1e-2, **optimizer: Any) -> Policy:
    model = make_model(max_position_embeddings=CONTEXT)
    return Policy(model, tokenizer(), build({"optimizer": {"lr": lr, **optimizer}}).optimizer)


def write_model(
    directory: Path, *, context: int = CONTEXT, words: Any = None, architecture: str = "Qwen2", seed: int = 0
) -> Path:
    """Saves the tiny model as a Hugging Face directory; `words` is another tokenizer to go with it."""
    model: Any = make_model(architecture, seed=seed, max_position_embeddings=context)
    model.save_pretrained(directory)
    (words or tokenizer()).save_pretrained(directory)
    return directory


def weights(policy: Policy) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in policy.named_tensors()}


def same(one: Mapping[str, torch.Tensor], other: Mapping[str, torch.Tensor]) -> bool:
    """Equal to the last bit."""
    return one.keys() == other.keys() and all(torch.equal(tensor, other[name]) for name, tensor in one.items())


PROBLEMS = [Problem(id=f"p{i}", question=f"{i}+1", answer=str(i + 1)) for i in range(8)]
VALIDATION = [Problem(id=f"v{i}", question=f"{i}+2", answer=str(i + 2)) for i in range(4)]


def exact(problem: Problem, response: str) -> Grade:
    """Correct where the response is the answer; of the right format where it has a digit in it."""
    digits = float(any(map(str.isdigit, response)))
    right = float(response == problem.answer)
    status = Status.CORRECT if right else Status.WRONG if digits else Status.UNPARSABLE
    return Grade(right, digits, right, status, extracted=response, reason="exact")


def scripted(script: Callable[[Request], str], kind: type[ScriptedSampler] = ScriptedSampler) -> Any:
    return kind(script, encode=encode, decode=tokenizer().decode, end_id=END_ID)


def encode(text: str) -> tuple[int, ...]:
    return tuple(tokenizer().encode(text))


def prompts(problems: Iterable[Problem]) -> list[Prompt]:
    return make_prompts(problems, lambda problem: f"{problem.question}=", encode)


def graded(prompt: Prompt, text: str, status: Status = Status.CORRECT, *, place: int = 0, rollout: int = 0) -> Rollout:
    """A rollout that nobody sampled: one token per byte of `text`, reward 1 where correct."""
    right = float(status is Status.CORRECT)
    request = Request(prompt, SamplingParams(), StreamKey(0, "train/1", place, rollout))
    ids = (*encode(text), END_ID)
    completion = Completion(request, ids, (-1.0,) * len(ids), text, StopReason.END_TOKEN, 0)
    return Rollout(completion, Grade(right, 1.0, right, status))


def settings(run_dir: Path | str = "unused", **tables: Mapping[str, Any]) -> Config:
    """A config of a few seconds' work at most; the tables given go on top."""
    base: dict[str, dict[str, Any]] = {
        "run": {"dir": str(run_dir)},
        "sampler": {"max_tokens": 8, "min_tokens": 0, "stop": []},
        "algorithm": {
            "steps": 2,
            "questions_per_step": 4,
            "rollouts_per_question": 2,
            "sequences_per_update": 0,
            "scored_rollouts": 0,
        },
        "optimizer": {"lr": 1e-2},
        "eval": {"problems": 0, "greedy": False},
    }
    for name, table in tables.items():
        base[name] = {**base.get(name, {}), **table}
    return build(base)


class Watcher:
    """Progress that remembers what it was told."""

    def __init__(self) -> None:
        self.phases: list[tuple[str, int]] = []
        self.done: list[int] = []
        self.warnings: list[str] = []
        self.evaluations: list[Mapping[str, Any]] = []
        self.steps: list[Mapping[str, Any]] = []
        self.shown: list[Sequence[Any]] = []

    def begin(self, phase: str, total: int) -> None:
        self.phases.append((phase, total))
        self.done.append(0)

    def advance(self, count: int = 1) -> None:
        self.done[-1] += count

    def evaluated(self, line: Mapping[str, Any]) -> None:
        self.evaluations.append(line)

    def stepped(self, line: Mapping[str, Any]) -> None:
        self.steps.append(line)

    def generations(self, shown: Sequence[Any]) -> None:
        self.shown.append(shown)

    def warn(self, message: str) -> None:
        self.warnings.append(message)


def make_parts(
    config: Config,
    policy: Policy,
    script: Callable[[Request], str] | None = None,
    *,
    sampler: Any = None,
    verify: Callable[[Problem, str], Any] = exact,
    problems: Sequence[Problem] = PROBLEMS,
    stop_requested: Callable[[], bool] = lambda: False,
) -> Parts:
    """Scripted parts of a run. The grader starts no process, since `verify` makes no claims."""
    sampler = sampler or scripted(script or (lambda request: request.prompt.problem.answer))
    return Parts(
        config=config,
        policy=policy,
        sampler=sampler,
        evaluator=scripted(lambda request: request.prompt.problem.answer),
        grader=Grader(from_function(verify), workers=1, time_limit=5.0),
        prompts=prompts(problems),
        validation=prompts(VALIDATION),
        progress=Watcher(),
        base=weights(policy),
        stop_requested=stop_requested,
    )


TIMES = ("seconds", "sampled_tokens_per_second")


def timeless(line: Mapping[str, Any]) -> dict[str, Any]:
    """A log line without what depends on how fast the machine was."""
    return {key: value for key, value in line.items() if not key.startswith(TIMES)}


def logs(directory: Path) -> dict[str, list[dict[str, Any]]]:
    """Every line of every log of a run, by file name, without times."""
    files = sorted([*directory.glob("*.jsonl"), *directory.glob("*/step_*.jsonl")])
    return {str(path.relative_to(directory)): [timeless(line) for line in read_lines(path)] for path in files}
