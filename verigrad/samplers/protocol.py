"""What every sampler does, and the checks that all of them share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from torch import Tensor

from verigrad.errors import DataError
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


def check_context(requests: Sequence[Request], context: int) -> None:
    """DataError if a prompt leaves no room for one token in the model's context."""
    for request in requests:
        length = len(request.prompt.token_ids)
        if length >= context:
            raise DataError(
                f"problem {request.prompt.problem.id}: its prompt has {length} tokens and the model's context is {context}; "
                "leave such problems out, shorten the template, or use a model with a longer context"
            )
        if length == 0:
            raise DataError(f"problem {request.prompt.problem.id}: its prompt has no tokens; use a template with text")
