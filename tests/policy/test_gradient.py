"""What is trained: the sampled tokens, all of them, and nothing else; however the batch is cut."""

from __future__ import annotations

import random
from unittest.mock import patch

import pytest
import torch

from tests.tiny import (
    ARCHITECTURES,
    END_ID,
    distance,
    gradients,
    make_model,
    make_policy,
    make_sample,
    make_tokenizer,
    mixed_samples,
    random_ids,
    slow_scores,
)
from verigrad.kernels import hidden_states
from verigrad.policy import Toward


def nll(logprobs, batch):
    return -logprobs


def weighted_square(logprobs, batch):
    """A loss that is not linear and uses a stream, so that a token in the wrong place would be seen."""
    return (batch.streams["advantages"] * logprobs - 1) ** 2


def touched(rows):
    """The places whose row is not zero."""
    return rows.abs().sum(-1).nonzero()[:, 0].tolist()


def accumulated(policy, samples, loss=nll):
    """Gradient of every parameter, and of the loss in each final hidden state, one row per token of each pack."""
    states = []

    def kept(*arguments):
        states.append(hidden_states(*arguments))
        states[-1].retain_grad()
        return states[-1]

    policy.model.zero_grad(set_to_none=True)
    with patch("verigrad.policy.policy.hidden_states", kept):
        policy.accumulate(samples, loss)
    return gradients(policy.model), [state.grad for state in states]


def test_the_gradient_in_the_logits_is_zero_but_where_a_sampled_token_is_predicted():
    # Places of the two sequences, longest first; "^" predicts a sampled token, "." none:
    #   0-5  prompt p0 p1 p2, response r0 r1 END    . . ^ ^ ^ .    END itself predicts nothing
    #   6-7  prompt q0, response s0                 ^ .            and whatever padding comes behind: nothing
    policy = make_policy(make_model(dtype=torch.float64))
    samples = [make_sample((10, 11, 12), (13, 14, END_ID)), make_sample((20,), (21,))]
    (rows,) = accumulated(policy, samples)[1]
    assert touched(rows) == [2, 3, 4, 6]
    # the same by the oracle, all logits in hand: ∂loss/∂logits = π − 1[v = y] at those places and 0 elsewhere
    logits = policy.model(input_ids=torch.tensor([samples[0].trajectory.token_ids])).logits[0].detach().requires_grad_()
    (-logits[2:5].log_softmax(-1)[range(3), [13, 14, END_ID]]).sum().backward()
    assert touched(logits.grad) == [2, 3, 4]
    torch.testing.assert_close(rows[:6], logits.grad @ policy.head.weight.detach(), rtol=0, atol=1e-10)


def test_a_prompt_is_context_and_not_a_target():
    # weight 1 everywhere: it is the mask that keeps the prompt out, not the weights
    policy = make_policy(make_model(dtype=torch.float64))
    sample = make_sample((10, 11, 12), (13, 14))
    everywhere = type(sample)(sample.trajectory, (1.0,) * 5)
    torch.testing.assert_close(accumulated(policy, [everywhere]), accumulated(policy, [sample]), rtol=0, atol=0)


def test_a_neighbour_in_the_pack_changes_no_gradient():
    # a neighbour of weight 0 is in every tensor of the pack and must add exactly nothing
    policy = make_policy(make_model(dtype=torch.float64))
    sample = make_sample(random_ids(5), random_ids(6, seed=1))
    neighbours = [make_sample(random_ids(n, seed=n), random_ids(n, seed=9), weight=0.0) for n in (2, 8)]
    expected, _ = accumulated(policy, [sample])
    ours, (rows,) = accumulated(policy, [neighbours[0], sample, neighbours[1]])
    assert distance(ours, expected) < 1e-12
    assert touched(rows) == list(range(20, 26))  # 16 + 4 tokens of the longest and of the own prompt before


@pytest.mark.parametrize("pad_is_end", [False, True], ids=["own pad", "pad is end"])
@pytest.mark.parametrize("ending", ["</answer>", "</answer>\n", END_ID], ids=["stop", "stop inside a token", "end"])
def test_how_a_response_stops_is_trained(pad_is_end, ending):
    tokenizer = make_tokenizer(pad_is_end=pad_is_end)
    assert (tokenizer.pad_token_id == END_ID) == pad_is_end
    ids = (END_ID,) if ending == END_ID else tuple(tokenizer(ending)["input_ids"])
    sample = make_sample((1, 2, 3), (*tokenizer("<answer>7")["input_ids"], *ids), min_tokens=4)
    policy = make_policy(pad_is_end=pad_is_end, lr=1e-3)
    (rows,) = accumulated(policy, [sample, make_sample((1,), (2,), weight=0.0)])[1]
    stop = slice(len(sample.weights) - len(ids) - 1, len(sample.weights) - 1)  # predictors of the ending's tokens
    assert (rows[stop].abs().sum(-1) > 0).all()
    before = policy.score([sample])[0].logprobs[-len(ids) :]
    policy.update([sample], nll)
    after = policy.score([sample])[0].logprobs[-len(ids) :]
    assert all(new > old for new, old in zip(after, before, strict=True))


