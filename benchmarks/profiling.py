"""A profile of sampling and of one update: which kernels take the time, how many are launched, how long the GPU waits.

Sampling is a whole call for a few tokens of each response, its prompts' pass included; figures are given per decode
step. On a CPU operators take the place of kernels, to see that it runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from torch.autograd import DeviceType
from torch.profiler import ProfilerActivity, profile

from benchmarks import harness, machine
from benchmarks.rollout import Ours
from benchmarks.training import UPDATES
from benchmarks.workload import SHAPES, Shape, make_policy, make_samples, make_step_prompts
from verigrad.api import set_threads
from verigrad.policy import Batch, Policy

LAUNCHES = ("cudaLaunchKernel", "cudaLaunchKernelExC", "cuLaunchKernel", "cuLaunchKernelEx", "cudaGraphLaunch")
TOP = 12


@dataclass(frozen=True, slots=True)
class Kernel:
    """One piece of work of the device: microseconds from an arbitrary beginning."""

    name: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Profile:
    """`seconds` on the clock without a profiler; launches by the processor, a CUDA graph being one."""

    seconds: float
    kernels: list[Kernel]
    launches: int

    @property
    def idle(self) -> float:
        """Share of the time from the first kernel's start to the last one's end in which none ran."""
        if not self.kernels:
            return 1.0
        first, last = min(one.start for one in self.kernels), max(one.end for one in self.kernels)
        return 1.0 - busy(self.kernels) / max(last - first, 1e-9)


def busy(kernels: Iterable[Kernel]) -> float:
    """Microseconds in which at least one of the kernels ran: the length of the union of their intervals."""
    total, reached = 0.0, float("-inf")
    for kernel in sorted(kernels, key=lambda one: one.start):
        total += max(0.0, kernel.end - max(reached, kernel.start))
        reached = max(reached, kernel.end)
    return total


def top(kernels: Sequence[Kernel], steps: int) -> list[dict[str, Any]]:
    """A row for each of the kernels that take most time, by name; calls are per step."""
    spent: dict[str, list[float]] = {}
    for kernel in kernels:
        spent.setdefault(kernel.name, []).append(kernel.end - kernel.start)
    whole = sum(map(sum, spent.values())) or 1.0
    rows = []
    for name, times in sorted(spent.items(), key=lambda item: -sum(item[1]))[:TOP]:
        row: dict[str, Any] = {"kernel": name[:70].replace("|", "/"), "calls": len(times) / steps}
        rows.append({**row, "ms": sum(times) / steps / 1e3, "share": sum(times) / whole})
    return rows


def take(function: Callable[[], object], device: str) -> Profile:
    """Runs it three times: once to warm up, once on the clock, once under the profiler."""
    function()
    seconds, _ = machine.timed(function, device)
    activity = ProfilerActivity.CUDA if device == "cuda" else ProfilerActivity.CPU
    with profile(activities=[activity]) as found:
        machine.timed(function, device)
    wanted = DeviceType.CUDA if device == "cuda" else DeviceType.CPU
    kernels, launches = [], 0
    for event in found.events():
        launches += event.name in LAUNCHES
        if event.device_type == wanted and not getattr(event, "is_user_annotation", False):
            kernels.append(Kernel(event.name, event.time_range.start, event.time_range.end))
    return Profile(seconds, kernels, launches)


def main(words: Sequence[str] | None = None) -> None:
    made = harness.parser(__doc__, ["embedded", "qwen2.5-1.5b", "smoke"])
    made.add_argument("--tokens", type=int, default=16, help="decode steps of the profile")
    made.add_argument("--sequences", type=int, default=16, help="sequences of the update, at most")
    arguments = harness.parse(made, words)
    device, name = arguments.device, arguments.shape
    report = harness.Report("profiling", arguments, machine.describe(device))
    with machine.settings():
        policy = make_policy(name, device)
        set_threads(0, policy)
        sampling = _sampling(policy, SHAPES[name], arguments)
        _report(report, f"decode step, {sampling[1]} rows", sampling[0], arguments.tokens, device, 0.15)
        _report(report, "update", _update(policy, name, arguments.sequences, device), 1, device, 0.05)


def _sampling(policy: Policy, shape: Shape, arguments: Any) -> tuple[Profile, int]:
    few = Shape(shape.questions, shape.rollouts, arguments.tokens, shape.dtype, shape.model)
    ours = Ours(policy, make_step_prompts(policy, few.questions), few, arguments.device, 0)
    return take(lambda: ours(0), arguments.device), ours.rows


def _update(policy: Policy, name: str, sequences: int, device: str) -> Profile:
    count, prompt, response = UPDATES[name]
    count = min(count, sequences)
    samples = make_samples([prompt] * count, [response] * count, policy.model.config.vocab_size)

    def nll(logprobs: Any, batch: Batch) -> Any:
        return -logprobs

    return take(lambda: policy.update(samples, nll), device)


def _report(report: harness.Report, what: str, found: Profile, steps: int, device: str, limit: float) -> None:
    row = {"what": what, "ms on the clock": 1e3 * found.seconds / steps, "kernels": len(found.kernels) / steps}
    row |= {"launches": found.launches / steps, "ms of work": busy(found.kernels) / steps / 1e3, "idle": found.idle}
    report.table(f"One {what}", [row])
    if found.kernels:
        report.table(f"Kernels of one {what}", top(found.kernels, steps))
    if device == "cuda":
        report.bars([harness.bar(f"share of the time in which the GPU waits, {what}", found.idle, "≤", limit)])


if __name__ == "__main__":
    main()
