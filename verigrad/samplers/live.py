"""The requests that the embedded sampler works on, and the rows that it decodes for them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import torch

from verigrad.kernels import PROMPT_MULTIPLE, SlotCache
from verigrad.types import Prompt, Request

# Tokens below which a beginning is not worth a part of the cache of its own.
LEAST_BEGINNING = 32


def beginning_of(prompt: Prompt) -> tuple[int, ...]:
    """What the prompt shares with every other of its template, in whole multiples; () where that is little.

    A function of the prompt alone, so that how it is run does not depend on what else is sampled. At least one token is
    left behind it.
    """
    most = min(prompt.template_tokens, len(prompt.token_ids) - 1)
    length = most - most % PROMPT_MULTIPLE
    return prompt.token_ids[:length] if length >= LEAST_BEGINNING else ()


class State:
    """Live requests, dense in places 0 … n − 1, and the rows in slots 0 … rows − 1 of the cache that they stand behind.

    A row is a prompt and the tokens drawn behind it. Requests that agree in both, and in temperature and min_tokens,
    share it; `branch` parts those that drew different tokens. So the first tokens of a group, and what a policy of low
    entropy repeats, are decoded once.
    """

    def __init__(self, cache: SlotCache, longest: int, vocabulary: int) -> None:
        self.cache = cache
        self.requests: list[Request] = []
        self.rows = 0
        self._vocabulary = vocabulary
        slots = cache.slots
        # of each request: its row, the token that it drew last, and all of them
        self.row = np.zeros(slots, dtype=np.int64)
        self.tokens = np.zeros(slots, dtype=np.int64)
        self.budget = np.zeros(slots, dtype=np.int64)
        self.keys = np.zeros(slots, dtype=np.uint64)
        self.token_ids = np.zeros((slots, longest), dtype=np.int64)
        self.logprobs = np.zeros((slots, longest), dtype=np.float64)
        # of each row: its last token, its prompt's place and length, the place of the beginning before it, tokens drawn
        self.last = np.zeros(slots, dtype=np.int64)
        self.prompts = np.zeros(slots, dtype=np.int64)
        self.lengths = np.zeros(slots, dtype=np.int64)
        self.drawn = np.zeros(slots, dtype=np.int64)
        self.minimum = np.zeros(slots, dtype=np.int64)
        self.temperature = np.zeros(slots, dtype=np.float32)
        self.behind = np.full(slots, -1, dtype=np.int64)
        self._beginnings: dict[tuple[int, ...], int] = {}
        self._places: dict[tuple[int, ...], int] = {}
        self._free = list(range(cache.prompts))
        self._uses = Counter[int]()

    def begin(self, beginnings: Sequence[tuple[int, ...]]) -> None:
        """Runs what prompts begin with, before any of them is added."""
        self._beginnings = {ids: place for place, ids in enumerate(beginnings)}
        self.cache.begin(beginnings)

    def add(self, requests: Sequence[Request], budgets: Sequence[int]) -> range:
        """Takes requests in that have drawn nothing; returns their rows, behind those that there are."""
        first = self.rows
        rows: dict[tuple[int, float, int], int] = {}
        for request, budget in zip(requests, budgets, strict=True):
            at, params, prompt = len(self.requests), request.params, request.prompt.token_ids
            self.requests.append(request)
            if prompt not in self._places:
                self._places[prompt] = self._free.pop()
            place = self._places[prompt]
            self._uses[place] += 1
            kind = (place, params.temperature, params.min_tokens)
            if kind not in rows:
                row = rows[kind] = first + len(rows)
                beginning = beginning_of(request.prompt)
                self.behind[row] = self._beginnings[beginning] if beginning else -1
                self.prompts[row], self.lengths[row] = place, len(prompt) - len(beginning)
                self.drawn[row] = 0
                self.temperature[row], self.minimum[row] = params.temperature, params.min_tokens
            self.row[at], self.budget[at], self.keys[at] = rows[kind], budget, request.key.seed64()
        self.rows += len(rows)
        return range(first, self.rows)

    def requests_of(self, rows: range) -> range:
        """The places of the requests of the last rows; those of later rows stand behind those of earlier ones."""
        count = len(self.requests)
        return range(int(np.argmax(self.row[:count] >= rows.start)), count)

    def first_of(self, row: int) -> int:
        """The place of a row's first request."""
        return int(np.argmax(self.row[: len(self.requests)] == row))

    def remove(self, ended: Sequence[int]) -> None:
        """Forgets requests, and frees the places of prompts that nobody reads any more."""
        if not ended:
            return
        for at in ended:
            prompt = self.requests[at].prompt.token_ids
            place = self._places[prompt]
            self._uses[place] -= 1
            if not self._uses[place]:
                del self._places[prompt]
                self._free.append(place)
        alive = np.ones(len(self.requests), dtype=np.bool_)
        alive[ended] = False
        for array in (self.row, self.tokens, self.budget, self.keys, self.token_ids, self.logprobs):
            array[: int(alive.sum())] = array[: len(alive)][alive]
        self.requests = [request for request, lives in zip(self.requests, alive.tolist(), strict=True) if lives]

    def branch(self) -> None:
        """Gives each different continuation of a row a row of its own, and keeps the rows dense.

        A row's first continuation keeps its slot where that is below the new number of rows; every other one takes a
        free slot, and what the cache holds of the row is copied there.
        """
        count = len(self.requests)
        nodes, of = np.unique(self.row[:count] * self._vocabulary + self.tokens[:count], return_inverse=True)
        parents, tokens = np.divmod(nodes, self._vocabulary)
        slots = np.where((np.diff(parents, prepend=-1) > 0) & (parents < len(nodes)), parents, -1)
        slots[slots < 0] = np.setdiff1d(np.arange(len(nodes)), slots)
        moved = slots != parents
        sources, targets = parents[moved], slots[moved]
        if len(sources):
            fed = int(self.drawn[sources].max()) - 1
            if fed:
                device = self.cache.own.device
                self.cache.move(torch.from_numpy(sources).to(device), torch.from_numpy(targets).to(device), fed)
            for array in (self.prompts, self.lengths, self.behind, self.drawn, self.minimum, self.temperature):
                array[targets] = array[sources]
        self.last[slots] = tokens
        self.row[:count] = slots[of]
        self.rows = len(nodes)
