"""Settings: the schema, the table of algorithms, and how a file becomes a checked config."""

from verigrad.config.files import read_tables
from verigrad.config.load import (
    advice,
    build,
    differences,
    dump,
    explain,
    load,
    load_with,
    nearest,
    parse_overrides,
    settings,
)
from verigrad.config.rows import ROWS
from verigrad.config.schema import Config, Section

__all__ = [
    "ROWS",
    "Config",
    "Section",
    "advice",
    "build",
    "differences",
    "dump",
    "explain",
    "load",
    "load_with",
    "nearest",
    "parse_overrides",
    "read_tables",
    "settings",
]
