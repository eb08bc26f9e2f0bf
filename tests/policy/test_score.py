"""Scores against a plain forward pass on each sequence alone."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
import torch

from tests.tiny import (
    ARCHITECTURES,
    END_ID,
    make_model,
    make_policy,
    make_sample,
    mixed_samples,
    random_ids,
    slow_scores,
)

SETTINGS = [{}, {"temperature": 0.75, "min_tokens": 3}]


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_scores_equal_a_slow_oracle(architecture, settings):
    policy = make_policy(make_model(architecture, dtype=torch.float64), tokens_per_microbatch=20)
    # without the end token, which min_tokens makes impossible; see below for that
    samples = [make_sample(random_ids(n), random_ids(2 * n, seed=n), **settings) for n in (1, 4, 2)]
    with torch.no_grad():
        for score, sample in zip(policy.score(samples), samples, strict=True):
            logprobs, entropy = slow_scores(policy.model, sample)
            assert score.logprobs == pytest.approx(logprobs.tolist(), abs=1e-12)
            assert score.entropy == pytest.approx(entropy.tolist(), abs=1e-12)
            plain = slow_scores(policy.model, at_temperature_1(sample))[1]
            assert (score.plain_entropy or score.entropy) == pytest.approx(plain.tolist(), abs=1e-12)


def at_temperature_1(sample):
    return replace(sample, trajectory=replace(sample.trajectory, temperature=1.0))


@pytest.mark.parametrize("budget", [1, 20, 10_000])
def test_scores_come_in_the_order_given(budget):
    policy = make_policy(tokens_per_microbatch=budget)
    samples = mixed_samples()
    expected = [policy.score([sample])[0] for sample in samples]
    order = list(range(len(samples)))
    random.Random(0).shuffle(order)
    for score, row in zip(policy.score([samples[row] for row in order]), order, strict=True):
        assert score.logprobs == pytest.approx(expected[row].logprobs, abs=1e-5)
        assert score.entropy == pytest.approx(expected[row].entropy, abs=1e-5)


def test_scoring_leaves_no_gradient():
    policy = make_policy()
    policy.score(mixed_samples())
    assert all(parameter.grad is None for parameter in policy.model.parameters())


def test_nothing_scores_nothing():
    assert make_policy().score([]) == []


def test_every_end_token_is_banned_before_min_tokens():
    # two ways to end; 3 tokens drawn with min_tokens 2: the first two have neither, the third has both
    model = make_model(dtype=torch.float64)
    model.generation_config.eos_token_id = [END_ID, 5]
    policy = make_policy(model)
    assert policy.end_ids == (5, END_ID)
    sample = make_sample((1, 2), (3, 4, END_ID), min_tokens=2)
    (score,) = policy.score([sample])
    with torch.no_grad():
        assert score.logprobs == pytest.approx(slow_scores(model, sample, (5, END_ID))[0].tolist(), abs=1e-12)
        free = slow_scores(model, make_sample((1, 2), (3, 4, END_ID)))[0].tolist()
    assert score.logprobs[2] == pytest.approx(free[2], abs=1e-12)
    assert all(ours > without + 1e-6 for ours, without in zip(score.logprobs[:2], free[:2], strict=True))
