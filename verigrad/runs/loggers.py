"""Optional places that metrics also go to. Each needs its extra, and is imported only when named in `log.loggers`."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from verigrad.config import Config, dump
from verigrad.errors import UsageError
from verigrad.runs.directory import Logger


def make_loggers(config: Config) -> list[Logger]:
    """The loggers that the config names. UsageError with the remedy if an extra is missing."""
    return [LOGGERS[name](config) for name in config.log.loggers]


def numbers(name: str, line: Mapping[str, Any], prefix: str = "") -> dict[str, float]:
    """The numeric entries of a log line as "eval/accuracy": value; nested objects are joined with a slash."""
    flat: dict[str, float] = {}
    for key, value in line.items():
        if isinstance(value, Mapping):
            flat |= numbers(name, value, f"{prefix}{key}/")
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            flat[f"{name}/{prefix}{key}"] = float(value)
    return flat


def _need(module: str, extra: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError:
        raise UsageError(f"log.loggers names {extra!r}: pip install 'verigrad[{extra}]'") from None


def _tensorboard(config: Config) -> Logger:
    writer = _need("torch.utils.tensorboard", "tensorboard").SummaryWriter(str(Path(config.run.dir) / "tensorboard"))

    def log(name: str, line: Mapping[str, Any]) -> None:
        at = line["update"] if line.get("kind") == "update" else line["step"]
        for key, value in numbers(line.get("kind", name), line).items():
            writer.add_scalar(key, value, at)
        writer.flush()

    return log


def _tracker(module: str) -> Any:
    """Weights & Biases and trackio share one interface: init, then log a dictionary."""

    def start(config: Config) -> Logger:
        tracker = _need(module, module)
        tracker.init(project="verigrad", name=Path(config.run.dir).name, config={"toml": dump(config)})

        def log(name: str, line: Mapping[str, Any]) -> None:
            tracker.log(numbers(line.get("kind", name), line))

        return log

    return start


LOGGERS = {"tensorboard": _tensorboard, "wandb": _tracker("wandb"), "trackio": _tracker("trackio")}
