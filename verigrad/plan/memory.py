"""Memory of a run, phase by phase and part by part, from what the trainer and the samplers really allocate.

A phase's peak is the largest of a few moments, each a sum of parts; what is listed are the parts at that moment.
tests/plan/test_measured.py holds the sums against peaks that were measured.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from verigrad.config import Config
from verigrad.plan.head import Head
from verigrad.plan.layers import Layers
from verigrad.plan.machines import GIB, Machine
from verigrad.plan.shapes import Shape
from verigrad.plan.step import (
    BLOCK,
    OWN,
    PROMPT,
    ROWS,
    Lengths,
    Pack,
    Round,
    compute_type,
    evaluation_rounds,
    needs_reference,
    rounded,
    scoring_pack,
    training_pack,
    training_round,
    width_of,
)

# Adam's moments in 8 bits: bytes of a number with its share of a block's scale.
QUANTISED = 1 + 4 / 256

Parts = dict[str, int]


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes of each part at the moment of each phase's peak; `host` is what lies in the host's memory instead."""

    phases: Mapping[str, Parts]
    host: Parts

    def peak(self, phase: str) -> int:
        return sum(self.phases[phase].values())

    @property
    def peaks(self) -> dict[str, int]:
        return {phase: self.peak(phase) for phase in self.phases}

    @property
    def largest(self) -> int:
        return max(self.peaks.values())


def memory_of(
    shape: Shape, config: Config, lengths: Lengths, machine: Machine, reference: Shape | None = None
) -> Memory:
    """Every phase's peak on `machine`. `lengths` are the longest that are planned for.

    `reference` is the shape of the reference policy, where it is another model.
    """
    layers = layers_of(shape, config, machine)
    rounds = evaluation_rounds(config, lengths)
    first = training_round(config, lengths)
    caches = [_cache(layers, one) for one in ([first] if first else []) + rounds]
    local = config.sampler.engine != "vllm"
    cache = max(caches) if local else 0  # it is kept for the next step
    always = residents(shape, config, reference) | ({"key–value cache": cache} if cache else {})
    if local and layers.casts:  # the sampler's, taken when weights are synced
        always["rounded weights"] = layers.narrow * shape.layers * shape.layer_products
    engine = {} if local else _engine(shape, config, lengths, machine)
    asleep = config.sampler.vllm.sleep and not machine.is_cpu
    beside = {} if asleep else engine
    phases: dict[str, Parts] = {}
    if first:
        phases["sampling"] = always | (_drawing(shape, layers, first) if local else engine)
    phases["scoring"] = always | beside | _scoring(shape, config, layers, scoring_pack(shape, config, lengths, machine))
    pack = training_pack(shape, config, lengths, machine)
    phases["training"] = _training(shape, config, layers, pack, always | beside)
    evaluated = max((_drawing(shape, layers, one) for one in rounds), key=_sum)
    phases["evaluating"] = always | (evaluated if local else engine)
    return Memory(phases, host_of(shape, config, machine.is_cpu))


def layers_of(shape: Shape, config: Config, machine: Machine) -> Layers:
    model = config.model
    return Layers(shape, model.dtype, compute_type(config), model.checkpoint_activations, machine.is_cpu)


def trainable(shape: Shape, config: Config) -> int:
    """Bytes of what is trained: every weight, or LoRA's adapters alone."""
    lora = config.model.lora
    if lora.rank:  # in float32, also beside narrower weights
        return 4 * shape.adapters(lora.rank, lora.targets)
    return width_of(config.model.dtype) * shape.parameters


def engine_apart(config: Config) -> bool:
    """Whether the trainer leaves GPU 0 to vLLM."""
    return config.model.device.startswith("cuda:") and config.model.device != "cuda:0"


def residents(shape: Shape, config: Config, reference: Shape | None = None) -> Parts:
    """What is there in every phase once an update has been made: gradients stay until the next one begins."""
    width, trained = width_of(config.model.dtype), trainable(shape, config)
    number = 4 if config.model.lora.rank else width
    parts = {"weights": width * shape.parameters}
    if config.model.lora.rank:
        parts["adapters"] = trained
    parts["gradients"] = trained
    states = {"full": 2 * trained, "8bit": int(2 * QUANTISED * trained / number), "offloaded": 0}
    parts["optimiser states"] = states[config.optimizer.states]
    if needs_reference(config):
        parts["reference"] = width * (reference or shape).parameters
    if config.algorithm.credit == "value":
        parts["value head"] = 4 * 4 * (shape.hidden + 1)
    return {name: size for name, size in parts.items() if size}


def host_of(shape: Shape, config: Config, on_cpu: bool) -> Parts:
    """What the run holds in the host's memory: the base of restarts, offloaded states, an engine's sleeping weights."""
    trained = trainable(shape, config)
    parts = {}
    if config.algorithm.restart == "base":
        parts["base"] = trained
    if config.optimizer.states == "offloaded":
        parts["optimiser states"] = 2 * trained
    vllm = config.sampler.vllm
    if config.sampler.engine == "vllm" and vllm.sleep and not engine_apart(config) and not on_cpu:
        parts["vLLM"] = width_of(compute_type(config)) * shape.parameters
    return parts


