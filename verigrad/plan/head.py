"""Bytes of the head in one pack: log-probs of the trained tokens without ever holding [tokens × vocabulary]."""

from __future__ import annotations

from dataclasses import dataclass

from verigrad.plan.shapes import Shape
from verigrad.plan.step import ROWS, Pack, rounded

# Of verigrad.kernels.head: elements of one chunk of logits.
CHUNK_ELEMENTS = 2**24


@dataclass(frozen=True, slots=True)
class Head:
    """The head over the trained tokens of a pack; `wide` are bytes of a number of its weights and of hidden states.

    Logits are float32, in chunks of rows whose products are filled up to `ROWS`; a chunk's buffers are given back when
    the next chunk has made its own.
    """

    shape: Shape
    wide: int
    pack: Pack
    on_cpu: bool = True

    @property
    def hidden(self) -> int:
        """Hidden states of the trained tokens, and the last norm's of all."""
        return (self.pack.trained + self.pack.tokens) * self.shape.hidden * self.wide

    @property
    def only(self) -> int:
        """Log-probs of the only chunk, where there is one: they live until the micro-batch ends."""
        return 0 if self._second else self._buffer(self._first)

    @property
    def kept(self) -> int:
        """What the backward pass needs: hidden states, and the log-probs of the only chunk where there is one."""
        return self.hidden + self.only

    @property
    def gradient(self) -> int:
        """Of the head's weights, once it is made."""
        return self.shape.head_weights * self.wide

    @property
    def forward(self) -> int:
        """Hidden states, and the logits of a chunk beside their log-probs and those of the chunk before."""
        logits = rounded(self._first, ROWS) + self._first
        return self.hidden + self._buffer(max(logits, self._first + rounded(self._second, ROWS) + self._second))

    def backward(self, entropy_bonus: bool) -> int:
        """Beyond what was kept: the gradients of hidden states and weights, these summed in float32, and a chunk's
        buffers: log-probs, probabilities and the logits' gradient, with those of the chunk before.
        """
        first, second = self._first, self._second
        filled = rounded(first, ROWS) if first % ROWS else 0  # a copy of the logits' gradient
        if self.wide == 2:
            filled = (first + filled) // 2
        kept = 0 if second else first
        if entropy_bonus:
            rows = max(4 * first, (first + 4 * second) * bool(second)) - kept
        else:
            rows = max(2 * first + filled - kept, (first + rounded(second, ROWS) + second) * bool(second))
        states = self.pack.trained * self.shape.hidden * self.wide
        # a narrow product is added to the wide sum; a CPU widens a copy of it first
        product = 0 if self.wide == 4 else 6 if self.on_cpu else 2
        return states + (4 + product) * self.shape.head_weights + self._buffer(rows)

    @property
    def _chunk(self) -> int:
        return max(1, CHUNK_ELEMENTS // self.shape.vocabulary)

    @property
    def _first(self) -> int:
        """Rows of the first chunk, the largest."""
        return min(self._chunk, self.pack.trained)

    @property
    def _second(self) -> int:
        """Rows of the chunk after it; 0 where there is one alone."""
        return min(self._chunk, self.pack.trained - self._first)

    def _buffer(self, rows: int) -> int:
        return 4 * rows * self.shape.vocabulary
