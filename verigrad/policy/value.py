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

    def fit(self, hidden: Float[Tensor, "trained hidden"], returns: Float[Tensor, "trained"]) -> float:
        """One AdamW update on the mean of ½(V − R)²; returns that mean, taken before."""
        values = self.read(hidden)
        loss = value_loss(values, values.detach(), returns.to(values.dtype), 0.0).mean()
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self._optimizer.step()
        return loss.item()

    def state(self) -> dict[str, Any]:
        return {"linear": self._linear.state_dict(), "optimizer": self._optimizer.state_dict()}

    def restore(self, state: dict[str, Any]) -> None:
        self._linear.load_state_dict(state["linear"])
        self._optimizer.load_state_dict(state["optimizer"])
