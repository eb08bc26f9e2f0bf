"""What is measured: models of several shapes, requests, and the arithmetic that each phase cannot do without."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import nn

from verigrad import load_policy
from verigrad.algorithms import make_prompts
from verigrad.algorithms.collect import make_requests
from verigrad.data import load_template
from verigrad.kernels import backbone_of, head_of
from verigrad.policy import Policy
from verigrad.tasks.chains import chains
from verigrad.types import Prompt, Request, Sample, SamplingParams, Trajectory

LONG = "qwen2.5-1.5b-long"


@dataclass(frozen=True, slots=True)
class Shape:
    """A model and the step that it is measured on. Without `model`, the embedded one with its trained weights."""

    questions: int = 64
    rollouts: int = 16
    max_tokens: int = 40
    dtype: str = "float32"
    model: dict[str, Any] = field(default_factory=dict)
    stop: tuple[str, ...] = ("</answer>",)


SHAPES = {
    "embedded": Shape(),
    "qwen2.5-1.5b": Shape(
        max_tokens=256,
        dtype="bfloat16",
        model={
            "vocab_size": 151936,
            "hidden_size": 1536,
            "intermediate_size": 8960,
            "num_hidden_layers": 28,
            "num_attention_heads": 12,
            "num_key_value_heads": 2,
            "max_position_embeddings": 4096,
            "tie_word_embeddings": True,
        },
    ),
    "smoke": Shape(
        questions=4,
        rollouts=2,
        max_tokens=6,
        model={
            "vocab_size": 512,
            "hidden_size": 16,
            "intermediate_size": 32,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "num_key_value_heads": 1,
            "max_position_embeddings": 128,
            "tie_word_embeddings": True,
        },
    ),
    # For training alone: the width from which products dominate on two cores.
    "hidden512": Shape(
        model={
            "vocab_size": 4096,
            "hidden_size": 512,
            "intermediate_size": 1408,
            "num_hidden_layers": 6,
            "num_attention_heads": 8,
            "num_key_value_heads": 2,
            "max_position_embeddings": 2048,
            "tie_word_embeddings": True,
        },
    ),
}

# The course's step: 256 rollouts of up to 1,024 tokens, 8 for each question.
SHAPES[LONG] = replace(SHAPES["qwen2.5-1.5b"], questions=32, rollouts=8, max_tokens=1024)


def make_policy(name: str, device: str = "cpu", **settings: Any) -> Policy:
    """The policy of a shape: seeded random weights, or the embedded model; the tokenizer is always the embedded one."""
    shape = SHAPES[name]
    if not shape.model:
        return Policy.load("embedded:chains", device=device, **settings)
    from transformers import Qwen2Config, Qwen2ForCausalLM

    tokenizer = load_policy().tokenizer
    config = Qwen2Config(**shape.model, bos_token_id=None, eos_token_id=tokenizer.eos_token_id)
    torch.manual_seed(0)
    with torch.device(device):
        model = Qwen2ForCausalLM._from_config(config, dtype=getattr(torch, shape.dtype), attn_implementation="sdpa")
    return Policy(model.eval(), tokenizer, path=name, **settings)


def make_step_prompts(policy: Policy, questions: int) -> list[Prompt]:
    """Prompts of the embedded task."""
    template = load_template("tiny")
    problems = chains(questions, seed=0, split="train")
    return make_prompts(problems, lambda problem: template.render(problem.question), policy.encode_prompt)


def step_requests(prompts: Sequence[Prompt], shape: Shape, generation: int) -> list[Request]:
    """A step's requests at temperature 1; each `generation` has random streams of its own."""
    params = SamplingParams(temperature=1.0, max_tokens=shape.max_tokens, stop=shape.stop)
    return make_requests(
        prompts, range(len(prompts)), params, rollouts=shape.rollouts, seed=0, generation=f"bench/{generation}"
    )


def make_samples(prompts: Sequence[int], responses: Sequence[int], vocabulary: int, seed: int = 0) -> list[Sample]:
    """Samples of given lengths (tokens) with random ids, weighted by the mean over trained tokens."""
    generator = torch.Generator().manual_seed(seed)
    weight = 1.0 / sum(responses)
    samples = []
    for prompt, response in zip(prompts, responses, strict=True):
        ids = torch.randint(2, vocabulary, (prompt + response,), generator=generator).tolist()
        zeros, flags = (0.0,) * prompt, (False,) * prompt + (True,) * response
        track = Trajectory(tuple(ids), flags, zeros + (1.0,) * response, {}, temperature=1.0, min_tokens=0)
        samples.append(Sample(track, zeros + (weight,) * response))
    return samples


@dataclass(frozen=True, slots=True)
class Work:
    """Least work of a phase: FLOP in linear layers, bytes of keys and values read."""

    flop: float
    cache_bytes: float = 0.0

    def seconds(self, gemm_rate: float, bandwidth: float) -> float:
        return self.flop / gemm_rate + self.cache_bytes / bandwidth


def linear_flop(model: nn.Module) -> tuple[int, int]:
    """(per token below the head, per token in the head) of one forward pass: two per weight."""
    layers = [module for module in backbone_of(model).modules() if isinstance(module, nn.Linear)]
    return 2 * sum(layer.weight.numel() for layer in layers), 2 * head_of(model).weight.numel()


def rollout_work(model: Any, pairs: Sequence[tuple[Sequence[int], Sequence[int]]]) -> Work:
    """Least work of sampling (prompt, response) pairs of token ids: what two of them begin with is read once.

    The last token of a response is drawn and never fed. Keys and values are read for each different beginning.
    """
    body, head = linear_flop(model)
    config = model.config.get_text_config()
    size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    position = 2 * config.num_hidden_layers * config.num_key_value_heads * size * model.dtype.itemsize
    ends = {(tuple(prompt), tuple(response[:count])) for prompt, response in pairs for count in range(len(response))}
    fed = [(len(prompt), len(drawn)) for prompt, drawn in ends]
    tokens = sum(1 if drawn else prompt for prompt, drawn in fed)
    read = sum(prompt + drawn for prompt, drawn in fed if drawn)
    return Work(tokens * body + len(fed) * head, read * position)


def training_work(model: nn.Module, samples: Sequence[Sample]) -> Work:
    """Three times the forward pass: one forward, two backward. What sequences begin with alike counts once."""
    body, head = linear_flop(model)
    tracks = [sample.trajectory for sample in samples]
    tokens = {track.token_ids[: count + 1] for track in tracks for count in range(len(track.token_ids))}
    trained = {track.token_ids[: at + 1] for track in tracks for at, sampled in enumerate(track.sampled) if sampled}
    return Work(3 * (len(tokens) * body + len(trained) * head))
