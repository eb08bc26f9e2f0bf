"""Attention of sequences laid end to end: training, scoring, and the sampler's first pass over prompts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional
from torch.nn.utils.rnn import pad_sequence

# Longest row, in tokens, whose whole matrix of attention scores is made on a CPU.
SHORT = 512


class PackedPlan:
    """Sequences laid end to end; each token attends to itself and to the earlier tokens of its own sequence.

    A sequence may begin with tokens that earlier ones have already: its `beginnings` entry is the flat places of those,
    in order, and `lengths` then counts its own tokens behind them. Linear layers see each token once; whatever tokens
    come after the last sequence only fill the shape up. The attention product runs on one row per sequence: of queries,
    padded to the most own tokens, and of keys, padded to the longest sequence of the pack, both to `least_width` at
    least. On a GPU, and where rows are longer than `SHORT`, rows of queries hold the beginnings too.
    """

    def __init__(
        self,
        lengths: Sequence[int],
        device: torch.device | str = "cpu",
        beginnings: Sequence[npt.NDArray[np.int64]] | None = None,
        least_width: int = 0,
    ) -> None:
        own = torch.tensor(lengths)
        starts = own.cumsum(0) - own
        before, shared = torch.zeros_like(own), torch.zeros(len(lengths), 0, dtype=torch.long)
        if beginnings and any(map(len, beginnings)):
            before = torch.tensor([len(places) for places in beginnings])
            shared = pad_sequence([torch.from_numpy(places) for places in beginnings], batch_first=True)
        columns = torch.arange(max(least_width, int((own + before).max())))
        self._short = torch.device(device).type == "cpu" and len(columns) <= SHORT
        behind = columns[None] - before[:, None]
        mine = (behind >= 0) & (behind < own[:, None])
        places = torch.where(mine, starts[:, None] + behind, 0)
        places[:, : shared.shape[1]] = torch.where(
            behind[:, : shared.shape[1]] < 0, shared, places[:, : shared.shape[1]]
        )
        self.positions: Int[Tensor, "tokens"] = columns.expand(places.shape)[mine].to(device)
        self._keys = _Rows(places, mine, device)
        self._queries = self._keys
        if self._short:
            asking = torch.arange(max(least_width, int(own.max())))
            real = asking < own[:, None]
            self._queries = _Rows(torch.where(real, starts[:, None] + asking, 0), real, device)
            # by row, unless all are alike: what a query must not see
            first = before[:, None, None] if len(before.unique()) > 1 else before[:1, None, None]
            self._later = columns > first + asking[:, None]
            self._masks: dict[tuple[int, int, torch.dtype], Tensor] = {}

    def attend(self, layer: int, query: Tensor, key: Tensor, value: Tensor, scale: float) -> Tensor:
        heads, kv_heads = query.shape[1], key.shape[1]
        if self._short:
            mask = self._mask(kv_heads, heads // kv_heads, query.dtype)
            return cast(
                Tensor,
                _ShortRows.apply(query, key, value, self._queries, self._keys, mask, scale),  # type: ignore[no-untyped-call]
            )
        rows = [self._keys.of(tensor, tensor.shape[1]) for tensor in (query, key, value)]
        mixed = functional.scaled_dot_product_attention(
            rows[0], rows[1], rows[2], is_causal=True, scale=scale, enable_gqa=heads != kv_heads
        )
        return self._keys.flat(mixed.flatten(0, 1), heads, len(query))

    def _mask(self, kv_heads: int, group: int, dtype: torch.dtype) -> Float[Tensor, "rows asking width"]:
        """−∞ where a query must not look, 0 elsewhere; in one row if all rows are alike."""
        kind = (kv_heads, group, dtype)
        if kind not in self._masks:
            later = self._later.repeat_interleave(group, dim=1)
            mask = torch.zeros(later.shape, dtype=dtype).masked_fill_(later, float("-inf"))
            self._masks[kind] = mask if len(mask) == 1 else mask.repeat_interleave(kv_heads, dim=0)
        return self._masks[kind]


class _Rows:
    """Flat tokens in rows, one per sequence: `places` [rows, width] in the flat tokens, `mine` where they are its own.

    Heads are laid beside each other as rows of their own, those that share a key head together.
    """

    def __init__(self, places: Tensor, mine: Tensor, device: torch.device | str) -> None:
        self.shape = places.shape
        self._places, self._mine, self._device = places, mine, device
        self._made: dict[tuple[str, int, int], Tensor] = {}

    def of(self, flat: Float[Tensor, "tokens heads size"], kv_heads: int) -> Float[Tensor, "rows kv_heads steps size"]:
        """Rows of [width · heads / kv_heads] steps; padding is an arbitrary token."""
        rows = flat.reshape(len(flat) * kv_heads, -1).index_select(0, self._index("of", kv_heads))
        return rows.view(self.shape[0], kv_heads, -1, flat.shape[-1])

    def flat(self, rows: Tensor, kv_heads: int, tokens: int) -> Float[Tensor, "tokens heads size"]:
        """Of each token its own place in the rows [rows · kv_heads, steps, size]; behind the last an arbitrary one."""
        size = rows.shape[-1]
        lines = rows.reshape(self.shape.numel() * kv_heads, -1)
        return lines.index_select(0, self._index("flat", kv_heads, tokens)).view(tokens, -1, size)

    def zero_padding(self, rows: Tensor, kv_heads: int) -> None:
        """Sets what is no sequence's own to 0."""
        lines = rows.view(self.shape.numel() * kv_heads, -1)
        lines.index_fill_(0, self._index("padding", kv_heads), 0.0)

    def total(self, rows: Tensor, kv_heads: int, tokens: int) -> Float[Tensor, "tokens heads size"]:
        """The sum over all places of each token."""
        total = self.own(rows, kv_heads, tokens)
        shared, target = self._index("shared", kv_heads), self._index("target", kv_heads)
        if len(shared):
            total.view(tokens * kv_heads, -1).index_add_(0, target, rows.view(-1, rows.shape[-1])[shared])
        return total

    def own(self, rows: Tensor, kv_heads: int, tokens: int) -> Float[Tensor, "tokens heads size"]:
        """As `flat`, and 0 behind the last token."""
        flat = self.flat(rows, kv_heads, tokens)
        flat[int(self._mine.sum()) :] = 0.0
        return flat

    def _index(self, what: str, kv_heads: int, tokens: int = 0) -> Tensor:
        kind = (what, kv_heads, tokens)
        if kind not in self._made:
            self._made[kind] = self._make_index(what, kv_heads, tokens).to(self._device)
        return self._made[kind]

    def _make_index(self, what: str, kv_heads: int, tokens: int) -> Tensor:
        heads = torch.arange(kv_heads)
        if what == "of":
            return (self._places[:, None] * kv_heads + heads[:, None]).flatten()
        rows, width = self.shape
        line = torch.arange(rows)[:, None, None] * kv_heads * width + heads[:, None] * width + torch.arange(width)
        if what == "padding":
            return line.transpose(1, 2)[~self._mine].flatten()
        if what == "flat":
            mine = line.transpose(1, 2)[self._mine]
            return functional.pad(mine, (0, 0, 0, tokens - len(mine))).flatten()
        columns = self._mine.int().argmax(1, keepdim=True)  # of its own first token: those before are of the prompt
        shared = (torch.arange(width) < columns) & self._mine.any(1, keepdim=True)
        if what == "shared":
            return line.transpose(1, 2)[shared].flatten()
        return (self._places[shared][:, None] * kv_heads + heads).flatten()


