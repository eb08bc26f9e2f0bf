"""Losses: per-token tensors in, per-token tensor out; no reduction, no configuration, no model.

A row of `LOSSES` names the streams that a loss takes after the current policy's log-probs, in order, and the numbers it
is bound to. An update's loss is Σ_t w_t ℓ_t with the normaliser's weights w; it is never a quality metric.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True, slots=True)
class LossRow:
    """A loss, the token streams it takes, and the names of its numbers in the algorithm's settings."""

    function: Callable[..., Tensor]
    streams: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()


def nll(logprobs: Float[Tensor, "tokens"]) -> Float[Tensor, "tokens"]:
    """Negative log-likelihood, ℓ_t = −log π_θ(a_t | s_t). CS336 A5 Algorithm 1. Nats.

    On the first update of an expert-iteration step this is the policy gradient of CS336 A5 eq. 20 with reward 0 or 1
    and no baseline, up to the normaliser; later updates are likelihood on data of the step's first policy, without
    ratios.
    """
    return -logprobs


LOSSES: dict[str, LossRow] = {
    "nll": LossRow(nll),
}