@pytest.mark.parametrize("loss", [nll, weighted_square])
@pytest.mark.parametrize("budget", [1, 13, 25, 10_000])
def test_cutting_into_microbatches_changes_no_gradient(loss, budget):
    samples = mixed_samples()
    policy = make_policy(make_model(dtype=torch.float64), tokens_per_microbatch=10_000)
    expected, packs = accumulated(policy, samples, loss)
    assert len(packs) == 1
    policy.tokens_per_microbatch = budget
    random.Random(budget).shuffle(samples)
    ours, packs = accumulated(policy, samples, loss)
    assert len(packs) == {1: 7, 10_000: 1}.get(budget, len(packs))
    assert 1 < len(packs) < 7 or budget in (1, 10_000)
    assert distance(ours, expected) < 1e-12


@pytest.mark.parametrize("budget", [13, 10_000])
def test_the_exact_divergence_from_a_reference_joins_the_gradient(budget):
    # oracle: all logits of both models, sequence by sequence
    policy, reference = (make_policy(make_model(dtype=torch.float64, seed=seed)) for seed in (0, 1))
    policy.tokens_per_microbatch = budget
    samples = mixed_samples(temperature=0.75)
    policy.model.zero_grad()
    policy.accumulate(samples, nll, toward=Toward(reference, 0.3))
    ours = gradients(policy.model)
    policy.model.zero_grad()
    for sample in samples:
        track = sample.trajectory
        ids, start = torch.tensor([track.token_ids]), track.sampled.index(True)
        log_p, log_q = (
            (one.model(input_ids=ids).logits[0, start - 1 : -1] / 0.75).log_softmax(-1) for one in (policy, reference)
        )
        chosen = log_p.gather(1, ids[0, start:, None])[:, 0]
        divergence = (log_p.exp() * (log_p - log_q.detach())).sum(-1)
        weights = torch.tensor(sample.weights[start:], dtype=torch.float64)
        (weights * (0.3 * divergence - chosen)).sum().backward()
    assert distance(ours, gradients(policy.model)) < 1e-10
    assert all(parameter.grad is None for parameter in reference.model.parameters())


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_in_float32_only_rounding_depends_on_the_microbatches(architecture):
    policy = make_policy(make_model(architecture))
    expected, _ = accumulated(policy, mixed_samples())
    policy.tokens_per_microbatch = 1
    assert distance(accumulated(policy, mixed_samples()[::-1])[0], expected) < 1e-6


@pytest.mark.parametrize("settings", [{}, {"temperature": 0.75, "min_tokens": 1}], ids=str)
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_gradient_equals_that_of_plain_forward_passes(architecture, settings):
    # every parameter, embeddings and norms included; Gemma's head is tied, so both its uses add up
    policy = make_policy(make_model(architecture, dtype=torch.float64), tokens_per_microbatch=20)
    samples = [sample for sample in mixed_samples(**settings) if sum(sample.trajectory.sampled) > 1]
    ours, _ = accumulated(policy, samples)
    policy.model.zero_grad(set_to_none=True)
    (-sum(sample.weights[-1] * slow_scores(policy.model, sample)[0].sum() for sample in samples)).backward()
    assert distance(ours, gradients(policy.model)) < 1e-11


def test_sums_are_over_the_trained_tokens_of_all_microbatches():
    policy = make_policy(make_model(dtype=torch.float64), tokens_per_microbatch=13)
    samples = mixed_samples()
    sums = policy.accumulate(samples, nll)
    with torch.no_grad():
        scores = [slow_scores(policy.model, sample) for sample in samples]
    assert sums["trained_tokens"] == 4 + 1 + 9 + 7 + 3 + 7 + 2
    assert sums["nll"] == pytest.approx(-sum(logprobs.sum().item() for logprobs, _ in scores), abs=1e-10)
    assert sums["entropy"] == pytest.approx(sum(entropy.sum().item() for _, entropy in scores), abs=1e-10)
    assert sums["loss"] == pytest.approx(sums["nll"] / 33, abs=1e-12)  # each weight is 1/33


@pytest.mark.parametrize("budget", [24, 10_000])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_sequences_that_begin_alike_have_the_gradient_of_plain_forward_passes(architecture, budget):
    # first tokens in common, equal responses of other weights and settings, a prompt that begins as another does
    policy = make_policy(make_model(architecture, dtype=torch.float64), tokens_per_microbatch=budget)
    prompt, first = random_ids(6), random_ids(4, seed=1)
    responses = [first, first, (*first, 5), (*first[:2], 9, 8), first[:1], (7, 7)]
    samples = [make_sample(prompt, ids, weight=0.1 * (n + 1)) for n, ids in enumerate(responses)]
    samples += [make_sample(prompt[:3], first), make_sample(prompt, first, temperature=0.5, min_tokens=2)]
    ours, packs = accumulated(policy, samples)
    assert len(packs) == (1 if budget == 10_000 else 3)  # of two different sequences at most
    policy.model.zero_grad(set_to_none=True)
    (-sum(sample.weights[-1] * slow_scores(policy.model, sample)[0].sum() for sample in samples)).backward()
    assert distance(ours, gradients(policy.model)) < 1e-11
