"""`verigrad train` and `verigrad evaluate`."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from types import FrameType
from typing import Any

from rich.console import Console

from verigrad.algorithms import make_row
from verigrad.api import policy_of, run_evaluation, run_training, task_of, validation_prompts
from verigrad.cli.display import Display
from verigrad.config import Config
from verigrad.data import TaskData, load_template
from verigrad.errors import DataError
from verigrad.grading import verifier_for
from verigrad.report import print_table
from verigrad.runs import RunDirectory, make_loggers, newest_checkpoint, to_line
from verigrad.runs.files import write_whole
from verigrad.tasks.profile import profile_rows
from verigrad.verifiers import Verifier

DONE, INTERRUPTED = 0, 130


def train(config: Config) -> int:
    """Trains, or continues, or says that the run is finished."""
    console = Console(soft_wrap=True)
    verify = verifier_for(config.verifier, train=True)
    _, _ = make_row(config.algorithm), load_template(config.task.template)
    directory = Path(config.run.dir)
    before = newest_checkpoint(directory / "checkpoints")
    task = task_of(config, train=True)
    policy = policy_of(config)
    with Display(console) as display, _gentle_interrupt(display.say) as stop_requested:
        if before and before.step < config.algorithm.steps:
            display.say(f"{directory}: continuing after step {before.step} of {config.algorithm.steps}")
        reached = run_training(config, policy, task, verify, display, stop_requested)
    if before and before.step == config.algorithm.steps:
        console.print(f"{directory}: this run is finished; give another run.dir to run it anew", markup=False)
    print_table([directory], console)
    if reached < config.algorithm.steps:
        console.print(f"stopped after step {reached}; the same command continues it", markup=False)
    return INTERRUPTED if stop_requested() else DONE


def evaluate(config: Config) -> int:
    """Evaluates a model or checkpoint into a directory of its own, <run.dir>-evaluate."""
    verify = verifier_for(config.verifier, train=False)
    task = task_of(config, train=False)
    _measure(_in_directory(config, f"{config.run.dir}-evaluate"), task, verify)
    return DONE


def profile(config: Config) -> int:
    """Evaluates on all training problems, into <run.dir>-profile, and writes each one's pass rate to profile.jsonl."""
    verify = verifier_for(config.verifier, train=False)
    unfiltered = config.task.model_copy(update={"profile": "", "pass_rate": (0.0, 1.0)})
    task = task_of(config.model_copy(update={"task": unfiltered}), train=True)
    if not task.train:
        raise DataError("there are no training problems to profile: sft on a file of demonstrations reads none")
    sections = {
        "task": unfiltered.model_copy(update={"validation_path": ""}),
        "eval": config.eval.model_copy(update={"problems": 0, "greedy": False}),
    }
    config = _in_directory(config.model_copy(update=sections), f"{config.run.dir}-profile")
    lines = _measure(config, TaskData((), task.train, task.examples), verify)
    rows, path = profile_rows(lines), Path(config.run.dir) / "profile.jsonl"
    write_whole(path, map(to_line, rows))
    never, always = (sum(row["pass_rate"] == rate for row in rows) for rate in (0, 1))
    Console(soft_wrap=True).print(
        f"{len(rows)} training problems: {never} never solved, {len(rows) - never - always} at times, {always} always; "
        f"pass rates: {path}",
        markup=False,
        highlight=False,
    )
    return DONE


def _in_directory(config: Config, path: str) -> Config:
    return config.model_copy(update={"run": config.run.model_copy(update={"dir": path})})


def _measure(config: Config, task: TaskData, verify: Verifier) -> list[dict[str, Any]]:
    """Evaluates on the validation problems of `task` into `config.run.dir`; returns every response with its grade."""
    console = Console(soft_wrap=True)
    policy = policy_of(config)
    prompts = validation_prompts(config, policy, task)
    with RunDirectory(config, make_loggers(config)) as run:
        started = perf_counter()
        with Display(console) as display:
            result = run_evaluation(config, policy, prompts, verify, display)
        run.write_responses("eval", 0, result.lines)
        run.log("eval", {"step": 0, "rollouts_seen": 0, "seconds": perf_counter() - started, **result.metrics})
        print_table([run.path], console)
        classes = result.metrics["classes"]
        console.print(
            f"format and answer right {classes['format1_answer1']}, format alone {classes['format1_answer0']}, "
            f"neither {classes['format0']}; every response with its grade: {run.path / 'eval' / 'step_000000.jsonl'}",
            markup=False,
            highlight=False,
        )
    return result.lines


@contextmanager
def _gentle_interrupt(say: Callable[[str], None]) -> Iterator[Callable[[], bool]]:
    """The first Ctrl-C lets the step end and be saved; the second stops at once, at the last checkpoint."""
    asked = False

    def handle(number: int, frame: FrameType | None) -> None:
        nonlocal asked
        if asked:
            raise KeyboardInterrupt
        asked = True
        say("interrupt: finishing this step and saving; once more stops at once, at the last checkpoint")

    before = signal.signal(signal.SIGINT, handle)
    try:
        yield lambda: asked
    finally:
        signal.signal(signal.SIGINT, before)
