"""Cost against the number of rollouts: a step of 1,024 rollouts and one of four times as many, in turn.

Responses have the same lengths; one update takes all of them. Time should grow as the rollouts do, and the memory of a
step should not: slots and micro-batches are of fixed size, only the responses themselves pile up.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from benchmarks import harness, machine
from benchmarks.workload import SHAPES

CHILD = "benchmarks.step_child"
FACTOR = 4


def main(words: Sequence[str] | None = None) -> None:
    made = harness.parser(__doc__, ["embedded", "qwen2.5-1.5b", "smoke"])
    made.add_argument("--questions", type=int, default=0, help="questions of the smaller step (default: 64)")
    made.add_argument("--steps", type=int, default=2, help="measured steps per process, after one that is not")
    made.add_argument("--algorithm", default="grpo", help="a row of the table")
    arguments = harness.parse(made, words)
    shape = SHAPES[arguments.shape]
    questions = arguments.questions or shape.questions
    report = harness.Report("scaling", arguments, machine.describe(arguments.device))
    task = {name: getattr(arguments, name) for name in ("shape", "algorithm", "steps", "device")}

    def side(count: int) -> Callable[[int], dict[str, Any]]:
        return lambda _: harness.run_child(CHILD, {**task, "questions": count})

    counts = [questions, FACTOR * questions]
    runs = harness.alternate([side(count) for count in counts], arguments.pairs)
    rows = []
    for count, results in zip(counts, runs, strict=True):
        row: dict[str, Any] = {"rollouts": count * shape.rollouts}
        row["seconds per step"] = harness.Spread.of([result["seconds"] for result in results])
        for phase in results[0]["phases"]:
            row[phase] = harness.Spread.of([result["phases"][phase] for result in results])
        row["tokens per response"] = harness.Spread.of([result["tokens"] for result in results])
        row["extra peak MiB"] = harness.Spread.of([result["extra"] / 2**20 for result in results])
        rows.append(row)
    report.table("Whole steps", rows)
    few, many = runs
    bars = []
    for what, key, limit in (("seconds", "seconds", 4.3), ("extra peak memory", "extra", 1.1)):
        ratio = harness.Spread.ratio([run[key] for run in many], [run[key] for run in few])
        bars.append(harness.bar(f"{what}, {FACTOR}× the rollouts ÷ 1×", ratio, "≤", limit))
    report.bars(bars)


if __name__ == "__main__":
    main()
