"""Narrow products with float32 weights, and activations that are computed again: the same policy, less memory."""

from __future__ import annotations

import pytest
import torch

from tests.tiny import gradients, make_model, make_policy, make_request, mixed_samples, random_ids
from verigrad.algorithms.score import trajectory, unweighted
from verigrad.errors import ConfigError
from verigrad.policy import pack
from verigrad.samplers import LocalSampler
from verigrad.types import Grade, Rollout, Status


def nll(logprobs, batch):
    return -logprobs


def gradient(policy, samples):
    policy.model.zero_grad()
    policy.accumulate(samples, nll)
    return gradients(policy.model)


def flat(tensors):
    return torch.cat([tensor.flatten() for tensor in tensors.values()])


@pytest.mark.parametrize("architecture", ["Qwen2", "Qwen3", "Llama", "Mistral"])
def test_checkpointed_activations_change_no_bit(architecture):
    policy = make_policy(make_model(architecture, **({"sliding_window": None} if architecture == "Mistral" else {})))
    plain, samples = gradient(policy, mixed_samples()), mixed_samples()
    policy.compute_in("same", checkpoint=True)
    again = gradient(policy, samples)
    assert all(torch.equal(again[name], tensor) for name, tensor in plain.items())
    assert policy.score(samples) == make_policy(policy.model).score(samples)


def test_checkpointed_activations_keep_less():
    def kept(checkpoint):
        """Bytes that a forward pass leaves for the backward one."""
        policy = make_policy()
        policy.compute_in("same", checkpoint)
        (batch,) = pack(mixed_samples(), 16384)
        saved = []

        def keep(tensor):
            saved.append(tensor)  # held, so that no two have one place
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            hidden = policy._hidden(batch)
        assert hidden.requires_grad
        return sum({t.untyped_storage().data_ptr(): t.untyped_storage().nbytes() for t in saved}.values())

    assert kept(True) < kept(False) / 2


def test_bfloat16_products_with_float32_weights():
    policy, exact = make_policy(lr=1e-6), make_policy(lr=1e-6)
    policy.compute_in("bfloat16")
    samples = mixed_samples()
    for ours, theirs in zip(policy.score(samples), exact.score(samples), strict=True):
        assert ours.logprobs == pytest.approx(theirs.logprobs, abs=0.3)  # 8 bits of products, in a sharp model
        assert ours.logprobs != theirs.logprobs
    narrow, wide = flat(gradient(policy, samples)), flat(gradient(exact, samples))
    assert torch.nn.functional.cosine_similarity(narrow, wide, dim=0) > 0.99
    assert {parameter.dtype for parameter in policy.model.parameters()} == {torch.float32}
    before = [parameter.detach().clone() for parameter in policy.model.parameters()]
    policy.update(samples, nll)
    moved = [not torch.equal(p, q) for p, q in zip(policy.model.parameters(), before, strict=True)]
    assert all(moved), "an update of 1e-6 survives in float32; bfloat16 weights would round it away"
    states = policy.optimizer.state_dict()["state"].values()
    assert {state["exp_avg"].dtype for state in states} == {torch.float32}


@pytest.mark.parametrize("compute", ["same", "bfloat16"])
def test_the_sampler_makes_its_products_in_the_same_type(compute):
    policy = make_policy()
    policy.compute_in(compute)
    model = policy.model
    sampler = LocalSampler(model, decode=policy.decode, end_ids=policy.end_ids, slots=8, compute=compute)
    requests = [
        make_request(random_ids(3 + q, seed=q), question=q, rollout=r, max_tokens=12)
        for q in range(3)
        for r in range(4)
    ]
    gaps = []
    for completion in sampler.sample(requests):
        rollout = Rollout(completion, Grade(0.0, 0.0, 0.0, Status.WRONG))
        (score,) = policy.score([unweighted(trajectory(rollout))])
        gaps += [abs(a - b) for a, b in zip(score.logprobs, completion.sampler_logprobs, strict=True)]
    assert sum(gaps) / len(gaps) < (1e-5 if compute == "same" else 5e-2)
    assert sampler._cache.own.dtype == (torch.float32 if compute == "same" else torch.bfloat16)


def test_other_decoders_are_refused():
    policy = make_policy(make_model("Gemma"))
    for arguments in (("bfloat16",), ("same", True)):
        with pytest.raises(
            ConfigError, match=r"GemmaForCausalLM: model\.compute and .* \(Llama, Mistral, Qwen2, Qwen3\)"
        ):
            policy.compute_in(*arguments)
