"""The page of a sweep: one self-contained HTML file, like that of a run."""

from __future__ import annotations

from collections.abc import Sequence

from verigrad.report.cells import Comparison, SweepLog, compare_cells, groups_of
from verigrad.report.compare import interval_text
from verigrad.report.page import conditions, document, section, table, text
from verigrad.report.read import accuracy, number, step_of
from verigrad.report.sweep_figures import OVERLAID, draw_sweep
from verigrad.report.sweep_table import cells_note, cells_sheet, p_value, pairs_note, pairs_sheet, pairs_shown, troubles

MATRIX = 20
"""Cells up to which a matrix of all pairs can be read."""


def render_sweep(sweep: SweepLog) -> str:
    """The page."""
    pairs = compare_cells(sweep)
    sheet = cells_sheet(sweep)
    result = table(sheet.head, sheet.rows, left=(0,)) + f'<p class="note">{text(cells_note(sweep))}</p>\n'
    trouble = "".join(f"<li>{text(line)}</li>" for line in troubles(sweep))
    result += f"<h3>Runs that did not finish</h3>\n<ul>{trouble}</ul>\n" if trouble else ""
    body = [
        _header(sweep),
        section("Result", "result", result),
        _comparisons(sweep, pairs),
        _figures(sweep),
        section("Runs", "runs", _runs(sweep)),
        section("Settings", "settings", _settings(sweep)),
    ]
    return document(sweep.name, "".join(body))


def _header(sweep: SweepLog) -> str:
    runs = [run for cell in sweep.cells for run in cell.runs]
    done = sum(run.finished for run in runs)
    stopped = sum(len(cell.stopped) for cell in sweep.cells)
    config = next((run.log for run in runs if run.log), None)
    facts = {"cells": len(sweep.cells), "runs": f"{done} of {len(runs)} finished"}
    facts |= {"diverged": stopped} if stopped else {}
    facts |= {"task": config.setting("task.name"), "model": config.setting("model.path")} if config else {}
    shown = "".join(f"<div><dt>{text(key)}</dt><dd>{text(value)}</dd></div>" for key, value in facts.items())
    question = f"<p>{text(sweep.description)}</p>\n" if sweep.description else ""
    return (
        f'<header>\n<p class="kicker">Verigrad sweep</p>\n<h1>{text(sweep.name)}</h1>\n{question}'
        f'<dl class="facts">{shown}</dl>\n</header>\n'
    )


def _comparisons(sweep: SweepLog, pairs: Sequence[Comparison]) -> str:
    """The pairs as a list, and where they are many, all of them as a matrix."""
    note = f'<p class="note">{text(pairs_note(pairs))}</p>\n'
    if not pairs:
        return section("Which cells differ", "differences", note)
    shown = pairs_shown(pairs)
    sheet = pairs_sheet(shown)
    listed = table(sheet.head, sheet.rows, left=(0,))
    matrix = _matrix(sweep, pairs) if len(shown) < len(pairs) and len(sweep.cells) <= MATRIX else ""
    return section("Which cells differ", "differences", listed + note + matrix)


def _matrix(sweep: SweepLog, pairs: Sequence[Comparison]) -> str:
    """Row minus column in points, best cell first; bold where the two differ."""
    found = {(one.a, one.b): one for one in pairs}
    names = [cell.name for cell in sweep.ranked if any(cell.name in key for key in found)]
    head = "".join(f'<th title="{text(name)}">{place}</th>' for place, name in enumerate(names[1:], start=2))
    rows = []
    for place, name in enumerate(names[:-1], start=1):
        cells = "".join(_entry(found.get((name, other)), place < column) for column, other in enumerate(names[1:], 2))
        rows.append(f'<tr><td class="left">{place} {text(name)}</td>{cells}</tr>')
    key = " · ".join(f"{place} {name}" for place, name in enumerate(names, start=1))
    note = f"Row minus column, points; marked ● where the two differ after Holm's correction. {key}"
    return (
        f'<h3>All pairs</h3>\n<p class="note">{text(note)}</p>\n'
        f'<div class="scroll"><table class="matrix"><thead><tr><th class="left"></th>{head}'
        f"</tr></thead><tbody>{''.join(rows)}</tbody></table></div>\n"
    )


def _entry(one: Comparison | None, above: bool) -> str:
    if one is None or not above:
        return "<td></td>"
    points = f"{100 * one.difference.estimate:+.1f}"
    mark = "<b>● " + points + "</b>" if one.significant else points
    return f'<td title="{text(f"p, Holm = {p_value(one.adjusted)}")}">{mark}</td>'


def _figures(sweep: SweepLog) -> str:

    def wide(key: str) -> str:
        panels = len(groups_of(sweep) if key == "sensitivity" else sweep.cells)
        return ' class="wide"' if panels > OVERLAID else ""

    parts = [
        f'<figure id="figure-{one.key}"{wide(one.key)}>\n<h3>{text(one.title)}</h3>\n'
        f"{one.svg}\n"
        f"<figcaption>{text(one.definition)}</figcaption>\n</figure>\n"
        for one in draw_sweep(sweep)
    ]
    return section("Curves", "curves", f'<div class="figures">\n{"".join(parts)}</div>' if parts else "")


def _runs(sweep: SweepLog) -> str:
    """A row per run, with the conditions of its last evaluation."""
    rows = []
    for cell in sweep.cells:
        for run in cell.runs:
            seconds = number(run.last, "seconds")
            shares = [interval_text(accuracy(run.last, prefix), unit=False) for prefix in ("", "greedy_")]
            step = str(step_of(run.last)) if run.last else "—"
            spent = "—" if seconds is None else f"{seconds:.0f}"
            rows.append((run.name, run.status or "not finished", step, *shares, spent))
    head = ("run", "status", "step", "accuracy % [95 %, over problems]", "greedy %", "seconds")
    found = {conditions(run.last) for cell in sweep.cells for run in cell.runs if run.last}
    note = f"Conditions: {found.pop()}." if len(found) == 1 else "The conditions are not the same for all runs."
    listed = f'<p class="note">{text(note)}</p>\n' + table(head, rows, left=(0, 1))
    return f"<details><summary>{len(rows)} runs, one by one</summary>\n{listed}</details>\n"


def _settings(sweep: SweepLog) -> str:
    """What each cell sets over the base."""
    keys = list(dict.fromkeys(key for cell in sweep.cells for key in cell.settings))
    varied = [key for key in keys if len({repr(cell.settings.get(key)) for cell in sweep.cells}) > 1]
    rows = [(cell.name, *(cell.settings.get(key, "as the base") for key in varied)) for cell in sweep.cells]
    shared = [(key, sweep.cells[0].settings[key]) for key in keys if key not in varied]
    content = table(("cell", *varied), rows, left=(0,)) if varied else ""
    same = table(("setting", "value"), shared, left=(0, 1)) if shared else ""
    return content + (f"<details><summary>set for every cell</summary>{same}</details>\n" if same else "")
