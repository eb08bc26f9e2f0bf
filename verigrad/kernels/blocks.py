"""Rows that read the same keys, in blocks: one product for a block instead of one for each row."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt
import torch
from jaxtyping import Float
from torch import Tensor

Integers = npt.NDArray[np.int64]

# Most rows of a block.
BLOCK = 16


class Blocks:
    """The rows of each place in blocks of `size` rows, `read` being the place whose keys each block reads.

    `size` is a power of two up to BLOCK, near the number of rows that share a place: with one row for each place, a
    block of sixteen would be fifteen parts waste. On a processor whose products depend on the number of their rows it
    is always BLOCK, so that what a row computes does not depend on its company.
    """

    def __init__(self, places: Integers, heads: int, group: int, device: torch.device, size: int | None = None) -> None:
        size = size or _size(places, group, device)
        read, members, homes = _laid_out(places, size)
        self.size = size
        self.read = torch.from_numpy(read).to(device)
        # rows of [heads] in the order of blocks, and back
        head = np.arange(heads)
        self._members = torch.from_numpy((members[:, None] * heads + head[:, None]).ravel()).to(device)
        block, place = np.divmod(homes, size)
        lines = (block[:, None] * heads + head) * size + place[:, None]
        self._homes = torch.from_numpy(lines.ravel()).to(device)

    def to_blocks(self, rows: Float[Tensor, "lines group width"]) -> Float[Tensor, "blocks steps width"]:
        """Rows [rows · heads, group, width] in the order of blocks: [blocks · heads, size · group, width]."""
        lines = rows.reshape(len(rows), -1).index_select(0, self._members)
        return lines.view(-1, self.size * rows.shape[1], rows.shape[2])

    def to_rows(self, blocks: Float[Tensor, "blocks steps width"]) -> Float[Tensor, "lines group width"]:
        """And back."""
        _, steps, width = blocks.shape
        lines = blocks.view(-1, steps // self.size * width).index_select(0, self._homes)
        return lines.view(-1, steps // self.size, width)


def _size(places: Integers, group: int, device: torch.device) -> int:
    if device.type == "cpu" and not rows_are_independent():
        return BLOCK
    mean = len(places) / len(np.unique(places))
    size = 1 if group > 1 else 2  # a product of one row is another kernel
    while size < min(mean, BLOCK):
        size *= 2
    return size


@cache
def rows_are_independent() -> bool:
    """Whether this processor's float32 products of two rows and more give a row the same bits, however many there are.

    Not taken on trust: products as attention has them, of 2 to 96 rows, are compared with one another.
    """
    draw = torch.Generator().manual_seed(0)
    for inner, columns in ((64, 16), (64, 208), (16, 64), (208, 64), (32, 48), (48, 32)):
        left = torch.randn(1, 96, inner, generator=draw)
        right = torch.randn(1, inner, columns, generator=draw)
        whole = torch.bmm(left, right)
        for rows in (2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64):
            if not torch.equal(torch.bmm(left[:, :rows], right), whole[:, :rows]):
                return False
    return True


def _laid_out(places: Integers, size: int) -> tuple[Integers, Integers, Integers]:
    """(place of each block, its rows [blocks, size], place of each row in the blocks) of rows that read `places`."""
    order = np.argsort(places, kind="stable")
    ordered = places[order]
    first = np.flatnonzero(np.diff(ordered, prepend=-1))
    counts = np.diff(first, append=len(ordered))
    blocks = -(-counts // size)
    rank = np.arange(len(ordered)) - np.repeat(first, counts)
    place = np.repeat((np.cumsum(blocks) - blocks) * size, counts) + rank
    members = np.zeros(int(blocks.sum()) * size, dtype=np.int64)
    members[place] = order
    homes = np.empty_like(order)
    homes[order] = place
    return np.repeat(ordered[first], blocks), members.reshape(-1, size), homes