class _ShortRows(torch.autograd.Function):
    """softmax(scale · q kᵀ + mask) v by whole score matrices: on a CPU and short rows faster than a flash kernel."""

    @staticmethod
    def forward(
        ctx: Any, query: Tensor, key: Tensor, value: Tensor, asking: _Rows, asked: _Rows, mask: Tensor, scale: float
    ) -> Tensor:
        kv_heads = key.shape[1]
        q, k, v = (rows.of(x, kv_heads).flatten(0, 1) for rows, x in ((asking, query), (asked, key), (asked, value)))
        weights = torch.baddbmm(mask, q, k.transpose(1, 2), alpha=scale).softmax(-1).to(v.dtype)
        ctx.save_for_backward(q, k, v, weights)
        ctx.rows, ctx.scale, ctx.sizes = (asking, asked), scale, (kv_heads, len(query))
        return asking.flat(torch.bmm(weights, v), kv_heads, len(query))

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """With w the weights and d the gradient of the mix: ∂/∂scores = w (d vᵀ − Σ w d vᵀ), the rest are products."""
        q, k, v, weights = ctx.saved_tensors
        (asking, asked), (kv_heads, tokens) = ctx.rows, ctx.sizes
        d = asking.of(gradients[0], kv_heads).flatten(0, 1)
        asking.zero_padding(d, kv_heads)
        d_scores = torch.ops.aten._softmax_backward_data(torch.bmm(d, v.transpose(1, 2)), weights, -1, weights.dtype)
        d_query = torch.baddbmm(q, d_scores, k, beta=0, alpha=ctx.scale)
        d_key = torch.baddbmm(k, d_scores.transpose(1, 2), q, beta=0, alpha=ctx.scale)
        d_value = torch.bmm(weights.transpose(1, 2), d)
        return (
            asking.own(d_query, kv_heads, tokens),
            asked.total(d_key, kv_heads, tokens),
            asked.total(d_value, kv_heads, tokens),
            *(None,) * 4,
        )
