"""Log-probs and exact entropy of given tokens from hidden states, without ever holding [tokens × vocabulary]."""

from __future__ import annotations

from typing import Any, cast

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from verigrad.kernels.attention import ROW_MULTIPLE

# Elements of one chunk of logits: 64 MB in float32.
CHUNK_ELEMENTS = 2**24
# Logit of a token that cannot be: so low that its probability is 0, and finite, so that 0 times its logarithm is 0.
BANNED = -1e38


def head_of(model: nn.Module) -> nn.Linear:
    """The linear layer that maps hidden states to logits."""
    return cast(nn.Linear, cast(Any, model).get_output_embeddings())


def token_logprobs(
    hidden: Float[Tensor, "tokens hidden"],
    head: nn.Linear,
    targets: Int[Tensor, "tokens"],
    temperature: Float[Tensor, "tokens"],
    end_banned: Bool[Tensor, "tokens"],
    end_ids: Int[Tensor, "ends"],
) -> tuple[Float[Tensor, "tokens"], Float[Tensor, "tokens"]]:
    """log π(target | prefix) and the entropy −Σ_v π_v log π_v of each token's distribution, in nats.

        π = softmax(W h / temperature), with π_v = 0 for the end tokens where `end_banned` (min_tokens)

    CS336 A5 eq. 3; the distribution is the one that was sampled. Logits are made in chunks of tokens and, where one
    chunk is not enough, made again in the backward pass; arithmetic after the product is float32 at least. Both results
    carry gradients to `hidden` and W.
    """
    result: tuple[Tensor, Tensor] = _TokenLogprobs.apply(  # type: ignore[no-untyped-call]
        hidden, head.weight, head.bias, targets, temperature, end_banned, end_ids
    )
    return result


def token_divergence(
    hidden: Float[Tensor, "tokens hidden"],
    head: nn.Linear,
    reference_hidden: Float[Tensor, "tokens hidden"],
    reference_head: nn.Linear,
    temperature: Float[Tensor, "tokens"],
    end_banned: Bool[Tensor, "tokens"],
    end_ids: Int[Tensor, "ends"],
) -> Float[Tensor, "tokens"]:
    """KL(π‖π_ref) = Σ_v π_v (log π_v − log π_ref,v) of each token's distribution, in nats; both as in `token_logprobs`.

    Made in chunks and made again in the backward pass. Carries gradients to `hidden` and W, none to the reference.
    """
    result: Tensor = _TokenDivergence.apply(  # type: ignore[no-untyped-call]
        hidden, head.weight, head.bias, reference_hidden, reference_head.weight, reference_head.bias,
        temperature, end_banned, end_ids,
    )  # fmt: skip
    return result


class _TokenDivergence(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: Tensor, bias: Tensor | None, *rest: Any) -> Tensor:
        wide = torch.promote_types(hidden.dtype, torch.float32)
        divergence = torch.empty(len(hidden), dtype=wide, device=hidden.device)
        for part in _chunks(len(hidden), len(weight)):
            log_p, gap = _gap(part, hidden, weight, bias, *rest)
            divergence[part] = log_p.exp().mul_(gap).sum(-1)
        ctx.save_for_backward(hidden, weight, bias, *rest, divergence)
        return divergence

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """With g the gradient at KL, per token: ∂/∂logit_v = g π_v (log π_v − log π_ref,v − KL) / temperature."""
        (g,) = gradients
        hidden, weight, bias, *rest, divergence = ctx.saved_tensors
        temperature = rest[3]
        d_hidden = torch.empty_like(hidden)
        d_weight = _sum_for(weight, ctx.needs_input_grad[1])
        d_bias = torch.zeros_like(bias) if bias is not None and ctx.needs_input_grad[2] else None
        for part in _chunks(len(hidden), len(weight)):
            log_p, gap = _gap(part, hidden, weight, bias, *rest)
            d_logits = log_p.exp().mul_(gap.sub_(divergence[part, None])).mul_((g[part] / temperature[part])[:, None])
            _add_to(d_logits, part, hidden, weight, d_hidden, d_weight, d_bias)
        d_weight = None if d_weight is None else d_weight.to(weight.dtype)
        return d_hidden, d_weight, d_bias, None, None, None, None, None, None


