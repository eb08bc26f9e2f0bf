"""The policy: load, pack, score, update, export."""

from verigrad.policy.chat import in_chat
from verigrad.policy.pack import Batch, pack
from verigrad.policy.policy import Policy, TokenLoss, TokenScores, Toward
from verigrad.policy.ratios import ClipRange

__all__ = ["Batch", "ClipRange", "Policy", "TokenLoss", "TokenScores", "Toward", "in_chat", "pack"]
