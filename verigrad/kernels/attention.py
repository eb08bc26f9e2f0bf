"""Attention by plan: a transformers model runs its own layers, and a plan says who attends to whom.

transformers lets a caller register an attention function and hands it every keyword of the forward call. We register
one, "verigrad", that asks the `plan` of the call. Linear layers then see one flat row of real tokens, without padding,
whatever the plan is: sequences laid end to end (`PackedPlan`, training and scoring) or one new token per slot of a
preallocated key–value cache (`SlotCache`, sampling).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol, cast

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional

from verigrad.errors import ConfigError
from verigrad.kernels.products import default_products

NAME = "verigrad"
# Flat rows are padded up to a multiple of this: products then come in few shapes, and kernels are made once per shape.
ROW_MULTIPLE = 64
# Longest row, in tokens, whose whole matrix of attention scores is made on a CPU.
SHORT = 512


class AttentionPlan(Protocol):
    """Who attends to whom in one forward pass over `tokens` flat tokens."""

    def attend(
        self,
        layer: int,
        query: Float[Tensor, "tokens heads size"],
        key: Float[Tensor, "tokens kv_heads size"],
        value: Float[Tensor, "tokens kv_heads size"],
        scale: float,
    ) -> Float[Tensor, "tokens heads size"]: ...


def backbone_of(model: nn.Module) -> nn.Module:
    """The decoder below a causal LM's head, after checking that plans can drive it; refused by name otherwise."""
    name = type(model).__name__
    config = cast(Any, model).config
    supported = getattr(model, "_supports_attention_backend", False)
    # Models without a type per layer (Mistral, Phi-3, …) have the window of every layer in one setting.
    window = "sliding_attention" if getattr(config, "sliding_window", None) else "full_attention"
    limited = {*(getattr(config, "layer_types", None) or [window])} - {"full_attention"}
    softcap = getattr(config, "attn_logit_softcapping", None) or getattr(config, "final_logit_softcapping", None)
    if not supported or limited or softcap:
        kinds = ", ".join(sorted(limited)).replace("_", " ")
        reason = kinds or ("capped logits" if softcap else "an attention of its own")
        raise ConfigError(
            f"{name} is not supported: it has {reason}; use a decoder with standard full attention "
            "(Qwen2, Qwen3, Llama, Gemma 1, …)"
        )
    return cast(nn.Module, cast(Any, model).get_decoder())


def hidden_states(
    backbone: nn.Module, token_ids: Int[Tensor, "tokens"], positions: Int[Tensor, "tokens"], plan: AttentionPlan
) -> Float[Tensor, "tokens hidden"]:
    """The last hidden state of each flat token, under `plan`."""
    count = len(token_ids)
    padding = (0, -count % ROW_MULTIPLE)
    ids, places = functional.pad(token_ids, padding)[None], functional.pad(positions, padding)[None]
    with _planned(backbone):
        output = backbone(input_ids=ids, position_ids=places, use_cache=False, plan=plan, real_tokens=count)
    return cast(Tensor, output.last_hidden_state)[0, :count]


