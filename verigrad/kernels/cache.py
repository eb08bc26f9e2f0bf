"""The key–value cache of the embedded sampler: prompts written once to all their slots, then token by token."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional

from verigrad.kernels.attention import ROW_MULTIPLE, hidden_states
from verigrad.kernels.packed import PackedPlan

Integers = npt.NDArray[np.int64]

# Own keys are read in multiples of this many tokens: products then come in few shapes, and their sums in one order.
EXTENT_MULTIPLE = 8
# So are prompts; a multiple of what a processor adds at once, so that it leaves the sums behind it as they are.
PROMPT_MULTIPLE = 16
# Rows of one prompt that read its keys together; a fixed number, so that a row's products do not depend on the others.
BLOCK = 16
# Tokens of prompts that run together, at most; bounds the memory of what lies between layers.
PREFILL_TOKENS = 8192


class SlotCache:
    """A preallocated key–value cache: `prompts` places of `prompt_width` tokens, `slots` rows of `capacity` own tokens.

    `prefill` runs prompts once each. `decode` runs one new token per row in slots 0 … n − 1, each behind one of the
    prompts; rows of one prompt read its keys once for up to `BLOCK` of them. `move` copies a slot, so that live slots
    stay dense. Products come in few shapes: of rows and tokens, as many as fill a multiple are read, and what is not
    live is masked or thrown away.
    """

    def __init__(
        self,
        backbone: nn.Module,
        slots: int,
        capacity: int,
        prompts: int,
        prompt_width: int,
        dtype: torch.dtype | None = None,
    ) -> None:
        config = cast(Any, backbone).config.get_text_config()
        heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
        size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
        first = next(backbone.parameters())
        self.backbone, self.prompts = backbone, prompts
        self.slots, self.capacity = _rounded(slots, ROW_MULTIPLE), _rounded(capacity, EXTENT_MULTIPLE)
        self.prompt_width = _rounded(prompt_width, PROMPT_MULTIPLE)
        layers, dtype = config.num_hidden_layers, dtype or first.dtype
        # keys and values of each layer
        self.own = first.new_zeros(2, layers, self.slots, heads, self.capacity, size, dtype=dtype)
        self.shared = first.new_zeros(2, layers, prompts, heads, self.prompt_width, size, dtype=dtype)

    def prefill(self, prompts: Sequence[Sequence[int]], places: Sequence[int]) -> Tensor:
        """Runs each prompt once, writes it to its place, and returns the hidden state of each prompt's last token.

        Prompts of about the same length run together, PREFILL_TOKENS at most, so that a prompt's products have the same
        shape in any company.
        """
        device = self.own.device
        widths = [_rounded(len(prompt), EXTENT_MULTIPLE) for prompt in prompts]
        last = torch.empty(0)
        for rows in _alike(widths):
            width = widths[rows[0]]
            lengths = [len(prompts[row]) for row in rows]
            plan = _Prefill(self, lengths, [places[row] for row in rows], width)
            ids = torch.tensor([token for row in rows for token in prompts[row]], device=device)
            hidden = hidden_states(self.backbone, ids, plan.positions, plan)
            if not len(last):
                last = hidden.new_empty(len(prompts), hidden.shape[1])
            last[rows] = hidden[torch.tensor(lengths, device=device).cumsum(0) - 1]
        return last

    def decode(self, token_ids: Int[Tensor, "rows"], rows: Rows) -> Tensor:
        """Appends one token to each of the first slots; returns its hidden states."""
        count = len(token_ids)
        plan = _Decode(self, rows)
        ids = functional.pad(token_ids, (0, plan.count - count))
        return hidden_states(self.backbone, ids, plan.positions, plan)[:count]

    def move(self, sources: Tensor, targets: Tensor, extent: int) -> None:
        """Copies the first `extent` own tokens of the source slots to the target slots."""
        self.own[:, :, targets, :, :extent] = self.own[:, :, sources, :, :extent]


@dataclass(frozen=True, slots=True)
class Rows:
    """Of each live row: its prompt's place and length, and how many own tokens came before the new one."""

    prompts: Integers
    lengths: Integers
    before: Integers


class _Prefill(PackedPlan):
    def __init__(self, cache: SlotCache, lengths: Sequence[int], places: Sequence[int], width: int) -> None:
        super().__init__(lengths, cache.own.device, least_width=width)
        self._cache = cache
        self._places = torch.tensor(places, device=cache.own.device)

    def attend(self, layer: int, query: Tensor, key: Tensor, value: Tensor, scale: float) -> Tensor:
        for cache, flat in zip(self._cache.shared, (key, value), strict=True):
            rows = self._keys.of(flat, flat.shape[1])
            cache[layer, self._places, :, : rows.shape[2]] = rows
        return super().attend(layer, query, key, value, scale)


