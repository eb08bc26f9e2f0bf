"""Accelerators by name: their memory, what their data sheets promise, and the shares of it that a plan counts on."""

from __future__ import annotations

from dataclasses import dataclass

GIB, TERA = 2**30, 1e12
# Shares of a data sheet that a plan counts on, of matrix products and of reads. Assumed, not measured here.
PRODUCT_SHARE, READ_SHARE = 0.4, 0.6
# Bytes of a CUDA context with its libraries, and the share of a peak that the allocator's gaps take. Assumed too.
CONTEXT, GAPS = 3 * 2**28, 0.05
# Of one core: FLOP/s in float32 and bfloat16, bytes/s; what benchmarks/machine.py has measured is within a factor of 2.
CORE = (100e9, 200e9, 15e9)


@dataclass(frozen=True, slots=True)
class Machine:
    """`memory` is what PyTorch reports of the device, bytes; FLOP/s of dense products; bytes/s of its memory.

    Rates are 0 where only the memory is known.
    """

    name: str
    memory: int
    bfloat16: float = 0.0
    float32: float = 0.0
    bandwidth: float = 0.0
    is_cpu: bool = False

    @property
    def timed(self) -> bool:
        return self.bandwidth > 0

    def usable(self) -> int:
        """Bytes that tensors can take: the rest is the context and the allocator's gaps."""
        return self.memory if self.is_cpu else int((self.memory - CONTEXT) / (1 + GAPS))

    def rate(self, dtype: str) -> float:
        """FLOP/s that a plan counts on, for products in this type."""
        return PRODUCT_SHARE * (self.bfloat16 if dtype == "bfloat16" else self.float32)

    def reads(self) -> float:
        """Bytes/s that a plan counts on."""
        return READ_SHARE * self.bandwidth


def _gpu(name: str, gib: float, bfloat16: float, float32: float, bandwidth: float) -> Machine:
    return Machine(name, int(gib * GIB), bfloat16 * TERA, float32 * TERA, bandwidth * TERA)


# TFLOP/s with float32 sums and without sparsity, TB/s: of the makers' data sheets.
GPUS: dict[str, Machine] = {
    machine.name: machine
    for machine in (
        _gpu("rtx4090", 23.6, 165.2, 82.6, 1.008),
        _gpu("l4", 22.0, 121.0, 30.3, 0.300),
        _gpu("a10", 22.0, 125.0, 31.2, 0.600),
        _gpu("a100-80gb", 79.1, 312.0, 19.5, 2.039),
        _gpu("h100-80gb", 79.1, 989.0, 67.0, 3.35),
        _gpu("h200-141gb", 139.7, 989.0, 67.0, 4.8),
    )
}

NAMES = (*GPUS, "cpu")


def cpu(memory: int, cores: int) -> Machine:
    """A computer without a GPU: its memory (bytes) and cores."""
    float32, bfloat16, bandwidth = (cores * rate for rate in CORE)
    return Machine("cpu", memory, bfloat16, float32, bandwidth, is_cpu=True)


def of_memory(gib: float) -> Machine:
    """A GPU of which only the memory is known; a plan for it has no times."""
    return Machine(f"{gib:g} GiB", int(gib * GIB))
