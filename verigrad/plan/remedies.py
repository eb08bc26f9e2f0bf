"""Which settings to change where a run does not fit, those that cost least first, and what each saves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import reduce
from typing import Any, NamedTuple

from verigrad.config import Config
from verigrad.plan.machines import Machine
from verigrad.plan.memory import Memory, engine_apart
from verigrad.plan.shapes import Shape
from verigrad.plan.step import Lengths, token_budget

FEWEST_SLOTS = 64
LORA_RANK = 32
LEAST_SHARE = 0.1


class Change(NamedTuple):
    """A setting's new value, and what it costs in words."""

    value: Any
    cost: str


Measure = Callable[[Config], Memory]


@dataclass(frozen=True, slots=True)
class Remedy:
    """A setting and its new value; `saves` are bytes of the phase that gains most, `peak` is the largest peak with it
    and those before it; `cost` says what it costs.
    """

    key: str
    value: Any
    phase: str
    saves: int
    peak: int
    cost: str


def remedies(shape: Shape, config: Config, lengths: Lengths, machine: Machine, measure: Measure) -> list[Remedy]:
    """The fewest of the changes, cheapest first, after which every phase fits; all that help if none is enough.

    `measure` gives the memory of a config.
    """
    usable = machine.usable()
    taken: dict[str, Change] = {}
    steps: dict[str, list[Change]] = {}

    def excess_of(changes: dict[str, Change]) -> int:
        return _excess(measure(_with_all(config, changes)), usable)

    excess = excess_of({})
    for key, *change in _changes(shape, config, lengths, machine):
        if not excess:
            break
        tried = {**taken, key: Change(*change)}
        left = excess_of(tried)
        if left < excess:
            taken, excess = tried, left
            steps.setdefault(key, []).append(tried[key])
    for key in reversed(list(taken)) if not excess else ():  # a later one may have made an earlier one superfluous
        others = {name: change for name, change in taken.items() if name != key}
        milder = [others, *({**taken, key: change} for change in steps[key])]
        taken = next(changes for changes in milder if not excess_of(changes))
    return list(_described(config, taken, measure))


def with_value(config: Config, key: str, value: Any) -> Config:
    """The config with one setting changed, unchecked."""
    section, _, rest = key.partition(".")
    old = getattr(config, section)
    if "." in rest:
        table, _, name = rest.partition(".")
        rest, value = table, getattr(old, table).model_copy(update={name: value})
    return config.model_copy(update={section: old.model_copy(update={rest: value})})


def _changes(shape: Shape, config: Config, lengths: Lengths, machine: Machine) -> Iterator[tuple[str, Any, str]]:
    """Settings, values and what they cost, those that cost least first; steps of one setting follow each other."""
    tokens = token_budget(shape, config, machine)
    while tokens > lengths.total:
        tokens = max(lengths.total, tokens // 2)
        yield "algorithm.tokens_per_microbatch", tokens, "a little time; the gradient stays the same"
    model, sampler = config.model, config.sampler
    if sampler.engine == "vllm":
        if not sampler.vllm.sleep and not machine.is_cpu:
            yield "sampler.vllm.sleep", True, "seconds a step to sleep and to wake"
        share = sampler.vllm.memory_share
        while share - 0.05 >= LEAST_SHARE and not engine_apart(config):
            share = round(share - 0.05, 2)
            yield "sampler.vllm.memory_share", share, "fewer responses are sampled at once"
    else:
        slots = sampler.slots
        while slots > FEWEST_SLOTS:
            slots = max(FEWEST_SLOTS, slots // 2)
            yield "sampler.slots", slots, "fewer responses are sampled at once"
    if not model.checkpoint_activations:
        yield "model.checkpoint_activations", True, "a third more training time"
    if model.dtype == "float32" and model.compute != "bfloat16":
        yield "model.compute", "bfloat16", "products are rounded to 8 bits; faster"
    if not model.lora.rank:
        if config.optimizer.states == "full":
            yield "optimizer.states", "8bit", "moments are rounded; the extra lean"
        yield "optimizer.states", "offloaded", "moments cross the bus at every update; the extra lean"
        yield "model.lora.rank", LORA_RANK, "adapters alone are trained"
    if model.dtype == "float32":
        yield "model.dtype", "bfloat16", "weights are rounded: small updates are lost at small learning rates"


def _with_all(config: Config, changes: dict[str, Change]) -> Config:
    return reduce(lambda changed, item: with_value(changed, item[0], item[1].value), changes.items(), config)


def _excess(memory: Memory, usable: int) -> int:
    return sum(max(0, peak - usable) for peak in memory.peaks.values())


def _described(config: Config, taken: dict[str, Change], measure: Measure) -> Iterator[Remedy]:
    before = measure(config)
    for key, (value, cost) in taken.items():
        config = with_value(config, key, value)
        after = measure(config)
        gains = {phase: before.peak(phase) - peak for phase, peak in after.peaks.items()}
        phase = max(gains, key=lambda name: gains[name])
        yield Remedy(key, value, phase, gains[phase], after.largest, cost)
        before = after
