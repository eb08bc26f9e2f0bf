"""Losses: per-token tensors in, per-token tensor out; no reduction, no configuration, no model.

A row of `LOSSES` names the streams that a loss takes after the current policy's log-probs, in order, and the numbers it
is bound to. An update's loss is Σ_t w_t ℓ_t with the normaliser's weights w; it is never a quality metric.

All are for a minimiser: the gradient of Σ w·ℓ is −ĝ, ĝ an estimate of ∇J (CS336 A5 eq. 26; 2026: 32). ρ_t is
exp(log π_θ(a_t|s_t) − log π_old(a_t|s_t)); only the current policy's log-probs carry a gradient. Where
`sequence_index` is taken, it numbers the sequence of each token, from 0, and every sequence has a token.

CS336 A5 is the course's assignment of 2025; "(2026: …)" are the equations of its edition 26.0.0.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor


@dataclass(frozen=True, slots=True)
class LossRow:
    """A loss, the token streams it takes, and the names of its numbers in the algorithm's settings."""

    function: Callable[..., Tensor]
    streams: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()


def nll(logprobs: Float[Tensor, "tokens"]) -> Float[Tensor, "tokens"]:
    """Negative log-likelihood, ℓ_t = −log π_θ(a_t | s_t). CS336 A5 Algorithm 1. Nats.

    On the first update of an expert-iteration step this is the policy gradient of CS336 A5 eq. 20 (2026: 34) with
    reward 0 or 1 and no baseline, up to the normaliser; later updates are likelihood on data of the step's first
    policy, without ratios.
    """
    return -logprobs


def policy_gradient(logprobs: Float[Tensor, "tokens"], advantages: Float[Tensor, "tokens"]) -> Float[Tensor, "tokens"]:
    """ℓ_t = −A_t log π_θ(a_t|s_t): REINFORCE. CS336 A5 eq. 21 and 26 (2026: 14 and 32), negated."""
    return -advantages * logprobs


def importance_weighted(
    logprobs: Float[Tensor, "tokens"], old_logprobs: Float[Tensor, "tokens"], advantages: Float[Tensor, "tokens"]
) -> Float[Tensor, "tokens"]:
    """ℓ_t = −ρ_t A_t, with gradient −ρ_t A_t ∇log π_t. CS336 A5 eq. 27 and 34 (2026: 48 and 56).

    Exact at π_θ = π_old and for responses of one token; else biased, since the states still come from π_old.
    """
    return -torch.exp(logprobs - old_logprobs) * advantages


def sequence_importance_weighted(
    logprobs: Float[Tensor, "tokens"],
    old_logprobs: Float[Tensor, "tokens"],
    advantages: Float[Tensor, "tokens"],
    sequence_index: Int[Tensor, "tokens"],
) -> Float[Tensor, "tokens"]:
    """ℓ_t = −sg(Π_u ρ_u) A_t log π_t, the product over the whole response; sg stops the gradient.

    CS336 A5 (2026) eq. 45–47.

    Unbiased for any π_old that gives every response a chance; the variance grows exponentially with the length.
    """
    ratio = torch.exp(sequence_sum(logprobs - old_logprobs, sequence_index)).detach()
    return -ratio * advantages * logprobs


def ppo_clip(
    logprobs: Float[Tensor, "tokens"],
    old_logprobs: Float[Tensor, "tokens"],
    advantages: Float[Tensor, "tokens"],
    clip_low: float,
    clip_high: float,
) -> Float[Tensor, "tokens"]:
    """Clipped surrogate of PPO, negated for a minimiser.

        ℓ_t = −min(ρ_t A_t, clip(ρ_t, 1 − clip_low, 1 + clip_high) A_t)

    Schulman et al. 2017, arXiv:1707.06347, eq. 7; CS336 A5 eq. 33 (2026: 57–60). We allow clip_high ≠ clip_low (DAPO,
    arXiv:2503.14476). Until the second update on a rollout batch ρ = 1 and nothing is clipped.
    """
    return -_clipped(torch.exp(logprobs - old_logprobs), advantages, clip_low, clip_high)


def gspo(
    logprobs: Float[Tensor, "tokens"],
    old_logprobs: Float[Tensor, "tokens"],
    advantages: Float[Tensor, "tokens"],
    sequence_index: Int[Tensor, "tokens"],
    clip_low: float,
    clip_high: float,
) -> Float[Tensor, "tokens"]:
    """ppo_clip with one ratio per response, s = exp(mean_t log ρ_t), on each of its tokens.

    GSPO, arXiv:2507.18071, eq. 5–7; CS336 A5 (2026) eq. 62–65. With the weights of `sequence_mean`, a response sums
    to −min(sA, clip(s)A)/N.
    """
    counts = sequence_sum(torch.ones_like(logprobs), sequence_index)
    ratio = torch.exp(sequence_sum(logprobs - old_logprobs, sequence_index) / counts)
    return -_clipped(ratio, advantages, clip_low, clip_high)


