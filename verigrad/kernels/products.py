"""In which type matrices are multiplied, and which library multiplies float32 ones on the CPU."""

from __future__ import annotations

import copy
from contextlib import AbstractContextManager, nullcontext
from time import perf_counter
from typing import Any

import torch
from torch import nn

# Rows, inner and columns of products that libraries are compared in.
SHAPES = ((512, 128, 352), (512, 352, 128), (64, 1024, 256))


def computing(compute: str, device: torch.device) -> AbstractContextManager[Any]:
    """A context in which products are made in bfloat16 where `compute` is that, and in their own type otherwise."""
    if compute == "same":
        return nullcontext()
    return torch.autocast(device.type, dtype=getattr(torch, compute))


class NarrowCopy:
    """A backbone whose linear layers hold their weights rounded to the type that they compute in.

    Under `computing` its results are the model's own to the last bit; without it, weights are rounded anew for every
    product. Everything but the linear layers is the model's own module.
    """

    def __init__(self, backbone: nn.Module, compute: str) -> None:
        kept = {id(tensor): tensor for tensor in backbone.parameters()}
        linear = [layer for layer in backbone.modules() if isinstance(layer, nn.Linear)]
        for layer in linear:
            rounded = layer.weight.detach().to(getattr(torch, compute))
            kept[id(layer.weight)] = nn.Parameter(rounded, requires_grad=False)
        self.backbone = copy.deepcopy(backbone, kept)
        copies = [layer for layer in self.backbone.modules() if isinstance(layer, nn.Linear)]
        self._pairs = list(zip(linear, copies, strict=True))

    def refresh(self) -> None:
        """Takes the model's weights as they are now."""
        with torch.no_grad():
            for layer, narrow in self._pairs:
                narrow.weight.copy_(layer.weight)


def narrow_is_faster(hidden: int, inner: int, device: torch.device) -> bool:
    """Whether [256 × hidden]·[hidden × inner] takes at most two thirds of the time in bfloat16, measured here and now.

    A processor with matrix units for it is several times faster, one without any up to eight times slower.
    """
    left, right = (torch.ones(*shape, device=device) for shape in ((256, hidden), (inner, hidden)))
    seconds = []
    for dtype in (torch.float32, torch.bfloat16):
        pair = left.to(dtype), right.to(dtype)
        seconds.append(min(_seconds(*pair) for _ in range(5)))
    return seconds[1] <= 2 / 3 * seconds[0]


def _seconds(left: torch.Tensor, right: torch.Tensor) -> float:
    start = perf_counter()
    total = torch.nn.functional.linear(left, right).sum()
    total.item()  # waits for a GPU
    return perf_counter() - start


def fast_products() -> bool:
    """Sends float32 products to oneDNN where PyTorch's default library leaves much of the machine unused.

    Measured here: oneDNN must be 1.3 times as fast. It was 2.2 times as fast on AMD's Zen 4 and 5 and 0.95 times on one
    of Intel's (docs/performance.md). PyTorch offers the switch as a permission to round inside products; without AMX
    oneDNN does not make use of it. That is not taken on trust: products in three shapes are compared with float64, and
    the default is put back if any is less exact than float32. Returns whether the switch was made.
    """
    capabilities = torch.cpu.get_capabilities()
    if not capabilities.get("avx512_f") or capabilities.get("amx_tile"):
        return False
    settings: Any = torch.backends.mkldnn.matmul  # type: ignore[attr-defined]
    before, seconds = settings.fp32_precision, _fastest()
    settings.fp32_precision = "bf16"
    if seconds >= 1.3 * _fastest() and all(_error(*shape) < 2e-6 for shape in SHAPES):
        return True
    settings.fp32_precision = before
    return False


def _fastest() -> float:
    """Seconds of a float32 product of the first shape, the best of several."""
    rows, inner, columns = SHAPES[0]
    pair = torch.ones(rows, inner), torch.ones(columns, inner)
    return min(_seconds(*pair) for _ in range(9))


def _error(rows: int, inner: int, columns: int) -> float:
    """Largest error of a float32 product, relative to the largest entry."""
    draw = torch.Generator().manual_seed(0)
    left, right = torch.randn(rows, inner, generator=draw), torch.randn(columns, inner, generator=draw)
    exact = left.double() @ right.double().T
    return float((torch.nn.functional.linear(left, right).double() - exact).abs().max() / exact.abs().max())
