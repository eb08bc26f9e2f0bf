"""Credit, losses and normalisers: pure functions, chosen by name from dict literals."""

from verigrad.objective.credit import CREDITS, Advantages, Credit, CreditRow, CreditState
from verigrad.objective.losses import LOSSES, LossRow
from verigrad.objective.normalizers import NORMALIZERS, Normalizer

__all__ = [
    "CREDITS",
    "LOSSES",
    "NORMALIZERS",
    "Advantages",
    "Credit",
    "CreditRow",
    "CreditState",
    "LossRow",
    "Normalizer",
]
