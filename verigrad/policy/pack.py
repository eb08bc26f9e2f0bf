"""Packing: samples laid end to end in micro-batches of a token budget; a sequence is never split.

Sequences of one micro-batch that begin with the same prompt share it: its tokens are computed once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from verigrad.kernels import PackedPlan
from verigrad.types import Sample, Trajectory


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
    """Micro-batches of at most `tokens_per_microbatch` tokens, padding included (one sequence, where it is longer).

    Sequences are sorted by length, longest first, those of one prompt together: a pack's rows are nearly equal, prompts
    are shared, and the largest pack comes first. Shared tokens count for each sequence: attention sees them there.
    """
    prompts = [_prompt(sample.trajectory) for sample in samples]
    longest: dict[tuple[int, ...], int] = {}
    for sample, prompt in zip(samples, prompts, strict=True):
        longest[prompt] = max(longest.get(prompt, 0), len(sample.trajectory.token_ids))
    order = sorted(range(len(samples)), key=lambda row: (-longest[prompts[row]], prompts[row], row))
    packs: list[list[int]] = []
    width = 0
    for row in order:
        length = len(samples[row].trajectory.token_ids)
        widest = max(width, length)
        if not packs or (len(packs[-1]) + 1) * widest > tokens_per_microbatch:
            packs.append([])
            widest = length
        packs[-1].append(row)
        width = widest
    return [_batch([samples[row] for row in rows], tuple(rows), device) for rows in packs]


def token_budget(model: Any) -> int:
    """Tokens of a micro-batch when none are given, from 1,024 to 65,536.

    On a GPU, what half of the free memory holds of activations: for each layer about 16 numbers per hidden unit and 6
    per unit of the feed-forward layer. On a CPU 2,048, so that a layer's activations stay in its caches.
    """
    config, first = model.config.get_text_config(), next(model.parameters())
    if first.device.type == "cpu":
        return 2048
    inner = getattr(config, "intermediate_size", None) or 4 * config.hidden_size  # some name it otherwise
    width = 16 * config.hidden_size + 6 * inner
    free, _ = torch.cuda.mem_get_info(first.device)
    fits = int(free / 2 / (config.num_hidden_layers * width * first.element_size()))
    return max(1024, min(65536, fits))


def _prompt(track: Trajectory) -> tuple[int, ...]:
    """The tokens before the first sampled one."""
    return track.token_ids[: track.sampled.index(True)] if True in track.sampled else track.token_ids


def _batch(samples: Sequence[Sample], rows: tuple[int, ...], device: torch.device | str) -> Batch:
    tracks = [sample.trajectory for sample in samples]
    ids: list[int] = []
    lengths, shared, trained, predictors = [], [], [], []
    prompts = [_prompt(track) for track in tracks]
    uses = Counter(prompts)
    homes: dict[tuple[int, ...], range] = {}
    for track, prompt in zip(tracks, prompts, strict=True):
        if uses[prompt] > 1 and prompt not in homes:  # a sequence of its own
            homes[prompt] = range(len(ids), len(ids) + len(prompt))
            ids.extend(prompt)
            lengths.append(len(prompt))
            shared.append(range(0))
        home = homes.get(prompt, range(0))
        places = np.concatenate(
            (np.arange(home.start, home.stop), len(ids) + np.arange(len(track.token_ids) - len(home)))
        )
        ids.extend(track.token_ids[len(home) :])
        lengths.append(len(track.token_ids) - len(home))
        shared.append(home)
        trained.append(np.flatnonzero(track.sampled))
        predictors.append(places[trained[-1] - 1])
    counts = [len(offsets) for offsets in trained]

    def of_trained(values: Sequence[Sequence[float]]) -> Tensor:
        chosen = [np.asarray(row, dtype=np.float64)[offsets] for row, offsets in zip(values, trained, strict=True)]
        return torch.from_numpy(np.concatenate(chosen)).to(device)

    def per_sequence(values: Sequence[float]) -> Tensor:
        return torch.from_numpy(np.repeat(np.asarray(values), counts)).to(device)

    streams = {name: of_trained([track.streams[name] for track in tracks]) for name in tracks[0].streams}
    drawn_before = torch.from_numpy(np.concatenate([np.arange(count) for count in counts])).to(device)
    return Batch(
        token_ids=torch.tensor(ids, device=device),
        plan=PackedPlan(lengths, device, shared),
        predictors=torch.from_numpy(np.concatenate(predictors)).to(device),
        targets=of_trained([track.token_ids for track in tracks]).long(),
        temperature=per_sequence([track.temperature for track in tracks]).float(),
        end_banned=drawn_before < per_sequence([track.min_tokens for track in tracks]),
        weights=of_trained([sample.weights for sample in samples]),
        streams=streams | {"advantages": of_trained([track.advantages for track in tracks])},
        sequence_index=per_sequence(range(len(tracks))),
        rows=rows,
    )
