"""Updates of a step: permutations that are pure, parts of nearly equal size, weights that sum to one."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verigrad.algorithms.schedule import count_updates, updates
from verigrad.config import build
from verigrad.objective.normalizers import kept_tokens
from verigrad.types import Trajectory


def track(name: int, prompt: int = 1, response: int = 1) -> Trajectory:
    """`prompt` + `response` tokens, all of id `name`."""
    total = prompt + response
    sampled = (False,) * prompt + (True,) * response
    return Trajectory((name,) * total, sampled, (0.0,) * total, {}, 1.0, 0)


def algorithm(**settings: int):
    return build({"algorithm": settings}).algorithm


def names(samples) -> list[int]:
    return [sample.trajectory.token_ids[0] for sample in samples]


def schedule(tracks, seed: str = "0/1", **settings: int) -> list[tuple[int, list[int]]]:
    return [(epoch, names(samples)) for epoch, samples in updates(tracks, algorithm(**settings), kept_tokens, seed)]


def test_every_epoch_is_a_permutation_of_its_own_and_a_pure_function_of_seed_and_epoch():
    tracks = [track(name) for name in range(12)]
    first = schedule(tracks, epochs=3, sequences_per_update=0)
    assert [epoch for epoch, _ in first] == [1, 2, 3]
    orders = [order for _, order in first]
    assert all(sorted(order) == list(range(12)) for order in orders)
    assert len({tuple(order) for order in orders}) == 3
    assert schedule(tracks, epochs=3, sequences_per_update=0) == first
    assert schedule(tracks, epochs=1, sequences_per_update=0) == first[:1]
    assert schedule(tracks, seed="0/2", epochs=1, sequences_per_update=0) != first[:1]


@pytest.mark.parametrize(
    ("count", "limit", "sizes"),
    [
        (10, 4, [3, 3, 4]),  # ⌈10/4⌉ = 3 updates; not 4, 4, 2
        (65, 64, [32, 33]),  # not 64 and a single left-over
        (64, 64, [64]),
        (3, 64, [3]),
        (5, 1, [1] * 5),
        (7, 0, [7]),  # both limits 0: one update per epoch
    ],
)
def test_sequences_are_cut_into_the_fewest_updates_of_nearly_equal_size(count, limit, sizes):
    cut = schedule([track(name) for name in range(count)], sequences_per_update=limit)
    assert sorted(len(part) for _, part in cut) == sizes


def test_tokens_per_update_bounds_the_mean_over_updates_prompts_included():
    # 10 + 3·2 = 16 tokens under 10 per update: ⌈16/10⌉ = 2 updates of 2 sequences, 8 tokens each on average.
    tracks = [track(0, 4, 6), track(1), track(2), track(3)]
    cut = schedule(tracks, sequences_per_update=0, tokens_per_update=10)
    assert [len(part) for _, part in cut] == [2, 2]


def test_no_update_is_empty_however_long_the_sequences_are():
    cut = schedule([track(0, 4, 60), track(1)], sequences_per_update=0, tokens_per_update=8)
    assert sorted(part for _, part in cut) == [[0], [1]]


def test_weights_are_the_normalisers_on_sampled_tokens_and_zero_on_the_prompt():
    # Responses of 4 and 7 tokens in one update: 1/11 on each of the 11 tokens, 0 on the prompts.
    tracks = [track(0, 3, 4), track(1, 2, 7)]
    [(_, samples)] = updates(tracks, algorithm(sequences_per_update=0), kept_tokens, "0/1")
    by_name = {sample.trajectory.token_ids[0]: sample.weights for sample in samples}
    assert by_name[0] == (0.0,) * 3 + (1 / 11,) * 4
    assert by_name[1] == (0.0,) * 2 + (1 / 11,) * 7


def test_each_update_has_a_denominator_of_its_own():
    tracks = [track(0, 1, 4), track(1, 1, 7)]
    cut = list(updates(tracks, algorithm(sequences_per_update=1), kept_tokens, "0/1"))
    assert {names(samples)[0]: max(samples[0].weights) for _, samples in cut} == {0: 1 / 4, 1: 1 / 7}


def test_no_trajectories_make_no_updates():
    assert schedule([], sequences_per_update=4, epochs=2) == []
    assert count_updates([], algorithm(sequences_per_update=4, epochs=2)) == 0


@given(
    lengths=st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9)), min_size=1, max_size=40),
    sequences=st.integers(0, 12),
    tokens=st.integers(0, 60),
    epochs=st.integers(1, 3),
    seed=st.text(max_size=4),
)
def test_schedule_holds_for_any_lengths_and_limits(lengths, sequences, tokens, epochs, seed):
    tracks = [track(name, *length) for name, length in enumerate(lengths)]
    chosen = algorithm(sequences_per_update=sequences, tokens_per_update=tokens, epochs=epochs)
    cut = list(updates(tracks, chosen, kept_tokens, seed))
    assert count_updates(tracks, chosen) == len(cut)
    for epoch in range(1, epochs + 1):
        parts = [samples for number, samples in cut if number == epoch]
        assert Counter(name for samples in parts for name in names(samples)) == Counter(range(len(lengths)))
        sizes = [len(samples) for samples in parts]
        assert max(sizes) - min(sizes) <= 1
        if sequences:
            assert len(parts) == -(-len(lengths) // sequences)
            assert max(sizes) <= sequences
        elif tokens:
            assert len(parts) == min(len(lengths), -(-sum(map(sum, lengths)) // tokens))
        else:
            assert len(parts) == 1
    for _, samples in cut:
        assert samples
        assert sum(sum(sample.weights) for sample in samples) == pytest.approx(1.0, abs=1e-12)
