"""What the machine can do: matrix products and memory traffic, per thread count; the other benchmarks' limit."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from time import perf_counter
from typing import Any

import torch

from benchmarks import harness
from verigrad.kernels import fast_products

WINDOWS = 5
SECONDS = 0.1
MEGABYTES = 256
PRODUCTS = {
    "embedded": [(512, 128, 352), (512, 352, 128), (16384, 128, 352), (4096, 512, 1408), (2048, 2048, 2048)],
    "qwen2.5-1.5b": [(512, 1536, 8960), (16384, 1536, 8960), (4096, 1536, 151936), (8192, 8192, 8192)],
    "smoke": [(16, 16, 16)],
}


def gemm_rate(rows: int, inner: int, columns: int, *, dtype: torch.dtype = torch.float32, device: str = "cpu") -> float:
    """FLOP/s of [rows × inner]·[inner × columns], the best of several windows: a limit, not an average."""
    a = torch.randn(rows, inner, dtype=dtype, device=device)
    b = torch.randn(columns, inner, dtype=dtype, device=device)
    out = torch.empty(rows, columns, dtype=dtype, device=device)
    return 2 * rows * inner * columns / _best(lambda: torch.mm(a, b.T, out=out), device)


def bandwidth(device: str = "cpu") -> float:
    """Bytes/s of reading two large float32 vectors once (a dot product), the best of several windows."""
    count = MEGABYTES * 2**20 // 8
    a, b = torch.ones(count, device=device), torch.ones(count, device=device)
    return 8 * count / _best(lambda: torch.dot(a, b), device)


def describe(device: str = "cpu", *packages: str) -> dict[str, Any]:
    """Processor, cores, memory, versions and how busy it is."""
    facts: dict[str, Any] = {"processor": _processor(), "cores": os.cpu_count(), "memory_gib": _memory_gib()}
    if device == "cuda":
        facts["gpu"] = torch.cuda.get_device_name()
    facts |= {"python": platform.python_version(), "torch": torch.__version__}
    facts |= {name: metadata.version(name) for name in ("transformers", *packages)}
    return facts | {"load": round(os.getloadavg()[0], 2)}


@contextmanager
def settings(threads: int = 0, products: str = "") -> Iterator[None]:
    """PyTorch's CPU threads and float32 products for a while; 0 and "" leave them as they are.

    Products are "default" (PyTorch's own choice) or "fast" (what the library switches to, where the CPU gains by it).
    """
    matmul: Any = torch.backends.mkldnn.matmul  # type: ignore[attr-defined]
    before = torch.get_num_threads(), matmul.fp32_precision
    try:
        if threads:
            torch.set_num_threads(threads)
        if products:
            matmul.fp32_precision = "none"
        if products == "fast":
            fast_products()
        yield
    finally:
        torch.set_num_threads(before[0])
        matmul.fp32_precision = before[1]


def has_fast_products() -> bool:
    """Whether the library would switch products on this processor."""
    with settings():
        return fast_products()


def thread_counts() -> list[int]:
    """1, 2, 4, … up to the cores, and the cores themselves."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return sorted({2**power for power in range(cores.bit_length()) if 2**power <= cores} | {cores})


def synchronize(device: str) -> None:
    """Waits until the device has done what it was told."""
    if device == "cuda":
        torch.cuda.synchronize()


def timed(function: Callable[[], harness.T], device: str = "cpu") -> tuple[float, harness.T]:
    """(seconds, result) of one call."""
    synchronize(device)
    started = perf_counter()
    result = function()
    synchronize(device)
    return perf_counter() - started, result


class Memory:
    """Peak of this process, or of the GPU, from here on."""

    def __init__(self, device: str) -> None:
        self._cuda = device == "cuda"
        if self._cuda:
            torch.cuda.reset_peak_memory_stats()
            self._before = torch.cuda.memory_allocated()
        else:
            harness.reset_peak()
            self._before = harness.resident_bytes()

    def extra(self) -> int:
        """Bytes at the peak beyond those at the beginning; at least one page, so that ratios exist."""
        peak = torch.cuda.max_memory_allocated() if self._cuda else harness.peak_bytes()
        return max(4096, peak - self._before)


def main(words: Sequence[str] | None = None) -> None:
    arguments = harness.parse(harness.parser(__doc__, list(PRODUCTS)), words)
    report = harness.Report("machine", arguments, describe(arguments.device))
    counts = thread_counts() if arguments.device == "cpu" else [torch.get_num_threads()]
    products = PRODUCTS[arguments.shape][: 2 if arguments.quick else None]
    rows, traffic = [], []
    for count in counts:
        with settings(count):
            rows += [{"threads": count, **_rates(shape, arguments.device)} for shape in products]
            traffic.append({"threads": count, "GB/s": bandwidth(arguments.device) / 1e9})
    report.table("Matrix products (rows × inner × columns), GFLOP/s", rows)
    report.table("Memory read", traffic)


def _rates(shape: tuple[int, int, int], device: str) -> dict[str, Any]:
    row: dict[str, Any] = {"product": " × ".join(map(str, shape))}
    for products, dtype in (("default", torch.float32), ("fast", torch.float32), ("default", torch.bfloat16)):
        name = str(dtype).removeprefix("torch.") + (", our setting" if products == "fast" else "")
        with settings(products=products):
            row[name] = gemm_rate(*shape, dtype=dtype, device=device) / 1e9
    return row


def _best(function: Callable[[], object], device: str) -> float:
    """Seconds of one call, in the fastest of several windows."""
    function()
    calls = max(1, int(SECONDS / max(1e-7, timed(function, device)[0])))
    return min(timed(lambda: [function() for _ in range(calls)], device)[0] / calls for _ in range(WINDOWS))


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    found = dict(line.split(":", 1) for line in lines if ":" in line)
    fields = {name.strip(): value.strip() for name, value in found.items()}
    best = next((flag for flag in ("avx512f", "avx2") if flag in fields.get("flags", "").split()), "")
    name = fields.get("model name", platform.machine())
    return f"{name}, family {fields.get('cpu family', '?')} ({best or platform.machine()})"


def _memory_gib() -> float:
    return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)


if __name__ == "__main__":
    main()
