"""One self-contained HTML page: everything is inline, nothing is fetched, and all that a run wrote is escaped."""

from __future__ import annotations

import datetime
import html
from collections.abc import Iterable, Mapping, Sequence
from importlib.resources import files
from typing import Any

from verigrad.report.browser import CLASS_NAMES, MAX_TEXT, Selection, counts, embed, select, visible
from verigrad.report.compare import change, interval_text, p_text, seed_groups, sentences
from verigrad.report.figures import Drawing, draw_all
from verigrad.report.read import Record, RunLog, accuracy, number, step_of
from verigrad.stats import seeds_interval

CONDITION_LABELS = (
    ("task", "task"),
    ("template", "template"),
    ("verifier", "verifier"),
    ("temperature", "temperature"),
    ("top_p", "top-p"),
    ("max_tokens", "max tokens"),
    ("n", "n"),
    ("samples", "samples each"),
)
SECURITY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"
"""Even a fault in the escaping could not make the page load or send anything."""

SEARCH = (
    '<label class="wide">search<input id="search" type="search" placeholder="in prompt, response, answers"></label>'
)
ROLLOUT_TABLE = """<p id="shown" class="note" aria-live="polite"></p>
<div class="scroll"><table id="rollout-table"><thead><tr>
<th>step</th><th>from</th><th>class</th><th>question</th><th>response</th><th>truth</th><th>extracted</th><th>tokens</th>
</tr></thead><tbody></tbody></table></div>
<p><button id="more" type="button" hidden>show more</button></p>
<noscript><p>The table needs JavaScript; the same rollouts are in the run directory, as JSON lines.</p></noscript>"""


def render(runs: Sequence[RunLog]) -> str:
    """The page of one run or of several."""
    title = runs[0].name if len(runs) == 1 else f"{len(runs)} runs"
    selection = select(runs)
    body = [
        _header(runs, title),
        *(_result(run) for run in runs[:1] if len(runs) == 1),
        *([_runs_table(runs)] if len(runs) > 1 else []),
        _figures(draw_all(runs)),
        section("Evaluations", "evaluations", "".join(_evaluations(run, len(runs) > 1) for run in runs)),
        _browser(selection),
        section("Settings and environment", "settings", "".join(_settings(run, len(runs) > 1) for run in runs)),
    ]
    script = f"{_data(selection)}<script>\n{_asset('page.js')}</script>\n"
    return document(title, "".join(body), script)


def document(title: str, body: str, script: str = "") -> str:
    """A whole page around the body; everything that it needs is in it."""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{SECURITY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{text(title)} — Verigrad report</title>\n<style>\n{_asset('page.css')}</style>\n</head>\n<body>\n"
        f"<main>\n{body}</main>\n{script}</body>\n</html>\n"
    )


def text(value: object) -> str:
    """Anything from a run, safe between tags and within quotes, with invisible characters shown."""
    return html.escape(visible(str(value)), quote=True)


def _header(runs: Sequence[RunLog], title: str) -> str:
    run = runs[0]
    keys = ("algorithm.name", "task.name", "model.path")
    shared = {key: value for key in keys if len({str(value := one.setting(key)) for one in runs}) == 1 and value}
    if not run.config and run.evaluations:
        shared = {key: run.evaluations[-1][key] for key in ("task", "model") if key in run.evaluations[-1]}
    labels = {"algorithm.name": "algorithm", "task.name": "task", "model.path": "model"}
    facts = "".join(
        f"<div><dt>{labels.get(key, key)}</dt><dd>{text(value)}</dd></div>" for key, value in shared.items()
    )
    progress = f"<div><dt>progress</dt><dd>{text(_progress(run))}</dd></div>" if len(runs) == 1 else ""
    heading = f'<p class="kicker">Verigrad report</p>\n<h1>{text(title)}</h1>'
    return f'<header>\n{heading}\n<dl class="facts">{facts}{progress}</dl>\n</header>\n'


def _progress(run: RunLog) -> str:
    planned, done = run.setting("algorithm.steps", 0), step_of(run.steps[-1]) if run.steps else 0
    if not run.steps:
        return "evaluation only" if run.evaluations else "nothing recorded yet"
    rollouts = number(run.steps[-1], "rollouts_seen")
    seconds = number(run.steps[-1], "seconds")
    parts = [
        f"{done} of {planned} steps" + (", not finished" if done < planned else "") if planned else f"{done} steps"
    ]
    parts += [f"{rollouts:,.0f} rollouts"] if rollouts is not None else []
    parts += [duration(seconds)] if seconds is not None else []
    return " · ".join(parts)


