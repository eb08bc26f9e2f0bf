"""On a GPU as on a CPU: the same scores and gradients up to rounding, and a sampler that agrees with its trainer.

Every test runs on the CPU as well, where both sides are equal, so that it cannot rot while no GPU is at hand.
"""

from __future__ import annotations

import statistics

import pytest
import torch

from tests.tiny import (
    distance,
    gradients,
    make_model,
    make_policy,
    make_request,
    make_sampler,
    mixed_samples,
    random_ids,
)
from verigrad.algorithms.score import trajectory, unweighted
from verigrad.algorithms.train import GAP_LIMIT
from verigrad.errors import NonFiniteError
from verigrad.types import Grade, Rollout, Status

CUDA = pytest.param(
    "cuda", marks=[pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")]
)
on_both = pytest.mark.parametrize("device", ["cpu", CUDA])
ARCHITECTURES = ("Qwen2", "Qwen3", "Llama", "Gemma")


def nll(logprobs, batch):
    return -logprobs


def policy_on(device, architecture="Qwen2", dtype=torch.float32, **settings):
    return make_policy(make_model(architecture, dtype=dtype).to(device), **settings)


def requests(**params):
    """Four questions of 3 to 9 tokens, four rollouts each."""
    prompts = [random_ids(2 * question + 3, seed=question) for question in range(4)]
    return [
        make_request(prompt, question=question, rollout=rollout, max_tokens=20, **params)
        for question, prompt in enumerate(prompts)
        for rollout in range(4)
    ]


def gap(policy, **params):
    """Mean |sampler's − trainer's log-prob| of sampled tokens, nats."""
    done = list(make_sampler(policy).sample(requests(**params)))
    rollouts = [Rollout(one, Grade(0.0, 0.0, 0.0, Status.WRONG)) for one in done]
    scores = policy.score([unweighted(trajectory(rollout)) for rollout in rollouts])
    return statistics.mean(
        abs(ours - theirs)
        for one, found in zip(done, scores, strict=True)
        for ours, theirs in zip(one.sampler_logprobs, found.logprobs, strict=True)
    )


@on_both
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_scores_are_those_of_the_cpu(device, architecture):
    found = [policy_on(where, architecture).score(mixed_samples()) for where in ("cpu", device)]
    for ours, theirs in zip(*found, strict=True):
        assert theirs.logprobs == pytest.approx(ours.logprobs, abs=1e-4)
        assert theirs.entropy == pytest.approx(ours.entropy, abs=1e-4)


@on_both
@pytest.mark.parametrize("budget", [16384, 16], ids=["one pack", "several packs"])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_gradients_are_those_of_the_cpu(device, architecture, budget):
    found = []
    for where in ("cpu", device):
        policy = policy_on(where, architecture, tokens_per_microbatch=budget)
        policy.accumulate(mixed_samples(), nll)
        found.append({name: tensor.cpu() for name, tensor in gradients(policy.model).items()})
    assert distance(found[1], found[0]) < 1e-4


@on_both
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("params", [{}, {"temperature": 0.7, "min_tokens": 6}], ids=["plain", "warm"])
def test_sampler_and_trainer_agree(device, dtype, params):
    assert gap(policy_on(device, dtype=getattr(torch, dtype)), **params) < GAP_LIMIT[dtype]


@on_both
def test_narrow_products_train_and_stay_finite(device):
    policy = policy_on(device)
    policy.compute_in("bfloat16")
    samples = mixed_samples()
    policy.update(samples, nll)
    scores = policy.score(samples)
    assert all(torch.isfinite(torch.tensor(score.logprobs)).all() for score in scores)


@on_both
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_the_same_request_is_answered_the_same(device, dtype):
    policy = policy_on(device, dtype=getattr(torch, dtype))
    first, second = ([one.token_ids for one in make_sampler(policy).sample(requests())] for _ in range(2))
    assert first == second


@on_both
def test_updates_lower_the_loss(device):
    policy = policy_on(device, lr=1e-2)
    losses = [policy.update(mixed_samples(), nll)["loss"] for _ in range(8)]
    assert losses[-1] < losses[0] / 2


@on_both
def test_an_update_is_continued_from_what_was_saved(device, tmp_path):
    policy, other = (policy_on(device, lr=1e-2) for _ in range(2))
    policy.update(mixed_samples(), nll)
    policy.export(tmp_path)
    torch.save(policy.state(), tmp_path / "state.pt")
    other.restore(tmp_path, torch.load(tmp_path / "state.pt", map_location="cpu", weights_only=True))
    for one in (policy, other):
        one.update(mixed_samples(), nll)
    assert distance(dict(other.named_tensors()), dict(policy.named_tensors())) < 1e-5


@on_both
def test_diverged_weights_are_named(device):
    # an index beyond a tensor would end a CUDA process, not raise
    policy = policy_on(device)
    with torch.no_grad():
        policy.head.weight[5, 3] = float("nan")
    with pytest.raises(NonFiniteError, match="its logits are not numbers"):
        list(make_sampler(policy).sample(requests()))
