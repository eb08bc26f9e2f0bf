"""What changed between two evaluations, and whether it is more than chance."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from verigrad.errors import DataError
from verigrad.report.read import Record, RunLog, accuracy, number, step_of
from verigrad.stats import Interval, PairedDifference, paired_difference, seeds_interval

CONDITIONS = ("task", "template", "verifier", "temperature", "top_p", "max_tokens", "n", "samples")
"""What must be equal for two accuracies to be comparable."""


@dataclass(frozen=True, slots=True)
class Change:
    """First and last evaluation of a run. `paired` is keyed by mode, where the responses are on disk."""

    first: Record
    last: Record
    paired: dict[str, PairedDifference]

    @property
    def differing(self) -> list[str]:
        """Conditions under which the two were measured that are not the same."""
        return [key for key in CONDITIONS if self.first.get(key) != self.last.get(key)]


def change(run: RunLog) -> Change | None:
    """From the first to the last evaluation; None with fewer than two."""
    if len(run.evaluations) < 2:
        return None
    first, last = run.evaluations[0], run.evaluations[-1]
    paired = {mode: test for mode in ("sampled", "greedy") if (test := _paired(run, first, last, mode))}
    return Change(first, last, paired)


def interval_text(value: Interval | None, unit: bool = True) -> str:
    """An accuracy in percent with its limits: "41.2 % [37.0, 45.5]"."""
    if value is None:
        return "—"
    share = f"{100 * value.estimate:.1f}{' %' if unit else ''}"
    return (
        share
        if math.isnan(value.low) or math.isnan(value.high)
        else f"{share} [{_percent(value.low)}, {_percent(value.high)}]"
    )


def p_text(p: float) -> str:
    return f"p = {p:.3f}" if p >= 0.001 else f"p = {p:.1e}"


def sentences(run: RunLog) -> list[str]:
    """The result of a run in plain words: intervals, the paired test, and what limits the comparison."""
    result = change(run)
    if result is None:
        return ["One evaluation only: nothing to compare it with."] if run.evaluations else ["No evaluation yet."]
    before, after = accuracy(result.first), accuracy(result.last)
    said = []
    if before and after and not any(map(math.isnan, (before.low, before.high, after.low, after.high))):
        if before.overlaps(after):
            said.append(
                "The two 95 % intervals overlap; the paired test below is the sharper one."
                if result.paired
                else "The two 95 % intervals overlap: this alone does not show a difference."
            )
        else:
            said.append("The two 95 % intervals do not overlap.")
    said += [_paired_sentence(mode, test, result.last) for mode, test in result.paired.items()]
    if result.differing:
        said.append(f"The two were not measured under the same conditions: {', '.join(result.differing)} differ.")
    return said


def seed_groups(runs: Sequence[RunLog]) -> list[list[RunLog]]:
    """Runs whose configs differ in nothing but run.seed and run.dir, two seeds or more, in the order given."""
    groups: dict[str, list[RunLog]] = {}
    for run in runs:
        sections = {name: table for name, table in run.config.items() if name != "run"}
        rest = {key: value for key, value in dict(run.config.get("run", {})).items() if key not in ("seed", "dir")}
        groups.setdefault(repr((sorted(sections.items()), sorted(rest.items()))), []).append(run)
    return [
        group
        for group in groups.values()
        if len({run.setting("run.seed") for run in group}) == len(group) > 1 and group[0].config
    ]


def over_seeds(group: Iterable[Sequence[tuple[float, float]]]) -> list[tuple[float, Interval]]:
    """Mean and t-interval over runs at each x that all of them have."""
    curves = [dict(curve) for curve in group]
    shared = sorted(set.intersection(*(set(curve) for curve in curves))) if curves else []
    return [(x, seeds_interval([curve[x] for curve in curves])) for x in shared]


def _paired(run: RunLog, first: Record, last: Record, mode: str) -> PairedDifference | None:
    try:
        before, after = (_outcomes(run.responses(step_of(row), mode)) for row in (first, last))
    except DataError:  # a damaged file of responses does not cost the report
        return None
    shared = sorted(before.keys() & after.keys())
    return paired_difference([before[key] for key in shared], [after[key] for key in shared]) if shared else None


def _outcomes(rows: Iterable[Record]) -> dict[str, int]:
    """Correct or not, of the first response to each problem: one 0/1 outcome per problem, as the exact test needs."""
    outcomes: dict[str, int] = {}
    for row in rows:
        outcomes.setdefault(str(row.get("problem_id")), int(row.get("status") == "correct"))
    return outcomes


def _paired_sentence(mode: str, test: PairedDifference, last: Record) -> str:
    several = mode == "sampled" and (number(last, "samples") or 1) > 1
    how = "greedily" if mode == "greedy" else "sampled, first response to each" if several else "sampled"
    low, high = _percent(test.difference.low), _percent(test.difference.high)
    return (
        f"On the same {test.n:,} problems, {how}: {test.gained:,} went from wrong to right and {test.lost:,} from "
        f"right to wrong, {100 * test.difference.estimate:+.1f} points [{low}, {high}]; "
        f"exact McNemar {p_text(test.p_value)}."
    )


def _percent(share: float) -> str:
    return f"{100 * share:.1f}"
