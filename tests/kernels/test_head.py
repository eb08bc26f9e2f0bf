"""The log-prob head against plain log_softmax over all logits."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from tests.tiny import make_model
from verigrad.kernels import head, head_of, token_divergence, token_logprobs

TOKENS, HIDDEN, VOCABULARY = 7, 5, 11
ENDS = torch.tensor([2, 10])


def make_inputs(*, bias: bool = False, dtype: torch.dtype = torch.float64):
    torch.manual_seed(0)
    linear = nn.Linear(HIDDEN, VOCABULARY, bias=bias, dtype=dtype)
    hidden = torch.randn(TOKENS, HIDDEN, dtype=dtype, requires_grad=True)
    targets = torch.tensor([0, 1, 3, 4, 10, 2, 9])  # ends are targets too, where they are not banned
    temperature = torch.tensor([1.0, 0.5, 0.75, 2.0, 1.0, 0.5, 1.25])
    banned = torch.tensor([True, True, False, True, False, False, False])
    return linear, hidden, targets, temperature, banned


def oracle(linear, hidden, targets, temperature, banned):
    """Token by token, in float64, from the definition."""
    logprobs, entropies = [], []
    for t in range(len(hidden)):
        logits = (linear.weight.double() @ hidden[t].double()) / temperature[t].double()
        if linear.bias is not None:
            logits = logits + linear.bias.double() / temperature[t].double()
        allowed = [v for v in range(len(logits)) if not (banned[t] and v in ENDS)]
        total = torch.stack([logits[v].exp() for v in allowed]).sum()
        p = {v: logits[v].exp() / total for v in allowed}
        logprobs.append(p[int(targets[t])].log())
        entropies.append(-sum(p[v] * p[v].log() for v in allowed))
    return torch.stack(logprobs), torch.stack(entropies)


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("chunk", [1, 3 * VOCABULARY, 2**24], ids=["one token", "three tokens", "all tokens"])
def test_logprobs_and_entropy_equal_the_definition(monkeypatch, bias, chunk):
    monkeypatch.setattr(head, "CHUNK_ELEMENTS", chunk)  # 7 tokens in chunks of 3: the last one is short
    linear, *inputs = make_inputs(bias=bias)
    logprobs, entropy = token_logprobs(inputs[0], linear, *inputs[1:], ENDS)
    expected = oracle(linear, *inputs)
    torch.testing.assert_close(logprobs, expected[0], rtol=0, atol=1e-12)
    torch.testing.assert_close(entropy, expected[1], rtol=0, atol=1e-12)


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("chunk", [1, 3 * VOCABULARY, 2**24], ids=["one token", "three tokens", "all tokens"])
@pytest.mark.parametrize("entropy_counts", [0.0, 1.0], ids=["logprobs", "both"])
def test_gradients_equal_those_of_the_definition(monkeypatch, bias, chunk, entropy_counts):
    monkeypatch.setattr(head, "CHUNK_ELEMENTS", chunk)
    linear, *inputs = make_inputs(bias=bias)
    weights = torch.linspace(-1, 2, TOKENS, dtype=torch.float64)

    def gradients(logprobs, entropy):
        loss = (weights * logprobs).sum() + entropy_counts * (weights.flip(0) * entropy).sum()
        return torch.autograd.grad(loss, [inputs[0], *linear.parameters()])

    ours = gradients(*token_logprobs(inputs[0], linear, *inputs[1:], ENDS))
    theirs = gradients(*oracle(linear, *inputs))
    assert len(ours) == (3 if bias else 2)
    for mine, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine, other, rtol=0, atol=1e-12)


@pytest.mark.parametrize("output", [0, 1], ids=["logprobs", "entropy"])
@pytest.mark.parametrize("bias", [False, True])
def test_gradients_equal_finite_differences(monkeypatch, output, bias):
    monkeypatch.setattr(head, "CHUNK_ELEMENTS", 3 * VOCABULARY)
    linear, hidden, *rest = make_inputs(bias=bias)

    def function(hidden, *parameters):
        other = nn.Linear(HIDDEN, VOCABULARY, bias=bias)
        del other.weight, other.bias
        other.weight, other.bias = parameters[0], parameters[1] if bias else None
        return token_logprobs(hidden, other, *rest, ENDS)[output]

    assert torch.autograd.gradcheck(function, (hidden, *linear.parameters()), eps=1e-6, atol=1e-7)


def test_the_entropy_of_a_uniform_distribution_is_log_v():
    # W = 0: every token has probability 1/11; with two end tokens banned, 1/9
    linear, hidden, targets, temperature, banned = make_inputs()
    nn.init.zeros_(linear.weight)
    logprobs, entropy = token_logprobs(hidden, linear, targets, temperature, banned, ENDS)
    expected = torch.tensor([math.log(9) if flag else math.log(11) for flag in banned], dtype=torch.float64)
    torch.testing.assert_close(entropy, expected)
    torch.testing.assert_close(logprobs, -expected)


def test_two_tokens_by_hand():
    # logits (ln 3, 0): p = (3/4, 1/4); H = −3/4·ln(3/4) − 1/4·ln(1/4) = 0.562335
    # at temperature 1/2 the logits double, (ln 9, 0): p = (9/10, 1/10)
    linear = nn.Linear(1, 2, bias=False, dtype=torch.float64)
    linear.weight.data = torch.tensor([[math.log(3)], [0.0]], dtype=torch.float64)
    hidden, targets = torch.ones(2, 1, dtype=torch.float64), torch.tensor([0, 1])
    logprobs, entropy = token_logprobs(
        hidden, linear, targets, torch.tensor([1.0, 0.5]), torch.tensor([False, False]), torch.tensor([0])
    )
    assert logprobs.tolist() == pytest.approx([math.log(3 / 4), math.log(1 / 10)], abs=1e-14)
    assert entropy[0].item() == pytest.approx(0.562335, abs=1e-6)


def test_a_banned_target_has_probability_zero():
    linear, hidden, _, temperature, banned = make_inputs()
    targets = torch.full((TOKENS,), 2)
    logprobs, entropy = token_logprobs(hidden, linear, targets, temperature, banned, ENDS)
    assert (logprobs == -math.inf).tolist() == banned.tolist()
    assert entropy.isfinite().all()


def test_half_precision_is_computed_in_float32():
    # the product is rounded to bfloat16 (8 bits: 1/256 of a logit below 4), all that follows is not
    linear, hidden, *rest = make_inputs(dtype=torch.bfloat16)
    logprobs, entropy = token_logprobs(hidden, linear, *rest, ENDS)
    assert logprobs.dtype == entropy.dtype == torch.float32
    torch.testing.assert_close(logprobs.double(), oracle(linear, hidden, *rest)[0], rtol=0, atol=4 / 256 * 2)
    logprobs.sum().backward()
    assert hidden.grad.dtype == linear.weight.grad.dtype == torch.bfloat16


@pytest.mark.parametrize("architecture", ["Qwen2", "Gemma"])
def test_head_of_is_the_output_layer_also_where_it_is_tied(architecture):
    model = make_model(architecture, tie_word_embeddings=architecture == "Gemma")
    assert head_of(model) is model.lm_head
    assert (head_of(model).weight is model.get_input_embeddings().weight) == (architecture == "Gemma")


def slow_divergence(linear, reference, hidden, theirs, temperature, banned):
    """From the definition, token by token, over what is allowed."""
    sums = []
    for t in range(len(hidden)):
        allowed = [v for v in range(VOCABULARY) if not (banned[t] and v in ENDS)]
        log_p = (linear(hidden[t]) / temperature[t])[allowed].log_softmax(-1)
        log_q = (reference(theirs[t]) / temperature[t])[allowed].log_softmax(-1)
        sums.append((log_p.exp() * (log_p - log_q)).sum())
    return torch.stack(sums)


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("chunk", [1, 3 * VOCABULARY, 2**24], ids=["one token", "three tokens", "all tokens"])
def test_the_exact_divergence_and_its_gradient_equal_the_definition(monkeypatch, bias, chunk):
    monkeypatch.setattr(head, "CHUNK_ELEMENTS", chunk)
    linear, hidden, _, temperature, banned = make_inputs(bias=bias)
    temperature = temperature.double()
    reference = nn.Linear(HIDDEN, VOCABULARY, bias=bias, dtype=torch.float64)
    theirs = torch.randn(TOKENS, HIDDEN, dtype=torch.float64)
    weights = torch.linspace(-1, 2, TOKENS, dtype=torch.float64)
    inputs = [hidden, *linear.parameters()]
    ours = token_divergence(hidden, linear, theirs, reference, temperature, banned, ENDS)
    slow = slow_divergence(linear, reference, hidden, theirs, temperature, banned)
    torch.testing.assert_close(ours, slow, rtol=0, atol=1e-12)
    found = torch.autograd.grad((weights * ours).sum(), inputs)
    expected = torch.autograd.grad((weights * slow).sum(), inputs)
    for gradient, right in zip(found, expected, strict=True):
        torch.testing.assert_close(gradient, right, rtol=0, atol=1e-12)


def test_a_policy_does_not_diverge_from_itself():
    linear, hidden, _, temperature, banned = make_inputs()
    divergence = token_divergence(hidden, linear, hidden.detach(), linear, temperature, banned, ENDS)
    assert divergence.abs().max() == 0
    assert torch.autograd.grad(divergence.sum(), hidden)[0].abs().max() == 0
