"""Which library multiplies float32 matrices on the CPU."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch


def fast_products() -> bool:
    """Sends float32 products to oneDNN where PyTorch's default library leaves half of the machine unused.

    On CPUs with AVX-512 but without AMX (AMD Zen 4 and 5), PyTorch's default reached 90–100 GFLOP/s a core and oneDNN
    220 in the same run (docs/performance.md). PyTorch offers the switch as a permission to round inside products; on
    such CPUs oneDNN does not make use of it. That is not taken on trust: products in three shapes are compared with
    float64, and the default is put back if any is less exact than float32. Returns whether the switch was made.
    """
    capabilities = torch.cpu.get_capabilities()
    if not capabilities.get("avx512_f") or capabilities.get("amx_tile"):
        return False
    settings: Any = torch.backends.mkldnn.matmul  # type: ignore[attr-defined]
    before = settings.fp32_precision
    settings.fp32_precision = "bf16"
    if all(_error(*shape) < 2e-6 for shape in ((512, 128, 352), (512, 352, 128), (64, 1024, 256))):
        return True
    settings.fp32_precision = before
    return False


@contextmanager
def default_products() -> Iterator[None]:
    """PyTorch's default library for products that come in a new shape nearly every time, such as those of attention
    over a growing cache: oneDNN makes, and keeps, a kernel for each shape."""
    settings: Any = torch.backends.mkldnn.matmul  # type: ignore[attr-defined]
    before = settings.fp32_precision
    settings.fp32_precision = "none"
    try:
        yield
    finally:
        settings.fp32_precision = before


def _error(rows: int, inner: int, columns: int) -> float:
    """Largest error of a float32 product, relative to the largest entry."""
    draw = torch.Generator().manual_seed(0)
    left, right = torch.randn(rows, inner, generator=draw), torch.randn(columns, inner, generator=draw)
    exact = left.double() @ right.double().T
    return float((torch.nn.functional.linear(left, right).double() - exact).abs().max() / exact.abs().max())
