"""The parts of a run, put together: what the command line and a notebook both use.

import verigrad

problems = [verigrad.Problem(id=str(i), question=f"{i}+{i}", answer=str(2 * i)) for i in range(100)]
policy = verigrad.load_policy("embedded:chains")
result = verigrad.train(policy, problems[20:], lambda problem, response: float(problem.answer in response),
                        validation=problems[:20], run_dir="runs/doubles",
                        settings={"sampler": {"max_tokens": 40}, "algorithm": {"steps": 2, "questions_per_step": 40}})
print(result.accuracy)
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, SupportsFloat

import torch

from verigrad import algorithms
from verigrad.algorithms import Evaluation, Parts, Progress, Silent, make_prompts, make_row, with_template_tokens
from verigrad.config import Config, advice, build
from verigrad.config import load as load_config
from verigrad.data import SOLUTIONS, demonstrations_of, load_demonstrations, load_template
from verigrad.data.tasks import TaskData, load_task, prepared
from verigrad.errors import ConfigError, DataError, UsageError
from verigrad.grading import Grader, asks_workers, from_function, verifier_for
from verigrad.kernels import fast_products
from verigrad.policy import Policy, in_chat
from verigrad.runs import RunDirectory, make_loggers, newest_checkpoint, read_lines
from verigrad.samplers import LocalSampler, ReplaySampler, Sampler, VllmSampler
from verigrad.tasks.overlap import check_overlap
from verigrad.tasks.templates import Template
from verigrad.types import Grade, Problem, Prompt
from verigrad.verifiers import Verifier, gold_faults

# Parameters below which one CPU thread is faster than two, or as fast and steadier.
SMALL_MODEL = 5_000_000

Reward = str | Callable[[Problem, str], SupportsFloat | Grade]


@dataclass(frozen=True, slots=True)
class TrainResult:
    """What a run reached: its directory, its last step, and every evaluation in order (lines of eval.jsonl)."""

    directory: Path
    step: int
    evaluations: list[dict[str, Any]]

    @property
    def accuracy(self) -> float:
        """Sampled accuracy of the last evaluation."""
        return float(self.evaluations[-1]["accuracy"])


def load_policy(path: str = "embedded:chains", *, dtype: str = "float32", device: str = "auto") -> Policy:
    """A policy from a Hugging Face directory or hub id, a run directory, or a shipped model."""
    return Policy.load(path, dtype=dtype, device=device)


def train(
    policy: Policy,
    problems: Sequence[Problem],
    reward: Reward = "r1_zero",
    *,
    validation: Sequence[Problem],
    run_dir: str | Path,
    settings: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
) -> TrainResult:
    """Trains `policy` in place on your own problems; an existing `run_dir` is continued.

    `reward` is a verifier's name, or a function (problem, response) → number or Grade, which runs in this process
    without a time limit. `settings` holds the tables of a config file; by default expert iteration for five steps.
    """
    config = _config(policy, reward, settings, run_dir)
    _check_base(config, policy)
    policy.configure(config.optimizer, config.algorithm.tokens_per_microbatch)
    policy.compute_in(config.model.compute, config.model.checkpoint_activations)
    policy.adapt(config.model.lora, config.run.seed)
    set_threads(config.run.threads, policy)
    task = prepared(config.task, TaskData(tuple(problems), tuple(validation)))
    if not config.task.allow_overlap:
        check_overlap(task.train, task.validation)
    step = run_training(config, policy, task, _verifier(config, reward, train=True), progress or Silent())
    directory = Path(config.run.dir)
    return TrainResult(directory, step, read_lines(directory / "eval.jsonl"))


def evaluate(
    policy: Policy,
    problems: Sequence[Problem],
    reward: Reward = "r1_zero",
    *,
    settings: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
) -> Evaluation:
    """Accuracy, intervals, classes and every graded response of `policy` on the problems; nothing is written."""
    tables = _tables(settings)
    tables["eval"] = {"problems": 0, **tables.get("eval", {})}
    config = _config(policy, reward, tables)
    prompts = validation_prompts(config, policy, prepared(config.task, TaskData((), tuple(problems))))
    return run_evaluation(config, policy, prompts, _verifier(config, reward, train=False), progress or Silent())


def run_training(
    config: Config,
    policy: Policy,
    task: TaskData,
    verify: Verifier,
    progress: Progress,
    stop_requested: Callable[[], bool] = lambda: False,
) -> int:
    """Trains in the run directory; returns the step reached. What is wrong is said before anything is written."""
    needs = make_row(config.algorithm).needs
    for line in advice(config):
        progress.warn(line)
    template = template_of(config, policy, task)
    keep_base = config.algorithm.restart == "base"
    base = {name: tensor.to("cpu", copy=True) for name, tensor in policy.trained_tensors()} if keep_base else {}
    reference = reference_of(config, policy) if "reference_logprobs" in needs else None
    if "values" in needs:
        policy.add_value_head(config.algorithm.value.lr)
    with ExitStack() as stack:
        grader = stack.enter_context(_grader(config, verify))
        evaluator = make_sampler(config, policy)
        stack.callback(evaluator.close)
        if config.algorithm.source == "demonstrations":
            sampler, prompts = _demonstrations(config, policy, template, task)
        else:
            sampler, prompts = evaluator, _prompts(policy, template, task.train)
        validation = _prompts(policy, template, _validation(config, task.validation))
        run = stack.enter_context(RunDirectory(config, make_loggers(config)))
        parts = Parts(
            config, policy, sampler, evaluator, grader, prompts, validation, progress, base, reference, stop_requested
        )  # fmt: skip
        return algorithms.train(parts, run)


def validation_prompts(config: Config, policy: Policy, task: TaskData) -> list[Prompt]:
    """The prompts of an evaluation, checked."""
    return _prompts(policy, template_of(config, policy, task), _validation(config, task.validation))


def template_of(config: Config, policy: Policy, task: TaskData) -> Template:
    """The prompt template with its worked examples, inside the model's chat template where the config says so."""
    template = load_template(config.task.template, [example.text for example in task.examples])
    model = config.model
    return in_chat(template, policy.tokenizer, model.system_prompt, model.path) if model.chat_template else template


