"""Our forward pass of Llama's family against transformers' own modules: hidden states and every gradient."""

from __future__ import annotations

import pytest
import torch

from tests.tiny import make_model, random_ids
from verigrad.kernels import PackedPlan, backbone_of, hidden_states
from verigrad.kernels.decoder import in_family


def gradients(model):
    """Of every parameter of the decoder; the head has none here."""
    return {name: one.grad.clone() for name, one in model.get_decoder().named_parameters()}


@pytest.mark.parametrize("architecture", ["Qwen2", "Qwen3", "Llama", "Mistral"])
def test_states_and_gradients_are_those_of_the_modules(architecture):
    changes = {"sliding_window": None} if architecture == "Mistral" else {}
    model = make_model(architecture, dtype=torch.float64, **changes)
    assert in_family(backbone_of(model))
    ids = torch.tensor(random_ids(9))
    weights = torch.randn(9, 32, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    expected = model.get_decoder()(input_ids=ids[None], use_cache=False).last_hidden_state[0]
    (weights * expected).sum().backward()
    wanted = gradients(model)
    model.zero_grad()
    plan = PackedPlan([9])
    found = hidden_states(backbone_of(model), ids, plan.positions, plan)
    (weights * found).sum().backward()
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)
    for name, gradient in gradients(model).items():
        torch.testing.assert_close(gradient, wanted[name], rtol=0, atol=1e-11)


def test_a_norm_in_float32_rounds_as_little_as_the_modules_own():
    model, exact = make_model(), make_model(dtype=torch.float64)
    ids, plan = torch.tensor(random_ids(9)), PackedPlan([9])
    with torch.no_grad():
        truth = hidden_states(backbone_of(exact), ids, plan.positions, plan)
        ours = hidden_states(backbone_of(model), ids, plan.positions, plan)
        theirs = model.get_decoder()(input_ids=ids[None], use_cache=False).last_hidden_state[0]
    assert (ours - truth).abs().max() <= 2 * (theirs - truth).abs().max() + 1e-6


def test_other_decoders_run_by_their_own_modules():
    assert not in_family(backbone_of(make_model("Gemma")))
