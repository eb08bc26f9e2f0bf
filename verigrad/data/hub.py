"""Data sets of the Hugging Face hub, by the package `datasets` (an extra).

A source is written as an address: `hub:OWNER/NAME?split=test`, with `subset` (several joined by commas are read one
after the other) and `revision` (a commit, tag or branch; `main` where it is left out) beside `split` (`train` where it
is left out). Cache and offline mode are the package's own: HF_HOME, HF_HUB_OFFLINE.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from verigrad.config import nearest
from verigrad.errors import ConfigError, DataError, UsageError
from verigrad.tasks.records import Record

SCHEME = "hub:"
KEYS = ("split", "subset", "revision")


@dataclass(frozen=True, slots=True)
class HubSource:
    """One split of a hub data set at one revision."""

    repo: str
    split: str = "train"
    subsets: tuple[str, ...] = ()
    revision: str = "main"

    @classmethod
    def parse(cls, source: str) -> HubSource:
        """Of `hub:OWNER/NAME?key=value&…`; ConfigError where it is no such address."""
        repo, _, query = source.removeprefix(SCHEME).partition("?")
        given = dict(parse_qsl(query, keep_blank_values=True))
        for key, value in given.items():
            if key not in KEYS:
                raise ConfigError(f"{source}: unknown key {key!r}: {nearest(key, KEYS)}")
            if not value:
                raise ConfigError(f"{source}: {key} is empty; give a value, or leave it out")
        if repo.count("/") != 1 or not all(repo.split("/")):
            raise ConfigError(
                f"{source}: {repo!r} is no hub id; write hub:OWNER/NAME, e.g. hub:openai/gsm8k?subset=main&split=test"
            )
        subsets = tuple(given.pop("subset").split(",")) if "subset" in given else ()
        return cls(repo, subsets=subsets, **given)


def read_hub(source: str) -> list[Record]:
    """The records of a hub data set, subset by subset in the order given, at least one."""
    address = HubSource.parse(source)
    records = [record for subset in address.subsets or ("",) for record in _subset(source, address, subset)]
    if not records:
        raise DataError(f"{source}: there are no records in it; name another split or subset")
    return records


def _subset(source: str, address: HubSource, subset: str) -> Iterator[Record]:
    rows = _load(source, address, subset)
    name = ":".join(filter(None, (address.repo, subset, address.split)))
    for index, row in enumerate(rows):
        yield Record(f"{name}[{index}]", row)


def _load(source: str, address: HubSource, subset: str) -> Any:
    package = datasets_package(source)
    package.disable_progress_bars()
    try:
        return package.load_dataset(address.repo, subset or None, split=address.split, revision=address.revision)
    except Exception as error:  # of the network, the hub, the file's reader or the package: each has its own kinds
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise DataError(f"{source}: cannot be had from the hub{_offline()}: {reason}; {_remedy()}") from None


def datasets_package(source: str) -> Any:
    """The package `datasets`; UsageError with the remedy where it is not installed."""
    try:
        return importlib.import_module("datasets")
    except ImportError as error:
        raise UsageError(
            f"{source} needs the package datasets ({error}); pip install 'verigrad[hub]', or give a local file of "
            "JSON lines or CSV in task.path"
        ) from None


def _is_offline() -> bool:
    return any(os.environ.get(name, "").upper() in {"1", "TRUE", "YES", "ON"} for name in _SWITCHES)


_SWITCHES = ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE")


def _offline() -> str:
    return " (offline: HF_HUB_OFFLINE or HF_DATASETS_OFFLINE is set)" if _is_offline() else ""


def _remedy() -> str:
    local = "or give a local copy in task.path"
    if _is_offline():
        return f"load it once while online, which fills the cache, {local}"
    return f"check id, subset, split, revision, network and access (`hf auth login` for a gated one), {local}"
