"""Adapters: the same policy merged and beside, only they are trained, and peft's own forward and files agree."""

from __future__ import annotations

import copy
import json
import sys

import pytest
import torch

from tests.tiny import (
    ARCHITECTURES,
    END_ID,
    distance,
    make_model,
    make_policy,
    make_request,
    make_sample,
    mixed_samples,
    slow_scores,
)
from verigrad.algorithms.score import trajectory, unweighted
from verigrad.api import load_policy
from verigrad.cli.main import BAD_USAGE, main
from verigrad.config.schema import Lora
from verigrad.errors import ConfigError
from verigrad.samplers import LocalSampler
from verigrad.types import Grade, Rollout, Status

peft = pytest.importorskip("peft")

LORA = Lora(rank=4, alpha=8.0)


def nll(logprobs, batch):
    return -logprobs


def adapted(model=None, *, lora=LORA, seed=0, moved=True, **optimizer):
    """A policy with adapters; `moved`: they add something already, as after some updates."""
    policy = make_policy(model, **optimizer)
    policy.adapt(lora, seed)
    if moved:
        generator = torch.Generator().manual_seed(1)
        for _, tensor in policy.trained_tensors():
            tensor.copy_(torch.randn(tensor.shape, generator=generator).to(tensor.dtype) * 0.1)
    return policy


def merged_policy(policy, model):
    """Another policy, without adapters, that has been given the merged weights."""
    other = make_policy(model)
    other.load_weights(dict(policy.named_tensors()))
    return other


def test_adapters_begin_by_adding_nothing_and_depend_on_the_seed():
    policy, again, other = (adapted(make_model(), seed=seed, moved=False) for seed in (3, 3, 4))
    assert policy.score(mixed_samples()) == make_policy(make_model()).score(mixed_samples())
    ours, same, different = (dict(p.trained_tensors()) for p in (policy, again, other))
    assert all(torch.equal(ours[name], same[name]) for name in ours)
    assert any(not torch.equal(ours[name], different[name]) for name in ours)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_merged_weights_give_the_log_probs_of_the_adapters(architecture):
    policy = adapted(make_model(architecture))
    other = merged_policy(policy, make_model(architecture, seed=9))
    plain = make_policy(make_model(architecture)).score(mixed_samples())
    ours, theirs = policy.score(mixed_samples()), other.score(mixed_samples())
    for sample, one, merged, before in zip(mixed_samples(), ours, theirs, plain, strict=True):
        assert one.logprobs == pytest.approx(merged.logprobs, abs=1e-4)
        assert one.logprobs != pytest.approx(before.logprobs, abs=1e-2)
        oracle = slow_scores(policy.model, sample)[0].tolist()  # peft's modules in transformers' own forward pass
        assert one.logprobs == pytest.approx(oracle, abs=1e-4)


def test_what_is_sampled_with_adapters_and_with_merged_weights_is_the_same_policy():
    policy = adapted(make_model())
    other = merged_policy(policy, make_model(seed=9))
    beside = LocalSampler(policy.model, decode=policy.decode, end_ids=policy.end_ids, shared=True)
    apart = LocalSampler(other.model, decode=other.decode, end_ids=other.end_ids)
    with torch.no_grad():
        for parameter in other.model.parameters():
            parameter.zero_()  # so that what is sampled can only come from `load`
    for sampler in (beside, apart):
        sampler.load(1, policy.named_tensors())
    requests = [make_request((1, 2, 3), rollout=n, max_tokens=12) for n in range(16)]
    grade = Grade(0.0, 0.0, 0.0, Status.WRONG)
    for sampler in (beside, apart):
        completions = list(sampler.sample(requests))
        assert len({completion.token_ids for completion in completions}) > 8
        scores = policy.score([unweighted(trajectory(Rollout(one, grade))) for one in completions])
        for completion, score in zip(completions, scores, strict=True):
            assert completion.sampler_logprobs == pytest.approx(score.logprobs, abs=1e-4)


def test_many_syncs_add_no_rounding():
    policy = adapted(make_model())
    first = {name: tensor.clone() for name, tensor in policy.model.named_parameters()}
    expected = dict(policy.named_tensors())
    for _ in range(5):
        again = dict(policy.named_tensors())
    assert all(torch.equal(again[name], expected[name]) for name in expected)
    assert all(torch.equal(tensor, first[name]) for name, tensor in policy.model.named_parameters())


@pytest.mark.parametrize("checkpoint", [False, True], ids=["kept", "computed again"])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_gradients_are_those_of_peft_s_own_forward(architecture, checkpoint):
    if checkpoint and architecture == "Gemma":
        pytest.skip("computing again is for our own decoder")
    policy = adapted(make_model(architecture, dtype=torch.float64))
    for _, tensor in policy.trained_tensors():
        assert tensor.dtype == torch.float64
    policy.compute_in("same", checkpoint)
    policy.accumulate(mixed_samples(), nll)
    ours = {name: p.grad.clone() for name, p in policy.model.named_parameters() if p.requires_grad}
    assert {name for name, p in policy.model.named_parameters() if p.grad is not None} == set(ours)
    policy.model.zero_grad()
    for sample in mixed_samples():
        logprobs = slow_scores(policy.model, sample)[0]
        (-sum(sample.weights) / len(logprobs) * logprobs.sum()).backward()
    theirs = {name: p.grad for name, p in policy.model.named_parameters() if p.requires_grad}
    assert distance(ours, theirs) < 1e-6
    assert len(ours) == 2 * 7 * 2  # A and B of seven products in two layers


