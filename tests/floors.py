"""Pytest plugin (`-p tests.floors`, together with --cov): words and pure code are covered to the last line.

The share that all of verigrad needs is `fail_under` in pyproject.toml. Findings are printed before pytest's summary.
"""

from __future__ import annotations

import io
from collections.abc import Generator

import coverage
import pytest

COMPLETE = ["types.py", "errors.py", "stats.py", "config/*", "tasks/*", "objective/*"]
INCOMPLETE = pytest.StashKey[str]()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> Generator[None, object, object]:
    """Outside pytest-cov's own wrapper, so that the data are complete."""
    result = yield
    if session.config.option.collectonly or session.config.option.no_cov or not session.config.option.cov_source:
        return result
    report = io.StringIO()
    measured = coverage.Coverage()
    measured.load()
    include = [f"verigrad/{name}" for name in COMPLETE]
    share = measured.report(include=include, file=report, show_missing=True, skip_covered=True)
    if share < 100:
        session.config.stash[INCOMPLETE] = report.getvalue()
        session.testsfailed += 1  # the way pytest-cov makes the exit status 1
    return result


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if INCOMPLETE in config.stash:
        terminalreporter.section("lines that must be covered and are not", red=True, bold=True)
        terminalreporter.write(config.stash[INCOMPLETE])