def cispo(
    logprobs: Float[Tensor, "tokens"],
    old_logprobs: Float[Tensor, "tokens"],
    advantages: Float[Tensor, "tokens"],
    clip_high: float,
) -> Float[Tensor, "tokens"]:
    """ℓ_t = −sg(min(ρ_t, 1 + clip_high)) A_t log π_t: the weight is clipped, and no token loses its gradient.

    MiniMax-M1, arXiv:2506.13585, eq. 4–5, without a lower limit, as there; CS336 A5 (2026) eq. 61.
    """
    weight = torch.exp(logprobs - old_logprobs).clamp(max=1 + clip_high).detach()
    return -weight * advantages * logprobs


def sapo(
    logprobs: Float[Tensor, "tokens"],
    old_logprobs: Float[Tensor, "tokens"],
    advantages: Float[Tensor, "tokens"],
    gate_positive: float,
    gate_negative: float,
) -> Float[Tensor, "tokens"]:
    """A soft gate in the place of clipping: the gradient fades as ρ leaves 1, and nowhere stops.

        ℓ_t = −(4/τ) σ(τ(ρ_t − 1)) A_t,   τ = gate_positive where A_t > 0, else gate_negative

    The weight on A_t ∇log π_t is 4σ(1 − σ)ρ_t, which is 1 at ρ = 1. SAPO, arXiv:2511.20347.
    """
    temperature = torch.full_like(logprobs, gate_negative).masked_fill(advantages > 0, gate_positive)
    ratio = torch.exp(logprobs - old_logprobs)
    return -4 / temperature * torch.sigmoid(temperature * (ratio - 1)) * advantages


def dppo(
    logprobs: Float[Tensor, "tokens"],
    old_logprobs: Float[Tensor, "tokens"],
    advantages: Float[Tensor, "tokens"],
    clip_shift: float,
) -> Float[Tensor, "tokens"]:
    """ℓ_t = −M_t ρ_t A_t: no gain once the token's *probability* has moved too far, whatever its ratio.

        M_t = 0 where |π_t − π_old,t| > δ and the advantage pushes further (A_t > 0 and ρ_t > 1, or both below), else 1

    DPPO with its binary total variation, arXiv:2602.04879, eq. 12–13; δ = clip_shift. A rare token may double its
    probability, a frequent one may not lose a fifth. Its π_old is the sampler's own distribution; ours the trainer's
    at the time of sampling. Where M_t = 0 the loss is 0, not the border's value as in `ppo_clip`: no gradient in both.
    """
    ratio = torch.exp(logprobs - old_logprobs)
    shift = torch.exp(logprobs.detach()) - torch.exp(old_logprobs)
    held = (shift.abs() > clip_shift) & (shift * advantages > 0)
    return -torch.where(held, 0.0, ratio * advantages)


def value_loss(
    values: Float[Tensor, "tokens"],
    old_values: Float[Tensor, "tokens"],
    returns: Float[Tensor, "tokens"],
    value_clip: float,
) -> Float[Tensor, "tokens"]:
    """½(V(s_t) − R_t)²; with value_clip > 0 the larger of it and the same with V within old_values ± value_clip.

    Schulman et al. 2016, arXiv:1506.02438, eq. 28; the clipping is that of OpenAI's PPO code. R_t is the λ-return.
    """
    plain = (values - returns).square() / 2
    if value_clip == 0:
        return plain
    near = old_values + (values - old_values).clamp(-value_clip, value_clip)
    return torch.maximum(plain, (near - returns).square() / 2)


def truncated_weights(
    old_logprobs: Float[Tensor, "tokens"], sampler_logprobs: Float[Tensor, "tokens"], limit: float
) -> Float[Tensor, "tokens"]:
    """min(π_old(a_t|s_t)/π_sampler(a_t|s_t), limit), to be multiplied with any loss, for a sampler that is not π_old.

    Truncated importance sampling, Ionides 2008; Yao et al. 2025 for a sampler and a trainer that round differently.
    π_old is the trainer's own at the time of sampling. No gradient.
    """
    return torch.exp(old_logprobs - sampler_logprobs).clamp(max=limit).detach()


def sequence_sum(values: Float[Tensor, "tokens"], sequence_index: Int[Tensor, "tokens"]) -> Float[Tensor, "tokens"]:
    """For each token, the sum of `values` over its sequence."""
    return torch.zeros_like(values).index_add(0, sequence_index, values)[sequence_index]


def _clipped(ratio: Tensor, advantages: Tensor, clip_low: float, clip_high: float) -> Tensor:
    return torch.minimum(ratio * advantages, ratio.clamp(1 - clip_low, 1 + clip_high) * advantages)


OLD = ("old_logprobs", "advantages")
LOSSES: dict[str, LossRow] = {
    "nll": LossRow(nll),
    "policy_gradient": LossRow(policy_gradient, ("advantages",)),
    "importance_weighted": LossRow(importance_weighted, OLD),
    "sequence_importance_weighted": LossRow(sequence_importance_weighted, (*OLD, "sequence_index")),
    "ppo_clip": LossRow(ppo_clip, OLD, ("clip_low", "clip_high")),
    "gspo": LossRow(gspo, (*OLD, "sequence_index"), ("clip_low", "clip_high")),
    "cispo": LossRow(cispo, OLD, ("clip_high",)),
    "sapo": LossRow(sapo, OLD, ("gate_positive", "gate_negative")),
    "dppo": LossRow(dppo, OLD, ("clip_shift",)),
}
