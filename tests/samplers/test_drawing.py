"""Random numbers against the published generator, distributions against a slow oracle."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from tests.tiny import slow_distribution
from verigrad.samplers.drawing import draw, log_distribution, uniforms
from verigrad.types import StreamKey

# The generator's well-known first outputs for state 1234567.
SPLITMIX64 = [
    6457827717110365317,
    3203168211198807973,
    9817491932198370423,
    4593380528125082431,
    16408922859458223821,
]


def splitmix64(state: int) -> int:
    """One output in Python integers: Steele, Lea & Flood 2014, with the constants of Java's SplittableRandom."""
    mask = 2**64 - 1
    z = (state + 0x9E3779B97F4A7C15) & mask
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & mask
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
    return z ^ (z >> 31)


def test_uniforms_are_the_published_generator():
    keys = np.full(5, 1234567, dtype=np.uint64)
    numbers = uniforms(keys, np.arange(5, dtype=np.uint64))
    assert numbers.tolist() == [output // 2**11 / 2**53 for output in SPLITMIX64]


@given(key=st.integers(0, 2**64 - 1), counter=st.integers(0, 2**40))
def test_uniforms_equal_python_integers(key, counter):
    (number,) = uniforms(np.array([key], dtype=np.uint64), np.array([counter], dtype=np.uint64)).tolist()
    assert number == (splitmix64(key + counter * 0x9E3779B97F4A7C15) >> 11) / 2**53
    assert 0 <= number < 1


def streams(count: int, length: int) -> np.ndarray:
    """The first numbers of the streams of `count` rollouts, one row each."""
    keys = np.array([StreamKey(0, "train/1", i // 8, i % 8).seed64() for i in range(count)], dtype=np.uint64)
    return uniforms(np.repeat(keys, length), np.tile(np.arange(length, dtype=np.uint64), count)).reshape(count, length)


def test_uniforms_are_uniform_and_independent():
    # 2,000 rollouts of 50 tokens: single numbers; a token and the next; a rollout and the next
    numbers = streams(2000, 50)
    bins = (numbers * 16).astype(int)
    assert stats.chisquare(np.bincount((numbers * 256).astype(int).ravel(), minlength=256)).pvalue > 1e-3
    for pairs in (bins[:, :-1] * 16 + bins[:, 1:], bins[:-1] * 16 + bins[1:]):
        assert stats.chisquare(np.bincount(pairs.ravel(), minlength=256)).pvalue > 1e-3
    assert stats.kstest(numbers[:, 0], "uniform").pvalue > 1e-3
    assert len(np.unique(numbers)) == numbers.size


def test_the_test_of_uniformity_can_fail():
    numbers = streams(2000, 50) ** 1.05
    assert stats.chisquare(np.bincount((numbers * 256).astype(int).ravel(), minlength=256)).pvalue < 1e-6


@pytest.mark.parametrize("top_k", [0, 1, 3])
@pytest.mark.parametrize("top_p", [1.0, 0.9, 0.5, 0.01])
def test_the_distribution_equals_a_slow_oracle(top_p, top_k):
    generator = torch.Generator().manual_seed(0)
    logits = 2 * torch.randn(24, 9, generator=generator)
    temperature = torch.tensor([1.0, 0.7, 2.0, 0.0]).repeat(6)
    banned = torch.tensor([False, False, True]).repeat(8)
    ends = [2, 5]
    before = logits.clone()
    ours = log_distribution(logits, temperature, banned, torch.tensor(ends), top_p, top_k)
    assert torch.equal(logits, before)
    for row in range(24):
        settings = {"temperature": temperature[row].item(), "banned": ends if banned[row] else []}
        expected = slow_distribution(logits[row].tolist(), **settings, top_p=top_p, top_k=top_k)
        assert ours[row].exp().tolist() == pytest.approx(expected, abs=1e-6)
        assert [p == 0 for p in ours[row].exp().tolist()] == [p == 0 for p in expected]


def test_the_nucleus_by_hand():
    # p = (0.5, 0.25, 0.125, 0.125). top_p 0.7: {0, 1} is the fewest with 0.7 or more, renormalised 2/3 and 1/3.
    # top_k 3 first leaves (4/7, 2/7, 1/7); 0.8 of that needs two of them again, since 4/7 < 0.8 ≤ 6/7
    logits = torch.tensor([[0.5, 0.25, 0.125, 0.125]]).log()
    one, free, ends = torch.ones(1), torch.tensor([False]), torch.tensor([3])
    assert log_distribution(logits, one, free, ends, top_p=0.7).exp().tolist()[0] == pytest.approx([2 / 3, 1 / 3, 0, 0])
    both = log_distribution(logits, one, free, ends, top_p=0.8, top_k=3)
    assert both.exp().tolist()[0] == pytest.approx([2 / 3, 1 / 3, 0, 0])


def test_greedy_takes_the_lowest_id_among_equals_and_no_banned_end():
    logits = torch.tensor([[1.0, 3.0, 3.0], [1.0, 3.0, 3.0]])
    log_p = log_distribution(logits, torch.zeros(2), torch.tensor([False, True]), torch.tensor([1]))
    assert log_p.tolist() == [[-math.inf, 0.0, -math.inf], [-math.inf, -math.inf, 0.0]]


def test_half_precision_logits_are_normalised_in_float32():
    log_p = log_distribution(torch.randn(1, 5).bfloat16(), torch.ones(1), torch.tensor([False]), torch.tensor([0]))
    assert log_p.dtype == torch.float32
    assert log_p.exp().sum().item() == pytest.approx(1.0, abs=1e-6)


def test_drawing_inverts_the_cumulative_distribution():
    # p = (1/4, 1/2, 0, 1/4): token 0 on [0, 1/4), 1 on [1/4, 3/4), 3 on [3/4, 1)
    log_p = torch.tensor([0.25, 0.5, 0.0, 0.25]).log().expand(6, 4)
    uniform = torch.tensor([0.0, 0.2499, 0.25, 0.7499, 0.75, 1 - 2**-53], dtype=torch.float64)
    assert draw(log_p, uniform, torch.arange(len(uniform))).tolist() == [0, 0, 1, 1, 3, 3]


@given(
    possible=st.lists(st.booleans(), min_size=1, max_size=30).filter(any),
    scale=st.floats(0, 40),
    seed=st.integers(0, 2**32),
    uniform=st.one_of(st.sampled_from([0.0, 2**-53, 0.5, 1 - 2**-53]), st.floats(0, 1, exclude_max=True)),
)
def test_an_impossible_token_is_never_drawn(possible, scale, seed, uniform):
    logits = scale * torch.randn(1, len(possible), generator=torch.Generator().manual_seed(seed))
    log_p = logits.masked_fill(~torch.tensor(possible), -math.inf).log_softmax(-1)
    (token,) = draw(log_p, torch.tensor([uniform], dtype=torch.float64), torch.tensor([0])).tolist()
    assert possible[token]
    assert log_p[0, token] > -math.inf