def run_evaluation(
    config: Config, policy: Policy, prompts: Sequence[Prompt], verify: Verifier, progress: Progress
) -> Evaluation:
    """Evaluates and writes nothing."""
    with _grader(config, verify) as grader:
        sampler = make_sampler(config, policy)
        try:
            sampler.load(0, policy.named_tensors())
            return algorithms.evaluate(sampler, grader, prompts, config, progress)
        finally:
            sampler.close()


def reference_of(config: Config, policy: Policy) -> Policy:
    """The model that a divergence is taken to: the one named, else a copy of the policy as it is before training."""
    path = config.algorithm.divergence.reference
    if path:
        reference = Policy.load(path, dtype=config.model.dtype, device=str(policy.device))
    else:
        reference = Policy(copy.deepcopy(policy.model), policy.tokenizer, path=policy.path)
    reference.compute_in(policy.compute)
    return reference


def make_sampler(config: Config, policy: Policy) -> Sampler:
    """The engine that the config names, on the policy's own model."""
    if config.sampler.engine == "scripted":
        raise ConfigError("sampler.engine = 'scripted' needs a script, which a config cannot hold; use 'local'")
    if config.sampler.engine == "vllm":
        return VllmSampler(
            policy.model.config,
            policy.model.generation_config,
            policy.tokenizer,
            decode=policy.decode,
            end_ids=policy.end_ids,
            slots=config.sampler.slots,
            dtype=config.model.dtype if policy.compute == "same" else policy.compute,
            shared=policy.device.index in (None, 0),
            settings=config.sampler.vllm,
        )
    return LocalSampler(
        policy.model,
        decode=policy.decode,
        end_ids=policy.end_ids,
        slots=config.sampler.slots,
        compute=policy.compute,
        shared=True,
    )


def policy_of(config: Config) -> Policy:
    """The policy that the config names, with its optimiser."""
    policy = Policy.load(
        config.model.path,
        dtype=config.model.dtype,
        device=config.model.device,
        optimizer=config.optimizer,
        tokens_per_microbatch=config.algorithm.tokens_per_microbatch,
    )
    policy.compute_in(config.model.compute, config.model.checkpoint_activations)
    policy.adapt(config.model.lora, config.run.seed)
    set_threads(config.run.threads, policy)
    return policy


def set_threads(threads: int, policy: Policy) -> None:
    """PyTorch's CPU threads and products. A small model's products are too short to share between threads."""
    fast_products()
    small = sum(tensor.numel() for tensor in policy.model.parameters()) < SMALL_MODEL
    if threads or small:
        torch.set_num_threads(threads or 1)


def task_of(config: Config, *, train: bool) -> TaskData:
    """The problems that the config names, checked; sft on given demonstrations needs no training problems."""
    needed = config.algorithm.source == "policy" or config.task.demonstrations == SOLUTIONS
    task = load_task(config, train=train and needed)
    if config.verifier.check_golds:
        check_golds((*task.train, *task.validation), config.verifier.name)
    return task


