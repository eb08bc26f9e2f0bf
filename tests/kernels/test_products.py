"""The switch to oneDNN: made only where it costs no digits, and taken back otherwise."""

from __future__ import annotations

import itertools

import pytest
import torch

from verigrad.kernels import fast_products, products

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


def test_other_makers_keep_the_default(monkeypatch, settings):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: ZEN)
    monkeypatch.setattr(products, "_made_by_amd", lambda: False)
    assert not fast_products()
    assert settings.fp32_precision == "ieee"


@pytest.mark.parametrize(("errors", "switched"), [([1e-7, 1e-7, 1e-7], True), ([1e-7, 1e-7, 4e-3], False)])
def test_a_product_that_loses_digits_takes_the_switch_back(monkeypatch, settings, errors, switched):
    # bfloat16 has 8 bits: a product rounded to it is wrong by some 2^-9 = 2e-3
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: ZEN)
    monkeypatch.setattr(products, "_made_by_amd", lambda: True)
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
