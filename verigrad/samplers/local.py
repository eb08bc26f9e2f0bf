"""The embedded sampler: continuous batching on the policy's own transformers model.

What a template puts before every question is run once, and the prompts behind it once per question. Rollouts that have
drawn the same tokens so far are one row, with a slot of a preallocated key–value cache: it is decoded once, and each of
them draws its own next token. A row whose rollouts have finished gives its slot back at once, so that none is decoded
after its end.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from verigrad.errors import ConfigError, NonFiniteError
from verigrad.kernels import NarrowCopy, Rows, SlotCache, backbone_of, computing, head_of, padded
from verigrad.samplers.drawing import draw, log_distribution, uniforms
from verigrad.samplers.live import State, beginning_of
from verigrad.samplers.stopping import Decode, EndTable, finish
from verigrad.tasks.prompts import check_context
from verigrad.types import Completion, Request, StopReason


class LocalSampler:
    """Samples from a transformers model in this process. `shared`: it is the trainer's module, as it is trained.

    At most `slots` requests are live at once. On a CPU in float32 a request's tokens and log-probs are the same to the
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
        shared: bool = False,
    ) -> None:
        self._model: Any = model
        self._backbone, self._head = backbone_of(model), head_of(model)
        self._narrow = None if compute == "same" else NarrowCopy(self._backbone, compute)
        self._context = int(cast(Any, model).config.get_text_config().max_position_embeddings)
        self._decode, self._end_ids = decode, frozenset(end_ids)
        self._slots, self._compute, self._shared = slots, compute, shared
        self._version = 0
        self._device = next(model.parameters()).device
        self._ends = torch.tensor(sorted(end_ids), device=self._device)
        self._may_end = EndTable(self._head.out_features, end_ids, decode)
        self._cache: SlotCache | None = None

    def load(self, version: int, tensors: Iterable[tuple[str, Tensor]]) -> None:
        """Takes the weights; a shared module has them already, adapters beside them if it has any.

        Where layers compute in a narrower type, their weights are rounded here, once for all tokens.
        """
        own = {} if self._shared else dict(self._model.named_parameters())
        with torch.no_grad():
            for name, tensor in () if self._shared else tensors:
                own[name].copy_(tensor)
        if self._narrow:
            self._narrow.refresh()
        self._version = version

    def sample(self, requests: Iterable[Request]) -> Iterator[Completion]:
        waiting = list(requests)
        if not waiting:
            return
        check_context((request.prompt for request in waiting), self._context)
        if len({(r.params.top_p, r.params.top_k, r.params.stop) for r in waiting}) > 1:
            raise ConfigError("requests of one call differ in top_p, top_k or stop; sample them in separate calls")
        stop = waiting[0].params.stop
        waiting.sort(key=lambda r: (len(r.prompt.token_ids), r.prompt.token_ids), reverse=True)
        longest = max(self._budget(request) for request in waiting)
        beginnings = sorted({beginning_of(request.prompt) for request in waiting} - {()})
        state = State(self._take_cache(waiting, beginnings), longest, self._head.out_features)
        try:
            self._begin(state, beginnings)
            while waiting or state.requests:
                room = self._slots - len(state.requests)
                if waiting and (not state.requests or room >= max(1, self._slots // 8)):
                    yield from self._finish(state, self._admit(state, waiting, room), stop)
                if state.requests:
                    yield from self._finish(state, self._advance(state), stop)
        finally:
            self._cache = state.cache

    def close(self) -> None:
        self._cache = None

    def _budget(self, request: Request) -> int:
        return min(request.params.max_tokens, self._context - len(request.prompt.token_ids))

    def _take_cache(self, requests: Sequence[Request], beginnings: Sequence[tuple[int, ...]]) -> SlotCache:
        """The cache kept from before, if it is large enough; nobody else has it until it is given back."""
        distinct = {request.prompt.token_ids: request.prompt for request in requests}.values()
        slots = min(self._slots, len(requests))
        needed = {
            "slots": slots,
            "capacity": max(self._budget(request) for request in requests),
            "prompts": min(slots, len(distinct)),
            "prompt_width": max(len(prompt.token_ids) - len(beginning_of(prompt)) for prompt in distinct),
            "beginnings": len(beginnings),
            "beginning_width": max(map(len, beginnings), default=0),
        }
        cache, self._cache = self._cache, None
        if cache is None or any(getattr(cache, name) < count for name, count in needed.items()):
            cache = None  # before the new one takes its memory
            dtype = None if self._compute == "same" else getattr(torch, self._compute)
            backbone = self._narrow.backbone if self._narrow else self._backbone
            cache = SlotCache(backbone, **needed, dtype=dtype)
        return cache

    @torch.inference_mode()
    def _begin(self, state: State, beginnings: Sequence[tuple[int, ...]]) -> None:
        with computing(self._compute, self._device):
            state.begin(beginnings)

    @torch.inference_mode()
    def _admit(self, state: State, waiting: list[Request], room: int) -> range:
        """Takes the next requests in, prefills each prompt once, draws first tokens."""
        requests = [waiting.pop() for _ in range(min(room, len(waiting)))]
        new = state.add(requests, [self._budget(request) for request in requests])
        rows = {int(state.prompts[row]): row for row in new}
        places = sorted(rows)
        prompts = []
        for place in places:
            prompt = state.requests[state.first_of(rows[place])].prompt
            prompts.append(prompt.token_ids[len(beginning_of(prompt)) :])
        behind = [int(state.behind[rows[place]]) for place in places]
        with computing(self._compute, self._device):
            hidden = state.cache.prefill(prompts, places, behind)
        order = np.searchsorted(places, state.prompts[new.start : new.stop])
        return self._draw(state, new, hidden[torch.from_numpy(order).to(self._device)])

    @torch.inference_mode()
    def _advance(self, state: State) -> range:
        """One more token for every live row."""
        rows = slice(0, state.rows)
        tokens = torch.from_numpy(state.last[rows]).to(self._device)
        with computing(self._compute, self._device):
            live = Rows(state.prompts[rows], state.lengths[rows], state.drawn[rows] - 1, state.behind[rows])
            hidden = state.cache.decode(tokens, live)
        return self._draw(state, range(state.rows), hidden)

    def _draw(self, state: State, rows: range, hidden: Tensor) -> range:
        """Draws a token for each request of the rows; returns the places of these requests."""
        part, requests = slice(rows.start, rows.stop), state.requests_of(rows)
        some = slice(requests.start, requests.stop)
        params = state.requests[requests.start].params
        banned = torch.from_numpy(state.drawn[part] < state.minimum[part]).to(self._device)
        temperature = torch.from_numpy(state.temperature[part]).to(self._device)
        logits = self._head(padded(hidden))[: len(hidden)]
        log_p = log_distribution(logits, temperature, banned, self._ends, params.top_p, params.top_k)
        drawn = state.drawn[state.row[some]]
        uniform = torch.from_numpy(uniforms(state.keys[some], drawn.astype(np.uint64))).to(self._device)
        of = torch.from_numpy(state.row[some] - rows.start).to(self._device)
        tokens = draw(log_p, uniform, of)
        if tokens.max() >= log_p.shape[1]:  # nothing could be drawn: a row of NaN
            raise NonFiniteError(
                f"sampling from policy version {self._version}: its logits are not numbers, so its weights have "
                "diverged; lower optimizer.lr, or begin from a sound model"
            )
        state.tokens[some] = tokens.cpu().numpy()
        state.token_ids[requests, drawn] = state.tokens[some]
        state.logprobs[requests, drawn] = log_p[of, tokens].cpu().numpy()
        state.drawn[part] += 1
        return requests

    def _finish(self, state: State, drawn: range, stop: tuple[str, ...]) -> list[Completion]:
        """Completions of the requests that ended with the token just drawn; those that go on are sorted into rows."""
        part = slice(drawn.start, drawn.stop)
        counts = state.drawn[state.row[part]]
        candidates = self._may_end.of(stop)[state.tokens[part]] | (counts >= state.budget[part])
        done, ended = [], []
        results: dict[tuple[int, ...], tuple[str, StopReason] | None] = {}
        for place in np.flatnonzero(candidates).tolist():
            at, count = drawn.start + place, counts[place]
            request, budget = state.requests[at], int(state.budget[at])
            same = (int(state.row[at]), int(state.tokens[at]), budget)
            if same not in results or results[same] is not None:
                token_ids = state.token_ids[at, :count].tolist()
            if same not in results:
                results[same] = finish(request, token_ids, self._end_ids, self._decode, budget)
            result = results[same]
            if result is not None:
                logprobs = state.logprobs[at, :count].tolist()
                done.append(Completion(request, tuple(token_ids), tuple(logprobs), *result, self._version))
                ended.append(at)
        state.remove(ended)
        state.branch()
        return done
