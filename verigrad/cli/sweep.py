"""`verigrad sweep`."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack
from pathlib import Path

from rich.console import Console

from verigrad.errors import RunStopped, UsageError
from verigrad.sweep import Run, State, Sweep, execute, load_sweep, result_line, state_of, write_manifest

DONE, INTERRUPTED = 0, 130


def sweep(path: str, *, jobs: int = 1, retry: bool = False, dry_run: bool = False) -> int:
    """Runs what is not over yet, then writes the report. Everything is checked before the first run starts."""
    if jobs < 1:
        raise UsageError(f"--jobs {jobs}: give 1 or more")
    console = Console(soft_wrap=True)
    plan = load_sweep(path)
    states = {run.name: state_of(run) for run in plan.runs}
    if dry_run:
        _show(console, plan, states)
        return DONE
    write_manifest(plan)
    todo = [run for run in plan.runs if not states[run.name].over or (retry and states[run.name].status == "stopped")]
    _say(console, f"{plan.directory}: {len(states)} runs, {_counted(states)}; {len(todo)} to do, {jobs} at a time")
    if not _execute(console, todo, jobs, states):
        _say(console, "interrupted: what was begun is saved; the same command goes on")
        return INTERRUPTED
    _report(console, plan.directory)
    failed = [name for name, state in states.items() if state.status == "failed"]
    if failed:
        raise RunStopped(
            f"{len(failed)} of {len(states)} runs failed: {', '.join(failed[:5])}{', …' if len(failed) > 5 else ''}; "
            f"{states[failed[0]].message}; log.txt in each says more, and the same command tries them again"
        )
    return DONE


def _execute(console: Console, todo: list[Run], jobs: int, states: dict[str, State]) -> bool:
    """Runs `todo`, a line for each as it ends; False if interrupted."""
    at_work: list[str] = []
    with ExitStack() as stack:
        status = stack.enter_context(console.status("")) if console.is_terminal and todo else None

        def show() -> None:
            if status:
                status.update(f"running {', '.join(at_work)}")

        def begun(run: Run) -> None:
            at_work.append(run.name)
            show()

        def ended(run: Run, state: State) -> None:
            at_work.remove(run.name)
            states[run.name] = state
            over = sum(one.over or one.status == "failed" for one in states.values())
            _say(console, f"[{over:>{len(str(len(states)))}}/{len(states)}] {run.name}   {result_line(run, state)}")
            show()

        return execute(todo, jobs, begun, ended)


def _show(console: Console, plan: Sweep, states: dict[str, State]) -> None:
    """The runs, how far each is, and in what its cell differs from the base."""
    console.print(f"{plan.name}: {len(plan.cells)} cells, {len(states)} runs ({_counted(states)}), base {plan.base}")
    if plan.description:
        _say(console, plan.description)
    shared = dict(set.intersection(*({(k, repr(v)) for k, v in cell.settings.items()} for cell in plan.cells)))
    _say(console, "every cell: " + (", ".join(f"{k} = {v}" for k, v in sorted(shared.items())) or "as the base"))
    for cell in plan.cells:
        own = ", ".join(f"{k} = {v!r}" for k, v in cell.settings.items() if k not in shared)
        runs = ", ".join(f"seed {run.seed} {states[run.name].status}" for run in cell.runs)
        _say(console, f"  {cell.name}   {own}   {runs}")


def _report(console: Console, directory: Path) -> None:
    from verigrad import report

    report.print_table([directory], console)
    _say(console, f"report: {report.write_report([directory])}")


def _counted(states: dict[str, State]) -> str:
    return ", ".join(f"{count} {status}" for status, count in Counter(one.status for one in states.values()).items())


def _say(console: Console, text: str) -> None:
    console.print(text, markup=False, highlight=False)
