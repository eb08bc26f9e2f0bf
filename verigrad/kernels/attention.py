"""Attention by plan: a transformers model runs its own layers, and a plan says who attends to whom.

transformers lets a caller register an attention function and hands it every keyword of the forward call. We register
one, "verigrad", that asks the `plan` of the call; decoders of Llama's family run by `decoder_states` instead, with the
same plans. Linear layers then see one flat row of real tokens, without padding, whatever the plan is: sequences laid
end to end (`PackedPlan`, training and scoring) or one new token per slot of a preallocated key–value cache
(`SlotCache`, sampling).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol, cast

from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional

from verigrad.errors import ConfigError
from verigrad.kernels.decoder import decoder_states, in_family

NAME = "verigrad"
# Flat rows are padded up to a multiple of this: products then come in few shapes, and kernels are made once per shape.
ROW_MULTIPLE = 64


class AttentionPlan(Protocol):
    """Who attends to whom in one forward pass over `tokens` flat tokens.

    There may be more tokens than the plan speaks of: the rest fill a shape up, and what comes of them is not read.
    """

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
    if in_family(backbone):
        return decoder_states(backbone, ids, places, plan, checkpoint)[:count]
    with _planned(backbone):
        output = backbone(input_ids=ids[None], position_ids=places[None], use_cache=False, plan=plan)
    return cast(Tensor, output.last_hidden_state)[0, :count]


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
