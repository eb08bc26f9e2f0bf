"""`verigrad train` and `verigrad evaluate`."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from types import FrameType

from rich.console import Console

from verigrad.algorithms import make_row
from verigrad.api import policy_of, run_evaluation, run_training, task_of, validation_prompts
from verigrad.cli.display import Display
from verigrad.config import Config
from verigrad.data import load_template
from verigrad.grading import verifier_for
from verigrad.report import print_table
from verigrad.runs import RunDirectory, make_loggers, newest_checkpoint

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
    console = Console(soft_wrap=True)
    config = config.model_copy(update={"run": config.run.model_copy(update={"dir": f"{config.run.dir}-evaluate"})})
    verify = verifier_for(config.verifier, train=False)
    task = task_of(config, train=False)
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
    return DONE


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
