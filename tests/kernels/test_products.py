"""The switch to oneDNN: made only where it costs no digits, and taken back otherwise."""

from __future__ import annotations

import itertools

import pytest
import torch

from tests.tiny import make_model, make_policy, random_ids
from verigrad.kernels import PackedPlan, backbone_of, fast_products, hidden_states, products

ZEN = {"avx512_f": True, "amx_tile": False}


@pytest.fixture
def settings(monkeypatch):
    found = torch.backends.mkldnn.matmul
    before = found.fp32_precision
    found.fp32_precision = "ieee"
    yield found
    found.fp32_precision = before


@pytest.mark.parametrize("capabilities", [{}, {"avx512_f": True, "amx_tile": True}], ids=["no AVX-512", "AMX"])
def test_other_processors_keep_the_default(monkeypatch, settings, capabilities):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)
    assert not fast_products()
    assert settings.fp32_precision == "ieee"


def test_a_library_that_is_no_faster_is_not_taken(monkeypatch, settings):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: ZEN)
    times = {"bf16": 0.9, "ieee": 1.0}  # 1.1 times as fast; 1.3 is asked for
    monkeypatch.setattr(products, "_seconds", lambda *pair: times[settings.fp32_precision])
    assert not fast_products()
    assert settings.fp32_precision == "ieee"


@pytest.mark.parametrize(("errors", "switched"), [([1e-7, 1e-7, 1e-7], True), ([1e-7, 1e-7, 4e-3], False)])
def test_a_product_that_loses_digits_takes_the_switch_back(monkeypatch, settings, errors, switched):
    # bfloat16 has 8 bits: a product rounded to it is wrong by some 2^-9 = 2e-3
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: ZEN)
    times = {"bf16": 0.5, "ieee": 1.0}
    monkeypatch.setattr(products, "_seconds", lambda *pair: times[settings.fp32_precision])
    found = iter(errors)
    monkeypatch.setattr(products, "_error", lambda *shape: next(found))
    assert fast_products() == switched
    assert settings.fp32_precision == ("bf16" if switched else "ieee")


def test_the_error_is_that_of_the_arithmetic_in_use(monkeypatch):
    assert products._error(16, 32, 8) < 1e-6
    linear = torch.nn.functional.linear
    monkeypatch.setattr(torch.nn.functional, "linear", lambda x, w: linear(x.bfloat16(), w.bfloat16()).float())
    assert products._error(16, 32, 8) > 1e-3


def test_products_are_exact_to_float32_here_whichever_way_it_went(settings):
    fast_products()
    draw = torch.Generator().manual_seed(0)
    for rows, inner, columns in itertools.product((1, 7, 64, 300), (8, 128, 352), (32, 272)):
        left, right = torch.randn(rows, inner, generator=draw), torch.randn(columns, inner, generator=draw)
        exact = left.double() @ right.double().T
        for product in (left @ right.T, (right @ left.T).T, torch.nn.functional.linear(left, right)):
            assert ((product - exact).abs().max() / exact.abs().max()).item() < 2e-6


@pytest.mark.parametrize(("narrow_seconds", "faster"), [(0.5, True), (0.8, False), (8.0, False)])
def test_the_narrow_type_is_taken_where_it_is_half_as_fast_again(monkeypatch, narrow_seconds, faster):
    seconds = {torch.float32: 1.0, torch.bfloat16: narrow_seconds}
    monkeypatch.setattr(products, "_seconds", lambda left, right: seconds[left.dtype])
    assert products.narrow_is_faster(64, 128, torch.device("cpu")) is faster


def test_a_policy_computes_in_what_was_found_faster(monkeypatch):
    policy = make_policy(make_model("Llama"))
    for faster, compute in ((True, "bfloat16"), (False, "same")):
        monkeypatch.setattr("verigrad.policy.policy.narrow_is_faster", lambda *shape, found=faster: found)
        policy.compute_in("auto")
        assert policy.compute == compute
    other = make_policy(make_model("Gemma"))  # its decoder is not one of ours, and computes in one type only
    monkeypatch.setattr("verigrad.policy.policy.narrow_is_faster", lambda *shape: True)
    other.compute_in("auto")
    assert other.compute == "same"


@torch.no_grad()
def test_weights_rounded_once_give_what_rounding_them_for_every_product_gives():
    model = make_model("Llama")
    backbone, ids = backbone_of(model), torch.tensor(random_ids(11))
    plan = PackedPlan([11])
    narrow = products.NarrowCopy(backbone, "bfloat16")

    def states(module):
        with products.computing("bfloat16", torch.device("cpu")):
            return hidden_states(module, ids, plan.positions, plan)

    assert torch.equal(states(narrow.backbone), states(backbone))
    assert not torch.equal(states(backbone), hidden_states(backbone, ids, plan.positions, plan))
    backbone.layers[0].mlp.up_proj.weight.mul_(2.0)
    assert not torch.equal(states(narrow.backbone), states(backbone))
    narrow.refresh()
    assert torch.equal(states(narrow.backbone), states(backbone))
    assert narrow.backbone.embed_tokens.weight is backbone.embed_tokens.weight
