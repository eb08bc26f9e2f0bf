"""What every sampler does."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

from torch import Tensor

from verigrad.types import Completion, Request


class Sampler(Protocol):
    """Draws completions. One small interface: an engine on the same machine or elsewhere has no other."""

    def load(self, version: int, tensors: Iterable[tuple[str, Tensor]]) -> None:
        """Takes the weights of a policy version; every later completion is drawn from them and carries the version."""

    def sample(self, requests: Iterable[Request]) -> Iterator[Completion]:
        """One completion per request, each as soon as it has finished, in any order.

        The same request (its stream key included) and weights give the same tokens, whatever else is being sampled.
        """

    def close(self) -> None:
        """Frees what the engine holds. Nothing can be sampled afterwards."""
