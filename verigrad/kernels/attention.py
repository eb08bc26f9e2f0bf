"""Attention by plan: a transformers model runs its own layers, and a plan says who attends to whom.

transformers lets a caller register an attention function and hands it every keyword of the forward call. We register
one, "verigrad", that asks the `plan` of the call; decoders of Llama's family run by `decoder_states` instead, with the
same plans. Linear layers then see one flat row of real tokens, without padding, whatever the plan is: sequences laid
end to end (`PackedPlan`, training and scoring) or one new token per slot of a preallocated key–value cache
(`SlotCache`, sampling).
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
from verigrad.kernels.decoder import decoder_states, in_family

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
    backbone: nn.Module,
    token_ids: Int[Tensor, "tokens"],
    positions: Int[Tensor, "tokens"],
    plan: AttentionPlan,
    checkpoint: bool = False,
) -> Float[Tensor, "tokens hidden"]:
    """The last hidden state of each flat token, under `plan`. `checkpoint`: of our own decoder alone."""
    count = len(token_ids)
    padding = (0, -count % ROW_MULTIPLE)
    ids, places = functional.pad(token_ids, padding), functional.pad(positions, padding)
    plan = _Padded(plan, count) if padding[1] else plan
    if in_family(backbone):
        return decoder_states(backbone, ids, places, plan, checkpoint)[:count]
    with _planned(backbone):
        output = backbone(input_ids=ids[None], position_ids=places[None], use_cache=False, plan=plan)
    return cast(Tensor, output.last_hidden_state)[0, :count]


class _Padded:
    """A plan for the first `count` of more tokens; the rest attend to nothing."""

    def __init__(self, plan: AttentionPlan, count: int) -> None:
        self._plan, self._count = plan, count

    def attend(self, layer: int, query: Tensor, key: Tensor, value: Tensor, scale: float) -> Tensor:
        count, tokens = self._count, len(query)
        mixed = self._plan.attend(layer, query[:count], key[:count], value[:count], scale)
        return functional.pad(mixed, (0, 0, 0, 0, 0, tokens - count))


class PackedPlan:
    """Sequences laid end to end; each token attends to itself and to the earlier tokens of its own sequence.

    A sequence may begin with tokens that an earlier one has already: its `prompts` entry is the flat range of that
    shared prompt, and `lengths` then counts its own tokens behind it. Linear layers see each token once, and no padding
    beyond `ROW_MULTIPLE`. The attention product itself runs on whole rows, padded to the longest sequence of the pack
    or to `least_width` (right-padded and causal, so that no mask is needed and padding is exact).
    """

    def __init__(
        self,
        lengths: Sequence[int],
        device: torch.device | str = "cpu",
        prompts: Sequence[range] | None = None,
        least_width: int = 0,
    ) -> None:
        shared = prompts or [range(0)] * len(lengths)
        own = torch.tensor(lengths)
        before = torch.tensor([len(prompt) for prompt in shared])
        starts = own.cumsum(0) - own
        columns = torch.arange(max(least_width, int((own + before).max())))
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


def _attention(
    module: nn.Module, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, **keywords: Any
) -> tuple[Tensor, None]:
    """transformers' attention interface: tensors are [1, heads, tokens, size]; the output [1, tokens, heads, size]."""
    flat = [tensor[0].transpose(0, 1) for tensor in (query, key, value)]
    scale = keywords.get("scaling") or query.shape[-1] ** -0.5
    mixed = cast(AttentionPlan, keywords["plan"]).attend(cast(int, module.layer_idx), flat[0], flat[1], flat[2], scale)
    return mixed[None], None


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