class _Decode:
    """One new token per slot; each attends to its prompt, and to its slot up to itself.

    Scores are made in two products, of blocks of rows with the keys of one prompt and of single rows with their own
    keys, and so are the mixes of values. `count` is the number of rows, filled up to `ROW_MULTIPLE`.
    """

    def __init__(self, cache: SlotCache, rows: Rows) -> None:
        device = cache.own.device
        self.count = _rounded(len(rows.prompts), ROW_MULTIPLE)
        missing = (0, self.count - len(rows.prompts))
        prompts, lengths, before = (np.pad(part, missing) for part in (rows.prompts, rows.lengths, rows.before))
        self.positions = torch.from_numpy(lengths + before).to(device)
        self._cache = cache
        self._width = _rounded(int(lengths.max()), PROMPT_MULTIPLE)
        self._extent = _rounded(int(before.max()) + 1, EXTENT_MULTIPLE)
        heads = np.arange(cache.own.shape[3])
        block_prompts, members, homes = _blocks(prompts)
        self._block_prompts = torch.from_numpy(block_prompts).to(device)
        # rows of [heads] in the order of blocks, and back
        self._members = torch.from_numpy((members[:, None] * len(heads) + heads[:, None]).ravel()).to(device)
        block, place = np.divmod(homes, BLOCK)
        self._homes = torch.from_numpy(((block[:, None] * len(heads) + heads) * BLOCK + place[:, None]).ravel()).to(
            device
        )
        lines = np.arange(self.count)[:, None] * len(heads) + heads
        self._places = torch.from_numpy((lines * cache.capacity + before[:, None]).ravel()).to(device)
        unseen = np.concatenate(
            (np.arange(self._width) >= lengths[:, None], np.arange(self._extent) > before[:, None]), axis=1
        )
        mask = torch.zeros(unseen.shape, dtype=cache.own.dtype, device=device)
        mask.masked_fill_(torch.from_numpy(unseen).to(device), float("-inf"))
        self._mask = mask.repeat_interleave(len(heads), dim=0)[:, None]

    def attend(self, layer: int, query: Tensor, key: Tensor, value: Tensor, scale: float) -> Tensor:
        count, heads, size = key.shape
        for store, new in zip(self._cache.own, (key, value), strict=True):
            store[layer].view(-1, size).index_copy_(0, self._places, new.reshape(-1, size))
        own_keys, own_values = self._cache.own[:, layer, :count, :, : self._extent].flatten(1, 2)
        keys, values = (
            self._cache.shared[:, layer, :, :, : self._width].index_select(1, self._block_prompts).flatten(1, 2)
        )
        single = query.reshape(count * heads, -1, size) * scale
        # not baddbmm, whose sums depend on how many keys there are
        of_prompt = self._to_rows(torch.bmm(self._to_blocks(single), keys.transpose(1, 2)))
        scores = torch.cat((of_prompt, torch.bmm(single, own_keys.transpose(1, 2))), dim=-1).add_(self._mask)
        weights = scores.softmax(-1)
        mixed = torch.bmm(weights[..., self._width :], own_values)
        mixed += self._to_rows(torch.bmm(self._to_blocks(weights[..., : self._width]), values))
        return mixed.view(query.shape)

    def _to_blocks(self, rows: Float[Tensor, "lines group width"]) -> Float[Tensor, "blocks steps width"]:
        lines = rows.reshape(len(rows), -1).index_select(0, self._members)
        return lines.view(-1, BLOCK * rows.shape[1], rows.shape[2])

    def _to_rows(self, blocks: Float[Tensor, "blocks steps width"]) -> Float[Tensor, "lines group width"]:
        _, steps, width = blocks.shape
        lines = blocks.view(-1, steps // BLOCK * width).index_select(0, self._homes)
        return lines.view(-1, steps // BLOCK, width)


def _blocks(prompts: Integers) -> tuple[Integers, Integers, Integers]:
    """(prompt of each block, its rows [blocks, BLOCK], place of each row in the blocks) of rows behind `prompts`."""
    order = np.argsort(prompts, kind="stable")
    ordered = prompts[order]
    first = np.flatnonzero(np.diff(ordered, prepend=-1))
    counts = np.diff(first, append=len(ordered))
    blocks = -(-counts // BLOCK)
    rank = np.arange(len(ordered)) - np.repeat(first, counts)
    place = np.repeat((np.cumsum(blocks) - blocks) * BLOCK, counts) + rank
    members = np.zeros(int(blocks.sum()) * BLOCK, dtype=np.int64)
    members[place] = order
    homes = np.empty_like(order)
    homes[order] = place
    return np.repeat(ordered[first], blocks), members.reshape(-1, BLOCK), homes


def _alike(widths: Sequence[int]) -> Iterator[list[int]]:
    """Places of equal widths, as many at a time as PREFILL_TOKENS allow."""
    for width in sorted(set(widths)):
        rows = [row for row, its_width in enumerate(widths) if its_width == width]
        size = max(1, PREFILL_TOKENS // width)
        for start in range(0, len(rows), size):
            yield rows[start : start + size]


def _rounded(count: int, multiple: int) -> int:
    return -(-count // multiple) * multiple
