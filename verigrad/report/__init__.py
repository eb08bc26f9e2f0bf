"""What a run did, as one HTML page and as a table on the terminal. Matplotlib is loaded when a page is written."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from verigrad.errors import DataError
from verigrad.report.read import RunLog, find_runs, read_run
from verigrad.report.table import print_runs

__all__ = ["RunLog", "find_runs", "print_table", "read_run", "save_learning_curve", "write_report"]


def write_report(dirs: Sequence[Path], out: Path | None = None) -> Path:
    """Writes the page of the runs in `dirs` (run directories, or directories of runs) and returns its path.

    Default: report.html in the run's directory; of a single sweep directory, in it; of several, in their common parent.
    """
    from verigrad.report.page import render  # loads matplotlib

    paths = find_runs(dirs)
    target = out if out is not None else _default_target(dirs)
    page = render([read_run(path) for path in paths])
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        aside = target.with_name(target.name + ".partial")
        aside.write_text(page, encoding="utf-8")
        aside.replace(target)
    except OSError as error:
        raise DataError(
            f"{target}: the report cannot be written there ({error.strerror}); give another place"
        ) from None
    return target


def print_table(dirs: Sequence[Path], console: Console) -> None:
    """Prints the runs in `dirs`: a row per evaluated step of one run, a row per run of several."""
    print_runs([read_run(path) for path in find_runs(dirs)], console)


def save_learning_curve(dirs: Sequence[Path], out: Path) -> None:
    """Writes validation accuracy by step as PNG."""
    from verigrad.report.figures import save_png

    save_png(out, [read_run(path) for path in find_runs(dirs)])


def _default_target(dirs: Sequence[Path]) -> Path:
    if len(dirs) == 1:
        return dirs[0] / "report.html"
    return Path(os.path.commonpath([path.resolve().parent for path in dirs])) / "report.html"
