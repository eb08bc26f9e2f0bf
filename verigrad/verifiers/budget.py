"""How much one verdict may compute, counted in steps of about a microsecond; the count is the same on every machine."""

from __future__ import annotations

from verigrad.verifiers.expression import LimitExceeded

STEPS = 20_000
"""Of one verdict."""

FUNCTION_STEPS = 300
"""Of a root, a power, a logarithm or a sine to 70 digits."""

POWER_STEPS = 50
"""Of a power, a factorial or another function of exact numbers."""

INVERSE_STEPS = 20
"""Of a division."""

COMPARISON_STEPS = 50
"""Of two nodes compared by their types, their values apart."""


class Budget:
    """The steps that are left."""

    def __init__(self, left: int = STEPS) -> None:
        self._left = left

    def spend(self, steps: int = 1) -> None:
        """LimitExceeded once more than all are spent."""
        self._left -= steps
        if self._left < 0:
            raise LimitExceeded("too much to compute for one verdict")
