"""Settings: the schema, the table of algorithms, and how a file becomes a checked config."""

from verigrad.config.load import build, differences, dump, load, nearest, parse_overrides, settings
from verigrad.config.rows import ROWS
from verigrad.config.schema import Config, Section

__all__ = [
    "ROWS",
    "Config",
    "Section",
    "build",
    "differences",
    "dump",
    "load",
    "nearest",
    "parse_overrides",
    "settings",
]
