"""Bytes of the layers' activations in one pack: what a backward pass needs of them, and what they make on the way.

The parts are those that verigrad.kernels really allocates: whole score matrices for short rows on a CPU, PyTorch's
attention elsewhere, every norm's two outputs, the four streams of a gated feed-forward block.
"""

from __future__ import annotations

from dataclasses import dataclass

from verigrad.plan.shapes import Shape
from verigrad.plan.step import Pack, width_of

# Longest row whose whole matrix of attention scores is made on a CPU (verigrad.kernels.packed).
SHORT = 512
INDEX = 8


@dataclass(frozen=True, slots=True)
class Layers:
    """A model's layers on a device: `narrow` and `wide` are bytes of a number in products and between layers."""

    shape: Shape
    dtype: str
    compute: str
    checkpoint: bool
    on_cpu: bool

    @property
    def narrow(self) -> int:
        return width_of(self.compute)

    @property
    def wide(self) -> int:
        return width_of(self.dtype)

    @property
    def casts(self) -> bool:
        return self.narrow < self.wide

    @property
    def cast_weights(self) -> int:
        """Narrow copies of all products' weights, made once per pass where products are narrower than weights."""
        return self.shape.layers * self.cast_layer

    @property
    def cast_layer(self) -> int:
        return self.narrow * self.shape.layer_products if self.casts else 0

    def kept(self, pack: Pack) -> int:
        """What one layer keeps for its backward pass."""
        shape, tokens = self.shape, pack.tokens
        norms = 2 * tokens * shape.hidden * self._norm
        if shape.head_norms:
            norms += tokens * (shape.queries + shape.keys) * (self.wide if self.dtype == "float32" else 6)
        if self.casts:  # each product has a copy of its input
            norms += tokens * shape.hidden * (3 + 2) * self.narrow
        block = 4 * tokens * shape.inner * self.narrow
        return norms + self._attention_kept(pack) + tokens * shape.queries * self.narrow + block

    def entering(self, pack: Pack) -> int:
        """What enters one layer: all that a checkpointed one keeps."""
        return pack.tokens * self.shape.hidden * self.wide

    def backward(self, pack: Pack) -> int:
        """Most that one layer's backward pass makes beyond what was kept of it."""
        shape, tokens = self.shape, pack.tokens
        stream = tokens * shape.hidden * self.wide
        weight = shape.hidden * shape.inner * (self.wide + (self.narrow if self.casts else 0))
        block = 2 * tokens * shape.inner * self.narrow + 2 * stream + weight
        freed = 4 * tokens * shape.inner * self.narrow + tokens * shape.hidden * self._norm
        attention = self._attention_backward(pack) + 2 * stream - freed
        return max(block, attention)

    def forward(self, pack: Pack) -> int:
        """Most that one layer's forward pass makes and gives back, where nothing is kept."""
        shape, tokens = self.shape, pack.tokens
        stream = tokens * shape.hidden * self.wide
        block = 3 * stream + 2 * tokens * shape.inner * self.narrow
        flat = tokens * (shape.queries + 2 * shape.keys) * self.narrow
        return max(block, 2 * stream + flat + self._attention_forward(pack))

    def reading(self, pack: Pack) -> int:
        """Of the pass over prompts: `forward`, and beside it the values as they were written to the cache."""
        return self.forward(pack) + pack.sequences * pack.width * self.shape.keys * self.narrow

    def tables(self, pack: Pack) -> int:
        """Angles, masks and indices of a pack, made once for all layers."""
        return 2 * pack.tokens * self.shape.head_size * self.wide + self._mask(pack)

    def _mask(self, pack: Pack) -> int:
        shape = self.shape
        if not self._short(pack):
            lines = pack.sequences * pack.width + pack.tokens
            return INDEX * (pack.sequences * pack.width * (shape.heads + shape.kv_heads) + lines * shape.heads)
        rows = pack.sequences * shape.heads if pack.shares else shape.heads // shape.kv_heads
        tables = INDEX * shape.kv_heads * (pack.sequences * (pack.asking + pack.width) + pack.tokens)
        return rows * pack.asking * pack.width * self.narrow + tables

    @property
    def _norm(self) -> int:
        """Bytes per number of a norm's input that its backward pass needs."""
        return 4 + (0 if self.casts else 4) if self.dtype == "float32" else 8

    @property
    def _whole(self) -> bool:
        """Whether PyTorch makes whole score matrices: on CUDA its fused kernels share keys between heads in two bytes
        only, and float32 with fewer key heads than heads falls back to plain products.
        """
        return not self.on_cpu and self.narrow == 4 and self.shape.kv_heads < self.shape.heads

    def _short(self, pack: Pack) -> bool:
        return self.on_cpu and pack.width <= SHORT

    def _scores(self, pack: Pack) -> int:
        """Numbers of all score matrices."""
        asking = pack.asking if self._short(pack) else pack.width
        return pack.sequences * self.shape.heads * asking * pack.width

    def _attention_kept(self, pack: Pack) -> int:
        shape, sequences = self.shape, pack.sequences
        if self._short(pack):
            rows = sequences * (pack.asking * shape.queries + 2 * pack.width * shape.keys)
            return (rows + self._scores(pack)) * self.narrow
        if self._whole:
            return (4 * sequences * pack.width * shape.queries + self._scores(pack)) * self.narrow
        rows = sequences * pack.width * (2 * shape.queries + 2 * shape.keys)
        return rows * self.narrow + 4 * sequences * pack.width * shape.heads

    def _attention_backward(self, pack: Pack) -> int:
        shape = self.shape
        if self._short(pack) or self._whole:
            return 2 * self._scores(pack) * self.narrow
        return pack.sequences * pack.width * (2 * shape.queries + 2 * shape.keys) * self.narrow

    def _attention_forward(self, pack: Pack) -> int:
        mixed = pack.tokens * self.shape.queries * self.narrow
        if self._whole:
            mixed += 3 * self._scores(pack) * self.narrow // 2
        return self._attention_kept(pack) + (self._scores(pack) * 4 if self._short(pack) else mixed)
