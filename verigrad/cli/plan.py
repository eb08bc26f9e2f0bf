"""`verigrad plan`: what a run needs, before it begins."""

from __future__ import annotations

import json
import os
from pathlib import Path

from rich.console import Console
from rich.table import Table

from verigrad.config import Config, nearest
from verigrad.errors import UsageError
from verigrad.plan import (
    GPUS,
    NAMES,
    PRODUCT_SHARE,
    READ_SHARE,
    Lengths,
    Machine,
    Plan,
    cpu,
    find_shape,
    make_plan,
    of_memory,
    smallest_gpu,
)

GIB = 2**30


def plan(config: Config, *, gpu: str, memory_gib: float, prompt: int, response: int, as_json: bool) -> int:
    """Prints the plan; whether the run fits or not, it has been planned."""
    if prompt < 1 or response < 0:
        raise UsageError(f"--prompt-tokens {prompt}, --response-tokens {response}: a length is 1 or more")
    machine = machine_of(config, gpu, memory_gib)
    shape = find_shape(config.model.path)
    reference = config.algorithm.divergence.reference
    longest = Lengths(prompt, config.sampler.max_tokens)
    mean = Lengths(prompt, min(response or -(-longest.response // 2), longest.response))
    made = make_plan(config, shape, machine, longest, mean, find_shape(reference) if reference else None)
    if as_json:
        print(json.dumps(made.tables(), ensure_ascii=False, indent=2))
    else:
        show(made, Console(soft_wrap=True))
    return 0


def machine_of(config: Config, gpu: str, memory_gib: float) -> Machine:
    """The machine that is named, one of which the memory is given, or this one."""
    if gpu and memory_gib:
        raise UsageError("--gpu and --memory-gib: give one of them")
    if memory_gib < 0:
        raise UsageError(f"--memory-gib {memory_gib:g}: a memory is above 0")
    if memory_gib:
        return of_memory(memory_gib)
    if not gpu:
        return _this_machine(config)
    name = gpu.lower()
    matching = [known for known in NAMES if known == name] or [known for known in NAMES if known.startswith(name)]
    if len(matching) != 1:
        raise UsageError(f"--gpu {gpu}: {nearest(name, NAMES)}; or give --memory-gib")
    return _this_cpu() if matching[0] == "cpu" else GPUS[matching[0]]


def _this_machine(config: Config) -> Machine:
    import torch

    if config.model.device == "cpu" or not torch.cuda.is_available():
        return _this_cpu()
    device = torch.device("cuda" if config.model.device == "auto" else config.model.device)
    found = torch.cuda.get_device_properties(device)
    words = found.name.lower().replace(" ", "")
    known = next((machine for name, machine in GPUS.items() if name.partition("-")[0] in words), None)
    if known is None:
        return of_memory(round(found.total_memory / GIB, 1))
    return Machine(found.name, found.total_memory, known.bfloat16, known.float32, known.bandwidth)


def _this_cpu() -> Machine:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return cpu(memory, os.cpu_count() or 1)


def show(plan: Plan, console: Console) -> None:
    """The plan as tables: memory by part and phase, time by phase, remedies."""
    model = Path(plan.config.model.path).name if plan.config.model.path.startswith("/") else plan.config.model.path
    usable = plan.machine.usable()
    pack = plan.pack
    lines = [
        f"{model}: {plan.shape.parameters / 1e9:.2f} B parameters, {_types(plan.config)}, on {plan.machine.name} "
        f"({_gib(plan.machine.memory)} GiB, {_gib(usable)} for tensors)",
        f"longest prompt {plan.longest.prompt} and response {plan.longest.response} tokens, mean response "
        f"{plan.mean.response}; a micro-batch of {plan.tokens_per_microbatch} tokens holds {pack.rows} of the longest, "
        f"an update has {pack.count} micro-batch{'es' * (pack.count > 1)}",
    ]
    for line in lines:
        console.print(line, markup=False, highlight=False)
    console.print(_memory_table(plan, usable))
    remedies = _remedy_lines(plan, usable) if plan.remedies else []
    for line in _verdict(plan, usable) + remedies:
        console.print(line, markup=False, highlight=False)


def _memory_table(plan: Plan, usable: int) -> Table:
    phases = plan.memory.phases
    table = Table(title="GiB at each phase's peak" + (", and seconds" if plan.seconds else ""), title_justify="left")
    table.add_column("")
    for phase in phases:
        table.add_column(phase, justify="right")
    for part in dict.fromkeys(part for parts in phases.values() for part in parts):
        table.add_row(part, *(_gib(parts[part]) if parts.get(part) else "" for parts in phases.values()))
    table.add_section()
    peaks = plan.memory.peaks.values()
    table.add_row("peak", *(_gib(peak) for peak in peaks))
    table.add_row(f"of {_gib(usable)} GiB", *(f"{100 * peak / usable:.0f} %" for peak in peaks))
    if plan.seconds:
        table.add_section()
        of_phase = {name: getattr(plan.seconds, name) for name in phases}
        table.add_row("seconds", *(_seconds(seconds) for seconds in of_phase.values()))
    return table


def _verdict(plan: Plan, usable: int) -> list[str]:
    lines = []
    largest = plan.memory.largest
    phase = max(plan.memory.peaks, key=lambda name: plan.memory.peaks[name])
    if plan.fits:
        lines.append(f"It fits: the largest peak, {phase}, leaves {_gib(usable - largest)} GiB.")
    else:
        lines.append(f"It does not fit: {phase} needs {_gib(largest - usable)} GiB more.")
        if plan.remedies and not plan.fits_with_remedies:
            lines.append(f"With every change below it still needs {_gib(plan.remedies[-1].peak - usable)} GiB more.")
        name = smallest_gpu(largest)
        lines.append(f"As it is it fits {name}." if name else "As it is it fits none of the known GPUs.")
    if plan.seconds:
        steps, seconds = plan.config.algorithm.steps, plan.seconds.step
        lines.append(
            f"A step takes about {_seconds(seconds)} s, its share of the evaluations included, and {steps} steps "
            f"{_duration(seconds * steps)}: computed at {100 * PRODUCT_SHARE:.0f} % of the peak rate and "
            f"{100 * READ_SHARE:.0f} % of the bandwidth, grading left out."
        )
    if plan.memory.host:
        lines.append("In the host's memory: " + ", ".join(f"{k} {_gib(v)} GiB" for k, v in plan.memory.host.items()))
    return lines + plan.notes


def _remedy_lines(plan: Plan, usable: int) -> list[str]:
    head = "What to change, cheapest first:" if plan.fits_with_remedies else "What helps, cheapest first:"
    lines = [head]
    for remedy in plan.remedies:
        then = f"peak then {_gib(remedy.peak)} GiB" + (", which fits" if remedy.peak <= usable else "")
        saved = f"saves {_gib(remedy.saves)} GiB in {remedy.phase}"
        lines.append(f"  --{remedy.key} {json.dumps(remedy.value)}: {saved}, {then}; {remedy.cost}")
    return lines


def _types(config: Config) -> str:
    model = config.model
    words = model.dtype if model.compute != "bfloat16" else f"{model.dtype} with {model.compute} products"
    return words + (f", LoRA of rank {model.lora.rank}" if model.lora.rank else "")


def _gib(size: int) -> str:
    return f"{size / GIB:.1f}" if size >= GIB else f"{size / GIB:.2g}"


def _seconds(seconds: float) -> str:
    return f"{seconds:.0f}" if seconds >= 10 else f"{seconds:.2g}"


def _duration(seconds: float) -> str:
    return f"{seconds / 3600:.1f} h" if seconds >= 3600 else f"{seconds / 60:.0f} min" if seconds >= 60 else "a minute"