def _result(run: RunLog) -> str:
    """Base and final accuracy, large, each with its conditions, and what the comparison says in words."""
    if not run.evaluations:
        return section("Result", "result", "<p>No evaluation has been recorded yet.</p>")
    ends = [run.evaluations[0]] if len(run.evaluations) == 1 else [run.evaluations[0], run.evaluations[-1]]
    cards = '<div class="arrow" aria-hidden="true">→</div>'.join(_card(row) for row in ends)
    said = "".join(f"<p>{text(sentence)}</p>" for sentence in sentences(run))
    note = "<p class='note'>The last evaluation is shown, not the best one. Intervals: 95 %, over problems.</p>"
    return section("Result", "result", f'<div class="cards">{cards}</div>\n<div class="said">{said}{note}</div>')


def _card(row: Record) -> str:
    share, greedy = accuracy(row), accuracy(row, "greedy_")
    big = "—" if share is None else f"{100 * share.estimate:.1f}<small> %</small>"
    limits = interval_text(share, unit=False).partition(" ")[2]
    more = [f"greedy {interval_text(greedy)}"] if greedy else []
    rate = number(row, "format_rate")
    more += [f"format right {100 * rate:.1f} %"] if rate is not None else []
    where = "base model" if step_of(row) == 0 else f"after step {step_of(row)}"
    return (
        f'<div class="card"><div class="where">{text(where)}</div><div class="big">{big}</div>'
        f'<div class="limits">{text(limits)} · n = {text(_plain(row.get("n", "?")))}</div>'
        f'<div class="more">{text(" · ".join(more))}</div><div class="conditions">{text(conditions(row))}</div></div>'
    )


def conditions(row: Record) -> str:
    shown = [(label, row[key]) for key, label in CONDITION_LABELS if key in row and key != "n"]
    return ", ".join(f"{label} {_plain(value)}" for label, value in shown)


def _runs_table(runs: Sequence[RunLog]) -> str:
    shared = _shared_conditions([run.evaluations[-1] for run in runs if run.evaluations])
    head = ["run", "algorithm", "seed", "step", "base %", "last %", "greedy %", "n", "change, same problems"]
    rows = []
    for run in runs:
        last = run.evaluations[-1] if run.evaluations else {}
        result = change(run)
        test = next(iter(result.paired.values()), None) if result else None
        changed = f"{100 * test.difference.estimate:+.1f} points, McNemar {p_text(test.p_value)}" if test else "—"
        base = interval_text(accuracy(run.evaluations[0]), unit=False) if run.evaluations else "—"
        cells = [run.name, run.setting("algorithm.name"), run.setting("run.seed"), step_of(last) if last else "—", base]
        cells += [interval_text(accuracy(last, prefix), unit=False) for prefix in ("", "greedy_")]
        rows.append([*cells, _plain(last.get("n", "—")), changed, *([] if shared else [conditions(last)])])
    head += [] if shared else ["conditions"]
    note = f"All: {shared}. " if shared else "The conditions differ: compare with care. "
    note += "The last evaluation of each run, not its best. Intervals: 95 %, over problems."
    content = table(head, rows, left=(0, 1, 9)) + f'<p class="note">{text(note)}</p>\n' + _seeds_table(runs)
    return section("Result", "result", content)


def _seeds_table(runs: Sequence[RunLog]) -> str:
    """Last accuracy over the seeds of one config, for each config that has several."""
    rows = []
    for group in seed_groups(runs):
        ends = [share.estimate for run in group if run.evaluations and (share := accuracy(run.evaluations[-1]))]
        if len(ends) > 1:
            names = ", ".join(run.name for run in group)
            rows.append((names, len(ends), interval_text(seeds_interval(ends), unit=False)))
    if not rows:
        return ""
    return "<h3>Over seeds</h3>\n" + table(("runs", "seeds", "last %, mean [95 %, t]"), rows, left=(0,))


def _figures(drawings: Sequence[Drawing]) -> str:
    if not drawings:
        return ""
    parts = (
        f'<figure id="figure-{one.key}">\n<h3>{text(one.title)}</h3>\n{one.svg}\n'
        f"<figcaption>{text(one.definition)}</figcaption>\n</figure>\n"
        for one in drawings
    )
    return section("Curves", "curves", f'<div class="figures">\n{"".join(parts)}</div>')


def _evaluations(run: RunLog, named: bool) -> str:
    if not run.evaluations:
        return ""
    ks = sorted({int(k) for row in run.evaluations for k in row.get("pass_at_k", {}) if int(k) > 1})
    shared = _shared_conditions(run.evaluations)
    head = ["step", "accuracy %", "greedy %", *(f"pass@{k} %" for k in ks), "format %", "right / wrong / no format"]
    head += ["grader failures", "tokens", "truncated %", "n", *([] if shared else ["conditions"])]
    rows = [[*_evaluation_cells(row, ks), *([] if shared else [conditions(row)])] for row in run.evaluations]
    note = f"Conditions: {shared}." if shared else "The conditions are not the same throughout."
    title = f"<h3>{text(run.name)}</h3>\n" if named else ""
    return f'{title}<p class="note">{text(note)}</p>\n' + table(head, rows, left=() if shared else (len(head) - 1,))


