"""Matplotlib without its global state: theme-aware SVG, legends and the look that all figures share."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, Literal, ParamSpec, TypeVar

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from verigrad.stats import Interval

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7f6a00", "#7a4fa3")
"""Okabe & Ito's palette for colour-blind readers, its yellow and black replaced; the page lightens it in dark mode."""

INK, MUTED, GRID = "#21262c", "#6a737d", "#dfe3e8"
THEMED = {colour: f"c{index + 1}" for index, colour in enumerate(COLOURS)}
THEMED |= {INK: "ink", MUTED: "muted", GRID: "grid", "#999999": "grey"}

RC: dict[Any, Any] = {
    "svg.fonttype": "none",  # text stays text: it can be searched, and takes the page's font
    "svg.hashsalt": "verigrad",  # the same figure gives the same bytes
    "font.size": 10,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "text.color": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "text.parse_math": False,  # a run may be called $x$
}

Style = Literal["-", "--", ":", ""]
P = ParamSpec("P")
R = TypeVar("R")


def with_rc(function: Callable[P, R]) -> Callable[P, R]:
    """Draws under our settings and leaves the caller's as they were."""

    @wraps(function)
    def inner(*args: P.args, **kwargs: P.kwargs) -> R:
        with mpl.rc_context(RC):
            return function(*args, **kwargs)

    return inner


def clean(axes: Axes) -> None:
    axes.grid(visible=False, axis="x")
    axes.tick_params(length=3)


def legend(figure: Figure, entries: Sequence[tuple[str, str, Style]]) -> int:
    """(label, colour, line style) entries above the axes; style "" is a filled patch. Returns how many rows it took."""
    handles = [
        Line2D([], [], color=colour, linestyle=style, linewidth=1.8) if style else Patch(color=colour)
        for _, colour, style in entries
    ]
    labels = [label if len(label) <= 60 else label[:57] + "…" for label, _, _ in entries]
    points = figure.get_size_inches()[0] * 72 - 20
    columns = max(1, min(len(labels), int(points / (5.8 * max(map(len, labels)) + 46))))  # handle and gaps: 46
    figure.legend(handles, labels, loc="outside upper left", ncols=columns, frameon=False, handlelength=2.2, fontsize=9)
    return -(-len(labels) // columns)


def bands(axes: Axes, mean: Sequence[tuple[float, Interval]], colour: str, style: Style, clip: bool) -> None:
    """A mean over seeds and its interval; `clip` keeps the limits of a share within [0, 1]."""
    if not mean:
        return
    xs = [x for x, _ in mean]
    lows = [max(0.0, value.low) if clip else value.low for _, value in mean]
    highs = [min(1.0, value.high) if clip else value.high for _, value in mean]
    axes.plot(xs, [value.estimate for _, value in mean], style, color=colour, linewidth=2.2)
    axes.fill_between(xs, lows, highs, color=colour, alpha=0.14, linewidth=0)


def svg(figure: Figure, key: str, title: str) -> str:
    """The figure as an SVG element to stand in a page: ids made unique by `key`, colours as CSS variables."""
    buffer = io.StringIO()
    figure.savefig(
        buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None, "Format": None, "Type": None}
    )
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r'id="([^"]+)"', rf'id="{key}-\1"', text)
    text = re.sub(r"url\(#([^)]+)\)", rf"url(#{key}-\1)", text)
    text = re.sub(r'xlink:href="#([^"]+)"', rf'xlink:href="#{key}-\1"', text)
    text = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", text, count=1)
    text = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", text, count=1)
    text = text.replace("<svg", f'<svg role="img" aria-label="{title}"', 1)
    for colour, name in THEMED.items():
        text = text.replace(f": {colour}", f": var(--fig-{name}, {colour})")
    return re.sub(r"\n\s*", "\n", text)
