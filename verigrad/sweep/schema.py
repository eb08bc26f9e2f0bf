"""The one schema of a sweep file: what is asked, what every run starts from, what is varied (docs/sweeps.md)."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from verigrad.config import Section

Axis = Annotated[tuple[Any, ...], Field(min_length=1)]
Seed = Annotated[int, Field(ge=0)]


class Where(Section):
    dir: str = ""
    """Sweep directory; each run has its own below it. Default: runs/sweeps/<name of the sweep file>."""
    target: Annotated[float, Field(gt=0, lt=1)] = 0.8
    """The report says how many steps and rollouts each cell needed to reach this T = 1 accuracy."""


class NamedCell(Section):
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._=+-]*$")]
    """What the cell is called in the report and on the disk."""
    set: dict[str, Any] = Field(default_factory=dict)
    """Settings of this cell, over those of [set]."""
    grid: dict[str, Axis] = Field(default_factory=dict)
    """Axes of this cell, over those of [grid]."""


class SweepFile(Section):
    """A sweep as it is written. `load_sweep` makes the runs of it, all checked."""

    description: str = ""
    """The question that the sweep asks; the report begins with it."""
    base: str
    """Config that every run starts from, relative to the sweep file."""
    seeds: Annotated[tuple[Seed, ...], Field(min_length=1)] = (0,)
    """run.seed of the replicates of each cell."""
    sweep: Where = Field(default_factory=Where)
    set: dict[str, Any] = Field(default_factory=dict)
    """Settings of every run, by dotted keys as on the command line."""
    grid: dict[str, Axis] = Field(default_factory=dict)
    """Axes: a list of values for each setting; every combination is a cell."""
    cell: tuple[NamedCell, ...] = ()
    """Cells with names, for settings that go together. With [grid] too: every cell at every point of the grid."""
