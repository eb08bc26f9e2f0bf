"""Signal and noise of a gradient: by hand, in the mean over many draws, and without touching the gradient itself."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from tests.tiny import distance, gradients, make_model, make_policy, mixed_samples
from verigrad.objective.losses import nll as nll_loss
from verigrad.policy.noise import NoiseMeter, noise_metrics
from verigrad.policy.pack import pack


def nll(logprobs, batch):
    return nll_loss(logprobs)


def measured(vectors, sizes):
    """Metrics of ĝ = Σ vectors, cut into micro-batches of these sizes, through the meter."""
    parameter = nn.Parameter(torch.zeros(vectors.shape[1], dtype=vectors.dtype))
    with NoiseMeter([parameter], len(sizes)) as meter:
        for part in vectors.split(sizes):
            (part @ parameter).sum().backward()
            meter.add(len(part))
    assert torch.allclose(parameter.grad, vectors.sum(0))
    return noise_metrics(meter.sums(), parameter.grad.norm().item(), len(vectors))


def test_by_hand():
    # g_1 = (2, 0) of two sequences, g_2 = (1, 1) of one; ĝ = (3, 1). ‖ĝ‖² = 10, Σ‖g‖² = 6, n² − Σn² = 9 − 5.
    found = measured(torch.tensor([[1.5, 0.5], [0.5, -0.5], [1.0, 1.0]], dtype=torch.float64), [2, 1])
    expected = {"gradient_signal": 9 * (10 - 6) / 4, "gradient_noise": 1.0, "noise_scale": 3 * 1 / 9}
    assert found == pytest.approx(expected)


def test_a_signal_that_is_estimated_below_zero_has_no_scale():
    found = measured(torch.tensor([[1.0], [-1.0]], dtype=torch.float64), [1, 1])
    assert found == pytest.approx({"gradient_signal": -4.0, "gradient_noise": 4.0})


def test_one_micro_batch_tells_nothing():
    assert measured(torch.ones(3, 2, dtype=torch.float64), [3]) == {}


@pytest.mark.parametrize("sizes", [[4, 4, 4], [7, 3, 1, 1], [1] * 12])
def test_on_average_it_is_the_truth_for_any_cut(sizes):
    mean, spread = torch.tensor([0.3, -0.2, 0.1]), torch.tensor([1.0, 0.5, 2.0])
    generator = torch.Generator().manual_seed(0)
    n, draws = sum(sizes), 40_000
    vectors = (mean + spread * torch.randn(draws, n, 3, generator=generator)).double()
    squares = sum(part.sum(1).square().sum(1) for part in vectors.split(sizes, dim=1))
    norms, counts = vectors.sum(1).norm(dim=1), float(sum(size**2 for size in sizes))
    found = [
        noise_metrics({"squares": square, "squared_counts": counts}, norm, n)
        for square, norm in zip(squares.tolist(), norms.tolist(), strict=True)
    ]
    for name, truth in (
        ("gradient_signal", (n * mean).square().sum().item()),
        ("gradient_noise", n * spread.square().sum().item()),
    ):
        values = torch.tensor([one[name] for one in found], dtype=torch.float64)
        error = values.std().item() / math.sqrt(draws)
        assert abs(values.mean().item() - truth) < 4 * error
        assert error < truth / 20, "so that a wrong factor would be seen"


def test_the_squares_are_those_of_the_micro_batches_and_the_gradient_is_as_without():
    model, samples = make_model(dtype=torch.float64), mixed_samples()
    policy = make_policy(model, tokens_per_microbatch=20)
    batches = pack(samples, 20)
    assert len(batches) > 2
    squares = 0.0
    for batch in batches:
        policy.model.zero_grad()
        alone = policy.accumulate([samples[row] for row in batch.rows], nll)
        assert "squares" not in alone
        squares += sum(tensor.square().sum().item() for tensor in gradients(policy.model).values())
    policy.model.zero_grad()
    sums = policy.accumulate(samples, nll)
    assert sums["squares"] == pytest.approx(squares, rel=1e-10)
    assert sums["squared_counts"] == sum(len(batch.rows) ** 2 for batch in batches)
    cut = gradients(policy.model)
    whole = make_policy(make_model(dtype=torch.float64))
    whole.accumulate(samples, nll)
    assert distance(cut, gradients(whole.model)) < 1e-12


def test_a_second_call_adds_to_the_first_and_no_hook_stays_behind():
    policy = make_policy(make_model(dtype=torch.float64), tokens_per_microbatch=20)
    policy.accumulate(mixed_samples(), nll)
    once = gradients(policy.model)
    policy.accumulate(mixed_samples(), nll)
    assert distance(gradients(policy.model), {name: 2 * tensor for name, tensor in once.items()}) < 1e-12
    assert not any(parameter._post_accumulate_grad_hooks for parameter in policy.model.parameters())


def test_an_update_reports_both_which_add_up_to_the_squared_norm():
    metrics = make_policy(tokens_per_microbatch=20).update(mixed_samples(), nll)
    assert metrics["gradient_signal"] + metrics["gradient_noise"] == pytest.approx(metrics["gradient_norm"] ** 2)
    assert "gradient_noise" not in make_policy().update(mixed_samples(), nll)
