"""What a run tells the person who watches it. The command line draws it; a notebook may stay silent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from time import perf_counter
from typing import Any, Protocol

from verigrad.types import Rollout


class Progress(Protocol):
    """Receives what happens in a run."""

    def begin(self, phase: str, total: int) -> None:
        """A phase of `total` units begins (rollouts, updates)."""

    def advance(self, count: int = 1) -> None:
        """So many units of the phase are done."""

    def evaluated(self, line: Mapping[str, Any]) -> None:
        """An evaluation was logged."""

    def stepped(self, line: Mapping[str, Any]) -> None:
        """A training step was logged."""

    def generations(self, shown: Sequence[tuple[Rollout, float | None]]) -> None:
        """Rollouts to look at, each with its mean token entropy (nats) where it was scored."""

    def warn(self, message: str) -> None:
        """Something that the user should know, and the run goes on."""


class Silent:
    """Says nothing."""

    def begin(self, phase: str, total: int) -> None: ...
    def advance(self, count: int = 1) -> None: ...
    def evaluated(self, line: Mapping[str, Any]) -> None: ...
    def stepped(self, line: Mapping[str, Any]) -> None: ...
    def generations(self, shown: Sequence[tuple[Rollout, float | None]]) -> None: ...
    def warn(self, message: str) -> None: ...


class Clock:
    """Seconds spent per phase of one step."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        started = perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + perf_counter() - started
