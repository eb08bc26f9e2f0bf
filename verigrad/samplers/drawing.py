"""From logits to tokens: which distribution is sampled from, and the random numbers that choose.

Randomness is counter-based: the t-th number of a rollout's stream is a pure function of its 64-bit key and t, so that a
row's tokens do not depend on which rows it shares a batch with, nor on the order in which they come.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

# Tokens of a block in `draw`.
BLOCK = 32

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def uniforms(keys: npt.NDArray[np.uint64], counters: npt.NDArray[np.uint64]) -> npt.NDArray[np.float64]:
    """Uniform numbers in [0, 1) with 53 bits: SplitMix64 (Steele et al. 2014) of state key + (counter + 1)·golden."""
    with np.errstate(over="ignore"):
        z = keys + (counters + np.uint64(1)) * _GOLDEN
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z ^= z >> np.uint64(31)
    unit: npt.NDArray[np.float64] = (z >> np.uint64(11)).astype(np.float64) * 2.0**-53
    return unit


def log_distribution(
    logits: Float[Tensor, "rows vocabulary"],
    temperature: Float[Tensor, "rows"],
    end_banned: Bool[Tensor, "rows"],
    end_ids: Int[Tensor, "ends"],
    top_p: float = 1.0,
    top_k: int = 0,
) -> Float[Tensor, "rows vocabulary"]:
    """log π of what is sampled: temperature, no end token where banned, then top-k, then top-p, renormalised; float32.

    A row with temperature 0 is greedy: all mass on its largest logit, the lowest id among equals. A row of logits that
    are not finite is NaN, so that nothing can be drawn from it, greedily either.
    """
    logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
    if end_banned.any():
        logits = logits.clone()
        logits[:, end_ids] = logits[:, end_ids].masked_fill(end_banned[:, None], float("-inf"))
    greedy = temperature == 0
    if (temperature != 1).any():
        log_p = (logits / torch.where(greedy, 1.0, temperature)[:, None]).log_softmax(-1)
    else:
        log_p = logits.log_softmax(-1)
    if top_k or top_p < 1:
        log_p = _truncated(log_p, top_p, top_k or log_p.shape[1])
    if greedy.any():
        best = torch.full_like(log_p, float("-inf")).scatter_(1, logits.argmax(-1, keepdim=True), 0.0)
        log_p = torch.where(greedy[:, None] & ~log_p[:, :1].isnan(), best, log_p)
    return log_p


def draw(
    log_p: Float[Tensor, "rows vocabulary"], uniform: Float[Tensor, "draws"], of: Int[Tensor, "draws"]
) -> Int[Tensor, "draws"]:
    """One token each from row `of` by inverting its cumulative distribution at `uniform`; never one of probability 0.

    In two steps, so that sums of the whole vocabulary are made once and in float32: first the block of tokens, then the
    token in its block. Cumulative sums are float64. A row of NaN gives a number beyond the vocabulary.
    """
    rows, vocabulary = log_p.shape
    mass, missing = log_p.exp(), -vocabulary % BLOCK
    blocks = (nn.functional.pad(mass, (0, missing)) if missing else mass).view(rows, -1, BLOCK)
    block, rest = _invert(blocks.sum(-1)[of], uniform.double())
    chosen = block.clamp_max(blocks.shape[1] - 1)
    place, _ = _invert(blocks[of, chosen], rest)
    return block * BLOCK + place


def _invert(
    masses: Float[Tensor, "rows places"], uniform: Float[Tensor, "rows"]
) -> tuple[Int[Tensor, "rows"], Float[Tensor, "rows"]]:
    """The place where the cumulative share of `masses` first exceeds `uniform`, and how far into its share, in [0, 1).

    The place has mass: the target is held below the total, and the search takes the first sum strictly above it.
    """
    cumulative = masses.cumsum(-1, dtype=torch.float64)
    total = cumulative[:, -1:]
    target = torch.minimum(uniform[:, None] * total, torch.nextafter(total, torch.zeros_like(total)))
    place = torch.searchsorted(cumulative, target, right=True)
    found = place.clamp_max(masses.shape[1] - 1)
    mass = masses.gather(1, found).double()
    into = (target - cumulative.gather(1, found) + mass) / mass
    return place[:, 0], into[:, 0].clamp(0, 1 - 2**-53)


def _truncated(log_p: Tensor, top_p: float, top_k: int) -> Tensor:
    """Keeps the `top_k` likeliest tokens, of them the fewest whose mass reaches `top_p`; renormalised."""
    ordered, order = log_p.sort(dim=-1, descending=True, stable=True)
    ordered[:, top_k:] = float("-inf")
    p = ordered.softmax(-1)
    ordered[p.cumsum(-1) - p >= top_p] = float("-inf")
    return torch.empty_like(log_p).scatter_(1, order, ordered).log_softmax(-1)
