"""From rewards to gradients: returns, shaping, credit, losses, divergences, normalisers. Pure, named in dicts."""

from verigrad.objective.credit import CREDITS, Advantages, Credit, CreditRow, CreditState
from verigrad.objective.divergence import DIVERGENCES
from verigrad.objective.losses import LOSSES, LossRow
from verigrad.objective.normalizers import NORMALIZERS, Denominator, Normalizer, Sampled
from verigrad.objective.shaping import shape

__all__ = [
    "CREDITS",
    "DIVERGENCES",
    "LOSSES",
    "NORMALIZERS",
    "Advantages",
    "Credit",
    "CreditRow",
    "CreditState",
    "Denominator",
    "LossRow",
    "Normalizer",
    "Sampled",
    "shape",
]
