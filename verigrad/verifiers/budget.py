"""How much one verdict may compute, counted in steps of about a microsecond; the count is the same on every machine."""

from __future__ import annotations

from verigrad.verifiers.expression import LimitExceeded

STEPS = 16_000
"""Of one verdict."""

FUNCTION_STEPS = 300
"""Of a power, a logarithm or a sine to 70 digits."""

POWER_STEPS = 50
"""Of a whole power, a square root, a factorial."""

INVERSE_STEPS = 20
"""Of a division."""

COMPARISON_STEPS = 50
"""Of two nodes compared by their types, their values apart."""


class Exhausted(LimitExceeded):
    """The verdict has no steps left."""


class Budget:
    """The steps that are left."""

    def __init__(self) -> None:
        self.left = STEPS

    def spend(self, steps: int = 1) -> None:
        """Exhausted once more than all are spent."""
        self.left -= steps
        if self.left < 0:
            raise Exhausted("too much to compute for one verdict")