class _TokenLogprobs(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: Tensor, bias: Tensor | None, *rest: Tensor) -> tuple[Tensor, Tensor]:
        targets, temperature, end_banned, end_ids = rest
        wide = torch.promote_types(hidden.dtype, torch.float32)
        logprobs = torch.empty(len(hidden), dtype=wide, device=hidden.device)
        entropy = torch.empty_like(logprobs)
        chunks = _chunks(len(hidden), len(weight))
        log_p = None
        for part in chunks:
            log_p = _log_softmax(hidden[part], weight, bias, temperature[part], end_banned[part], end_ids)
            given = log_p.gather(1, targets[part, None])[:, 0]
            logprobs[part] = given.masked_fill_(given < BANNED / 2, float("-inf"))
            entropy[part] = _entropy(log_p)
        ctx.kept = log_p if len(chunks) == 1 and any(ctx.needs_input_grad) else None
        ctx.save_for_backward(hidden, weight, bias, *rest, entropy)
        return logprobs, entropy

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """With g the gradient at log π(y) and e that at the entropy H, per token:

        ∂/∂logit_v = [ g (1[v = y] − π_v) − e π_v (log π_v + H) ] / temperature
        """
        g, e = gradients
        hidden, weight, bias, targets, temperature, end_banned, end_ids, entropy = ctx.saved_tensors
        wants_entropy = bool(e.any())
        d_hidden = torch.empty_like(hidden)
        d_weight = _sum_for(weight, ctx.needs_input_grad[1])
        d_bias = torch.zeros_like(bias) if bias is not None and ctx.needs_input_grad[2] else None
        for part in _chunks(len(hidden), len(weight)):
            log_p = ctx.kept
            if log_p is None:
                log_p = _log_softmax(hidden[part], weight, bias, temperature[part], end_banned[part], end_ids)
            p = log_p.exp()
            if wants_entropy:
                d_logits = p * (-g[part, None] - e[part, None] * (log_p + entropy[part, None]))
            else:
                d_logits = p.mul_(-g[part, None])
            d_logits.scatter_add_(1, targets[part, None], g[part, None])
            _add_to(d_logits.div_(temperature[part, None]), part, hidden, weight, d_hidden, d_weight, d_bias)
        d_weight = None if d_weight is None else d_weight.to(weight.dtype)
        return d_hidden, d_weight, d_bias, None, None, None, None


def _chunks(tokens: int, vocabulary: int) -> list[slice]:
    size = max(1, CHUNK_ELEMENTS // vocabulary)
    return [slice(start, min(start + size, tokens)) for start in range(0, tokens, size)]


def _log_softmax(
    hidden: Tensor, weight: Tensor, bias: Tensor | None, temperature: Tensor, end_banned: Tensor, end_ids: Tensor
) -> Tensor:
    logits = nn.functional.linear(padded(hidden), weight, bias)[: len(hidden)]
    logits = logits.to(torch.promote_types(logits.dtype, torch.float32)).div_(temperature[:, None])
    if end_banned.any():
        banned = torch.zeros(logits.shape[1], dtype=torch.bool, device=logits.device)
        banned[end_ids] = True
        logits.masked_fill_(end_banned[:, None] & banned, BANNED)
    return logits.log_softmax(-1)


def _gap(
    part: slice,
    hidden: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    reference_hidden: Tensor,
    reference_weight: Tensor,
    reference_bias: Tensor | None,
    temperature: Tensor,
    end_banned: Tensor,
    end_ids: Tensor,
) -> tuple[Tensor, Tensor]:
    """(log π, log π − log π_ref) of a chunk; tokens that cannot be differ by 0."""
    given = temperature[part], end_banned[part], end_ids
    log_p = _log_softmax(hidden[part], weight, bias, *given)
    log_q = _log_softmax(reference_hidden[part], reference_weight, reference_bias, *given).to(log_p.dtype)
    return log_p, (log_p - log_q).masked_fill_(log_p < BANNED / 2, 0.0)


def _add_to(
    d_logits: Tensor,
    part: slice,
    hidden: Tensor,
    weight: Tensor,
    d_hidden: Tensor,
    d_weight: Tensor | None,
    d_bias: Tensor | None,
) -> None:
    """Takes a chunk's gradient at the logits on to hidden states, and to weight and bias where they are trained."""
    count = len(d_logits)
    d_logits = padded(d_logits.to(hidden.dtype))
    d_hidden[part] = (d_logits @ weight)[:count]
    if d_weight is not None:
        _add_product(d_weight, d_logits.T, padded(hidden[part]))
    if d_bias is not None:
        d_bias += d_logits.sum(0)


def _sum_for(weight: Tensor, wanted: bool) -> Tensor | None:
    """Where a weight's gradient is added up, in float32 at least; None where it is not trained."""
    return torch.zeros_like(weight, dtype=torch.promote_types(weight.dtype, torch.float32)) if wanted else None


def _add_product(total: Tensor, left: Tensor, right: Tensor) -> None:
    """total += left·right, without a temporary where the types agree."""
    if total.dtype == left.dtype:
        total.addmm_(left, right)
    else:
        total += left @ right


def padded(rows: Tensor) -> Tensor:
    """Zero rows up to a multiple, so that products come in few shapes."""
    missing = -len(rows) % ROW_MULTIPLE
    return nn.functional.pad(rows, (0, 0, 0, missing)) if missing else rows


def _entropy(log_p: Tensor) -> Tensor:
    return log_p.exp().mul_(log_p).sum(-1).neg_()
