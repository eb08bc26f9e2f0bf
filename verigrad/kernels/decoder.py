"""The forward pass of Llama's family of decoders, with fewer passes over memory than transformers' modules make.

Linear layers and embeddings are the model's own modules; norms, rotations and residual sums around them are ours.
tests/kernels/test_decoder.py holds it against transformers' own forward and backward.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint as checkpointed

if TYPE_CHECKING:
    from verigrad.kernels.attention import AttentionPlan

# Decoders of RMS norms before attention and feed-forward block, halves rotated, nothing else.
FAMILY = ("LlamaModel", "MistralModel", "Qwen2Model", "Qwen3Model")


def in_family(backbone: nn.Module) -> bool:
    """Whether `decoder_states` computes what this module's own forward does."""
    return type(backbone).__name__ in FAMILY


def decoder_states(
    backbone: nn.Module,
    token_ids: Int[Tensor, "tokens"],
    positions: Int[Tensor, "tokens"],
    plan: AttentionPlan,
    checkpoint: bool = False,
) -> Float[Tensor, "tokens hidden"]:
    """The last hidden state of each flat token, under `plan`, of a decoder of the family.

    With `checkpoint` only what enters a layer is kept for the backward pass, which runs the layer again (Chen et al.
    2016, arXiv:1604.06174).
    """
    model = cast(Any, backbone)
    x = model.embed_tokens(token_ids)
    cos, sin = (table[0, :, None] for table in model.rotary_emb(x, positions[None]))
    for index, layer in enumerate(model.layers):
        if checkpoint and torch.is_grad_enabled():
            x = cast(Tensor, checkpointed(_layer, layer, x, cos, sin, plan, index, use_reentrant=False))
        else:
            x = _layer(layer, x, cos, sin, plan, index)
    return _norm(model.norm, x)


def _layer(layer: Any, x: Tensor, cos: Tensor, sin: Tensor, plan: AttentionPlan, index: int) -> Tensor:
    attention = layer.self_attn
    x = x + attention.o_proj(_mix(attention, _norm(layer.input_layernorm, x), cos, sin, plan, index))
    return x + _feed_forward(layer.mlp, _norm(layer.post_attention_layernorm, x))


def _mix(attention: Any, x: Tensor, cos: Tensor, sin: Tensor, plan: AttentionPlan, layer: int) -> Tensor:
    """What each token takes from those it attends to: [tokens, heads · size]."""
    size = attention.head_dim
    query, key, value = (
        project(x).view(len(x), -1, size) for project in (attention.q_proj, attention.k_proj, attention.v_proj)
    )
    if hasattr(attention, "q_norm"):
        query, key = _norm(attention.q_norm, query), _norm(attention.k_norm, key)
    # products may be narrower than what is rotated
    query, key = (_rotated(part, cos, sin).to(value.dtype) for part in (query, key))
    return plan.attend(layer, query, key, value, cast(float, attention.scaling)).flatten(1)


def _rotated(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    if not torch.is_grad_enabled():
        return _turned(x, cos, sin, 1)
    return cast(Tensor, _Rotation.apply(x, cos, sin))  # type: ignore[no-untyped-call]


def _feed_forward(block: Any, x: Tensor) -> Tensor:
    """The block's own forward; without gradients the same in place: down(silu(gate x) · up x)."""
    if torch.is_grad_enabled() or type(block.act_fn).__name__ not in ("SiLU", "SiLUActivation"):
        return cast(Tensor, block(x))
    return cast(Tensor, block.down_proj(functional.silu(block.gate_proj(x), inplace=True).mul_(block.up_proj(x))))


def _norm(module: Any, x: Tensor) -> Tensor:
    """The module's RMS norm. In a narrow type its own forward says where it rounds, so that is taken."""
    epsilon = getattr(module, "variance_epsilon", None)
    if epsilon is None or x.dtype not in (torch.float32, torch.float64):
        return cast(Tensor, module(x))
    if not torch.is_grad_enabled():
        return (x * _scale(x, epsilon)).mul_(cast(Tensor, module.weight))
    return cast(Tensor, _RmsNorm.apply(x, module.weight, epsilon))  # type: ignore[no-untyped-call]


def _scale(x: Tensor, epsilon: float) -> Tensor:
    squares: Tensor = torch.linalg.vector_norm(x, dim=-1, keepdim=True).square_()
    return squares.div_(x.shape[-1]).add_(epsilon).rsqrt_()


class _RmsNorm(torch.autograd.Function):
    """y = w · n, n = x / √(mean x² + ε) over the last axis (Zhang & Sennrich 2019, arXiv:1910.07467, eq. 4)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, epsilon: float) -> Tensor:
        scale = _scale(x, epsilon)
        normed: Tensor = x * scale
        ctx.save_for_backward(normed, scale, weight)
        return normed * weight

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor | None, None]:
        """∂/∂x = (d − n · mean(d n)) / √(mean x² + ε), with d = w · ∂/∂y."""
        (gradient,) = gradients
        normed, scale, weight = ctx.saved_tensors
        d_weight = (gradient * normed).flatten(0, -2).sum(0) if ctx.needs_input_grad[1] else None
        d_normed = gradient * weight
        shared = (d_normed * normed).mean(-1, keepdim=True)
        return d_normed.addcmul_(normed, shared, value=-1).mul_(scale), d_weight, None


class _Rotation(torch.autograd.Function):
    """Rotary positions (Su et al. 2021, arXiv:2104.09864).

    The halves (a, b) of each head turn to (a cos − b sin, b cos + a sin). `cos` and `sin` are [tokens, 1, size], each
    half of a row like the other. The backward turns the other way.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        ctx.save_for_backward(cos, sin)
        return _turned(x, cos, sin, 1)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        cos, sin = ctx.saved_tensors
        return _turned(gradients[0], cos, sin, -1), None, None


def _turned(x: Tensor, cos: Tensor, sin: Tensor, way: int) -> Tensor:
    half = x.shape[-1] // 2
    y = x * cos
    y[..., :half].addcmul_(x[..., half:], sin[..., :half], value=-way)
    y[..., half:].addcmul_(x[..., :half], sin[..., half:], value=way)
    return y
