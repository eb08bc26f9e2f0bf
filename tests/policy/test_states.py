"""Optimiser states in 8 bits: near those in full, a quarter of their memory, exactly continued; faults in one line."""

from __future__ import annotations

import copy
import io
import sys

import pytest
import torch

from tests.tiny import distance, make_model, make_policy, mixed_samples
from verigrad.errors import ConfigError

WIDE = {"hidden_size": 64, "intermediate_size": 256}  # tensors of fewer than 4,096 numbers stay in 32 bits


def nll(logprobs, batch):
    return -logprobs


@pytest.fixture
def lean():
    return pytest.importorskip("bitsandbytes", reason="bitsandbytes is not installed: pip install 'verigrad[lean]'")


def trained(states, updates=12):
    policy = make_policy(make_model(**WIDE), lr=3e-3, states=states)
    before = {name: tensor.clone() for name, tensor in policy.named_tensors()}
    nlls = [policy.update(mixed_samples(), nll)["nll"] for _ in range(updates)]
    moved = {name: tensor - before[name] for name, tensor in policy.named_tensors()}
    return policy, moved, nlls


def bytes_of(state) -> int:
    if isinstance(state, torch.Tensor):
        return state.untyped_storage().nbytes()
    return sum(map(bytes_of, state.values())) if isinstance(state, dict) else 0


def moments(policy):
    """The tensors of the states of the widest parameter."""
    parameter = policy.model.model.layers[0].mlp.up_proj.weight
    return policy.optimizer.state[parameter]


def test_in_8_bits_learning_is_nearly_the_same(lean):
    _, full, nlls = trained("full")
    _, narrow, others = trained("8bit")
    assert nlls[-1] < nlls[0] / 2
    assert others[-1] == pytest.approx(nlls[-1], rel=0.1)
    assert 0 < distance(narrow, full) < 0.3


def test_8_bits_take_at_most_three_tenths_of_the_memory(lean):
    sizes = []
    for states in ("full", "8bit"):
        policy, *_ = trained(states, updates=1)
        shared = {"qmap1", "qmap2"}  # one table for all parameters
        sizes.append(bytes_of({name: part for name, part in moments(policy).items() if name not in shared}))
    assert sizes[1] <= 0.3 * sizes[0]


def test_a_continued_update_has_the_same_bits(lean, tmp_path):
    policy, *_ = trained("8bit", updates=3)
    policy.export(tmp_path)
    buffer = io.BytesIO()
    torch.save(policy.state(), buffer)
    buffer.seek(0)
    other = make_policy(make_model(seed=5, **WIDE), lr=3e-3, states="8bit")
    other.restore(tmp_path, copy.deepcopy(torch.load(buffer, weights_only=True)))
    for one in (policy, other):
        for _ in range(2):
            one.update(mixed_samples(), nll)
    for (name, ours), (_, theirs) in zip(policy.named_tensors(), other.named_tensors(), strict=True):
        assert torch.equal(ours, theirs), name


def test_what_is_missing_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "bitsandbytes.optim", None)
    with pytest.raises(ConfigError, match=r"bitsandbytes cannot be imported .*install verigrad\[lean\]"):
        make_policy(states="8bit")
    with pytest.raises(ConfigError, match="moments leave a GPU, and there is none; use full or 8bit"):
        make_policy(states="offloaded")


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
def test_offloaded_states_learn_the_same(lean):
    ours, theirs = (make_policy(make_model(**WIDE).cuda(), lr=3e-3, states=states) for states in ("full", "offloaded"))
    for policy in (ours, theirs):
        for _ in range(5):
            policy.update(mixed_samples(), nll)
    assert distance(dict(theirs.named_tensors()), dict(ours.named_tensors())) < 1e-4
