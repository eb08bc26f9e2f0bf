"""When an episode ends, and what of it is graded."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

import numpy as np
import numpy.typing as npt

from verigrad.types import Request, StopReason

Decode = Callable[[Sequence[int]], str]


def finish(
    request: Request, token_ids: Sequence[int], end_ids: Collection[int], decode: Decode, budget: int | None = None
) -> tuple[str, StopReason] | None:
    """(graded text, reason) if the episode ends with the last of `token_ids`, else None.

    In this order: an end token (it is not part of the text), a stop string (the text is cut after it, also where it
    ends inside a token; ids stay whole), the token budget. A stop string that is complete before min_tokens is text.
    """
    params = request.params
    count = len(token_ids)
    if token_ids[-1] in end_ids:
        return decode(token_ids[:-1]), StopReason.END_TOKEN
    if params.stop and count >= params.min_tokens:
        text = decode(token_ids)
        if first_stop(text, params.stop) is not None:
            before = len(decode(token_ids[:-1]).rstrip("\ufffd"))
            cut = first_stop(text, params.stop, before)
            if cut is not None:
                return text[:cut], StopReason.STOP_STRING
    if count >= (params.max_tokens if budget is None else budget):
        return decode(token_ids), StopReason.LENGTH
    return None


def first_stop(text: str, stops: Sequence[str], before: int = 0) -> int | None:
    """Where the earliest stop string that is completed after the first `before` characters ends, or None."""
    starts = [(text.find(stop, max(0, before - len(stop) + 1)), len(stop)) for stop in stops]
    return min((start + length for start, length in starts if start >= 0), default=None)


def first_end(
    request: Request,
    token_ids: Sequence[int],
    end_ids: Collection[int],
    decode: Decode,
    budget: int | None = None,
    may_end: npt.NDArray[np.bool_] | None = None,
) -> tuple[int, str, StopReason] | None:
    """(tokens, graded text, reason) of the first end within `token_ids`, or None. `may_end`: of an EndTable."""
    last = len(token_ids) if budget is None else min(budget, len(token_ids))
    for count in range(1, last + 1):
        if may_end is None or may_end[token_ids[count - 1]] or count == last:
            ended = finish(request, token_ids[:count], end_ids, decode, budget)
            if ended is not None:
                return count, *ended
    return None


class EndTable:
    """For each token id, whether an episode can end with it, its budget apart; a table for each set of stops."""

    def __init__(self, vocabulary: int, end_ids: Collection[int], decode: Decode) -> None:
        self._vocabulary, self._end_ids, self._decode = vocabulary, sorted(end_ids), decode
        self._tables: dict[tuple[str, ...], npt.NDArray[np.bool_]] = {}

    def of(self, stop: tuple[str, ...]) -> npt.NDArray[np.bool_]:
        if stop not in self._tables:
            table = np.array(completing_ids(self._vocabulary, stop, self._decode), dtype=np.bool_)
            table[self._end_ids] = True
            self._tables[stop] = table
        return self._tables[stop]


def completing_ids(vocabulary: int, stops: Sequence[str], decode: Decode) -> list[bool]:
    """For each token id, whether it may complete a stop string: its text holds the last character of one.

    A token of incomplete UTF-8 decodes to the replacement character and may complete a stop string that ends in a
    character beyond ASCII.
    """
    last = {stop[-1] for stop in stops}
    if any(ord(character) > 127 for character in last):
        last.add("\ufffd")
    return [not last.isdisjoint(decode([token])) for token in range(vocabulary)]
