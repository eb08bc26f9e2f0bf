"""A run on the terminal: a progress bar, a line per step and evaluation, a few rollouts to read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any

from rich import progress as bars
from rich.console import Console
from rich.table import Table
from rich.text import Text

from verigrad.types import Rollout, Status


class Display:
    """Draws what a run reports. On a terminal with a live bar; in a log file with plain lines only."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bar = bars.Progress(
            bars.TextColumn("{task.description}"),
            bars.BarColumn(),
            bars.MofNCompleteColumn(),
            bars.TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task("starting", total=None)

    def __enter__(self) -> Display:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._bar.stop()

    def begin(self, phase: str, total: int) -> None:
        self._bar.reset(self._task, total=total, description=phase)

    def advance(self, count: int = 1) -> None:
        self._bar.advance(self._task, count)

    def say(self, text: str) -> None:
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)

    def evaluated(self, line: Mapping[str, Any]) -> None:
        greedy = f"   greedy {line['greedy_accuracy']:.3f}" if "greedy_accuracy" in line else ""
        self.say(
            f"step {line['step']:>3}  validation accuracy {line['accuracy']:.3f} "
            f"[{line['accuracy_low']:.3f}, {line['accuracy_high']:.3f}]{greedy}   "
            f"format {line['format_rate']:.3f}   "
            f"(n = {line['n']} × {line['samples']}, T = {line['temperature']:g}, "
            f"{line['template']}, {line['verifier']})"
        )

    def stepped(self, line: Mapping[str, Any]) -> None:
        phases = ("sampling", "scoring", "training", "evaluating")
        spent = ", ".join(f"{p} {line[f'seconds_{p}']:.1f}" for p in phases if f"seconds_{p}" in line)
        entropy = f"   entropy {line['entropy_old']:.3f}" if "entropy_old" in line else ""
        lengths = [
            f"{line[f'mean_tokens{kind}']:.1f}" for kind in ("_correct", "_incorrect") if f"mean_tokens{kind}" in line
        ]
        self.say(
            f"step {line['step']:>3}  {line['rollouts']:,} rollouts   pass rate {line['pass_rate']:.3f}   "
            f"kept {line['kept']:,}{entropy}   tokens {line['mean_tokens']:.1f} "
            f"(correct/incorrect {'/'.join(lengths)})   "
            f"seconds: {spent}"
        )

    def generations(self, shown: Sequence[tuple[Rollout, float | None]]) -> None:
        if not shown:
            return
        table = Table(box=None, pad_edge=False, header_style="dim")
        for name in ("prompt", "response", "truth", "reward (format, answer)", "entropy"):
            table.add_column(name, overflow="fold")
        for rollout, entropy in shown:
            grade = rollout.grade
            style = "green" if grade.status is Status.CORRECT else "red"
            table.add_row(
                _short(rollout.completion.prompt.text),
                _short(rollout.completion.text),
                _short(rollout.completion.problem.answer),
                Text(
                    f"{grade.reward:g} ({grade.format_reward:g}, {grade.answer_reward:g}) {grade.status}", style=style
                ),
                "" if entropy is None else f"{entropy:.3f}",
            )
        self._console.print(table)

    def warn(self, message: str) -> None:
        self._console.print(Text(f"warning: {message}", style="yellow"))


def _short(text: str, limit: int = 160) -> Text:
    """Model text as plain text (no markup), its middle left out where it is long, control characters shown."""
    whole = text if len(text) <= limit else f"{text[: limit // 2]} … {text[-limit // 2 :]}"
    return Text("".join(c if c.isprintable() else "⏎" if c == "\n" else "�" for c in whole))