class PackedPlan:
    """Sequences laid end to end; each token attends to itself and to the earlier tokens of its own sequence.

    A sequence may begin with tokens that an earlier one has already: its `prompts` entry is the flat range of that
    shared prompt, and `lengths` then counts its own tokens behind it. Linear layers see each token once, and no padding
    beyond `ROW_MULTIPLE`. The attention product itself runs on whole rows, padded to the longest sequence of the pack
    (right-padded and causal, so that no mask is needed and padding is exact).
    """

    def __init__(
        self, lengths: Sequence[int], device: torch.device | str = "cpu", prompts: Sequence[range] | None = None
    ) -> None:
        shared = prompts or [range(0)] * len(lengths)
        own = torch.tensor(lengths)
        before = torch.tensor([len(prompt) for prompt in shared])
        starts = own.cumsum(0) - own
        columns = torch.arange(int((own + before).max()))
        self._shape = (len(lengths), len(columns))
        behind = columns[None] - before[:, None]
        mine = (behind >= 0) & (behind < own[:, None])
        origin = torch.tensor([prompt.start for prompt in shared])[:, None]
        places = torch.where(behind < 0, origin + columns, torch.where(mine, starts[:, None] + behind, 0))
        self.positions: Int[Tensor, "tokens"] = columns.expand(self._shape)[mine].to(device)
        self._full = bool(mine.all())
        self._from_flat = places.flatten().to(device)
        self._to_flat = mine.flatten().nonzero()[:, 0].to(device)

    def attend(self, layer: int, query: Tensor, key: Tensor, value: Tensor, scale: float) -> Tensor:
        rows = [self._rows(tensor) for tensor in (query, key, value)]
        if query.device.type == "cpu" and self._shape[1] <= SHORT:
            mixed = _short_attention(rows[0], rows[1], rows[2], scale)
        else:
            mixed = functional.scaled_dot_product_attention(
                rows[0], rows[1], rows[2], is_causal=True, scale=scale, enable_gqa=query.shape[1] != key.shape[1]
            )
        flat = mixed.transpose(1, 2).flatten(0, 1)
        return flat if self._full else flat.index_select(0, self._to_flat)

    def _rows(self, flat: Tensor) -> Tensor:
        padded = flat if self._full else flat.index_select(0, self._from_flat)
        return padded.view(*self._shape, *flat.shape[1:]).transpose(1, 2)


