"""Time of a step, phase by phase: the arithmetic and the reads that cannot be avoided, at the rates a plan counts on.

Computed, not measured: grading, the Python around each phase and padding are left out.
"""

from __future__ import annotations

from dataclasses import dataclass

from verigrad.config import Config
from verigrad.plan.head import CHUNK_ELEMENTS
from verigrad.plan.machines import Machine
from verigrad.plan.shapes import Shape
from verigrad.plan.step import (
    Lengths,
    Round,
    compute_type,
    evaluation_rounds,
    narrowed,
    needs_reference,
    rollouts_of,
    scores_all,
    training_pack,
    training_round,
    updates_of,
    width_of,
)

# Seconds from one operation to the next where the host limits, and operations of a layer that decodes. Assumed.
LAUNCH_SECONDS, LAUNCHES_PER_LAYER = 6e-6, 40
# With CUDA graphs (vLLM): seconds of a decoding step beside its reads. Assumed.
GRAPH_SECONDS = 1e-3
# Bytes/s between a GPU and its host, and of the host's own memory. Assumed.
BUS, HOST_READS = 25e9, 50e9


@dataclass(frozen=True, slots=True)
class Seconds:
    """Of one step by phase; `evaluating` is of one evaluation, which comes every `eval.every` steps."""

    sampling: float
    scoring: float
    training: float
    evaluating: float
    evaluations_per_step: float

    @property
    def step(self) -> float:
        """Mean seconds of a step, with its share of the evaluations."""
        return self.sampling + self.scoring + self.training + self.evaluating * self.evaluations_per_step


def seconds_of(shape: Shape, config: Config, longest: Lengths, mean: Lengths, machine: Machine) -> Seconds | None:
    """None for a machine of which only the memory is known. `mean` are mean lengths; the longest response of a step
    takes its whole budget.

    Training: a forward pass and twice as much backward, the layers' forward pass once more where activations are
    checkpointed, the head's where its logits are made in several chunks.
    """
    if not machine.timed:
        return None
    algorithm, pack = config.algorithm, training_pack(shape, config, longest, machine)
    rollouts = rollouts_of(config) or algorithm.sequences_per_update or pack.rows  # of one update, where unknown
    chunked = pack.trained * shape.vocabulary > CHUNK_ELEMENTS
    layers, head = _forward(shape, config, mean, rollouts, machine)
    passes = 3 + config.model.checkpoint_activations
    share = 1.0 if scores_all(config) else min(1.0, algorithm.scored_rollouts / max(1, rollouts))
    models = 2 if needs_reference(config) else 1
    update = _update(shape, config, machine) * updates_of(config, mean)
    sampled = training_round(config, longest)
    return Seconds(
        sampling=_decoding(shape, config, mean, sampled, machine) if sampled else 0.0,
        scoring=models * share * (layers + head),
        training=algorithm.epochs * (passes * layers + (3 + chunked) * head) + update,
        evaluating=sum(_decoding(shape, config, mean, one, machine) for one in evaluation_rounds(config, longest)),
        evaluations_per_step=1 / config.eval.every,
    )


def _forward(shape: Shape, config: Config, mean: Lengths, rollouts: int, machine: Machine) -> tuple[float, float]:
    """Seconds of a forward pass over a step's rollouts, of the layers and of the head.

    Two FLOP per weight and token; rows of one question share its prompt; attention has 2 · width · length² a layer.
    """
    prompts = rollouts / config.algorithm.rollouts_per_question
    tokens = rollouts * mean.response + prompts * mean.prompt
    products = 2 * shape.layers * shape.layer_products * tokens
    attention = 2 * shape.layers * shape.queries * rollouts * mean.total**2
    head = 2 * shape.head_weights * rollouts * mean.response
    return (products + attention) / machine.rate(compute_type(config)), head / machine.rate(config.model.dtype)


def _update(shape: Shape, config: Config, machine: Machine) -> float:
    """Seconds of an optimiser update: gradients read twice; weights and two moments read and written.

    Offloaded, this is done in the host, after gradients and before weights have crossed the bus.
    """
    lora = config.model.lora
    numbers = shape.adapters(lora.rank, lora.targets) if lora.rank else shape.parameters
    size = numbers * width_of(config.model.dtype)
    if config.optimizer.states == "offloaded" and not machine.is_cpu:
        return 2 * size / BUS + 8 * size / HOST_READS
    return 8 * size / machine.reads()


def _decoding(shape: Shape, config: Config, mean: Lengths, one: Round, machine: Machine) -> float:
    """Seconds of sampling a round's responses; rows that end are replaced while there are more.

    Every step reads the weights once (the local sampler, where products are narrower than weights, also writes and
    reads their narrow copies), and the keys and values of every live row; tokens cost two FLOP per weight.
    """
    local, narrow = config.sampler.engine != "vllm", width_of(compute_type(config))
    response = min(mean.response, one.lengths.response)
    steps = one.lengths.response + (one.requests / one.live - 1) * response
    copies = shape.layers * shape.layer_products * (2 * narrow if local and narrowed(config) else 0)
    weights = shape.parameters * (width_of(config.model.dtype) if local else narrow) + copies
    launches = LAUNCH_SECONDS * LAUNCHES_PER_LAYER * shape.layers if local else GRAPH_SECONDS
    least = 0.0 if machine.is_cpu else launches
    positions = one.requests * response * (mean.prompt + response / 2)
    cached = positions * 2 * shape.layers * shape.keys * narrow
    prompts = one.requests / one.group * mean.prompt
    tokens = one.requests * response
    products = 2 * shape.layers * shape.layer_products * (tokens + prompts) / machine.rate(compute_type(config))
    products += 2 * shape.head_weights * tokens / machine.rate(config.model.dtype if local else compute_type(config))
    return steps * max(weights / machine.reads(), least) + cached / machine.reads() + products
