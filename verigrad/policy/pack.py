"""Packing: samples laid end to end in micro-batches of a token budget; a sequence is never split."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from verigrad.kernels import PackedPlan
from verigrad.types import Sample


@dataclass(frozen=True, slots=True)
class Batch:
    """One micro-batch: `token_ids` and the plan are flat over all its tokens, everything else over trained tokens.

    `predictors` are the flat places whose hidden state predicts a trained token (the place before it);
    `sequence_index` is the row of each trained token's sequence in the batch, `rows` the place of each sequence in the
    list that was packed.
    """

    token_ids: Int[Tensor, "tokens"]
    plan: PackedPlan
    predictors: Int[Tensor, "trained"]
    targets: Int[Tensor, "trained"]
    temperature: Float[Tensor, "trained"]
    end_banned: Bool[Tensor, "trained"]
    weights: Float[Tensor, "trained"]
    streams: dict[str, Float[Tensor, "trained"]]
    sequence_index: Int[Tensor, "trained"]
    rows: tuple[int, ...]


def pack(samples: Sequence[Sample], tokens_per_microbatch: int, device: torch.device | str = "cpu") -> list[Batch]:
    """Micro-batches of at most `tokens_per_microbatch` tokens (one sequence, where it alone is longer).

    Sequences are sorted by length, longest first: a pack's rows are nearly equal, and the largest pack comes first.
    """
    order = sorted(range(len(samples)), key=lambda row: (-len(samples[row].trajectory.token_ids), row))
    packs: list[list[int]] = []
    room = 0
    for row in order:
        length = len(samples[row].trajectory.token_ids)
        if length > room:
            packs.append([])
            room = max(tokens_per_microbatch, length)
        packs[-1].append(row)
        room -= length
    return [_batch([samples[row] for row in rows], tuple(rows), device) for rows in packs]


def _batch(samples: Sequence[Sample], rows: tuple[int, ...], device: torch.device | str) -> Batch:
    tracks = [sample.trajectory for sample in samples]
    lengths = [len(track.token_ids) for track in tracks]
    sampled = torch.tensor([flag for track in tracks for flag in track.sampled])
    trained = sampled.nonzero()[:, 0]
    ids = torch.tensor([token for track in tracks for token in track.token_ids])
    owner = torch.repeat_interleave(torch.arange(len(tracks)), torch.tensor(lengths))[trained]
    drawn_before = _counts_within(sampled, lengths)[trained]
    minimum = torch.tensor([track.min_tokens for track in tracks])[owner]

    def flat(values: list[float]) -> Tensor:
        return torch.tensor(values, dtype=torch.float64)[trained].to(device)

    streams = {name: flat([x for track in tracks for x in track.streams[name]]) for name in tracks[0].streams}
    streams["advantages"] = flat([x for track in tracks for x in track.advantages])
    temperature = torch.tensor([track.temperature for track in tracks], dtype=torch.float32)[owner]
    return Batch(
        token_ids=ids.to(device),
        plan=PackedPlan(lengths, device),
        predictors=(trained - 1).to(device),
        targets=ids[trained].to(device),
        temperature=temperature.to(device),
        end_banned=(drawn_before < minimum).to(device),
        weights=torch.tensor([w for sample in samples for w in sample.weights], dtype=torch.float64)[trained].to(
            device
        ),
        streams=streams,
        sequence_index=owner.to(device),
        rows=rows,
    )


def _counts_within(flags: Tensor, lengths: Sequence[int]) -> Tensor:
    """For each flat place, how many flags of its own sequence come before it."""
    before = flags.long().cumsum(0) - flags.long()
    starts = torch.tensor(lengths).cumsum(0) - torch.tensor(lengths)
    return before - torch.repeat_interleave(before[starts], torch.tensor(lengths))
