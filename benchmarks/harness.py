"""What the benchmarks share: pairs and their spread, tables, JSON lines, child processes, memory.

Standard library only, so that a peer's own environment can import it.
"""

from __future__ import annotations

import argparse
import json
import operator
import os
import resource
import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

ROOT = Path(__file__).resolve().parent.parent
PAIRS = 5
QUIET = 0.5
"""Load average above which other work disturbs a measurement on purpose-free cores."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Spread:
    """Median, smallest and largest of several measurements."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        return cls(statistics.median(values), min(values), max(values))

    @classmethod
    def ratio(cls, above: Sequence[float], below: Sequence[float]) -> Spread:
        """Of above ÷ below, pair by pair."""
        return cls.of([a / b for a, b in zip(above, below, strict=True)])

    def __str__(self) -> str:
        return f"{number(self.median)} ({number(self.low)}–{number(self.high)})"


class Report:
    """Prints tables as they are made and, with --json, appends a line per table row to a file."""

    def __init__(self, benchmark: str, arguments: argparse.Namespace, conditions: Mapping[str, Any]) -> None:
        self._file: str = arguments.json
        shown = {name: value for name, value in vars(arguments).items() if name != "json"}
        self._head = {
            "benchmark": benchmark,
            "when": datetime.now(UTC).isoformat(timespec="seconds"),
            "arguments": {name: str(value) if isinstance(value, Path) else value for name, value in shown.items()},
            "conditions": dict(conditions),
        }
        print(f"# {benchmark}\n\n" + "; ".join(f"{name} {value}" for name, value in conditions.items()), flush=True)
        load = os.getloadavg()[0]
        if load > QUIET:
            print(f"\nThe load average is {load:.1f}: other work disturbs these figures. Publish none above {QUIET}.")

    def table(self, title: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Rows with equal keys; values are text, numbers or spreads."""
        print(f"\n{title}\n\n{markdown(rows)}", flush=True)
        if not self._file:
            return
        with open(self._file, "a", encoding="utf-8") as file:
            for row in rows:
                plain = {key: asdict(value) if isinstance(value, Spread) else value for key, value in row.items()}
                file.write(json.dumps({**self._head, "table": title, "row": plain}, ensure_ascii=False) + "\n")

    def bars(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """The rows that `bar` makes: what was promised, what was measured, whether it holds."""
        self.table("Bars", rows)


_RELATIONS: dict[str, Callable[[float, float], bool]] = {"≥": operator.ge, "≤": operator.le}


def bar(what: str, measured: Spread | float, relation: str, limit: float) -> dict[str, Any]:
    """A row for `Report.bars`; of a spread, its median decides."""
    value = measured.median if isinstance(measured, Spread) else measured
    met = "yes" if _RELATIONS[relation](value, limit) else "no"
    return {"what": what, "measured": measured, "bar": f"{relation} {number(limit)}", "met": met}


def alternate(sides: Sequence[Callable[[int], T]], pairs: int) -> list[list[T]]:
    """Calls each side with the pair's number, side by side, the first one last in every other pair; results by side."""
    results: list[list[T]] = [[] for _ in sides]
    for pair in range(pairs):
        order = range(len(sides)) if pair % 2 == 0 else reversed(range(len(sides)))
        for side in order:
            results[side].append(sides[side](pair))
    return results


def number(value: float) -> str:
    """Three significant digits; whole thousands with separators."""
    if value != 0 and abs(value) < 1e-3:
        return f"{value:.1e}"
    if abs(value) >= 1000:
        return f"{round(value, 2 - len(str(int(abs(value)))) + 1):,.0f}"
    return f"{float(f'{value:.3g}'):g}"


def markdown(rows: Sequence[Mapping[str, Any]]) -> str:
    """A Markdown table with aligned columns."""
    header = list(rows[0])
    cells = [header, *[[_cell(row[name]) for name in header] for row in rows]]
    widths = [max(len(line[column]) for line in cells) for column in range(len(header))]
    lines = [
        "| " + " | ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)) + " |" for line in cells
    ]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


def _cell(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    return number(value) if isinstance(value, float) else f"{value:,}"


def parser(description: str | None, shapes: Sequence[str]) -> argparse.ArgumentParser:
    """The options that every benchmark has."""
    made = argparse.ArgumentParser(description=(description or "").partition("\n")[0])
    made.add_argument("--quick", action="store_true", help="one pair and a short search: to see that it runs")
    made.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    made.add_argument("--shape", choices=shapes, default=shapes[0])
    made.add_argument("--pairs", type=int, default=0, help=f"pairs of measurements (default {PAIRS}, with --quick 1)")
    made.add_argument("--json", metavar="FILE", default="", help="append a JSON line per table row")
    return made


def parse(made: argparse.ArgumentParser, words: Sequence[str] | None) -> argparse.Namespace:
    """The options, with the number of pairs filled in."""
    arguments = made.parse_args(words)
    arguments.pairs = arguments.pairs or (1 if arguments.quick else PAIRS)
    return arguments


def run_child(module: str, task: Mapping[str, Any], python: str = "") -> dict[str, Any]:
    """Runs `module`'s `run(**task)` in a process of its own, with `python` where given; returns what it returned."""
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH", "")])]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(paths),
        "TOKENIZERS_PARALLELISM": "false",
        "HF_HUB_OFFLINE": "1",
    }
    command = [python or sys.executable, "-m", module, json.dumps(task)]
    done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{module} {json.dumps(task)} ended with {done.returncode}:\n{done.stderr[-4000:]}")
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def answer(run: Callable[..., Mapping[str, Any]]) -> None:
    """The main of a module for `run_child`: its last line of output is the result."""
    print(json.dumps(run(**json.loads(sys.argv[1]))), flush=True)


def resident_bytes() -> int:
    """Memory of this process now; its peak where the system tells only that."""
    return _status("VmRSS") or _largest()


def peak_bytes() -> int:
    """Largest resident memory of this process, or since `reset_peak`.

    From /proc, since getrusage counts the parent's memory at the fork too; getrusage where there is no /proc.
    """
    return _status("VmHWM") or _largest()


def reset_peak() -> None:
    """Begins the peak anew, on Linux."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return


def _status(name: str) -> int:
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(name + ":")), 0)


def _largest() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
