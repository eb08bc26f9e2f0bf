"""The key–value cache of the embedded sampler: beginnings and prompts written once, responses token by token."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import torch
from jaxtyping import Int
from torch import Tensor, nn
from torch.nn import functional

from verigrad.kernels.attention import ROW_MULTIPLE, hidden_states
from verigrad.kernels.blocks import Blocks
from verigrad.kernels.packed import PackedPlan

Integers = npt.NDArray[np.int64]

# Own keys are read in multiples of this many tokens: products then come in few shapes, and their sums in one order.
EXTENT_MULTIPLE = 8
# So are prompts; a multiple of what a processor adds at once, so that it leaves the sums behind it as they are.
PROMPT_MULTIPLE = 16
# Tokens of prompts that run together, at most; bounds the memory of what lies between layers.
PREFILL_TOKENS = 8192


class SlotCache:
    """A preallocated key–value cache of three parts, read one behind the other by each row.

    `beginnings` places of `beginning_width` tokens that several prompts begin with, `prompts` places of `prompt_width`
    tokens of prompts behind those, and `slots` rows of `capacity` own tokens. `begin` and `prefill` run beginnings and
    prompts once each. `decode` runs one new token per row in slots 0 … n − 1, each behind one of the prompts; rows that
    share keys read them together. `move` copies a slot, so that live slots stay dense. Products come in few shapes: of
    rows and tokens, as many as fill a multiple are read, and what is not live is masked or thrown away.
    """

    def __init__(
        self,
        backbone: nn.Module,
        slots: int,
        capacity: int,
        prompts: int,
        prompt_width: int,
        dtype: torch.dtype | None = None,
        beginnings: int = 0,
        beginning_width: int = 0,
    ) -> None:
        config = cast(Any, backbone).config.get_text_config()
        heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
        size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
        first = next(backbone.parameters())
        self.backbone, self.prompts, self.beginnings = backbone, prompts, beginnings
        self.slots, self.capacity = _rounded(slots, ROW_MULTIPLE), _rounded(capacity, EXTENT_MULTIPLE)
        self.prompt_width = _rounded(prompt_width, PROMPT_MULTIPLE)
        self.beginning_width = _rounded(beginning_width, PROMPT_MULTIPLE)
        self.group = config.num_attention_heads // heads
        layers, dtype = config.num_hidden_layers, dtype or first.dtype
        # keys and values of each layer
        self.own = first.new_zeros(2, layers, self.slots, heads, self.capacity, size, dtype=dtype)
        self.shared = first.new_zeros(2, layers, prompts, heads, self.prompt_width, size, dtype=dtype)
        self.begun = first.new_zeros(2, layers, beginnings, heads, self.beginning_width, size, dtype=dtype)
        self.begun_lengths = np.zeros(beginnings, dtype=np.int64)

    def begin(self, beginnings: Sequence[Sequence[int]]) -> None:
        """Runs beginnings, each a whole multiple of `PROMPT_MULTIPLE` tokens long, and writes them to places 0, 1, …"""
        for place, ids in enumerate(beginnings):
            assert len(ids) % PROMPT_MULTIPLE == 0, f"a beginning of {len(ids)} tokens"
            plan = _Prefill(self.begun, [len(ids)], [place], len(ids))
            hidden_states(self.backbone, torch.tensor(ids, device=self.own.device), plan.positions, plan)
            self.begun_lengths[place] = len(ids)

    def prefill(
        self, prompts: Sequence[Sequence[int]], places: Sequence[int], behind: Sequence[int] | None = None
    ) -> Tensor:
        """Runs each prompt once, writes it to its place, and returns the hidden state of each prompt's last token.

        `behind` is the place of the beginning that each stands behind and does not repeat, −1 for none. Prompts of
        about the same length and the same beginning run together, PREFILL_TOKENS at most, so that a prompt's products
        have the same shape in any company.
        """
        device = self.own.device
        behind = [-1] * len(prompts) if behind is None else behind
        kinds = [
            (_rounded(len(prompt), EXTENT_MULTIPLE), beginning)
            for prompt, beginning in zip(prompts, behind, strict=True)
        ]
        last = torch.empty(0)
        for rows in _alike(kinds):
            width, beginning = kinds[rows[0]]
            lengths = [len(prompts[row]) for row in rows]
            targets = [places[row] for row in rows]
            if beginning < 0:
                plan = _Prefill(self.shared, lengths, targets, width)
            else:
                begun = self.begun[:, :, beginning, :, : self.begun_lengths[beginning]]
                plan = _PrefillBehind(self.shared, lengths, targets, width, begun)
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
    """Of each live row: its prompt's place and length, and how many own tokens came before the new one.

    `behind` is the place of the beginning that its prompt stands behind, −1 for none; empty where no row has one.
    """

    prompts: Integers
    lengths: Integers
    before: Integers
    behind: Integers = field(default_factory=lambda: np.zeros(0, dtype=np.int64))


class _Prefill(PackedPlan):
    """Sequences end to end, whose keys and values are kept in their places of `store`."""

    def __init__(self, store: Tensor, lengths: Sequence[int], places: Sequence[int], width: int) -> None:
        super().__init__(lengths, store.device, least_width=width)
        self._store = store
        self._places = torch.tensor(places, device=store.device)

    def attend(self, layer: int, query: Tensor, key: Tensor, value: Tensor, scale: float) -> Tensor:
        self._keep(layer, key, value)
        return super().attend(layer, query, key, value, scale)

    def _keep(self, layer: int, key: Tensor, value: Tensor) -> list[Tensor]:
        """Writes keys and values; returns them in rows, one per sequence."""
        kept = []
        for store, flat in zip(self._store, (key, value), strict=True):
            rows = self._keys.of(flat, flat.shape[1])
            store[layer, self._places, :, : rows.shape[2]] = rows
            kept.append(rows)
        return kept


class _PrefillBehind(_Prefill):
    """The same behind a beginning, whose keys and values [2, layers, heads, tokens, size] all sequences attend to."""

    def __init__(self, store: Tensor, lengths: Sequence[int], places: Sequence[int], width: int, begun: Tensor) -> None:
        super().__init__(store, lengths, places, width)
        self._begun = begun
        self.positions = self.positions + begun.shape[3]

    def attend(self, layer: int, query: Tensor, key: Tensor, value: Tensor, scale: float) -> Tensor:
        keys, values = (rows.flatten(0, 1) for rows in self._keep(layer, key, value))
        kv_heads, before = key.shape[1], self._begun.shape[3]
        steps = self._queries.of(query, kv_heads)
        sequences, _, count, size = steps.shape
        # a copy for each sequence, so that its products do not depend on how many there are
        begun_keys, begun_values = (
            part[layer].expand(sequences, -1, -1, -1).reshape(-1, before, size) for part in self._begun
        )
        lines = steps.flatten(0, 1) * scale
        places = torch.arange(count, device=query.device) * kv_heads // query.shape[1]
        later = torch.arange(keys.shape[1], device=query.device) > places[:, None]
        own = torch.bmm(lines, keys.transpose(1, 2)).masked_fill_(later, float("-inf"))
        weights = torch.cat((torch.bmm(lines, begun_keys.transpose(1, 2)), own), dim=-1).softmax(-1)
        mixed = torch.bmm(weights[..., before:], values)
        mixed += torch.bmm(weights[..., :before], begun_values)
        return self._queries.flat(mixed, kv_heads, len(query))


class _Decode:
    """One new token per slot; each attends to its beginning, its prompt, and its slot up to itself.

    Scores are made in products of blocks of rows with keys that they share, and of single rows with their own keys, and
    so are the mixes of values. `count` is the number of rows, filled up to `ROW_MULTIPLE`.
    """

    def __init__(self, cache: SlotCache, rows: Rows) -> None:
        device = cache.own.device
        self.count = _rounded(len(rows.prompts), ROW_MULTIPLE)
        missing = (0, self.count - len(rows.prompts))
        prompts, lengths, before = (np.pad(part, missing) for part in (rows.prompts, rows.lengths, rows.before))
        self._cache = cache
        self._extent = _rounded(int(before.max()) + 1, EXTENT_MULTIPLE)
        # keys that rows share: (store, its width, the blocks of rows that read each place)
        self._levels: list[tuple[Tensor, int, Blocks]] = []
        unseen = []
        heads = cache.own.shape[3]
        begun = np.zeros_like(lengths)
        if len(rows.behind) and rows.behind.max() >= 0:
            behind = np.pad(rows.behind, missing, constant_values=-1)
            begun = np.where(behind >= 0, cache.begun_lengths[behind], 0)
            width = int(begun.max())
            blocks = Blocks(np.maximum(behind, 0), heads, cache.group, device)
            self._levels.append((cache.begun, width, blocks))
            unseen.append(np.arange(width) >= begun[:, None])
        width = _rounded(int(lengths.max()), PROMPT_MULTIPLE)
        self._levels.append((cache.shared, width, Blocks(prompts, heads, cache.group, device)))
        unseen += [np.arange(width) >= lengths[:, None], np.arange(self._extent) > before[:, None]]
        self.positions = torch.from_numpy(begun + lengths + before).to(device)
        lines = np.arange(self.count)[:, None] * heads + np.arange(heads)
        self._places = torch.from_numpy((lines * cache.capacity + before[:, None]).ravel()).to(device)
        hidden = torch.from_numpy(np.concatenate(unseen, axis=1)).to(device)
        mask = torch.zeros(hidden.shape, dtype=cache.own.dtype, device=device).masked_fill_(hidden, float("-inf"))
        self._mask = mask.repeat_interleave(heads, dim=0)[:, None]

    def attend(self, layer: int, query: Tensor, key: Tensor, value: Tensor, scale: float) -> Tensor:
        count, heads, size = key.shape
        for store, new in zip(self._cache.own, (key, value), strict=True):
            store[layer].view(-1, size).index_copy_(0, self._places, new.reshape(-1, size))
        own_keys, own_values = self._cache.own[:, layer, :count, :, : self._extent].flatten(1, 2)
        single = query.reshape(count * heads, -1, size) * scale
        scores, shared = [], []
        for store, width, blocks in self._levels:
            keys, values = store[:, layer, :, :, :width].index_select(1, blocks.read).flatten(1, 2)
            # not baddbmm, whose sums depend on how many keys there are
            scores.append(blocks.to_rows(torch.bmm(blocks.to_blocks(single), keys.transpose(1, 2))))
            shared.append((blocks, values))
        scores.append(torch.bmm(single, own_keys.transpose(1, 2)))
        weights = torch.cat(scores, dim=-1).add_(self._mask).softmax(-1)
        *parts, own = weights.split([part.shape[-1] for part in scores], dim=-1)
        mixed = torch.bmm(own, own_values)
        for part, (blocks, values) in zip(reversed(parts), reversed(shared), strict=True):
            mixed += blocks.to_rows(torch.bmm(blocks.to_blocks(part), values))
        return mixed.view(query.shape)


def _alike(kinds: Sequence[tuple[int, int]]) -> Iterator[list[int]]:
    """Places of equal kinds (width, beginning), as many at a time as PREFILL_TOKENS allow."""
    for kind in sorted(set(kinds)):
        rows = [row for row, its_kind in enumerate(kinds) if its_kind == kind]
        size = max(1, PREFILL_TOKENS // kind[0])
        for start in range(0, len(rows), size):
            yield rows[start : start + size]


def _rounded(count: int, multiple: int) -> int:
    return -(-count // multiple) * multiple
