"""Config files: TOML tables, laid over those of other files that they name as their `base`."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from verigrad.errors import ConfigError, DataError


def read_config(path: Path, overlays: Sequence[Path] = ()) -> dict[str, Any]:
    """The tables of a config file with its bases, and those of each overlay with its own bases on top of it."""
    tables = _with_bases(path, ())
    for overlay in overlays:
        tables = laid_over(tables, _with_bases(Path(overlay), ()))
    return tables


def read_tables(path: Path) -> dict[str, Any]:
    """The tables of a TOML file; DataError or ConfigError where it cannot be read."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataError(f"{path}: no such config file; give the path of a TOML file, e.g. one below configs/") from None
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read as text ({error}); give the path of a TOML file") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: not valid TOML: {error}") from None


def laid_over(tables: Mapping[str, Any], upper: Mapping[str, Any]) -> dict[str, Any]:
    """`tables` with the settings of `upper` in place of their own, table by table; a list is one setting."""
    merged = {**tables, **upper}
    for key, value in tables.items():
        if isinstance(value, Mapping) and isinstance(upper.get(key), Mapping):
            merged[key] = laid_over(value, upper[key])
    return merged


def _with_bases(path: Path, seen: tuple[Path, ...]) -> dict[str, Any]:
    """A file over its bases, later ones over earlier ones. `seen` are the files that led here."""
    place = path.resolve()
    if place in seen:
        chain = " → ".join(file.name for file in (*seen[seen.index(place) :], place))
        raise ConfigError(f"{path}: its base leads back to itself ({chain}); remove one of these base = …")
    tables = read_tables(path)
    merged: dict[str, Any] = {}
    for base in _bases(path, tables.pop("base", [])):
        try:
            lower = _with_bases(base, (*seen, place))
        except DataError as error:
            raise DataError(f"{path}: base: {error}") from None
        merged = laid_over(merged, lower)
    return laid_over(merged, tables)


def _bases(path: Path, given: Any) -> list[Path]:
    """Paths are relative to the file that names them."""
    names = [given] if isinstance(given, str) else given
    if not isinstance(names, list) or not all(isinstance(name, str) and name for name in names):
        raise ConfigError(
            f"{path}: base = {given!r}: must be the path of a config file or a list of them; write base = 'other.toml'"
        )
    return [path.parent / name for name in names]
