"""A process of its own that runs the phases of a step for real and says the peak of each: one JSON object per case.

    python -m tests.plan.phases < cases.json

The peak is exact: the largest sum of what PyTorch's allocator has handed out, on a CPU from the events of its own
profiler (every allocation and every release, whoever asks), on a GPU from `torch.cuda.max_memory_allocated`. Resident
memory would hold the interpreter, freed pages and other libraries' buffers too.
"""

from __future__ import annotations

import dataclasses
import gc
import itertools
import json
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.profiler import ProfilerActivity, profile

from verigrad.config.schema import Optimizer
from verigrad.policy import Policy
from verigrad.samplers import LocalSampler
from verigrad.types import Problem, Prompt, Request, Sample, SamplingParams, StreamKey, Trajectory

ASSET = Path(__file__).parents[2] / "verigrad" / "assets" / "chains"


@dataclasses.dataclass(frozen=True)
class Case:
    """A model of Qwen2's kind and a step: `questions` × `group` rollouts of equal lengths, all in one update."""

    hidden: int = 512
    inner: int = 1408
    layers: int = 8
    heads: int = 8
    kv_heads: int = 2
    vocabulary: int = 4096
    tied: bool = True
    questions: int = 4
    group: int = 4
    prompt: int = 64
    response: int = 192
    budget: int = 2048
    checkpoint: bool = False
    compute: str = "same"
    dtype: str = "float32"
    slots: int = 1024
    temperature: float = 1.0
    top_p: float = 1.0
    min_tokens: int = 4
    entropy_bonus: float = 0.0
    architecture: str = "Qwen2"
    phases: tuple[str, ...] = ("training", "scoring", "sampling")

    def config(self) -> Any:
        import transformers

        settings: dict[str, Any] = {
            "vocab_size": self.vocabulary,
            "hidden_size": self.hidden,
            "intermediate_size": self.inner,
            "num_hidden_layers": self.layers,
            "num_attention_heads": self.heads,
            "num_key_value_heads": self.kv_heads,
            "head_dim": self.hidden // self.heads,
            "max_position_embeddings": 4096,
            "tie_word_embeddings": self.tied,
            "bos_token_id": None,
            "eos_token_id": 0,
            "pad_token_id": None,
        }
        return getattr(transformers, f"{self.architecture}Config")(**settings)


def measure(case: Case, device: str = "cpu") -> dict[str, Any]:
    """Bytes: of the model's weights, and of each phase what is resident before it and the peak."""
    policy = make_policy(case, device)
    samples = make_samples(case)
    torch.ones(64, 64, device=device) @ torch.ones(64, 64, device=device)  # a GPU's library takes its own buffers
    if "evaluating" not in case.phases:
        policy.update(samples[:1], loss)  # makes the moments
    else:
        with_states(policy)
    peaks, resident = {}, {}
    for phase in case.phases:
        if (
            phase == "training"
        ):  # an update begins with this, and what was allocated before a profile is not known to it
            policy.optimizer.zero_grad(set_to_none=True)
        resident[phase] = bytes_of(residents(policy))
        peaks[phase] = resident[phase] + above(run(phase, case, policy, samples), device)
    return {"weights": bytes_of(policy.model.parameters()), "resident": resident, "peaks": peaks}


def with_states(policy: Policy) -> None:
    """Gradients and moments as an update leaves them, where the case's temperature is none to train at."""
    for parameter in policy.model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    policy.optimizer.step()


def make_policy(case: Case, device: str) -> Policy:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    torch.manual_seed(0)
    with torch.device(device):
        model = AutoModelForCausalLM.from_config(
            case.config(), dtype=getattr(torch, case.dtype), attn_implementation="sdpa"
        )
    policy = Policy(model.eval(), AutoTokenizer.from_pretrained(ASSET), Optimizer(), case.budget)
    policy.compute_in(case.compute, case.checkpoint)
    return policy


def run(phase: str, case: Case, policy: Policy, samples: list[Sample]) -> Callable[[], object]:
    if phase == "training":
        return lambda: policy.update(samples, loss, case.entropy_bonus)
    if phase == "scoring":
        return lambda: policy.score(samples)

    def sample() -> object:
        # made here, since it holds weights of its own where products are narrow
        sampler = LocalSampler(
            policy.model, decode=lambda ids: "", end_ids=policy.end_ids, slots=case.slots, compute=case.compute
        )
        return list(sampler.sample(requests(case)))

    return sample


def loss(logprobs: Tensor, batch: Any) -> Tensor:
    return -logprobs * batch.streams["advantages"].to(logprobs.dtype)


def make_samples(case: Case) -> list[Sample]:
    """Every token of a response differs from the others of its question, so that only prompts are shared."""
    draw = torch.Generator().manual_seed(0)
    samples = []
    for _ in range(case.questions):
        prompt = torch.randint(4, case.vocabulary, (case.prompt,), generator=draw).tolist()
        for _ in range(case.group):
            response = torch.randint(4, case.vocabulary, (case.response,), generator=draw).tolist()
            zeros = (0.0,) * case.prompt
            flags = (False,) * case.prompt + (True,) * case.response
            track = Trajectory(
                token_ids=tuple(prompt + response),
                sampled=flags,
                advantages=zeros + (1.0,) * case.response,
                streams={},
                temperature=case.temperature,
                min_tokens=case.min_tokens,
            )
            samples.append(Sample(track, zeros + (1e-3,) * case.response))
    return samples


def requests(case: Case) -> Iterable[Request]:
    draw = torch.Generator().manual_seed(1)
    params = SamplingParams(
        temperature=case.temperature,
        top_p=case.top_p,
        min_tokens=case.min_tokens,
        max_tokens=case.response,
    )
    for question, rollout in itertools.product(range(case.questions), range(case.group)):
        if not rollout:
            ids = tuple(torch.randint(4, case.vocabulary, (case.prompt,), generator=draw).tolist())
            prompt = Prompt(Problem(id=str(question), question="", answer=""), "", ids)
        yield Request(prompt, params, StreamKey(0, "plan", question, rollout))


def above(work: Callable[[], object], device: str) -> int:
    """The largest sum of what is allocated while `work` runs, above what there is before it."""
    gc.collect()
    if device != "cpu":
        torch.cuda.synchronize()
        before = torch.cuda.memory_allocated()
        torch.cuda.reset_peak_memory_stats()
        work()
        return torch.cuda.max_memory_allocated() - before
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True, acc_events=True) as recorded:
        work()
    events: Any = recorded.profiler.kineto_results.events()  # type: ignore[union-attr]
    steps = sorted(
        (event.start_ns(), place, event.nbytes()) for place, event in enumerate(events) if event.name() == "[memory]"
    )
    return max(itertools.accumulate((step[2] for step in steps), initial=0))


def residents(policy: Policy) -> Iterable[Tensor]:
    for parameter in policy.model.parameters():
        yield parameter
        if parameter.grad is not None:
            yield parameter.grad
        yield from (state for state in policy.optimizer.state[parameter].values() if state.numel() > 1)


def bytes_of(tensors: Iterable[Tensor]) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


if __name__ == "__main__":
    torch.set_num_threads(2)  # the parent may have asked for one, which takes twice as long
    for words in json.load(sys.stdin):
        device = words.pop("device", "cpu")
        print(json.dumps(measure(Case(**words), device)), flush=True)
