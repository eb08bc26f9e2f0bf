"""A learned value V(s_t) on the policy's own hidden states, read before a_t."""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from verigrad.objective.losses import value_loss


class ValueHead:
    """V(s_t) = w·h + b, with h the hidden state from which the token a_t is predicted; it begins at 0 everywhere.

    h carries no gradient: the head is fitted, with an AdamW of its own, and the policy is left alone. Since it is
    fitted after a step's updates, the values of a step come from earlier batches (CS336 A5 eq. 22: b must not see a_t).
    """

    def __init__(self, hidden: int, lr: float, device: torch.device) -> None:
        self._linear = nn.Linear(hidden, 1, device=device)
        nn.init.zeros_(self._linear.weight)
        nn.init.zeros_(self._linear.bias)
        self._optimizer = torch.optim.AdamW(self._linear.parameters(), lr=lr, weight_decay=0.0)

    def read(self, hidden: Float[Tensor, "trained hidden"]) -> Float[Tensor, "trained"]:
        values: Tensor = self._linear(hidden.detach().float())[:, 0]
        return values

    def accumulate(
        self, hidden: Float[Tensor, "trained hidden"], returns: Float[Tensor, "trained"], weight: float
    ) -> float:
        """Adds the gradient of Σ weight·½(V − R)² to the head's parameters; returns that sum."""
        values = self.read(hidden)
        loss = weight * value_loss(values, values.detach(), returns.to(values.dtype), 0.0).sum()
        loss.backward()
        return loss.item()

    def step(self) -> None:
        """One AdamW update on what was accumulated."""
        self._optimizer.step()
        self._optimizer.zero_grad(set_to_none=True)

    def state(self) -> dict[str, Any]:
        return {"linear": self._linear.state_dict(), "optimizer": self._optimizer.state_dict()}

    def restore(self, state: dict[str, Any]) -> None:
        self._linear.load_state_dict(state["linear"])
        self._optimizer.load_state_dict(state["optimizer"])