def _training(shape: Shape, config: Config, layers: Layers, pack: Pack, always: Parts) -> Parts:
    """The larger of the first micro-batch, before which there are no gradients, and of the next, beside their sum."""
    sums = always["gradients"]
    moments = _backward_moments(shape, config, layers, pack, 0, sums)
    if pack.count > 1:
        moments += _backward_moments(shape, config, layers, pack.following, sums, sums)
    gradients, activations, logits = max(moments, key=sum)
    return always | {"gradients": gradients, "activations": activations, "head": logits}


def _backward_moments(
    shape: Shape, config: Config, layers: Layers, pack: Pack, earlier: int, sums: int
) -> list[tuple[int, int, int]]:
    """(gradients, activations, head) after the layers' forward pass, and in the backward pass of the head, the last
    layer, the first layer and the embeddings.
    """
    head = Head(shape, layers.wide, pack, layers.on_cpu)
    kept, entering, tables = layers.kept(pack), layers.entering(pack), layers.tables(pack)
    all_kept = tables + shape.layers * (entering if layers.checkpoint else kept)
    again = kept + layers.cast_layer + entering if layers.checkpoint else 0
    casts = 0 if layers.checkpoint else layers.cast_weights
    backward = layers.backward(pack)
    # A tied weight's gradient from the head waits for that from the embeddings; others join the sum at once.
    fresh = 0 if config.model.lora.rank else head.gradient
    waiting = fresh if shape.tied else 0
    made = sums if earlier else sums - fresh  # by the layers and the head
    # The first layer's own are still to come when its backward pass begins.
    own = 0 if earlier else sums // shape.layers if config.model.lora.rank else shape.layer_weights * layers.wide
    return [
        (earlier, all_kept + layers.cast_weights + layers.forward(pack), 0),
        (earlier, all_kept + casts, head.kept + head.backward(config.algorithm.entropy_bonus > 0)),
        (earlier, all_kept + casts + again + backward, head.kept + (waiting if earlier else fresh)),
        (made - own, tables + (again or kept + entering) + backward, head.only + waiting),
        (made, tables + entering, head.only + waiting + fresh),
    ]


def _sum(parts: Parts) -> int:
    return sum(parts.values())


def _scoring(shape: Shape, config: Config, layers: Layers, pack: Pack) -> Parts:
    """The larger of a layer's forward pass and the head's, which follows when the layers are done."""
    below = layers.forward(pack) + layers.tables(pack) + layers.cast_weights
    above = Head(shape, layers.wide, pack, layers.on_cpu).forward
    if config.algorithm.credit == "value":
        above += pack.trained * shape.hidden * 4
    tables = layers.tables(pack)
    return {"activations": below} if below > above + tables else {"activations": tables, "head": above}


def _cache(layers: Layers, one: Round) -> int:
    """Keys and values of each layer: own tokens of every slot, and each prompt once."""
    shape = layers.shape
    own = rounded(one.live, ROWS) * rounded(one.lengths.response, OWN)
    shared = one.prompts * rounded(one.lengths.prompt, PROMPT)
    return 2 * shape.layers * shape.keys * (own + shared) * layers.narrow


def _drawing(shape: Shape, layers: Layers, one: Round) -> Parts:
    """The larger of reading the prompts of the rows that begin together, and of decoding a token for each live row."""
    prompts = Pack(one.prompts, one.prompts, Lengths(one.lengths.prompt, 0))
    reading = layers.reading(prompts) + layers.tables(prompts)
    rows = rounded(one.live, ROWS)
    blocks = one.prompts * -(-min(one.live, one.group) // BLOCK)
    block_keys = 2 * blocks * rounded(one.lengths.prompt, PROMPT) * shape.keys * layers.narrow
    width = rounded(one.lengths.prompt, PROMPT) + rounded(one.lengths.response, OWN)
    scores = rows * shape.heads * width * layers.narrow
    mask = rows * shape.kv_heads * width * layers.narrow
    attending = block_keys + 3 * scores + mask
    buffers = 2 + (one.temperature != 1) + (one.temperature == 0) + 6 * one.truncated
    logits = 4 * (rows + buffers * one.live) * shape.vocabulary
    layer = max(reading, attending)
    return {"activations": layer} if layer > logits else {"head": logits}


def _engine(shape: Shape, config: Config, lengths: Lengths, machine: Machine) -> Parts:
    """vLLM's share of the device; nothing where it has a GPU of its own."""
    settings = config.sampler.vllm
    if machine.is_cpu:
        return {"vLLM": settings.cache_gib * GIB + width_of(compute_type(config)) * shape.parameters}
    return {} if engine_apart(config) else {"vLLM": int(settings.memory_share * machine.memory)}
