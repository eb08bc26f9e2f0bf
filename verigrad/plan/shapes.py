"""The shape of a model: the numbers of its config.json that memory and time depend on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from verigrad.errors import DataError

# model_type of the decoders that Verigrad runs itself, which the plan's arithmetic is of.
FAMILY = ("llama", "mistral", "qwen2", "qwen3")


@dataclass(frozen=True, slots=True)
class Shape:
    """A dense decoder with gated feed-forward blocks. Widths are numbers of a token's hidden state.

    `head_size` is that of one attention head; `input_biases` are on queries, keys and values, `output_bias` on what
    attention gives; `head_norms` normalise each head's queries and keys; `kind` is the config's model_type.
    """

    vocabulary: int
    hidden: int
    inner: int
    layers: int
    heads: int
    kv_heads: int
    head_size: int
    context: int
    tied: bool
    input_biases: bool = False
    output_bias: bool = False
    inner_biases: bool = False
    head_norms: bool = False
    kind: str = "llama"

    @property
    def queries(self) -> int:
        """Width of all heads' queries."""
        return self.heads * self.head_size

    @property
    def keys(self) -> int:
        """Width of all heads' keys, and of their values."""
        return self.kv_heads * self.head_size

    @property
    def products(self) -> dict[str, tuple[int, int]]:
        """(inputs, outputs) of each linear product of a layer, by its module's name."""
        return {
            "q_proj": (self.hidden, self.queries),
            "k_proj": (self.hidden, self.keys),
            "v_proj": (self.hidden, self.keys),
            "o_proj": (self.queries, self.hidden),
            "gate_proj": (self.hidden, self.inner),
            "up_proj": (self.hidden, self.inner),
            "down_proj": (self.inner, self.hidden),
        }

    @property
    def layer_products(self) -> int:
        """Weights of a layer's products."""
        return sum(inputs * outputs for inputs, outputs in self.products.values())

    @property
    def layer_weights(self) -> int:
        """All weights of a layer: products, biases and norms."""
        small = 2 * self.hidden
        small += (self.queries + 2 * self.keys) * self.input_biases + self.hidden * self.output_bias
        small += (2 * self.inner + self.hidden) * self.inner_biases + 2 * self.head_size * self.head_norms
        return self.layer_products + small

    @property
    def head_weights(self) -> int:
        """Weights of the head, and of the embeddings."""
        return self.vocabulary * self.hidden

    @property
    def parameters(self) -> int:
        """All weights; a head tied to the embeddings counts once."""
        return self.layers * self.layer_weights + self.hidden + self.head_weights * (1 if self.tied else 2)

    def adapters(self, rank: int, targets: tuple[str, ...]) -> int:
        """Weights of LoRA's adapters: rank · (inputs + outputs) of each target of each layer."""
        sizes = self.products
        return self.layers * rank * sum(sum(sizes[name]) for name in targets if name in sizes)


def _qwen25(hidden: int, inner: int, layers: int, heads: int, kv_heads: int, context: int, large: bool) -> Shape:
    words = 152064 if large else 151936
    size = hidden // heads
    return Shape(words, hidden, inner, layers, heads, kv_heads, size, context, not large, True, kind="qwen2")


def _qwen3(hidden: int, inner: int, layers: int, heads: int, tied: bool) -> Shape:
    return Shape(151936, hidden, inner, layers, heads, 8, 128, 40960, tied, head_norms=True, kind="qwen3")


def _llama3(words: int, hidden: int, inner: int, layers: int, heads: int, tied: bool) -> Shape:
    return Shape(words, hidden, inner, layers, heads, 8, hidden // heads, 131072, tied)


# Numbers of the published config.json files, for planning without a network.
SHAPES: dict[str, Shape] = {
    "Qwen/Qwen2.5-0.5B": _qwen25(896, 4864, 24, 14, 2, 32768, large=False),
    "Qwen/Qwen2.5-1.5B": _qwen25(1536, 8960, 28, 12, 2, 131072, large=False),
    "Qwen/Qwen2.5-3B": _qwen25(2048, 11008, 36, 16, 2, 32768, large=False),
    "Qwen/Qwen2.5-7B": _qwen25(3584, 18944, 28, 28, 4, 131072, large=True),
    "Qwen/Qwen2.5-0.5B-Instruct": _qwen25(896, 4864, 24, 14, 2, 32768, large=False),
    "Qwen/Qwen2.5-1.5B-Instruct": _qwen25(1536, 8960, 28, 12, 2, 32768, large=False),
    "Qwen/Qwen2.5-3B-Instruct": _qwen25(2048, 11008, 36, 16, 2, 32768, large=False),
    "Qwen/Qwen2.5-7B-Instruct": _qwen25(3584, 18944, 28, 28, 4, 32768, large=True),
    "Qwen/Qwen2.5-Math-1.5B": _qwen25(1536, 8960, 28, 12, 2, 4096, large=False),
    "Qwen/Qwen2.5-Math-7B": _qwen25(3584, 18944, 28, 28, 4, 4096, large=True),
    "Qwen/Qwen3-0.6B": _qwen3(1024, 3072, 28, 16, tied=True),
    "Qwen/Qwen3-1.7B": _qwen3(2048, 6144, 28, 16, tied=True),
    "Qwen/Qwen3-4B": _qwen3(2560, 9728, 36, 32, tied=True),
    "Qwen/Qwen3-8B": _qwen3(4096, 12288, 36, 32, tied=False),
    "meta-llama/Llama-3.2-1B": _llama3(128256, 2048, 8192, 16, 32, tied=True),
    "meta-llama/Llama-3.2-3B": _llama3(128256, 3072, 8192, 28, 24, tied=True),
    "meta-llama/Llama-3.1-8B": _llama3(128256, 4096, 14336, 32, 32, tied=False),
}


def shape_of(config: Mapping[str, Any], place: str = "config.json") -> Shape:
    """The shape that the tables of a config.json describe; DataError where it is none of a dense decoder."""
    config = config.get("text_config") or config
    kind = str(config.get("model_type", ""))
    experts = next((config[name] for name in ("num_experts", "num_local_experts") if config.get(name)), 0)
    if experts:
        raise DataError(f"{place}: {kind} has {experts} experts; a plan is of dense decoders (Llama, Qwen2, Qwen3, …)")
    try:
        heads, hidden = config["num_attention_heads"], config["hidden_size"]
        biased = bool(config.get("attention_bias"))
        return Shape(
            vocabulary=config["vocab_size"],
            hidden=hidden,
            inner=config["intermediate_size"],
            layers=config["num_hidden_layers"],
            heads=heads,
            kv_heads=config.get("num_key_value_heads") or heads,
            head_size=config.get("head_dim") or hidden // heads,
            context=config.get("max_position_embeddings", 2048),
            tied=bool(config.get("tie_word_embeddings", False)),
            input_biases=biased or kind == "qwen2",
            output_bias=biased and kind != "qwen2",
            inner_biases=bool(config.get("mlp_bias")),
            head_norms=kind == "qwen3",
            kind=kind,
        )
    except KeyError as error:
        raise DataError(
            f"{place}: it has no {error}; a plan needs the config.json of a decoder of Llama's family (Llama, Mistral, "
            "Qwen2, Qwen3)"
        ) from None