def _shared_conditions(rows: Sequence[Record]) -> str:
    """The conditions of the rows if they are the same for all, else ""."""
    found = {conditions(row) for row in rows}
    return found.pop() if len(found) == 1 else ""


def _evaluation_cells(row: Record, ks: Sequence[int]) -> list[object]:
    classes, statuses, passes = (row.get(key, {}) for key in ("classes", "statuses", "pass_at_k"))
    counted = " / ".join(_plain(classes.get(key, 0)) for key in ("format1_answer1", "format1_answer0", "format0"))
    cells: list[object] = [
        step_of(row),
        *(interval_text(accuracy(row, prefix), unit=False) for prefix in ("", "greedy_")),
    ]
    cells += [_share(number(passes, str(k))) for k in ks]
    cells += [_share(number(row, "format_rate")), counted if classes else "—"]
    cells += [_plain(statuses.get("timeout", 0) + statuses.get("error", 0)) if statuses else "—"]
    tokens = number(row, "mean_tokens")
    cells += ["—" if tokens is None else f"{tokens:.1f}", _share(number(row, "truncated")), _plain(row.get("n", "—"))]
    return cells


def _browser(selection: Selection) -> str:
    if not selection.rows:
        return section("Rollouts to read", "rollouts", "<p>No rollouts are on disk.</p>")
    left = selection.available - len(selection.rows)
    told = f"{len(selection.rows):,} of the {selection.available:,} rollouts of the first, middle and last recorded "
    told += "steps are here"
    told += f", the other {left:,} are in the run directory." if left else "."
    if selection.shortened:
        told += f" {selection.shortened:,} have a text of more than {MAX_TEXT:,} characters, shortened in its middle."
    told += " They are spread over steps and classes: their counts are not rates."
    found = counts(selection.rows)
    names = CLASS_NAMES | {"truncated": "truncated (ended by length)"}
    kinds = "".join(f'<option value="{key}">{names[key]} ({n})</option>' for key, n in found.items() if n)
    controls = "".join(
        f'<label>{label}<select id="filter-{key}"><option value="">all</option>{options}</select></label>'
        for key, label, options in (
            ("run", "run", _options(row["run"] for row in selection.rows)),
            ("step", "step", _options(row["step"] for row in selection.rows)),
            ("source", "from", _options(row["source"] for row in selection.rows)),
            ("class", "class", kinds),
        )
    )
    controls = f'<div class="controls">{controls}{SEARCH}</div>\n'
    return section("Rollouts to read", "rollouts", f'<p class="note">{text(told)}</p>\n{controls}{ROLLOUT_TABLE}')


def _options(values: Iterable[object]) -> str:
    return "".join(f'<option value="{text(value)}">{text(value)}</option>' for value in dict.fromkeys(values))


def _data(selection: Selection) -> str:
    data = embed({"rows": selection.rows, "classes": CLASS_NAMES})
    return f'<script type="application/json" id="rollout-data">{data}</script>\n'


def _settings(run: RunLog, named: bool) -> str:
    prefix = f"{text(run.name)}: " if named else ""
    config = table(("setting", "value"), list(_flat(run.config)), left=(0, 1))
    environment = table(("", "value"), list(_flat(run.environment)), left=(0, 1))
    return "".join(
        f"<details><summary>{prefix}{label}</summary>{table}</details>\n"
        for label, table, there in (
            ("resolved config", config, run.config),
            ("environment", environment, run.environment),
        )
        if there
    )


def _flat(tables: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, object]]:
    for key, value in tables.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value


def table(head: Sequence[str], rows: Sequence[Sequence[object]], left: Sequence[int]) -> str:
    def line(cells: Sequence[object], tag: str) -> str:
        return "".join(
            f"<{tag}{' class=left' if i in left else ''}>{text(cell)}</{tag}>" for i, cell in enumerate(cells)
        )

    body = "\n".join(f"<tr>{line(row, 'td')}</tr>" for row in rows)
    grid = f"<table><thead><tr>{line(head, 'th')}</tr></thead><tbody>\n{body}\n</tbody></table>"
    return f'<div class="scroll">{grid}</div>\n'


def section(title: str, key: str, content: str) -> str:
    return f'<section id="{key}">\n<h2>{text(title)}</h2>\n{content}\n</section>\n' if content else ""


def _share(value: float | None) -> str:
    return "—" if value is None else f"{100 * value:.1f}"


def _plain(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:g}" if isinstance(value, float) else str(value)


def duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else str(datetime.timedelta(seconds=round(seconds)))


def _asset(name: str) -> str:
    return files("verigrad.report").joinpath(name).read_text(encoding="utf-8")
