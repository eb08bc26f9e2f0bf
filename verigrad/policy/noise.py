"""How noisy an update's gradient is, told from the gradients of its micro-batches as they arrive."""

from __future__ import annotations

from collections.abc import Iterable
from types import TracebackType

import torch
from torch import Tensor, nn


class NoiseMeter:
    """Inside its `with`, takes ‖g_k‖² of each micro-batch's own gradient; afterwards the sum is in `.grad`, as ever.

    A hook reads each parameter's gradient once, where it is made, and adds it to the sum: no second backward pass, and
    no second gradient but of one parameter at a time. One micro-batch tells nothing, so then it does nothing.
    """

    def __init__(self, parameters: Iterable[nn.Parameter], microbatches: int) -> None:
        self._parameters = [parameter for parameter in parameters if parameter.requires_grad]
        self._active = microbatches > 1
        self._sums: dict[nn.Parameter, Tensor] = {}
        self._norms: list[Tensor] = []
        self._squares, self._counts = 0.0, 0

    def __enter__(self) -> NoiseMeter:
        if self._active:
            for parameter in self._parameters:
                if parameter.grad is not None:
                    self._sums[parameter], parameter.grad = parameter.grad, None
            self._hooks = [one.register_post_accumulate_grad_hook(self._take) for one in self._parameters]
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._active:
            for hook in self._hooks:
                hook.remove()
            for parameter, total in self._sums.items():
                parameter.grad = total

    def add(self, sequences: int) -> None:
        """A micro-batch of so many sequences has gone backward."""
        if self._active:
            self._squares += float(torch.stack(self._norms).double().square().sum())
            self._counts += sequences**2
            self._norms.clear()

    def sums(self) -> dict[str, float]:
        """Σ_k ‖g_k‖² and Σ_k n_k², where there are several micro-batches."""
        return {"squares": self._squares, "squared_counts": self._counts} if self._active else {}

    def _take(self, parameter: Tensor) -> None:
        assert isinstance(parameter, nn.Parameter) and parameter.grad is not None
        fresh, parameter.grad = parameter.grad, None
        wide = torch.promote_types(fresh.dtype, torch.float32)
        self._norms.append(torch.linalg.vector_norm(fresh, dtype=wide))
        if parameter in self._sums:
            self._sums[parameter].add_(fresh)
        else:
            self._sums[parameter] = fresh


def noise_metrics(sums: dict[str, float], norm: float, sequences: int) -> dict[str, float]:
    """Signal, noise and noise scale of a gradient ĝ = Σ_k g_k of n sequences, n_k of them in micro-batch k.

        signal = n² (‖ĝ‖² − Σ‖g_k‖²)/(n² − Σ n_k²),   noise = ‖ĝ‖² − signal,   scale = n · noise/signal

    For sequences whose shares of ĝ are exchangeable and uncorrelated between micro-batches, with mean μ and covariance
    Σ: E ‖g_k‖² = n_k²‖μ‖² + n_k tr Σ, so E signal = ‖n μ‖² = ‖E ĝ‖² and E noise = n tr Σ = tr Cov ĝ. The scale
    tr Σ/‖μ‖², in sequences, is the simple noise scale of McCandlish et al. 2018, arXiv:1812.06162, eq. 2.9, here with
    micro-batches of any sizes; a ratio of estimates, it is not unbiased. Absent where signal ≤ 0: unbiased, it may be.
    """
    if "squares" not in sums:
        return {}
    signal = sequences**2 * (norm**2 - sums["squares"]) / (sequences**2 - sums["squared_counts"])
    noise = norm**2 - signal
    scale = {"noise_scale": sequences * noise / signal} if signal > 0 else {}
    return {"gradient_signal": signal, "gradient_noise": noise, **scale}
