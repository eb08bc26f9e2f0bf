"""A sampler that plays given responses: for testing algorithms in a moment, and one's own graders."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from torch import Tensor

from verigrad.errors import DataError
from verigrad.samplers.stopping import first_end
from verigrad.types import Completion, Request, StopReason


class ScriptedSampler:
    """Answers each request with `script(request)`, tokenised by `encode`.

    The text is cut as a sampler would have cut it: at the token that completes a stop string, at `max_tokens`, else it
    ends with `end_id`. Nothing was drawn, so no log-probs are given. DataError if the script ends before min_tokens,
    where a sampler cannot end.
    """

    def __init__(
        self,
        script: Callable[[Request], str],
        *,
        encode: Callable[[str], Sequence[int]],
        decode: Callable[[Sequence[int]], str],
        end_id: int,
    ) -> None:
        self._script, self._encode, self._decode, self._end_id = script, encode, decode, end_id
        self._version = 0

    def load(self, version: int, tensors: Iterable[tuple[str, Tensor]]) -> None:
        self._version = version

    def sample(self, requests: Iterable[Request]) -> Iterator[Completion]:
        for request in requests:
            ids = [*self._encode(self._script(request)), self._end_id]
            ended = first_end(request, ids, {self._end_id}, self._decode)
            assert ended is not None, "the end token is the last"
            count, text, reason = ended
            _check_length(request, count, reason)
            yield Completion(request, tuple(ids[:count]), (), text, reason, self._version)

    def close(self) -> None:
        """Holds nothing."""


def _check_length(request: Request, count: int, reason: StopReason) -> None:
    """Refuses an end token that min_tokens makes impossible: its log-prob would be −∞."""
    if reason is StopReason.END_TOKEN and count - 1 < request.params.min_tokens:
        raise DataError(
            f"the script for problem {request.prompt.problem.id!r} has {count - 1} tokens before its end and "
            f"min_tokens is {request.params.min_tokens}; give a longer response or lower sampler.min_tokens"
        )