def test_narrow_models_have_wide_adapters_that_learn():
    policy = adapted(make_model(dtype=torch.bfloat16), lr=1e-2)
    assert {tensor.dtype for _, tensor in policy.trained_tensors()} == {torch.float32}
    sample = make_sample((1, 2, 3), (4, 5, END_ID), weight=1 / 3)
    nlls = [policy.update([sample], nll)["nll"] for _ in range(8)]
    assert nlls[-1] < nlls[0] - 0.5
    assert {tensor.dtype for _, tensor in policy.named_tensors()} == {torch.bfloat16}


def test_an_update_changes_the_adapters_alone():
    policy = adapted(make_model(), lr=1e-2)
    before = {name: tensor.clone() for name, tensor in policy.model.named_parameters()}
    policy.update(mixed_samples(), nll)
    for name, tensor in policy.model.named_parameters():
        assert torch.equal(tensor, before[name]) == (".lora_" not in name), name
    assert len(policy.optimizer.state_dict()["state"]) == 2 * 7 * 2


def test_a_checkpoint_is_a_whole_model_an_adapter_and_an_exact_continuation(tmp_path):
    policy = adapted(make_model(), lr=1e-2)
    policy.update(mixed_samples(), nll)
    policy.export(tmp_path)
    state = copy.deepcopy(policy.state())
    whole = load_policy(str(tmp_path), device="cpu")
    assert not (tmp_path / "adapter" / "model.safetensors").exists()
    names = {name for name, _ in make_policy(make_model()).named_tensors()}
    assert {name for name, _ in whole.named_tensors()} == names
    for one, merged in zip(policy.score(mixed_samples()), whole.score(mixed_samples()), strict=True):
        assert one.logprobs == pytest.approx(merged.logprobs, abs=1e-4)
    theirs = peft.PeftModel.from_pretrained(make_model(), tmp_path / "adapter")
    assert json.loads((tmp_path / "adapter" / "adapter_config.json").read_text())["r"] == 4
    for sample, one in zip(mixed_samples(), policy.score(mixed_samples()), strict=True):
        assert one.logprobs == pytest.approx(slow_scores(theirs, sample)[0].tolist(), abs=1e-5)
    other = adapted(make_model(), seed=5, lr=1e-2)
    other.restore(tmp_path, state)
    assert other.updates == 1
    for one in (policy, other):
        one.update(mixed_samples(), nll)
    for (name, ours), (_, mine) in zip(other.trained_tensors(), policy.trained_tensors(), strict=True):
        assert torch.equal(ours, mine), name


RUN = [
    *("configs/tiny/expert_iteration.toml", "--model.device", "cpu", "--model.lora.rank", "8"),
    *("--algorithm.questions_per_step", "32", "--algorithm.rollouts_per_question", "4", "--optimizer.lr", "0.003"),
    *("--eval.problems", "32", "--log.generations", "0"),
]


def weights_of(directory):
    return dict(load_policy(str(directory), device="cpu").named_tensors())


@pytest.mark.parametrize("restart", ["last", "base"])
def test_a_run_that_is_continued_is_the_one_that_was_not_interrupted(tmp_path, restart):
    words = [*RUN, "--algorithm.restart", restart]
    assert main(["train", *words, "--algorithm.steps", "3", "--run.dir", str(tmp_path / "whole")]) == 0
    parts = [*words, "--run.dir", str(tmp_path / "parts")]
    assert main(["train", *parts, "--algorithm.steps", "3", "--run.max_minutes", "0.0001"]) == 0
    assert (tmp_path / "parts" / "checkpoints" / "latest").read_text() == "step_000001\n"
    assert main(["train", *parts, "--algorithm.steps", "3"]) == 0
    ours, theirs = weights_of(tmp_path / "whole"), weights_of(tmp_path / "parts")
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_faults_are_one_line(tmp_path, capsys, monkeypatch):
    words = ["train", *RUN, "--run.dir", str(tmp_path / "run")]
    assert main([*words, "--model.lora.targets", '["q_proj", "query"]']) == BAD_USAGE
    complaint = capsys.readouterr().err
    assert "model.lora.targets has 'query', which is no product of Qwen2ForCausalLM's layers" in complaint
    assert "q_proj" in complaint and complaint.count("\n") == 1
    monkeypatch.setitem(sys.modules, "peft", None)
    assert main(words) == BAD_USAGE
    assert "peft is not installed; install verigrad[lora]" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_a_policy_keeps_the_adapters_that_it_has():
    policy = adapted(make_model())
    policy.adapt(LORA, 0)
    with pytest.raises(ConfigError, match=r"adapters of rank 4: give their settings in model\.lora"):
        policy.adapt(Lora(rank=8), 0)
