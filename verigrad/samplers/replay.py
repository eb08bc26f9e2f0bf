"""A sampler that gives demonstrations back, so that SFT runs on the same loop as everything else."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from torch import Tensor

from verigrad.errors import DataError
from verigrad.types import Completion, Request, StopReason


class ReplaySampler:
    """Answers the request for problem p with the given response of p: ids of the response, then its end.

    A response ends with its stop string, or else with `end_id`; that end is trained. Prompt and response are tokenised
    apart. No log-probs: nothing was sampled. The policy version is −1. DataError for a problem without a response.
    """

    def __init__(self, responses: Mapping[str, str], *, encode: Callable[[str], Sequence[int]], end_id: int) -> None:
        self._responses, self._encode, self._end_id = responses, encode, end_id

    def load(self, version: int, tensors: Iterable[tuple[str, Tensor]]) -> None:
        """Demonstrations do not depend on the policy."""

    def sample(self, requests: Iterable[Request]) -> Iterator[Completion]:
        for request in requests:
            problem = request.prompt.problem.id
            if problem not in self._responses:
                raise DataError(f"problem {problem!r} has no response to be given back; add one, or leave it out")
            text = self._responses[problem]
            stopped = text.endswith(request.params.stop) if request.params.stop else False
            ids = [*self._encode(text)] if stopped else [*self._encode(text), self._end_id]
            reason = StopReason.STOP_STRING if stopped else StopReason.END_TOKEN
            yield Completion(request, tuple(ids), (), text, reason, policy_version=-1)

    def close(self) -> None:
        """Holds nothing."""
