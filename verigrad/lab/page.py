"""The laboratory's results as one self-contained HTML page, in the report's look."""

from __future__ import annotations

import math
from importlib.resources import files

from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from verigrad.lab.bench import HEADINGS, LEGEND, Results, Section, cells
from verigrad.lab.sweeps import Sweep
from verigrad.report.draw import COLOURS, clean, legend, svg, with_rc
from verigrad.report.page import SECURITY, text


def render(results: Results) -> str:
    """The page: the rows of each section, then a figure for each sweep."""
    style = files("verigrad.report").joinpath("page.css").read_text(encoding="utf-8")
    figures = "".join(
        f'<figure id="figure-{sweep.key}">\n<h3>{text(sweep.title)}</h3>\n{draw(sweep)}\n'
        f"<figcaption>{text(sweep.caption)}</figcaption>\n</figure>\n"
        for sweep in results.sweeps
    )
    world = results.world
    told = (
        f"Exact, by enumeration: {len(world['success'])} questions with success "
        f"{', '.join(f'{p:.2f}' for p in world['success'])}, vocabulary {world['vocabulary']}, horizon "
        f"{world['horizon']}, N = {world['sampled_rollouts']} sampled rollouts. {LEGEND}"
    )
    checks = "".join(
        f"<li>{text(check.name)}: {check.batches:,} batches; mean off by {check.mean:.2%}, trace by "
        f"{check.trace:+.2%}</li>"
        for check in results.checks
    )
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{SECURITY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>Verigrad laboratory</title>\n<style>\n{style}</style>\n</head>\n<body>\n<main>\n"
        '<header>\n<p class="kicker">Verigrad laboratory</p>\n<h1>Bias and noise of every estimator</h1>\n</header>\n'
        f'<p class="note">{text(told)}</p>\n{"".join(_table(section) for section in results.sections)}'
        f"<section>\n<h2>Checked by drawing</h2>\n<ul>{checks}</ul>\n</section>\n"
        f'<section>\n<h2>Sweeps</h2>\n<div class="figures">\n{figures}</div>\n</section>\n'
        "</main>\n</body>\n</html>\n"
    )


@with_rc
def draw(sweep: Sweep) -> str:
    """A sweep's curves as SVG."""
    figure = Figure(figsize=(6.4, 4.0), layout="constrained")
    axes = figure.subplots()
    for place, curve in enumerate(sweep.curves):
        shown = [math.nan if value is None else value for value in curve.y]
        axes.plot(curve.x, shown, "o-", color=COLOURS[place % len(COLOURS)], linewidth=1.8, markersize=3.5)
    axes.set_xlabel(sweep.x_label)
    axes.set_ylabel(sweep.y_label)
    if sweep.log_y:
        axes.set_yscale("log")
        for ticks in (axes.yaxis.set_major_formatter, axes.yaxis.set_minor_formatter):
            ticks(FuncFormatter(lambda value, _: f"{value:g}" if f"{value:e}"[0] in "125" else ""))
    else:
        axes.set_ylim(bottom=0)
    clean(axes)
    legend(figure, [(curve.label, COLOURS[place % len(COLOURS)], "-") for place, curve in enumerate(sweep.curves)])
    return svg(figure, f"lab-{sweep.key}", text(sweep.title))


def _table(section: Section) -> str:
    head = "".join(f"<th{' class=left' if place < 3 else ''}>{text(cell)}</th>" for place, cell in enumerate(HEADINGS))
    body = "\n".join(
        "<tr>"
        + "".join(
            f"<td{' class=left' if place < 3 else ''}>{text(cell)}</td>"
            for place, cell in enumerate(cells(row, section.base))
        )
        + "</tr>"
        for row in section.rows
    )
    table = f"<table><thead><tr>{head}</tr></thead><tbody>\n{body}\n</tbody></table>"
    note = f'<p class="note">{text(section.note)}</p>'
    return f'<section>\n<h2>{text(section.title)}</h2>\n{note}\n<div class="scroll">{table}</div>\n</section>\n'
