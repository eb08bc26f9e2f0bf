"""What a run or a sweep did, as one HTML page and as a table on the terminal. Matplotlib is loaded by pages."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from verigrad.errors import DataError, UsageError
from verigrad.report.cells import is_sweep, read_sweep
from verigrad.report.read import RunLog, find_runs, read_run
from verigrad.report.table import print_runs

__all__ = [
    "RunLog",
    "find_runs",
    "print_table",
    "read_run",
    "save_learning_curve",
    "save_plots",
    "write_markdown",
    "write_report",
]


def write_report(dirs: Sequence[Path], out: Path | None = None) -> Path:
    """Writes the page of the runs in `dirs` (run directories, a sweep, or directories of runs) and returns its path.

    Default: report.html in the run's directory; of a single sweep directory, in it; of several, in their common parent.
    """
    target = out if out is not None else _default_target(dirs)
    return _write(target, _page(dirs))


def write_markdown(dirs: Sequence[Path], out: Path) -> Path:
    """Writes a sweep's tables as Markdown."""
    from verigrad.report.sweep_table import markdown

    return _write(out, markdown(read_sweep(_one_sweep(dirs, "--markdown"))))


def save_plots(dirs: Sequence[Path], folder: Path) -> list[Path]:
    """Writes a sweep's figures as PNG and SVG; returns their paths."""
    from verigrad.report.sweep_figures import save_plots  # loads matplotlib

    return save_plots(read_sweep(_one_sweep(dirs, "--plots")), folder)


def print_table(dirs: Sequence[Path], console: Console) -> None:
    """Prints the runs in `dirs`: a row per evaluated step of one run, per run of several, per cell of a sweep."""
    if len(dirs) == 1 and is_sweep(dirs[0]):
        from verigrad.report.sweep_table import print_sweep

        print_sweep(read_sweep(dirs[0]), console)
        return
    print_runs([read_run(path) for path in find_runs(dirs)], console)


def save_learning_curve(dirs: Sequence[Path], out: Path) -> None:
    """Writes validation accuracy by step as PNG."""
    from verigrad.report.figures import save_png

    save_png(out, [read_run(path) for path in find_runs(dirs)])


def _page(dirs: Sequence[Path]) -> str:
    if len(dirs) == 1 and is_sweep(dirs[0]):
        from verigrad.report.sweep_page import render_sweep  # loads matplotlib

        return render_sweep(read_sweep(dirs[0]))
    from verigrad.report.page import render  # loads matplotlib

    return render([read_run(path) for path in find_runs(dirs)])


def _one_sweep(dirs: Sequence[Path], option: str) -> Path:
    if len(dirs) != 1 or not is_sweep(dirs[0]):
        raise UsageError(f"{option} is of one sweep: give a single directory that `verigrad sweep` made")
    return dirs[0]


def _write(target: Path, content: str) -> Path:
    """Replaces the file, whole."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        aside = target.with_name(target.name + ".partial")
        aside.write_text(content, encoding="utf-8")
        aside.replace(target)
    except OSError as error:
        raise DataError(
            f"{target}: the report cannot be written there ({error.strerror}); give another place"
        ) from None
    return target


def _default_target(dirs: Sequence[Path]) -> Path:
    if len(dirs) == 1:
        return dirs[0] / "report.html"
    return Path(os.path.commonpath([path.resolve().parent for path in dirs])) / "report.html"
