"""Every config that is shipped can be read; what a row of the table names are settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from verigrad.config import ROWS, dump, load, settings

ROOT = Path(__file__).parents[2]
CONFIGS = sorted(path.relative_to(ROOT) for path in (ROOT / "configs").rglob("*.toml") if "sweeps" not in path.parts)


def test_there_are_shipped_configs():
    assert CONFIGS


@pytest.mark.parametrize("path", CONFIGS, ids=str)
def test_a_shipped_config_is_valid_and_resolves_to_itself(path, tmp_path):
    config = load(ROOT / path)
    resolved = tmp_path / "config.toml"
    resolved.write_text(dump(config), encoding="utf-8")
    assert load(resolved) == config


@pytest.mark.parametrize("name", ROWS)
def test_a_row_sets_settings_of_the_algorithm(name):
    keys = {key.split(".")[1] for key, *_ in settings() if key.startswith("algorithm.")}
    assert ROWS[name].keys() <= keys
