"""Packing: samples laid end to end in micro-batches of a token budget; a sequence is never split.

Sequences of one micro-batch that begin with the same tokens share them: each different beginning is computed once, and
so is each prediction behind it. Rollouts of a question share its prompt, often their first tokens, and some are equal.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from verigrad.kernels import PackedPlan
from verigrad.tasks.prompts import common_length
from verigrad.types import Sample, Trajectory

Places = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Batch:
    """One micro-batch: `token_ids` and the plan are flat over all its different tokens.

    `predictors` are the flat places whose hidden state predicts a trained token (the place before it), once for each
    different prediction; `of` is the prediction of each trained token. The rest is of trained tokens: `sequence_index`
    is the row of its sequence in the batch. `rows` are the places of the sequences in the list that was packed.
    """

    token_ids: Int[Tensor, "tokens"]
    plan: PackedPlan
    predictors: Int[Tensor, "predictions"]
    targets: Int[Tensor, "predictions"]
    temperature: Float[Tensor, "predictions"]
    end_banned: Bool[Tensor, "predictions"]
    of: Int[Tensor, "trained"]
    weights: Float[Tensor, "trained"]
    streams: dict[str, Float[Tensor, "trained"]]
    sequence_index: Int[Tensor, "trained"]
    rows: tuple[int, ...]


class Packs:
    """The micro-batches of some samples, each made when its turn comes: together they are as large as the samples."""

    def __init__(
        self, samples: Sequence[Sample], tokens_per_microbatch: int, device: torch.device | str = "cpu"
    ) -> None:
        self._samples, self._device = samples, device
        self._rows = _partition(samples, tokens_per_microbatch)

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[Batch]:
        return (_batch([self._samples[row] for row in rows], tuple(rows), self._device) for rows in self._rows)


def pack(samples: Sequence[Sample], tokens_per_microbatch: int, device: torch.device | str = "cpu") -> list[Batch]:
    """All micro-batches at once; `Packs` makes them one by one."""
    return list(Packs(samples, tokens_per_microbatch, device))


def _partition(samples: Sequence[Sample], tokens_per_microbatch: int) -> list[list[int]]:
    """The samples of micro-batches of at most so many tokens, padding included (one sequence, where it is longer).

    Sequences are sorted by length, longest first, those of one prompt together and by their tokens: a pack's rows are
    nearly equal, beginnings are shared, and the largest pack comes first. Shared tokens count for each different
    sequence: attention sees them there.
    """
    tracks = [sample.trajectory.token_ids for sample in samples]
    prompts = [_prompt(sample.trajectory) for sample in samples]
    longest: dict[tuple[int, ...], int] = {}
    for track, prompt in zip(tracks, prompts, strict=True):
        longest[prompt] = max(longest.get(prompt, 0), len(track))
    order = sorted(range(len(samples)), key=lambda row: (-longest[prompts[row]], prompts[row], tracks[row], row))
    packs: list[list[int]] = []
    width = different = 0
    for row in order:
        again = bool(packs) and tracks[row] == tracks[packs[-1][-1]]
        widest = max(width, len(tracks[row]))
        if not packs or (not again and (different + 1) * widest > tokens_per_microbatch):
            packs.append([])
            widest, different = len(tracks[row]), 0
        packs[-1].append(row)
        width, different = widest, different + (not again)
    return packs


def token_budget(model: Any) -> int:
    """Tokens of a micro-batch when none are given, from 1,024 to 65,536.

    On a GPU, what half of the free memory holds of activations: for each layer about 16 numbers per hidden unit and 6
    per unit of the feed-forward layer. On a CPU 4,096, so that a layer's activations stay near its caches.
    """
    config, first = model.config.get_text_config(), next(model.parameters())
    if first.device.type == "cpu":
        return 4096
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
    tree = _Tree(tracks)
    trained = [np.flatnonzero(track.sampled) for track in tracks]
    counts = [len(offsets) for offsets in trained]

    def of_trained(values: Sequence[Sequence[float]]) -> Tensor:
        chosen = [np.array(row, dtype=np.float64)[offsets] for row, offsets in zip(values, trained, strict=True)]
        return torch.from_numpy(np.concatenate(chosen)).to(device)

    def per_sequence(values: Sequence[float]) -> npt.NDArray[Any]:
        return np.repeat(np.asarray(values), counts)

    predictors = np.concatenate([path[offsets - 1] for path, offsets in zip(tree.paths, trained, strict=True)])
    nodes = np.concatenate([path[offsets] for path, offsets in zip(tree.paths, trained, strict=True)])
    banned = np.concatenate([np.arange(count) for count in counts]) < per_sequence([one.min_tokens for one in tracks])
    _, settings = np.unique([track.temperature for track in tracks], return_inverse=True)
    first, of = _different(nodes, 2 * per_sequence(settings.tolist()) + banned)
    ids = np.array(tree.ids)
    streams = {name: of_trained([track.streams[name] for track in tracks]) for name in tracks[0].streams}
    return Batch(
        token_ids=torch.from_numpy(ids).to(device),
        plan=PackedPlan(tree.lengths, device, tree.before),
        predictors=torch.from_numpy(predictors[first]).to(device),
        targets=torch.from_numpy(ids[nodes[first]]).to(device),
        temperature=torch.from_numpy(per_sequence([one.temperature for one in tracks])[first]).float().to(device),
        end_banned=torch.from_numpy(banned[first]).to(device),
        of=torch.from_numpy(of).to(device),
        weights=of_trained([sample.weights for sample in samples]),
        streams=streams | {"advantages": of_trained([track.advantages for track in tracks])},
        sequence_index=torch.from_numpy(per_sequence(range(len(tracks)))).to(device),
        rows=rows,
    )


class _Tree:
    """Sequences laid end to end without what an earlier one has already.

    `ids` are the tokens that are left, `lengths` and `before` say how many of them each sequence with any has, and at
    which flat places it begins; `paths` are the flat places of all tokens of each. A sequence is compared with the one
    before it, so those of one beginning stand together; a prompt of several is a sequence of its own, so that the rest
    are short.
    """

    def __init__(self, tracks: Sequence[Trajectory]) -> None:
        self.ids: list[int] = []
        self.lengths: list[int] = []
        self.before: list[Places] = []
        self._last: tuple[int, ...] = ()
        self._path: Places = np.zeros(0, dtype=np.int64)
        prompts = [_prompt(track) for track in tracks]
        self.paths = []
        for at, (track, prompt) in enumerate(zip(tracks, prompts, strict=True)):
            if prompts[at + 1 : at + 2] == [prompt] and prompts[max(0, at - 1) : at] != [prompt]:
                self._add(prompt)
            self.paths.append(self._add(track.token_ids))

    def _add(self, token_ids: tuple[int, ...]) -> Places:
        """The flat places of the tokens, of which those that the sequence before begins with are there already."""
        shared = common_length(self._last, token_ids)
        new = np.arange(len(self.ids), len(self.ids) + len(token_ids) - shared)
        if len(new):
            self.ids.extend(token_ids[shared:])
            self.lengths.append(len(new))
            self.before.append(self._path[:shared])
        self._last, self._path = token_ids, np.concatenate((self._path[:shared], new))
        return self._path


def _different(nodes: Places, kinds: Places) -> tuple[Places, Places]:
    """(where each different pair comes first, the number of each pair among these), in the order given."""
    keys = nodes * (kinds.max(initial=0) + 1) + kinds
    count = len(keys)
    first = np.full(keys.max(initial=-1) + 1, count)
    first[keys[::-1]] = np.arange(count)[::-1]  # of equal keys the last write stays
    found = np.sort(first[first < count])
    number = np.empty_like(first)
    number[keys[found]] = np.arange(len(found))
    return found, number[keys]
