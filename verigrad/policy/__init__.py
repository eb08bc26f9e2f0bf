"""The policy: load, pack, score, update, export."""

from verigrad.policy.pack import Batch, pack
from verigrad.policy.policy import Policy, TokenLoss, TokenScores

__all__ = ["Batch", "Policy", "TokenLoss", "TokenScores", "pack"]
