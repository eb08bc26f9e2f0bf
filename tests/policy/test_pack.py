"""Packing: where each trained token and its predictor are, and what a micro-batch holds."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.tiny import make_model, make_policy, make_sample
from verigrad.policy import pack
from verigrad.policy.pack import token_budget
from verigrad.types import Sample, Trajectory


def test_two_sequences_by_hand():
    # place    0  1  2  3  4   5  6  7        prompts (10 11 12) and (20); responses (13 14) and (21 22)
    # token   10 11 12 13 14  20 21 22        trained: places 3 4 and 6 7, each predicted from the place before
    first = make_sample((10, 11, 12), (13, 14), weight=0.5, temperature=0.5, min_tokens=1, advantages=(2.0, 3.0))
    second = make_sample((20,), (21, 22), weight=0.25, min_tokens=2, advantages=(-1.0, -2.0))
    (batch,) = pack([second, first], tokens_per_microbatch=10)
    assert batch.rows == (1, 0)  # the longer one comes first
    assert batch.token_ids.tolist() == [10, 11, 12, 13, 14, 20, 21, 22]
    assert batch.plan.positions.tolist() == [0, 1, 2, 3, 4, 0, 1, 2]
    assert batch.predictors.tolist() == [2, 3, 5, 6]
    assert batch.targets.tolist() == [13, 14, 21, 22]
    assert batch.sequence_index.tolist() == [0, 0, 1, 1]
    assert batch.temperature.tolist() == [0.5, 0.5, 1.0, 1.0]
    assert batch.end_banned.tolist() == [True, False, True, True]  # min_tokens 1: the first token; 2: both
    assert batch.weights.tolist() == [0.5, 0.5, 0.25, 0.25]
    assert batch.streams["advantages"].tolist() == [2.0, 3.0, -1.0, -2.0]


def test_streams_keep_float64_and_their_places():
    samples = [
        make_sample((1, 2), (3,), sampler_logprobs=(-0.1,), old_logprobs=(-0.2,)),
        make_sample((4,), (5, 6, 7), sampler_logprobs=(-0.3, -0.4, -0.5), old_logprobs=(-0.6, -0.7, -0.8)),
    ]
    (batch,) = pack(samples, 100)
    assert batch.streams["sampler_logprobs"].tolist() == [-0.3, -0.4, -0.5, -0.1]
    assert batch.streams["old_logprobs"].tolist() == [-0.6, -0.7, -0.8, -0.2]
    assert batch.weights.dtype == batch.streams["advantages"].dtype == torch.float64


def test_sampled_tokens_need_not_be_one_span():
    # a tool's answer (30 31) lies between two spans that the policy drew; min_tokens counts drawn tokens only
    track = Trajectory(
        token_ids=(1, 10, 30, 31, 11, 12),
        sampled=(False, True, False, False, True, True),
        advantages=(0.0,) * 6,
        streams={},
        temperature=1.0,
        min_tokens=2,
    )
    (batch,) = pack([Sample(track, (0.0, 1.0, 0.0, 0.0, 1.0, 1.0))], 100)
    assert batch.targets.tolist() == [10, 11, 12]
    assert batch.predictors.tolist() == [0, 3, 4]
    assert batch.end_banned.tolist() == [True, True, False]


def test_nothing_makes_no_batch():
    assert pack([], 100) == []


@pytest.mark.parametrize(
    ("budget", "rows"),
    [
        (1, [(1,), (3,), (0,), (2,)]),  # every sequence is longer than the budget and has a pack of its own
        (8, [(1,), (3,), (0, 2)]),  # lengths 7 | 5 | 4, 2: two rows padded to 4
        (10, [(1,), (3, 0), (2,)]),  # 7 | 5, 4: two rows padded to 5 | 2: a pack is closed once a row does not fit
        (27, [(1, 3, 0), (2,)]),  # four rows padded to 7 would be 28
        (28, [(1, 3, 0, 2)]),
    ],
)
def test_packs_by_hand(budget, rows):
    samples = [make_sample((0,) * (length - 1), (0,)) for length in (4, 7, 2, 5)]
    assert [batch.rows for batch in pack(samples, budget)] == rows


def test_a_shared_prompt_by_hand():
    # place    0  1   2  3   4   5  6      prompt (10 11) of responses (20 21), (30), (40 41), in the order given
    # token   10 11  20 21  30  40 41      each response follows place 1 directly: position 2, predicted from place 1
    samples = [make_sample((10, 11), response) for response in ((20, 21), (30,), (40, 41))]
    (batch,) = pack(samples, 100)
    assert batch.rows == (0, 1, 2)
    assert batch.token_ids.tolist() == [10, 11, 20, 21, 30, 40, 41]
    assert batch.plan.positions.tolist() == [0, 1, 2, 3, 2, 2, 3]
    assert batch.targets.tolist() == [20, 21, 30, 40, 41]
    assert batch.predictors.tolist() == [1, 2, 1, 1, 5]
    assert batch.sequence_index.tolist() == [0, 0, 1, 2, 2]


def test_shared_first_tokens_and_equal_sequences_by_hand():
    # place    0  1   2  3   4   5      prompt (10 11); responses (20 21), (20 22), (20 21) again, (30)
    # token   10 11  20 21  22  30      what is predicted: 20 and 30 from place 1, 21 and 22 from place 2
    samples = [make_sample((10, 11), response) for response in ((20, 22), (30,), (20, 21), (20, 21))]
    (batch,) = pack(samples, 100)
    assert batch.rows == (2, 3, 0, 1)
    assert batch.token_ids.tolist() == [10, 11, 20, 21, 22, 30]
    assert batch.plan.positions.tolist() == [0, 1, 2, 3, 3, 2]
    assert batch.predictors.tolist() == [1, 2, 2, 1]
    assert batch.targets.tolist() == [20, 21, 22, 30]
    assert batch.of.tolist() == [0, 1, 0, 1, 0, 2, 3]
    assert batch.sequence_index.tolist() == [0, 0, 1, 1, 2, 2, 3]


def test_equal_tokens_sampled_differently_are_different_predictions():
    samples = [
        make_sample((10,), (20,), temperature=0.5),
        make_sample((10,), (20,)),
        make_sample((10,), (20,), min_tokens=1),
    ]
    (batch,) = pack(samples, 100)
    assert batch.token_ids.tolist() == [10, 20]
    assert batch.predictors.tolist() == [0, 0, 0]
    assert batch.temperature.tolist() == [0.5, 1.0, 1.0]
    assert batch.end_banned.tolist() == [False, False, True]
    assert batch.of.tolist() == [0, 1, 2]


def test_a_sequence_without_trained_tokens_is_carried_along():
    track = Trajectory((1, 2), (False, False), (0.0, 0.0), {}, 1.0, 0)
    (batch,) = pack([Sample(track, (0.0, 0.0)), make_sample((1, 2), (3,)), Sample(track, (0.0, 0.0))], 100)
    assert batch.targets.tolist() == [3]
    assert batch.token_ids[batch.predictors].tolist() == [2]
    assert batch.sequence_index.tolist() == [batch.rows.index(1)]


PROMPTS = [(1,), (1, 2), (1, 2, 3), (2, 2, 2, 2), (3, 1)]


@given(
    shapes=st.lists(st.tuples(st.sampled_from(PROMPTS), st.integers(1, 6)), max_size=9),
    budget=st.integers(1, 40),
)
def test_every_sequence_is_in_one_pack_whole_and_within_the_budget(shapes, budget):
    # responses begin alike and end each in their own way, so that a split or a mixture would be seen
    samples = [
        make_sample(prompt, [*range(100, 99 + count), 1000 + place]) for place, (prompt, count) in enumerate(shapes)
    ]
    batches = pack(samples, budget)
    assert sorted(row for batch in batches for row in batch.rows) == list(range(len(samples)))
    for batch in batches:
        tracks = [samples[row].trajectory for row in batch.rows]
        different = len({track.token_ids for track in tracks})
        assert different * max(len(track.token_ids) for track in tracks) <= budget or different == 1
        # no beginning of two sequences of one prompt is there twice, and those of others need not be
        beginnings = {(shapes[row][0], track.token_ids[:n]) for row, track in zip(batch.rows, tracks, strict=True)
                      for n in range(1, len(track.token_ids) + 1)}  # fmt: skip
        assert len({ids for _, ids in beginnings}) <= len(batch.token_ids) <= len(beginnings)
        for index, (row, track) in enumerate(zip(batch.rows, tracks, strict=True)):
            own = batch.sequence_index == index
            first = len(shapes[row][0])
            of = batch.of[own]
            assert tuple(batch.targets[of].tolist()) == track.token_ids[first:]
            assert tuple(batch.token_ids[batch.predictors[of]].tolist()) == track.token_ids[first - 1 : -1]
            places = range(first - 1, len(track.token_ids) - 1)
            assert batch.plan.positions[batch.predictors[of]].tolist() == list(places)


def test_the_budget_on_a_cpu_is_small():
    assert token_budget(make_model()) == 4096
    assert make_policy(tokens_per_microbatch=0).tokens_per_microbatch == 4096
    assert make_policy(tokens_per_microbatch=7).tokens_per_microbatch == 7


@pytest.mark.parametrize(
    ("free", "inner", "tokens"),
    [
        (128_000_000, {"intermediate_size": 48}, 10_000),  # half; 2 layers · (16·32 + 6·48 = 800) · 4 bytes = 6,400
        (128_000_000, {"ffn_dim": 48}, 6_250),  # named otherwise: 4·32 is taken; 2 · (512 + 768) · 4 = 10,240
        (1_000_000, {"intermediate_size": 48}, 1024),
        (10**12, {"intermediate_size": 48}, 65_536),
    ],
)
def test_the_budget_on_a_gpu_is_what_half_of_the_free_memory_holds(monkeypatch, free, inner, tokens):
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (free, 10 * free))
    config = SimpleNamespace(hidden_size=32, num_hidden_layers=2, **inner)
    model = SimpleNamespace(
        config=SimpleNamespace(get_text_config=lambda: config), parameters=lambda: iter([torch.empty(1, device="meta")])
    )
    assert token_budget(model) == tokens
