"""Tensor programs that the trainer and the embedded sampler share: attention plans and the log-prob head."""

from verigrad.kernels.attention import AttentionPlan, backbone_of, hidden_states
from verigrad.kernels.cache import PROMPT_MULTIPLE, Rows, SlotCache
from verigrad.kernels.decoder import in_family
from verigrad.kernels.head import head_of, padded, token_divergence, token_logprobs
from verigrad.kernels.packed import PackedPlan
from verigrad.kernels.products import NarrowCopy, computing, fast_products, narrow_is_faster

__all__ = [
    "PROMPT_MULTIPLE",
    "AttentionPlan",
    "NarrowCopy",
    "PackedPlan",
    "Rows",
    "SlotCache",
    "backbone_of",
    "computing",
    "fast_products",
    "head_of",
    "hidden_states",
    "in_family",
    "narrow_is_faster",
    "padded",
    "token_divergence",
    "token_logprobs",
]
