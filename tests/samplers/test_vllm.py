"""The real vLLM engine: weights arrive whole, log-probs are the trainer's, and a sync that fails is seen at once."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
import torch

from tests.tiny import make_completion, make_model, make_policy, make_request, random_ids
from verigrad.algorithms.score import trajectory, unweighted
from verigrad.api import load_policy
from verigrad.cli.main import BAD_USAGE, STOPPED, main
from verigrad.config.schema import Vllm
from verigrad.errors import ConfigError, DataError, SamplerDrift
from verigrad.samplers import LocalSampler, VllmSampler
from verigrad.types import Grade, Rollout, Status

try:
    import vllm
except ImportError:
    vllm = None

engine = pytest.mark.skipif(vllm is None, reason="vLLM is not installed here; `make test` runs these in .venv-vllm")


def make_vllm(policy, **settings):
    return VllmSampler(
        policy.model.config,
        policy.model.generation_config,
        policy.tokenizer,
        decode=policy.decode,
        end_ids=policy.end_ids,
        slots=64,
        dtype="float32",
        shared=True,
        settings=Vllm(cache_gib=1, **settings),
    )


@pytest.fixture(scope="module")
def embedded():
    """A policy on the embedded model, whose head is its embedding, and an engine that has its weights."""
    policy = load_policy("embedded:chains", device="cpu")
    sampler = make_vllm(policy)
    yield policy, sampler
    sampler.close()


def gap(policy, sampler, **params) -> float:
    """Largest |Δ log p| (nats) between engine and trainer over the tokens of 32 responses."""
    prompt = policy.encode_prompt("8-3+5=<think>")
    requests = [make_request(prompt, rollout=n, max_tokens=40, **params) for n in range(32)]
    completions = list(sampler.sample(requests))
    grade = Grade(0.0, 0.0, 0.0, Status.WRONG)
    scores = policy.score([unweighted(trajectory(Rollout(completion, grade))) for completion in completions])
    return max(
        abs(ours - theirs)
        for completion, score in zip(completions, scores, strict=True)
        for ours, theirs in zip(score.logprobs, completion.sampler_logprobs, strict=True)
    )


@engine
def test_every_weight_arrives(embedded):
    policy, sampler = embedded
    torch.manual_seed(0)
    first = {name: tensor.clone() for name, tensor in policy.named_tensors()}
    try:
        for version, noise in enumerate((0.0, 0.02, 0.05)):
            with torch.no_grad():
                for _, tensor in policy.named_tensors():
                    tensor += noise * torch.randn_like(tensor)
            if noise:
                assert gap(policy, sampler) > 0.01  # what a sync that does nothing would leave
            sampler.load(version, policy.named_tensors())
            assert gap(policy, sampler) < 1e-4
            assert gap(policy, sampler, temperature=0.7, min_tokens=6) < 1e-4
    finally:
        policy.load_weights(first)


@engine
@pytest.mark.parametrize("name", [name for name, _ in load_policy("embedded:chains", device="cpu").named_tensors()])
def test_each_single_weight_arrives(embedded, name):
    policy, sampler = embedded
    tensor = dict(policy.named_tensors())[name]
    before = tensor.clone()
    sampler.load(0, policy.named_tensors())
    try:
        generator = torch.Generator().manual_seed(1)
        tensor += torch.randn(tensor.shape, generator=generator) * (0.5 if tensor.dim() == 1 else 0.1)
        sampler.load(1, policy.named_tensors())
        assert gap(policy, sampler) < 1e-4
    finally:
        tensor.copy_(before)


@engine
def test_a_prompt_longer_than_the_context_is_named(embedded):
    policy, sampler = embedded
    with pytest.raises(DataError, match=f"its prompt has {policy.context} tokens and the model's context"):
        list(sampler.sample([make_request((5,) * policy.context)]))


@engine
def test_weights_are_refused_while_responses_are_drawn(embedded):
    policy, sampler = embedded
    sampler.load(0, policy.named_tensors())
    prompt = policy.encode_prompt("8-3+5=<think>")
    answers = sampler.sample([make_request(prompt, rollout=n, max_tokens=5 + 30 * n) for n in range(2)])
    next(answers)
    with pytest.raises(SamplerDrift, match="close the generator"):
        sampler.load(1, policy.named_tensors())
    answers.close()
    sampler.load(1, policy.named_tensors())


@engine
def test_greedy_answers_have_log_prob_0_and_are_the_local_sampler_s(embedded):
    policy, sampler = embedded
    sampler.load(0, policy.named_tensors())
    local = LocalSampler(policy.model, decode=policy.decode, end_ids=policy.end_ids)
    requests = [
        make_request(policy.encode_prompt(f"{n}-3+5=<think>"), question=n, max_tokens=40, temperature=0.0)
        for n in range(4, 9)
    ]
    ours, theirs = ({c.request.key: c for c in s.sample(requests)} for s in (local, sampler))
    assert {key: c.token_ids for key, c in ours.items()} == {key: c.token_ids for key, c in theirs.items()}
    assert all(set(completion.sampler_logprobs) == {0.0} for completion in theirs.values())


SMALL_RUN = [
    "configs/tiny/expert_iteration.toml",
    *("--sampler.engine", "vllm", "--sampler.vllm.cache_gib", "1", "--model.device", "cpu"),
    *("--algorithm.questions_per_step", "64", "--eval.problems", "64", "--eval.greedy", "false"),
    *("--log.generations", "0"),
]  # fmt: skip


@engine
def test_a_planted_stale_sync_stops_the_run(tmp_path, monkeypatch, capsys):
    copy = VllmSampler._copy

    def first_only(model, tensors):
        tensors = list(tensors)
        if not hasattr(model, "filled"):
            copy(model, tensors)
            model.filled = True

    monkeypatch.setattr(VllmSampler, "_copy", staticmethod(first_only))
    assert main(["train", *SMALL_RUN, "--run.dir", str(tmp_path / "run")]) == STOPPED
    complaint = capsys.readouterr().err.strip().splitlines()[-1]
    assert complaint.startswith("verigrad: stopped: step 2: sampler and trainer differ by ")
    assert "the sampler holds old weights" in complaint and "sampler.engine = 'local'" in complaint
    steps = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in steps if line["kind"] == "step"] == [1]  # nothing was trained on stale responses


@engine
@pytest.mark.slow
def test_expert_iteration_learns_with_vllm_as_with_the_local_sampler(tmp_path):
    accuracies = {}
    for name in ("local", "vllm"):
        words = [
            *SMALL_RUN,
            "--algorithm.steps",
            "2",
            "--algorithm.questions_per_step",
            "256",
            "--eval.problems",
            "512",
        ]
        assert main(["train", *words, "--sampler.engine", name, "--run.dir", str(tmp_path / name)]) == 0
        lines = [json.loads(line) for line in (tmp_path / name / "eval.jsonl").read_text().splitlines()]
        accuracies[name] = [(line["accuracy_low"], line["accuracy"], line["accuracy_high"]) for line in lines]
        gaps = [json.loads(line) for line in (tmp_path / name / "metrics.jsonl").read_text().splitlines()]
        assert max(line["sampler_gap_max"] for line in gaps if line["kind"] == "step") < 1e-4
    (local_base, _, local), (base, _, last) = accuracies["local"], accuracies["vllm"]
    assert local_base[0] < base[1] < local_base[2]
    assert base[2] < last[0]
    assert last[0] < local[2] and local[0] < last[2]


@engine
def test_a_checkpoint_gives_the_same_log_probs_in_vllm_and_in_transformers(embedded, tmp_path):
    from transformers import AutoModelForCausalLM

    policy, _ = embedded
    tracks = [random_ids(length, seed=length, vocabulary=40) for length in (5, 9, 20)]
    samples = [
        unweighted(trajectory(Rollout(make_completion(ids[:1], ids[1:]), Grade(0.0, 0.0, 0.0, Status.WRONG))))
        for ids in tracks
    ]
    ours = [score.logprobs for score in policy.score(samples)]
    policy.export(tmp_path)
    model = AutoModelForCausalLM.from_pretrained(tmp_path)
    for ids, expected in zip(tracks, ours, strict=True):
        log_p = model(torch.tensor([ids])).logits[0].log_softmax(-1)
        theirs = log_p[:-1].gather(1, torch.tensor(ids)[1:, None])[:, 0]
        torch.testing.assert_close(theirs, torch.tensor(expected), atol=1e-4, rtol=0)
    script = (
        "import json, sys; from vllm import LLM, SamplingParams\n"
        "llm = LLM(sys.argv[1], dtype='float32', enforce_eager=True, kv_cache_memory_bytes=1 << 30)\n"
        "asked = SamplingParams(max_tokens=1, prompt_logprobs=0)\n"
        "prompts = [{'prompt_token_ids': ids} for ids in json.loads(sys.argv[2])]\n"
        "answers = llm.generate(prompts, asked, use_tqdm=False)\n"
        "found = [[row[i].logprob for row, i in zip(a.prompt_logprobs[1:], a.prompt_token_ids[1:])] for a in answers]\n"
        "print('FOUND', json.dumps(found))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path), json.dumps(tracks)],
        capture_output=True, text=True, timeout=300, check=True,
        env={**os.environ, "VLLM_ENABLE_V1_MULTIPROCESSING": "0", "TORCHDYNAMO_DISABLE": "1"},
    )  # fmt: skip
    printed = next(line for line in done.stdout.splitlines() if line.startswith("FOUND"))
    for found, expected in zip(json.loads(printed.removeprefix("FOUND")), ours, strict=True):
        assert found == pytest.approx(expected, abs=1e-4)


def test_without_vllm_one_line_says_what_to_do(monkeypatch, tmp_path, capsys):
    monkeypatch.setitem(sys.modules, "vllm", None)
    assert main(["train", *SMALL_RUN, "--run.dir", str(tmp_path / "run")]) == BAD_USAGE
    complaint = capsys.readouterr().err.strip()
    assert complaint.startswith("verigrad: error: sampler.engine = 'vllm': vLLM cannot be imported")
    assert complaint.endswith("install verigrad[vllm], or use sampler.engine = 'local'")
    assert "\n" not in complaint
    assert not (tmp_path / "run").exists()


@engine
def test_a_model_that_vllm_refuses_is_named():
    policy = make_policy(make_model())  # heads of 8, which no kernel of vLLM has on a CPU
    with pytest.raises(ConfigError, match="does not start here"):
        make_vllm(policy)


@engine
def test_an_evaluation_is_of_the_model_that_is_named(tmp_path):
    words = [*SMALL_RUN, "--eval.greedy", "true", "--eval.problems", "256", "--run.dir", str(tmp_path / "run")]
    assert main(["evaluate", *words]) == 0
    (line,) = [json.loads(line) for line in next(tmp_path.rglob("eval.jsonl")).read_text().splitlines()]
    assert line["greedy_accuracy"] == 1.0


@engine
def test_nothing_is_sampled_before_weights_are_loaded():
    policy = make_policy(make_model(hidden_size=128, head_dim=32))
    with pytest.raises(AssertionError, match="load some"):
        next(make_vllm(policy).sample([make_request((1, 2))]))
