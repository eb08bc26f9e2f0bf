"""The embedded sampler: continuous batching on the policy's own transformers model.

Prompts are prefilled once per question and shared by its rollouts; each live rollout has a slot of a preallocated
key–value cache; a finished one gives its slot back at once, so that no row is decoded after its end.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from verigrad.errors import ConfigError, NonFiniteError
from verigrad.kernels import SlotCache, backbone_of, computing, head_of, padded
from verigrad.samplers.drawing import draw, log_distribution, uniforms
from verigrad.samplers.stopping import Decode, completing_ids, finish
from verigrad.tasks.prompts import check_context
from verigrad.types import Completion, Request


class LocalSampler:
    """Samples from a transformers model in this process; may share the trainer's module.

    At most `slots` rows are decoded at once. On a CPU in float32 a request's tokens and log-probs are the same to the
    last bit whatever shares its batch: products have whole multiples of rows, and their sums do not depend on company.
    """

    def __init__(
        self,
        model: nn.Module,
        *,
        decode: Decode,
        end_ids: Collection[int],
        slots: int = 1024,
        compute: str = "same",
    ) -> None:
        self._model: Any = model
        self._backbone, self._head = backbone_of(model), head_of(model)
        self._context = int(cast(Any, model).config.get_text_config().max_position_embeddings)
        self._decode, self._end_ids = decode, frozenset(end_ids)
        self._slots, self._compute = slots, compute
        self._version = 0
        self._device = next(model.parameters()).device
        self._ends = torch.tensor(sorted(end_ids), device=self._device)
        self._completing: dict[tuple[str, ...], np.ndarray[Any, np.dtype[np.bool_]]] = {}
        self._cache: SlotCache | None = None

    def load(self, version: int, tensors: Iterable[tuple[str, Tensor]]) -> None:
        """Takes the weights; those that already are this module's own are not copied."""
        own = dict(self._model.named_parameters())
        with torch.no_grad():
            for name, tensor in tensors:
                if own[name].data_ptr() != tensor.data_ptr():
                    own[name].copy_(tensor)
        self._version = version

    def sample(self, requests: Iterable[Request]) -> Iterator[Completion]:
        waiting = list(requests)
        if not waiting:
            return
        check_context((request.prompt for request in waiting), self._context)
        if len({(r.params.top_p, r.params.top_k, r.params.stop) for r in waiting}) > 1:
            raise ConfigError("requests of one call differ in top_p, top_k or stop; sample them in separate calls")
        waiting.sort(key=lambda r: (len(r.prompt.token_ids), r.prompt.token_ids), reverse=True)
        longest = max(self._budget(request) for request in waiting)
        state = _State(self._take_cache(waiting), longest, waiting[0].params.stop)
        try:
            while waiting or state.requests:
                room = self._slots - len(state.requests)
                if waiting and (not state.requests or room >= max(1, self._slots // 8)):
                    yield from self._finish(state, self._admit(state, waiting, room))
                if state.requests:
                    yield from self._finish(state, self._advance(state))
        finally:
            self._cache = state.cache

    def close(self) -> None:
        self._cache = None

    def _budget(self, request: Request) -> int:
        return min(request.params.max_tokens, self._context - len(request.prompt.token_ids))

    def _take_cache(self, requests: Sequence[Request]) -> SlotCache:
        """The cache kept from before, if it is large enough; nobody else has it until it is given back."""
        needed = max(len(r.prompt.token_ids) + self._budget(r) for r in requests)
        slots = min(self._slots, len(requests))
        cache, self._cache = self._cache, None
        if cache is None or cache.capacity < needed or cache.slots < slots:
            cache = None  # before the new one takes its memory
            dtype = None if self._compute == "same" else getattr(torch, self._compute)
            cache = SlotCache(self._backbone, slots, needed, dtype)
        return cache

    @torch.inference_mode()
    def _admit(self, state: _State, waiting: list[Request], room: int) -> range:
        """Gives the next requests slots behind the live ones, prefills each prompt once, draws first tokens."""
        first = len(state.requests)
        prompts: list[tuple[int, ...]] = []
        slots_of: list[list[int]] = []
        for _ in range(min(room, len(waiting))):
            request = waiting.pop()
            if not prompts or prompts[-1] != request.prompt.token_ids:
                prompts.append(request.prompt.token_ids)
                slots_of.append([])
            slots_of[-1].append(len(state.requests))
            state.add(request, self._budget(request))
        with computing(self._compute, self._device):
            hidden = state.cache.prefill(prompts, slots_of)
        counts = torch.tensor([len(slots) for slots in slots_of], device=self._device)
        new = range(first, len(state.requests))
        self._draw(state, new, hidden.repeat_interleave(counts, dim=0))
        return new

    @torch.inference_mode()
    def _advance(self, state: _State) -> range:
        """One more token for every live row."""
        count = len(state.requests)
        tokens = torch.from_numpy(state.last[:count]).to(self._device)
        positions = torch.from_numpy(state.positions[:count]).to(self._device)
        with computing(self._compute, self._device):
            hidden = state.cache.decode(tokens, positions, int(state.positions[:count].max()) + 1)
        state.positions[:count] += 1
        self._draw(state, range(count), hidden)
        return range(count)

    def _draw(self, state: _State, rows: range, hidden: Tensor) -> None:
        part = slice(rows.start, rows.stop)
        params = state.requests[rows.start].params
        banned = torch.from_numpy(state.drawn[part] < state.minimum[part]).to(self._device)
        temperature = torch.from_numpy(state.temperature[part]).to(self._device)
        logits = self._head(padded(hidden))[: len(hidden)]
        log_p = log_distribution(logits, temperature, banned, self._ends, params.top_p, params.top_k)
        uniform = torch.from_numpy(uniforms(state.keys[part], state.drawn[part].astype(np.uint64))).to(self._device)
        tokens = draw(log_p, uniform)
        if tokens.max() >= log_p.shape[1]:  # nothing could be drawn: a row of NaN
            raise NonFiniteError(
                f"sampling from policy version {self._version}: its logits are not numbers, so its weights have "
                "diverged; lower optimizer.lr, or begin from a sound model"
            )
        state.last[part] = tokens.cpu().numpy()
        state.token_ids[rows, state.drawn[part]] = state.last[part]
        state.logprobs[rows, state.drawn[part]] = log_p.gather(1, tokens[:, None])[:, 0].cpu().numpy()
        state.drawn[part] += 1

    def _finish(self, state: _State, drawn: range) -> list[Completion]:
        """Completions of the rows that ended with the token just drawn; their slots are filled with live rows."""
        part = slice(drawn.start, drawn.stop)
        candidates = self._may_complete(state.stop)[state.last[part]] | (state.drawn[part] >= state.budget[part])
        done, ended = [], []
        for slot in (np.flatnonzero(candidates) + drawn.start).tolist():
            request, count = state.requests[slot], state.drawn[slot]
            token_ids = state.token_ids[slot, :count].tolist()
            result = finish(request, token_ids, self._end_ids, self._decode, int(state.budget[slot]))
            if result is not None:
                logprobs = state.logprobs[slot, :count].tolist()
                done.append(Completion(request, tuple(token_ids), tuple(logprobs), *result, self._version))
                ended.append(slot)
        state.remove(ended)
        return done

    def _may_complete(self, stop: tuple[str, ...]) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """For each token id, whether an episode can end with it (its budget apart)."""
        if stop not in self._completing:
            table = np.array(completing_ids(self._head.out_features, stop, self._decode), dtype=np.bool_)
            table[sorted(self._end_ids)] = True
            self._completing[stop] = table
        return self._completing[stop]


class _State:
    """The live rows, dense in slots 0 … n − 1: their requests, and their numbers and tokens in arrays."""

    def __init__(self, cache: SlotCache, longest: int, stop: tuple[str, ...]) -> None:
        self.cache, self.stop = cache, stop
        self.requests: list[Request] = []
        slots = cache.slots
        self.last = np.zeros(slots, dtype=np.int64)
        self.positions = np.zeros(slots, dtype=np.int64)
        self.drawn = np.zeros(slots, dtype=np.int64)
        self.minimum = np.zeros(slots, dtype=np.int64)
        self.budget = np.zeros(slots, dtype=np.int64)
        self.temperature = np.zeros(slots, dtype=np.float32)
        self.keys = np.zeros(slots, dtype=np.uint64)
        self.token_ids = np.zeros((slots, longest), dtype=np.int64)
        self.logprobs = np.zeros((slots, longest), dtype=np.float64)

    def add(self, request: Request, budget: int) -> None:
        slot, params = len(self.requests), request.params
        self.requests.append(request)
        self.positions[slot] = len(request.prompt.token_ids)
        self.drawn[slot] = 0
        self.minimum[slot] = params.min_tokens
        self.budget[slot] = budget
        self.temperature[slot] = params.temperature
        self.keys[slot] = request.key.seed64()

    def remove(self, ended: Sequence[int]) -> None:
        """Frees slots; the last live rows move into the holes."""
        keep = len(self.requests) - len(ended)
        gone = set(ended)
        holes = [slot for slot in ended if slot < keep]
        movers = [slot for slot in range(keep, len(self.requests)) if slot not in gone]
        if holes:
            extent = int(self.positions[movers].max())
            device = self.cache.keys.device
            self.cache.move(torch.tensor(movers, device=device), torch.tensor(holes, device=device), extent)
            for array in (
                self.last, self.positions, self.drawn, self.minimum, self.budget, self.temperature, self.keys,
                self.token_ids, self.logprobs,
            ):  # fmt: skip
                array[holes] = array[movers]
            for hole, mover in zip(holes, movers, strict=True):
                self.requests[hole] = self.requests[mover]
        del self.requests[keep:]