def check_golds(problems: Sequence[Problem], verifier: str) -> None:
    """DataError, with the ids of the first ones, where a gold answer given as the response is not graded correct."""
    faults = gold_faults(problems, verifier)
    if faults:
        shown_faults = "; ".join(f"{problem.id}: {problem.answer[:60]!r} ({reason})" for problem, reason in faults[:20])
        more = f"; and {len(faults) - 20} more" if len(faults) > 20 else ""
        raise DataError(
            f"{len(faults)} of {len(problems)} gold answers are not accepted by verifier {verifier!r} as their own "
            f"answer: {shown_faults}{more}; correct them, choose another verifier.name, or set "
            "verifier.check_golds = false"
        )


def _config(
    policy: Policy, reward: Reward, settings: Mapping[str, Any] | None, run_dir: str | Path | None = None
) -> Config:
    tables = _tables(settings)
    if run_dir is not None:
        tables.setdefault("run", {})["dir"] = str(run_dir)
    name = (
        reward if isinstance(reward, str) else f"python:{reward.__module__}.{getattr(reward, '__qualname__', reward)}"
    )
    tables.setdefault("verifier", {})["name"] = name
    tables.setdefault("task", {}).setdefault("name", "given")
    tables.setdefault("model", {})["path"] = policy.path
    return build(tables)


def _check_base(config: Config, policy: Policy) -> None:
    """A run that needs the weights it began with cannot be continued by a policy that has left them behind."""
    algorithm, checkpoint = config.algorithm, newest_checkpoint(Path(config.run.dir) / "checkpoints")
    if not policy.updates or checkpoint is None or checkpoint.step >= algorithm.steps:
        return
    copied = "reference_logprobs" in make_row(algorithm).needs and not algorithm.divergence.reference
    if copied or algorithm.restart == "base":
        raise UsageError(
            f"{config.run.dir} needs the weights that it began with, and this policy has been trained since "
            f"({policy.updates} updates); continue it with a policy that was loaded anew"
        )


def _tables(settings: Mapping[str, Any] | None) -> dict[str, dict[str, Any]]:
    for section, table in (settings or {}).items():
        if not isinstance(table, Mapping):
            raise ConfigError(f"{section} = {table!r}: a section is needed; give settings={{{section!r}: {{...}}}}")
    return {section: dict(table) for section, table in (settings or {}).items()}


def _verifier(config: Config, reward: Reward, *, train: bool) -> Verifier:
    return verifier_for(config.verifier, train=train) if isinstance(reward, str) else from_function(reward)


def _grader(config: Config, verify: Verifier) -> Grader:
    grader = Grader(verify, workers=config.verifier.workers, time_limit=config.verifier.time_limit)
    if asks_workers(config.verifier):
        grader.warm()  # they start while the first responses are sampled
    return grader


def _validation(config: Config, problems: Sequence[Problem]) -> Sequence[Problem]:
    if not problems:
        raise DataError("there are no validation problems; give some, or another task.validation_path")
    return problems[: config.eval.problems] if config.eval.problems else problems


def _prompts(policy: Policy, template: Template, problems: Sequence[Problem]) -> list[Prompt]:
    if not problems:
        raise DataError("there are no training problems; give some, or another task.path")
    prompts = make_prompts(problems, lambda problem: template.render(problem.question), policy.encode_prompt)
    policy.check_prompts(prompts)
    return with_template_tokens(prompts, policy.encode_prompt(template.opening) if template.opening else ())


def _demonstrations(config: Config, policy: Policy, template: Template, task: TaskData) -> tuple[Sampler, list[Prompt]]:
    """A sampler that replays the demonstrations, and their prompts."""
    if config.task.demonstrations == SOLUTIONS:
        given = demonstrations_of(task.train, template, config.task.solution_format)
    else:
        given = load_demonstrations(config.task.demonstrations, template)
    if config.algorithm.select == "correct" and not any(one.problem.answer for one in given):
        raise ConfigError(
            "algorithm.select = 'correct', but no demonstration says what is correct; "
            "add an answer or ground_truth column, or use select = 'all'"
        )
    if not config.task.allow_overlap:
        check_overlap([one.problem for one in given], task.validation)
    texts = {one.problem.id: one.prompt_text for one in given}
    prompts = make_prompts([one.problem for one in given], lambda problem: texts[problem.id], policy.encode_prompt)
    policy.check_prompts(prompts)
    encoded = {one.response: policy.encode_response(one.response) for one in given}
    for prompt, one in zip(prompts, given, strict=True):
        length = len(prompt.token_ids) + len(encoded[one.response]) + 1
        if length > policy.context:
            raise DataError(
                f"demonstration {one.problem.id}: prompt and response have {length} tokens and the model's context is "
                f"{policy.context}; leave it out, or use a model with a longer context"
            )
    sampler = ReplaySampler(
        {one.problem.id: one.response for one in given},
        encode=encoded.__getitem__,
        end_id=policy.tokenizer.eos_token_id,
    )
    return sampler, prompts


__all__ = ["TrainResult", "evaluate", "load_config", "load_policy", "train"]
