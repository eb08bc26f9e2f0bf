"""The whole measurement: sections of rows, a check by drawing, sweeps; as a table, as JSON and as a page."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from verigrad.errors import DataError
from verigrad.lab.estimators import Estimator, discounted, divergences, off_policy, on_policy
from verigrad.lab.measure import Moments, exact, monte_carlo
from verigrad.lab.sweeps import Sweep, all_sweeps
from verigrad.lab.theory import Figures, figures, reinforce_trace
from verigrad.lab.world import World, make_world

GROUP = 4
DISTANCE = 0.1
HEADINGS = ("estimator", "theory says", "", "bias", "scale", "angle", "noise", "rollouts")


@dataclass(frozen=True)
class Section:
    """Estimators measured in one world; `base` is the noise that theirs is divided by."""

    title: str
    note: str
    rows: list[Figures]
    base: float


@dataclass(frozen=True)
class Check:
    """Drawing against enumeration: ‖difference of the means‖/‖mean‖, and the ratio of the traces minus 1."""

    name: str
    batches: int
    mean: float
    trace: float


@dataclass(frozen=True)
class Results:
    """All that the laboratory found, and in which world."""

    world: dict[str, Any]
    sections: list[Section]
    checks: list[Check]
    sweeps: list[Sweep]

    @property
    def surprises(self) -> list[str]:
        """Rows for which theory's claim does not hold."""
        return [row.name for section in self.sections for row in section.rows if not row.holds]


def measure_all(quick: bool = False) -> Results:
    """Runs everything; `quick` takes fewer points and draws, and the same rows."""
    world = make_world()
    away = world.off_policy(DISTANCE)
    noise = reinforce_trace(world, GROUP)
    n = world.questions * GROUP
    sections = [
        _section("On policy", f"π = π_old, {world.questions} questions × G = {GROUP}.", world, on_policy(), noise),
        _section(
            f"Off policy, KL(π_old‖π) = {DISTANCE:g} nats",
            f"Credit: leave_one_out, weights 1/N, N = {n}; against ∇J at π.",
            away,
            off_policy(),
            noise,
        ),
        _section("KL to a reference, alone", "Against −β∇KL(π‖π_ref), β = 0.1; rewards are 0.", world, divergences()),
        _section("Discounted, γ = 0.7", "Against ∇E[γ^T r_T]; where it says so, ∇E[r_T].", world, discounted(), noise),
    ]
    facts = {
        "vocabulary": world.tree.vocabulary,
        "horizon": world.tree.horizon,
        "responses": len(world.tree.responses),
        "success": world.success.tolist(),
        "rollouts_per_question": GROUP,
        "sampled_rollouts": n,
        "J": float(world.objective(world.logits)),
        "gradient_norm": float(world.gradient().norm()),
    }
    return Results(facts, sections, _checks(world, 200_000 if quick else 1_000_000), all_sweeps(quick))


def print_results(results: Results, console: Console) -> None:
    """The sections as tables."""
    for section in results.sections:
        console.print(f"\n{section.title}", style="bold", highlight=False, markup=False)
        console.print(section.note, highlight=False, markup=False)
        table = Table(box=None, padding=(0, 1, 0, 0), header_style="dim")
        for place, heading in enumerate(HEADINGS):
            table.add_column(heading, justify="left" if place < 3 else "right", no_wrap=True)
        for row in section.rows:
            table.add_row(*cells(row, section.base))
        console.print(table)
    console.print()
    for check in results.checks:
        console.print(
            f"{check.name}: {check.batches:,} drawn batches; mean off by {check.mean:.2%}, trace by {check.trace:+.2%}",
            highlight=False,
        )
    console.print(f"\n{LEGEND}", highlight=False, markup=False)


LEGEND = (
    "bias: ‖E ĝ − ∇J‖/‖∇J‖. scale and angle (degrees): length of E ĝ along ∇J, and its direction. noise: trace of the "
    "covariance over REINFORCE's at equal sampled rollouts. rollouts: how many give a signal-to-noise ratio of 1."
)


def cells(row: Figures, base: float) -> list[str]:
    """A row as text, in the order of `HEADINGS`."""
    bias = "0" if row.bias < 1e-12 else f"{row.bias:.3f}"
    angle = "—" if math.isnan(row.angle) else f"{row.angle:.1f}"
    rollouts = "∞" if math.isinf(row.rollouts) else f"{row.rollouts:.1f}"
    verdict = "✓" if row.holds else "✗"
    return [
        row.name,
        row.claim,
        verdict,
        bias,
        f"{row.scale + 0.0:.3f}".replace("-0.000", "0.000"),
        angle,
        f"{row.noise / base:.3f}",
        rollouts,
    ]


def write(results: Results, directory: Path) -> Path:
    """Writes lab.json and lab.html; returns the page's path."""
    from verigrad.lab.page import render  # loads matplotlib

    try:
        directory.mkdir(parents=True, exist_ok=True)
        text = json.dumps(_plain({**asdict(results), "surprises": results.surprises}), indent=1, ensure_ascii=False)
        (directory / "lab.json").write_text(text + "\n", encoding="utf-8")
        page = directory / "lab.html"
        page.write_text(render(results), encoding="utf-8")
    except OSError as error:
        raise DataError(f"{directory}: nothing can be written there ({error.strerror}); choose another --out") from None
    return page


def _section(title: str, note: str, world: World, rows: Sequence[Estimator], base: float | None = None) -> Section:
    found = [figures(world, row, exact(world, row, GROUP), GROUP) for row in rows]
    return Section(title, note, found, found[0].noise if base is None else base)


def _checks(world: World, batches: int) -> list[Check]:
    rows = [row for row in on_policy() if row.name in ("leave_one_out", "group_zscore", "sequence_mean")]
    return [
        _check(row.name, exact(world, row, GROUP), monte_carlo(world, row, GROUP, batches), batches) for row in rows
    ]


def _check(name: str, known: Moments, drawn: Moments, batches: int) -> Check:
    return Check(
        name, batches, float((drawn.mean - known.mean).norm() / known.mean.norm()), drawn.trace / known.trace - 1
    )


def _plain(value: Any) -> Any:
    """JSON has no NaN and no infinity: null."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
