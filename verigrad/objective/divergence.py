"""Divergences of the policy from a reference, per token, in nats: three sampled estimators and the exact sum.

With d = log π(a|s) − log π_ref(a|s) and a ~ π: E[k1] = E[k3] = KL(π‖π_ref) at s; k2 is biased but close. Their
*gradients*, as terms of a loss, are another matter (Tang & Munos 2025, arXiv:2506.09477), see each. In the reward, k1
is the right one: `shaping.kl_rewards`.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor


def k1(logprobs: Float[Tensor, "tokens"], reference_logprobs: Float[Tensor, "tokens"]) -> Float[Tensor, "tokens"]:
    """d. As a loss its gradient is ∇log π, whose expectation is 0: it does nothing but add noise.

    CS336 A5 eq. 24 (2026: 17).
    """
    return logprobs - reference_logprobs


def k2(logprobs: Float[Tensor, "tokens"], reference_logprobs: Float[Tensor, "tokens"]) -> Float[Tensor, "tokens"]:
    """d²/2. As a loss its expected gradient is that of the token's reverse KL(π‖π_ref), without the later tokens'."""
    return (logprobs - reference_logprobs).square() / 2


def k3(logprobs: Float[Tensor, "tokens"], reference_logprobs: Float[Tensor, "tokens"]) -> Float[Tensor, "tokens"]:
    """e^{−d} − 1 + d ≥ 0 (Schulman 2020). As a loss its expected gradient is that of the forward KL(π_ref‖π)."""
    difference = logprobs - reference_logprobs
    return torch.expm1(-difference) + difference


def exact_kl(
    logits: Float[Tensor, "tokens vocabulary"], reference_logits: Float[Tensor, "tokens vocabulary"]
) -> Float[Tensor, "tokens"]:
    """KL(π‖π_ref) = Σ_v π_v (log π_v − log π_ref,v) of each token's distribution. A logit of −∞ is a banned token."""
    log_p, log_q = logits.log_softmax(-1), reference_logits.log_softmax(-1)
    banned = torch.isneginf(log_p)
    return (log_p.exp() * (log_p - log_q).masked_fill(banned, 0.0)).sum(-1)


DIVERGENCES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {"k1": k1, "k2": k2, "k3": k3}
