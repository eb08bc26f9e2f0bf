"""Ratios and clip fractions by hand: what an update says of how far the policy has moved."""

from __future__ import annotations

import math

import pytest
import torch

from tests.tiny import END_ID, distance, gradients, make_model, make_policy, make_sample, random_ids
from verigrad.algorithms.table import make_row
from verigrad.config import build
from verigrad.policy import ClipRange
from verigrad.policy.pack import pack
from verigrad.policy.ratios import add_ratios, ratio_metrics

# Two responses of 2 and 3 tokens; π_old = 1/2 for every token, and π_θ = ρ/2.
RATIOS = (0.5, 1.5, 0.7, 1.0, 1.3)
ADVANTAGES = (-1.0, -1.0, 1.0, 1.0, 1.0)


def samples(**streams):
    old = math.log(0.5)
    return [
        make_sample((1, 2), (3, 4), advantages=ADVANTAGES[:2], old_logprobs=(old,) * 2, **streams),
        make_sample((5,), (6, 7, 8), advantages=ADVANTAGES[2:], old_logprobs=(old,) * 3, **streams),
    ]


def metrics_of(ratios=RATIOS, clip=None, microbatch=10_000, **changed):
    """Metrics of an update that sees these ratios, in as many micro-batches as it takes."""
    rows, sums = [ratios[:2], ratios[2:]], {"trained_tokens": len(ratios)}
    for batch in pack(samples(**changed), microbatch):
        logprobs = torch.tensor(
            [math.log(0.5 * ratio) for row in batch.rows for ratio in rows[row]], dtype=torch.float64
        )
        add_ratios(sums, logprobs, batch, clip)
    return ratio_metrics(sums)


@pytest.mark.parametrize("microbatch", [1, 10_000])
def test_ratio_and_divergence_by_hand(microbatch):
    # mean: (0.5 + 1.5 + 0.7 + 1 + 1.3)/5 = 1. k3 of π_old from π_θ: ρ − 1 − log ρ, and the mean of ρ − 1 is 0.
    found = metrics_of(microbatch=microbatch)
    assert found.keys() == {"ratio_mean", "ratio_max", "kl_k3_old"}
    assert found["ratio_mean"] == pytest.approx(1.0, abs=1e-12)
    assert found["ratio_max"] == pytest.approx(1.5, abs=1e-12)
    assert found["kl_k3_old"] == pytest.approx(-math.log(0.5 * 1.5 * 0.7 * 1.0 * 1.3) / 5, abs=1e-12)


@pytest.mark.parametrize("microbatch", [1, 10_000])
def test_clip_fractions_by_hand(microbatch):
    # A < 0 loses below 0.8: 0.5 does, 1.5 does not. A > 0 loses above 1.2: 1.3 does, 0.7 and 1 do not.
    found = metrics_of(clip=ClipRange(0.2, 0.2), microbatch=microbatch)
    assert (found["clip_fraction_low"], found["clip_fraction_high"]) == (1 / 5, 1 / 5)
    wide = metrics_of(clip=ClipRange(0.6, 0.31), microbatch=microbatch)
    assert (wide["clip_fraction_low"], wide["clip_fraction_high"]) == (0.0, 0.0)


@pytest.mark.parametrize("microbatch", [1, 10_000])
def test_a_ratio_per_sequence_clips_all_of_its_tokens(microbatch):
    # √(0.5·1.5) = 0.866 with A < 0, and (0.7·1·1.3)^⅓ = 0.969 with A > 0
    def fractions(low, high):
        found = metrics_of(clip=ClipRange(low, high, per_sequence=True), microbatch=microbatch)
        return found["clip_fraction_low"], found["clip_fraction_high"]

    assert fractions(0.13, 0.2) == (2 / 5, 0.0)
    assert fractions(0.14, 0.2) == (0.0, 0.0)
    above = (0.5, 1.5, 1.0, 1.0, 1.331)  # (1.331)^⅓ = 1.1
    found = metrics_of(above, clip=ClipRange(0.2, 0.09, per_sequence=True), microbatch=microbatch)
    assert (found["clip_fraction_low"], found["clip_fraction_high"]) == (0.0, 3 / 5)


def test_the_reference_by_hand():
    # d = log π_θ − log π_ref; k3 = e^{−d} − 1 + d, with π_ref = 1/2 too: 1/ρ − 1 + log ρ
    streams = [make_sample((1, 2), (3, 4), reference_logprobs=(math.log(0.5),) * 2)]
    sums = {"trained_tokens": 2}
    (batch,) = pack(streams, 100)
    add_ratios(sums, torch.tensor([math.log(0.25), math.log(0.75)], dtype=torch.float64), batch, ClipRange(0.2, 0.2))
    expected = ((2 - 1 - math.log(2)) + (1 / 1.5 - 1 + math.log(1.5))) / 2
    assert ratio_metrics(sums) == {"kl_k3_reference": pytest.approx(expected, abs=1e-12)}


def updates_of(name: str, **algorithm):
    """Metrics of every update on two random responses at a rate that moves the policy."""
    settings = build({"algorithm": {"name": name, "sequences_per_update": 0, **algorithm}}).algorithm
    row, policy = make_row(settings), make_policy(make_model(dtype=torch.float64), lr=3e-2)
    responses = [(*random_ids(3, seed=1), END_ID), (*random_ids(5, seed=2), END_ID)]
    plain = [make_sample(random_ids(3), response) for response in responses]
    scores = policy.score(plain)
    made = [
        make_sample(
            random_ids(3),
            response,
            weight=0.1,
            advantages=(sign,) * len(response),
            old_logprobs=score.logprobs,
        )
        for response, score, sign in zip(responses, scores, (1.0, -1.0), strict=True)
    ]
    return [policy.update(made, row.loss, 0.0, row.clip) for _ in range(settings.epochs)]


CLIPPED = {"clip_fraction_low", "clip_fraction_high"}


@pytest.mark.parametrize("name", ["grpo", "gspo", "cispo"])
def test_clip_fractions_are_absent_where_one_update_cannot_clip(name):
    (only,) = updates_of(name)
    assert not only.keys() & CLIPPED
    assert only["ratio_mean"] == only["ratio_max"] == pytest.approx(1.0, abs=1e-12)
    first, *rest = updates_of(name, epochs=4)
    last = rest[-1]
    assert first["clip_fraction_low"] == first["clip_fraction_high"] == 0.0
    assert last["ratio_max"] > 1.2
    assert last["clip_fraction_high"] > 0
    if name == "cispo":
        assert all(metrics["clip_fraction_low"] == 0.0 for metrics in rest), "it has no lower limit"
    else:
        assert any(metrics["clip_fraction_low"] > 0 for metrics in rest)


def test_without_old_log_probs_nothing_is_said_of_ratios():
    settings = build({"algorithm": {"name": "reinforce"}}).algorithm
    row, policy = make_row(settings), make_policy()
    assert row.needs == frozenset() and row.clip is None
    metrics = policy.update([make_sample((1, 2), (3, 4), weight=0.5)], row.loss, 0.0, row.clip)
    assert not metrics.keys() & (CLIPPED | {"ratio_mean", "ratio_max", "kl_k3_old", "kl_k3_reference"})


def test_counting_changes_no_gradient():
    row = make_row(build({"algorithm": {"name": "grpo", "epochs": 2}}).algorithm)
    found = []
    for clip in (row.clip, None):
        policy = make_policy(make_model(dtype=torch.float64))
        policy.accumulate(samples(), row.loss, 0.0, clip)
        found.append(gradients(policy.model))
    assert distance(*found) == 0.0
