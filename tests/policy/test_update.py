"""An optimiser update against a slow one: plain forward passes, a loss made by hand, torch's own AdamW."""

from __future__ import annotations

import copy
import math

import pytest
import torch
from torch.nn import functional

from tests.tiny import END_ID, distance, make_model, make_policy, make_sample, mixed_samples, random_ids
from verigrad.config.schema import Optimizer
from verigrad.errors import NonFiniteError
from verigrad.policy.optimize import learning_rate


def nll(logprobs, batch):
    return -logprobs


def weights_of(policy):
    return {name: parameter.detach().clone() for name, parameter in policy.model.named_parameters()}


def padded(samples):
    """A right-padded batch as a textbook would have it: ids, attention mask, labels (−100: not trained)."""
    width = max(len(sample.weights) for sample in samples)
    ids = torch.full((len(samples), width), END_ID)
    mask, labels = torch.zeros_like(ids), torch.full_like(ids, -100)
    for row, sample in enumerate(samples):
        track = sample.trajectory
        tokens, length = torch.tensor(track.token_ids), len(track.token_ids)
        ids[row, :length], mask[row, :length] = tokens, 1
        labels[row, :length] = tokens.where(torch.tensor(track.sampled), torch.tensor(-100))
    return ids, mask, labels


def slow_update(model, optimizer, samples, update, settings):
    ids, mask, labels = padded(samples)
    logits = model(input_ids=ids, attention_mask=mask).logits[:, :-1].flatten(0, 1)
    loss = functional.cross_entropy(logits, labels[:, 1:].flatten(), ignore_index=-100, reduction="mean")
    optimizer.zero_grad()
    loss.backward()
    norm = math.sqrt(sum(parameter.grad.pow(2).sum().item() for parameter in model.parameters()))
    for parameter in model.parameters():
        parameter.grad *= min(1.0, settings.clip_norm / (norm + 1e-6))
    for group in optimizer.param_groups:
        group["lr"] = learning_rate(update, settings)
    optimizer.step()
    return loss.item(), norm


@pytest.mark.parametrize("clip_norm", [0.5, 1e6], ids=["clipped", "not clipped"])
def test_three_updates_equal_three_slow_ones(clip_norm):
    settings = Optimizer(lr=1e-2, warmup_steps=2, weight_decay=0.1, clip_norm=clip_norm)
    model = make_model(dtype=torch.float64)
    slow = copy.deepcopy(model)
    theirs = torch.optim.AdamW(slow.parameters(), lr=settings.lr, betas=settings.betas, eps=1e-8, weight_decay=0.1)
    policy = make_policy(model, tokens_per_microbatch=20, **settings.model_dump())
    for update in range(3):
        samples = mixed_samples()[update:]
        total = sum(sum(sample.trajectory.sampled) for sample in samples)
        samples = [type(sample)(sample.trajectory, (1.0 / total,) * len(sample.weights)) for sample in samples]
        metrics = policy.update(samples, nll)
        loss, norm = slow_update(slow, theirs, samples, update, settings)
        assert metrics["loss"] == pytest.approx(loss, abs=1e-10)
        assert metrics["gradient_norm"] == pytest.approx(norm, rel=1e-10)
        assert distance(weights_of(policy), dict(slow.named_parameters())) < 1e-10
    assert (norm > clip_norm) == (clip_norm == 0.5)


def test_the_loss_is_the_one_that_transformers_computes_from_labels():
    policy = make_policy()
    samples = mixed_samples()
    ids, mask, labels = padded(samples)
    with torch.no_grad():
        theirs = policy.model(input_ids=ids, attention_mask=mask, labels=labels).loss.item()
    assert policy.update(samples, nll)["loss"] == pytest.approx(theirs, rel=1e-6)


def test_metrics_of_an_update():
    policy = make_policy(lr=1e-3, warmup_steps=4)
    samples = mixed_samples()
    scores = policy.score(samples)
    tokens = sum(len(score.logprobs) for score in scores)
    metrics = policy.update(samples, nll)
    assert metrics["nll"] == pytest.approx(-sum(sum(score.logprobs) for score in scores) / tokens, rel=1e-5)
    assert metrics["entropy"] == pytest.approx(sum(sum(score.entropy) for score in scores) / tokens, rel=1e-5)
    assert metrics["loss"] == pytest.approx(metrics["nll"], rel=1e-5)  # the weights are 1/tokens here
    assert (metrics["trained_tokens"], metrics["trained_sequences"]) == (tokens, 7) == (33, 7)
    assert metrics["lr"] == 1e-3 / 4
    assert policy.update(samples, nll)["lr"] == 1e-3 / 2


def test_the_loss_is_minimised():
    # the sign, once: after updates on a response it is likelier, not less likely
    policy = make_policy(lr=1e-3)
    sample = make_sample(random_ids(4), random_ids(6, seed=1), weight=1 / 6)
    nlls = [policy.update([sample], nll)["nll"] for _ in range(5)]
    assert nlls == sorted(nlls, reverse=True)
    assert nlls[-1] < nlls[0] - 0.1


def test_the_gradient_is_scaled_down_to_the_clip_norm_and_its_own_norm_reported():
    policy = make_policy(make_model(dtype=torch.float64), clip_norm=0.25)
    metrics = policy.update(mixed_samples(), nll)
    left = math.sqrt(sum(parameter.grad.pow(2).sum().item() for parameter in policy.model.parameters()))
    assert metrics["gradient_norm"] > 0.25
    assert left == pytest.approx(0.25, rel=1e-5)


def test_gradients_do_not_add_up_from_one_update_to_the_next():
    # at lr ≈ 0 nothing moves, so that the same samples give the same norm again
    policy = make_policy(make_model(dtype=torch.float64), lr=1e-300)
    norms = [policy.update(mixed_samples(), nll)["gradient_norm"] for _ in range(2)]
    assert norms[0] == norms[1]


@pytest.mark.parametrize(
    "broken",
    [
        lambda logprobs, batch: logprobs * math.nan,
        lambda logprobs, batch: logprobs / 0.0,
        lambda logprobs, batch: math.inf - logprobs,  # the gradient is that of nll
        lambda logprobs, batch: (logprobs * 0.0).sqrt(),  # the loss is 0, its gradient ∞·0
        lambda logprobs, batch: logprobs * 1e37,  # the loss is 1e37 or so, its gradient's square beyond float32
    ],
    ids=["nan", "infinite", "loss alone", "gradient alone", "norm alone"],
)
def test_a_loss_that_is_not_finite_stops_before_anything_changes(broken):
    policy = make_policy(lr=1e-3)
    policy.update(mixed_samples(), nll)
    weights, moments = weights_of(policy), copy.deepcopy(policy.optimizer.state_dict()["state"])
    with pytest.raises(NonFiniteError, match=r"update 2: loss .*, gradient norm .*, so nothing was updated; lower opt"):
        policy.update(mixed_samples(), broken)
    assert policy.updates == 1
    for name, parameter in policy.model.named_parameters():
        assert torch.equal(parameter, weights[name])
    for row, now in policy.optimizer.state_dict()["state"].items():
        assert all(torch.equal(tensor, moments[row][name]) for name, tensor in now.items())
    policy.update(mixed_samples(), nll)  # and it can go on
    assert policy.updates == 2


def test_fresh_moments_leave_the_learning_rates_course_alone():
    policy = make_policy(lr=1e-3, warmup_steps=4)
    policy.update(mixed_samples(), nll)
    policy.reset_optimizer()
    assert policy.state()["optimizer"]["state"] == {}
    assert policy.update(mixed_samples(), nll)["lr"] == 1e-3 * 2 / 4
