"""The settings as text, for `--help` and for docs/config.md; both come from the one schema."""

from __future__ import annotations

import ast
import json
import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass

from verigrad.config import ROWS, settings

WIDTH = 100


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting as a reader sees it: `kind` in words, `default` as TOML, "" where it depends on other settings."""

    key: str
    kind: str
    default: str
    description: str

    @property
    def section(self) -> str:
        return self.key.rpartition(".")[0]


def by_section() -> dict[str, list[Setting]]:
    """Every setting, below the section it belongs to."""
    sections: dict[str, list[Setting]] = {}
    for key, kind, default, text in settings():
        setting = Setting(key, _kind(kind), _default(key, default), text)
        sections.setdefault(setting.section, []).append(setting)
    return sections


def help_text() -> str:
    """Every setting with its default and description."""
    lines = ["settings, each of which is an option too (a value is read as TOML, else as text):"]
    for section, members in by_section().items():
        lines += ["", f"[{section}]"]
        for setting in members:
            default = f"  (default: {setting.default})" if setting.default else ""
            lines.append(f"  --{setting.key} {setting.kind}{default}")
            lines += textwrap.wrap(setting.description, WIDTH, initial_indent=" " * 6, subsequent_indent=" " * 6)
    return "\n".join(lines)


def page() -> str:
    """docs/config.md."""
    lines = [
        "# Settings",
        "",
        "<!-- Generated from the schema by `make docs`. Do not edit. -->",
        "",
        "A config is a TOML file. Every setting below is also an option of `verigrad train`, `evaluate`, `plan` and",
        "`config`, for instance `--run.seed 3`. Unknown keys are refused. `verigrad config` prints the resolved",
        "config.",
        "",
        '`base = "other.toml"` at the head of a config, or a list of files, lays it over these: later files win, table',
        "by table; a list is one setting. Paths are relative to the file. `--with FILE.toml` on the command line lays",
        "a further file over the config, and options win over all. The resolved config of a run stands alone.",
        *_settings_tables(),
        "",
        "## Algorithms",
        "",
        "`algorithm.name` names a row: a set of defaults for the settings of `[algorithm]`. Each can be overridden.",
        "",
        *_table(["algorithm", *_columns()], [[name, *_cells(row)] for name, row in ROWS.items()]),
        "",
    ]
    return "\n".join(lines)


def _settings_tables() -> Iterator[str]:
    for section, members in by_section().items():
        rows = [[f"`{s.key}`", f"`{s.kind}`", _code(s.default), s.description.replace("<", "&lt;")] for s in members]
        yield from ["", f"## [{section}]", "", *_table(["setting", "type", "default", "meaning"], rows)]


def _columns() -> list[str]:
    return list(dict.fromkeys(key for row in ROWS.values() for key in row))


def _cells(row: dict[str, str | int | bool]) -> list[str]:
    return [_code(json.dumps(row[key])) if key in row else "" for key in _columns()]


def _code(text: str) -> str:
    return f"`{text}`" if text else ""


def _table(head: list[str], rows: list[list[str]]) -> list[str]:
    return [_row(head), "|" + "---|" * len(head), *(_row(row) for row in rows)]


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _kind(annotation: str) -> str:
    """Python's annotation in a reader's words: the same on every version of Python."""
    if "Annotated[" in annotation:  # the alternative is None: filled in by `load`
        annotation = annotation.partition("Annotated[")[2].partition(",")[0]
    choice = re.search(r"Literal\[(.*?)\]", annotation)
    if choice:
        words = "|".join(ast.literal_eval(f"[{choice[1]}]"))
        return f"list of {words}" if annotation.startswith("tuple") else words
    names = {"str": "text", "bool": "true|false", "tuple[str, ...]": "list of text", "dict[str, Any]": "table"}
    names["tuple[float, float]"] = "list of 2 float"
    return names.get(annotation, annotation)


def _default(key: str, default: str) -> str:
    if not default and key.startswith("algorithm."):
        return "by algorithm.name"
    value = ast.literal_eval(default or "None")
    return "" if value is None else json.dumps(value, ensure_ascii=False)
