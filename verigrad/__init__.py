"""Verigrad: train a language model to reason, on problems whose answers can be verified.

The names below are the public surface; `tests/test_public.py` lists them. Each is loaded when it is first used, so
`import verigrad` loads neither torch nor anything else heavy.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from verigrad.api import evaluate, load_config, load_policy, train
    from verigrad.config import Config
    from verigrad.errors import ConfigError, DataError, RunStopped, VerigradError
    from verigrad.types import Completion, Grade, Problem, Rollout, Status

__version__ = "0.1.0"

_HOMES = {
    "verigrad.api": ("evaluate", "load_config", "load_policy", "train"),
    "verigrad.config": ("Config",),
    "verigrad.errors": ("ConfigError", "DataError", "RunStopped", "VerigradError"),
    "verigrad.types": ("Completion", "Grade", "Problem", "Rollout", "Status"),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "Completion",
    "Config",
    "ConfigError",
    "DataError",
    "Grade",
    "Problem",
    "Rollout",
    "RunStopped",
    "Status",
    "VerigradError",
    "evaluate",
    "load_config",
    "load_policy",
    "train",
]


def __getattr__(name: str) -> object:
    """PEP 562: a public name's module is imported at the name's first use."""
    if name not in _HOME:
        raise AttributeError(f"module 'verigrad' has no attribute {name!r}; public names: {', '.join(__all__)}")
    value = globals()[name] = getattr(import_module(_HOME[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
