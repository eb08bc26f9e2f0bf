"""The plan of a run on one device: memory by phase, time by phase, and remedies where it does not fit."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from verigrad.config import Config
from verigrad.plan.machines import GPUS, Machine
from verigrad.plan.memory import Memory, memory_of
from verigrad.plan.remedies import Remedy, remedies
from verigrad.plan.seconds import Seconds, seconds_of
from verigrad.plan.shapes import FAMILY, Shape
from verigrad.plan.step import Lengths, Pack, token_budget, training_pack


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run needs on `machine`. `longest` are the lengths that memory is planned for, `mean` those of the time.

    `tokens_per_microbatch` is the budget that holds; `pack` is what it makes of the longest sequences.
    """

    config: Config
    shape: Shape
    machine: Machine
    longest: Lengths
    mean: Lengths
    memory: Memory
    seconds: Seconds | None
    remedies: list[Remedy]
    notes: list[str]
    tokens_per_microbatch: int
    pack: Pack

    @property
    def fits(self) -> bool:
        return self.memory.largest <= self.machine.usable()

    @property
    def fits_with_remedies(self) -> bool:
        return self.fits or (bool(self.remedies) and self.remedies[-1].peak <= self.machine.usable())

    def tables(self) -> dict[str, Any]:
        """As JSON: bytes and seconds."""
        return {
            "model": {"path": self.config.model.path, "parameters": self.shape.parameters, **asdict(self.shape)},
            "machine": {**asdict(self.machine), "usable": self.machine.usable()},
            "longest": asdict(self.longest),
            "mean": asdict(self.mean),
            "tokens_per_microbatch": self.tokens_per_microbatch,
            "rows_per_microbatch": self.pack.rows,
            "microbatches_per_update": self.pack.count,
            "memory": {phase: {**parts, "peak": sum(parts.values())} for phase, parts in self.memory.phases.items()},
            "host": self.memory.host,
            "peak": self.memory.largest,
            "fits": self.fits,
            "seconds": {**asdict(self.seconds), "step": self.seconds.step} if self.seconds else {},
            "remedies": [asdict(remedy) for remedy in self.remedies],
            "fits_with_remedies": self.fits_with_remedies,
            "notes": self.notes,
        }


def make_plan(
    config: Config, shape: Shape, machine: Machine, longest: Lengths, mean: Lengths, reference: Shape | None = None
) -> Plan:
    """The plan of a checked config for a model of this shape; `reference` is that of another reference policy."""

    def measure(changed: Config) -> Memory:
        return memory_of(shape, changed, longest, machine, reference)

    memory = measure(config)
    fits = memory.largest <= machine.usable()
    found = [] if fits else remedies(shape, config, longest, machine, measure)
    return Plan(
        config,
        shape,
        machine,
        longest,
        mean,
        memory,
        seconds_of(shape, config, longest, mean, machine),
        found,
        _notes(config, shape, machine, longest),
        token_budget(shape, config, machine),
        training_pack(shape, config, longest, machine),
    )


def smallest_gpu(memory: int) -> str:
    """The named GPU with the least memory that holds so many bytes; "" where none does."""
    holding = [machine for machine in GPUS.values() if memory <= machine.usable()]
    return min(holding, key=lambda machine: machine.memory).name if holding else ""


def _notes(config: Config, shape: Shape, machine: Machine, longest: Lengths) -> list[str]:
    """What the reader of a plan should know of it; one line each."""
    lines = []
    if longest.total > shape.context:
        lines.append(f"prompt and response have {longest.total} tokens and the model's context is {shape.context}")
    if shape.kind not in FAMILY:
        lines.append(f"{shape.kind}: its layers are transformers' own, which the arithmetic of activations is not of")
    vllm = config.sampler.vllm
    if config.sampler.engine == "vllm" and not machine.is_cpu:
        narrow = 2 if "bfloat16" in (config.model.dtype, config.model.compute) else 4
        room = int(vllm.memory_share * machine.memory) - narrow * shape.parameters
        tokens = room // (2 * shape.layers * shape.keys * narrow)
        if room <= 0:
            lines.append(f"sampler.vllm.memory_share = {vllm.memory_share:g} does not hold the engine's own weights")
        else:
            lines.append(f"vLLM's share has room for {tokens} tokens, {tokens // longest.total} of the longest rows")
    if not config.algorithm.questions_per_step:
        lines.append("algorithm.questions_per_step = 0: the time of training is that of one update, not of all data")
    if not config.eval.problems:
        lines.append("eval.problems = 0: times count as many problems as sampler.slots; all of the set take longer")
    return lines
