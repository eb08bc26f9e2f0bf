"""The key–value cache of the embedded sampler: prompts written once to all their slots, then token by token."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import torch
from jaxtyping import Int
from torch import Tensor, nn
from torch.nn import functional

from verigrad.kernels.attention import ROW_MULTIPLE, PackedPlan, hidden_states

# Keys are read in multiples of this many tokens: products then come in few shapes, and their sums in one order.
EXTENT_MULTIPLE = 8


class SlotCache:
    """A preallocated key–value cache of at least `slots` rows, of at least `capacity` tokens each, for every layer.

    Slots 0 … n − 1 are live. `prefill` runs prompts once each and writes them to every slot that starts from them;
    `decode` runs one new token per live slot. `move` copies a slot, so that live slots stay dense. Products come in few
    shapes: of rows and tokens, as many as fill a multiple are read, and what is not live is masked or thrown away.
    """

    def __init__(self, backbone: nn.Module, slots: int, capacity: int, dtype: torch.dtype | None = None) -> None:
        config = cast(Any, backbone).config.get_text_config()
        heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
        size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
        first = next(backbone.parameters())
        self.backbone = backbone
        self.slots, self.capacity = _rounded(slots, ROW_MULTIPLE), _rounded(capacity, EXTENT_MULTIPLE)
        shape = (config.num_hidden_layers, self.slots, heads, self.capacity, size)
        self.keys = torch.zeros(shape, dtype=dtype or first.dtype, device=first.device)
        self.values = torch.zeros(shape, dtype=dtype or first.dtype, device=first.device)

    def prefill(self, prompts: Sequence[Sequence[int]], slots_of: Sequence[Sequence[int]]) -> Tensor:
        """Runs each prompt once, writes it to its slots, and returns the hidden state of each prompt's last token.

        Prompts of about the same length run together, so that a prompt's products have the same shape in any company.
        """
        device = self.keys.device
        widths = [_rounded(len(prompt), EXTENT_MULTIPLE) for prompt in prompts]
        last = torch.empty(0)
        for width in sorted(set(widths)):
            rows = [row for row, its_width in enumerate(widths) if its_width == width]
            lengths = [len(prompts[row]) for row in rows]
            plan = _Prefill(self, lengths, [slots_of[row] for row in rows], width)
            ids = torch.tensor([token for row in rows for token in prompts[row]], device=device)
            hidden = hidden_states(self.backbone, ids, plan.positions, plan)
            if not len(last):
                last = hidden.new_empty(len(prompts), hidden.shape[1])
            last[rows] = hidden[torch.tensor(lengths, device=device).cumsum(0) - 1]
        return last

    def decode(self, token_ids: Int[Tensor, "rows"], positions: Int[Tensor, "rows"], extent: int) -> Tensor:
        """Appends one token to each of the first `rows` slots, at `positions` < `extent`; returns hidden states."""
        count = len(token_ids)
        padding = (0, -count % ROW_MULTIPLE)
        places = functional.pad(positions, padding)
        plan = _Decode(self, places, _rounded(extent, EXTENT_MULTIPLE))
        return hidden_states(self.backbone, functional.pad(token_ids, padding), places, plan)[:count]

    def move(self, sources: Tensor, targets: Tensor, extent: int) -> None:
        """Copies the first `extent` tokens of the source slots to the target slots."""
        for cache in (self.keys, self.values):
            cache[:, targets, :, :extent] = cache[:, sources, :, :extent]


class _Prefill(PackedPlan):
    def __init__(self, cache: SlotCache, lengths: Sequence[int], slots_of: Sequence[Sequence[int]], width: int) -> None:
        device = cache.keys.device
        super().__init__(lengths, device, least_width=width)
        self._cache = cache
        self._targets = torch.tensor([slot for slots in slots_of for slot in slots], device=device)
        self._sources = torch.tensor([row for row, slots in enumerate(slots_of) for _ in slots], device=device)

    def attend(self, layer: int, query: Tensor, key: Tensor, value: Tensor, scale: float) -> Tensor:
        for cache, flat in ((self._cache.keys, key), (self._cache.values, value)):
            rows = self._rows(flat)
            cache[layer, self._targets, :, : rows.shape[2]] = rows[self._sources]
        return super().attend(layer, query, key, value, scale)


class _Decode:
    """One new token per slot, at `positions`; each attends to its slot up to itself."""

    def __init__(self, cache: SlotCache, positions: Tensor, extent: int) -> None:
        self._cache, self._extent = cache, extent
        heads = cache.keys.shape[2]
        rows = torch.arange(len(positions) * heads, device=positions.device)
        self._places = rows * cache.capacity + positions.repeat_interleave(heads)
        later = torch.arange(extent, device=positions.device) > positions[:, None]
        mask = torch.zeros(later.shape, dtype=cache.keys.dtype, device=positions.device)
        self._mask = mask.masked_fill_(later, float("-inf")).repeat_interleave(heads, dim=0)[:, None]

    def attend(self, layer: int, query: Tensor, key: Tensor, value: Tensor, scale: float) -> Tensor:
        cache = self._cache
        count, kv_heads, size = key.shape
        for store, new in ((cache.keys, key), (cache.values, value)):
            store[layer].view(-1, size).index_copy_(0, self._places, new.reshape(-1, size))
        keys, values = (store[layer, :count].flatten(0, 1)[:, : self._extent] for store in (cache.keys, cache.values))
        grouped = query.reshape(count * kv_heads, -1, size) * scale
        # not baddbmm, whose sums depend on how many keys there are
        scores = torch.bmm(grouped, keys.transpose(1, 2)).add_(self._mask)
        return torch.bmm(scores.softmax(-1), values).view(query.shape)


def _rounded(count: int, multiple: int) -> int:
    return -(-count // multiple) * multiple