def _short_attention(
    query: Float[Tensor, "rows heads width size"],
    key: Float[Tensor, "rows kv_heads width size"],
    value: Float[Tensor, "rows kv_heads width size"],
    scale: float,
) -> Float[Tensor, "rows heads width size"]:
    """Causal attention by whole score matrices: on a CPU and short rows three times as fast as PyTorch's flash kernel.

    The query heads that share a key head are laid end to end, so that one product serves them all.
    """
    rows, heads, width, size = query.shape
    kv_heads = key.shape[1]
    grouped = query.reshape(rows * kv_heads, heads // kv_heads * width, size)
    later = torch.full((width, width), float("-inf"), dtype=query.dtype, device=query.device).triu(1)
    mask = later.repeat(heads // kv_heads, 1)[None]
    flat_keys, flat_values = key.reshape(rows * kv_heads, width, size), value.reshape(rows * kv_heads, width, size)
    scores = torch.baddbmm(mask, grouped, flat_keys.transpose(1, 2), alpha=scale)
    return torch.bmm(scores.softmax(-1), flat_values).view(rows, heads, width, size)


class SlotCache:
    """A preallocated key–value cache of `slots` rows, `capacity` tokens each, for every layer.

    Slots 0 … n − 1 are live. `prefill` runs prompts once each and writes them to every slot that starts from them;
    `decode` runs one new token per live slot. `move` copies a slot, so that live slots stay dense.
    """

    def __init__(self, backbone: nn.Module, slots: int, capacity: int) -> None:
        config = cast(Any, backbone).config.get_text_config()
        heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
        size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
        first = next(backbone.parameters())
        shape = (config.num_hidden_layers, slots, heads, capacity, size)
        self.backbone, self.capacity, self.slots = backbone, capacity, slots
        self.keys = torch.zeros(shape, dtype=first.dtype, device=first.device)
        self.values = torch.zeros(shape, dtype=first.dtype, device=first.device)

    def prefill(self, prompts: Sequence[Sequence[int]], slots_of: Sequence[Sequence[int]]) -> Tensor:
        """Runs each prompt once, writes it to its slots, and returns the hidden state of each prompt's last token."""
        device = self.keys.device
        lengths = [len(prompt) for prompt in prompts]
        plan = _Prefill(self, lengths, slots_of)
        ids = torch.tensor([token for prompt in prompts for token in prompt], device=device)
        hidden = hidden_states(self.backbone, ids, plan.positions, plan)
        return hidden[torch.tensor(lengths, device=device).cumsum(0) - 1]

    def decode(self, token_ids: Int[Tensor, "rows"], positions: Int[Tensor, "rows"], extent: int) -> Tensor:
        """Appends one token to each of the first `rows` slots, at `positions` < `extent`; returns hidden states."""
        return hidden_states(self.backbone, token_ids, positions, _Decode(self, positions, extent))

    def move(self, sources: Tensor, targets: Tensor, extent: int) -> None:
        """Copies the first `extent` tokens of the source slots to the target slots."""
        for cache in (self.keys, self.values):
            cache[:, targets, :, :extent] = cache[:, sources, :, :extent]


class _Prefill(PackedPlan):
    def __init__(self, cache: SlotCache, lengths: Sequence[int], slots_of: Sequence[Sequence[int]]) -> None:
        device = cache.keys.device
        super().__init__(lengths, device)
        self._cache = cache
        self._targets = torch.tensor([slot for slots in slots_of for slot in slots], device=device)
        self._sources = torch.tensor([row for row, slots in enumerate(slots_of) for _ in slots], device=device)

    def attend(self, layer: int, query: Tensor, key: Tensor, value: Tensor, scale: float) -> Tensor:
        for cache, flat in ((self._cache.keys, key), (self._cache.values, value)):
            rows = self._rows(flat)
            cache[layer, self._targets, :, : rows.shape[2]] = rows[self._sources]
        return super().attend(layer, query, key, value, scale)


class _Decode:
    def __init__(self, cache: SlotCache, positions: Tensor, extent: int) -> None:
        self._cache, self._extent = cache, extent
        heads = cache.keys.shape[2]
        rows = torch.arange(len(positions) * heads, device=positions.device)
        self._places = rows * cache.capacity + positions.repeat_interleave(heads)
        later = torch.arange(extent, device=positions.device) > positions[:, None]
        self._mask = torch.zeros(later.shape, dtype=cache.keys.dtype, device=positions.device)
        self._mask.masked_fill_(later, float("-inf"))

    def attend(self, layer: int, query: Tensor, key: Tensor, value: Tensor, scale: float) -> Tensor:
        cache = self._cache
        count, kv_heads, size = key.shape
        for store, new in ((cache.keys, key), (cache.values, value)):
            store[layer].view(-1, size).index_copy_(0, self._places, new.reshape(-1, size))
        keys = cache.keys[layer, :count, :, : self._extent]
        values = cache.values[layer, :count, :, : self._extent]
        grouped = query.view(count, kv_heads, -1, size)
        with default_products():
            scores = torch.matmul(grouped * scale, keys.transpose(2, 3)) + self._mask[:, None, None]
            return torch.matmul(scores.softmax(-1), values).view(query.shape)


def _attention(
    module: nn.Module, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, **keywords: Any
) -> tuple[Tensor, None]:
    """transformers' attention interface: tensors are [1, heads, tokens, size]; the output [1, tokens, heads, size]."""
    plan, count = cast(AttentionPlan, keywords["plan"]), cast(int, keywords["real_tokens"])
    flat = [tensor[0, :, :count].transpose(0, 1) for tensor in (query, key, value)]
    scale = keywords.get("scaling") or query.shape[-1] ** -0.5
    mixed = plan.attend(cast(int, module.layer_idx), flat[0], flat[1], flat[2], scale)
    return functional.pad(mixed, (0, 0, 0, 0, 0, query.shape[2] - count))[None], None


@contextmanager
def _planned(backbone: nn.Module) -> Iterator[None]:
    """Switches the module to our attention function for one call."""
    from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

    if NAME not in ALL_ATTENTION_FUNCTIONS:
        ALL_ATTENTION_FUNCTIONS.register(NAME, _attention)
    config = cast(Any, backbone).config
    before = config._attn_implementation
    config._attn_implementation = NAME
    try:
        yield
    finally:
        config._attn_implementation = before
