"""Tiny models, tokenizers and data that tests share: random but seeded, made in memory, in milliseconds.

`slow_scores` is the oracle of everything that computes log-probs: the model's own forward pass on one sequence, all its
logits, a plain log_softmax. With `dtype=torch.float64` the norms are made float64 too (transformers' own round to
float32), so that identities can be asked for to twelve digits.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from torch import Tensor, nn
from transformers import PreTrainedTokenizerFast

from verigrad.config.schema import Optimizer
from verigrad.policy import Policy
from verigrad.samplers import LocalSampler
from verigrad.types import (
    Completion,
    Grade,
    Group,
    Problem,
    Prompt,
    Request,
    Rollout,
    Sample,
    SamplingParams,
    Status,
    StopReason,
    StreamKey,
    Trajectory,
)

torch.set_num_threads(1)  # what is computed here is too small to share

ARCHITECTURES = ("Qwen2", "Qwen3", "Llama", "Gemma")
MERGES = ((">", "Ċ"), ("<", "/"), ("a", "n"), ("an", "s"))  # Ċ is the byte-level spelling of a newline
END, PAD = "<|end|>", "<|pad|>"
BYTES = sorted(pre_tokenizers.ByteLevel.alphabet())
END_ID = len(BYTES) + len(MERGES)
VOCABULARY = 272  # a few rows more than the tokenizer has, as published models have
CONTEXT = 64


def make_tokenizer(*, pad_is_end: bool = False) -> PreTrainedTokenizerFast:
    """Byte-level, for any text. "</", "an", "ans" and ">\\n" are tokens, so that a stop string can end inside one."""
    words = [*BYTES, *("".join(pair) for pair in MERGES), END, PAD]
    tokenizer = Tokenizer(models.BPE(vocab={word: place for place, word in enumerate(words)}, merges=list(MERGES)))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token=END, pad_token=END if pad_is_end else PAD)


def make_model(
    architecture: str = "Qwen2", *, seed: int = 0, dtype: torch.dtype = torch.float32, **changes: Any
) -> nn.Module:
    """Two layers of width 32 with random weights, wide enough that distributions are far from uniform."""
    settings = {
        "vocab_size": VOCABULARY,
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": CONTEXT,
        "initializer_range": 0.2,
        "bos_token_id": None,
        "eos_token_id": END_ID,
        "pad_token_id": None,
    }
    if architecture != "Granite":  # which has no such setting
        settings["head_dim"] = 8
    config = getattr(transformers, f"{architecture}Config")(**{**settings, **changes})
    torch.manual_seed(seed)
    model = getattr(transformers, f"{architecture}ForCausalLM")(config).to(dtype).eval()
    return exact_norms(model) if dtype == torch.float64 else model


def exact_norms(model: nn.Module) -> nn.Module:
    """The model with norms in the type of their input, which transformers' round to float32."""
    for name, module in list(model.named_modules()):
        if type(module).__name__.endswith("RMSNorm"):
            model.set_submodule(name, _ExactNorm(module))
    return model


def make_policy(
    model: nn.Module | None = None,
    *,
    pad_is_end: bool = False,
    tokens_per_microbatch: int = 16384,
    **optimizer: Any,
) -> Policy:
    return Policy(
        make_model() if model is None else model,
        make_tokenizer(pad_is_end=pad_is_end),
        Optimizer(**optimizer),
        tokens_per_microbatch,
    )


def make_sampler(policy: Policy, *, slots: int = 64, compute: str = "same") -> LocalSampler:
    return LocalSampler(policy.model, decode=policy.decode, end_ids=policy.end_ids, slots=slots, compute=compute)


def make_prompt(token_ids: Sequence[int], text: str = "", name: str = "p") -> Prompt:
    return Prompt(Problem(id=name, question=text, answer=""), text, tuple(token_ids))


def make_request(prompt: Prompt | Sequence[int], *, question: int = 0, rollout: int = 0, **params: Any) -> Request:
    prompt = prompt if isinstance(prompt, Prompt) else make_prompt(prompt)
    return Request(prompt, SamplingParams(**params), StreamKey(0, "test", question, rollout))


def make_completion(prompt: Sequence[int], response: Sequence[int], **params: Any) -> Completion:
    logprobs = (-1.0,) * len(response)
    return Completion(make_request(prompt, **params), tuple(response), logprobs, "", StopReason.END_TOKEN, 0)


def make_group(prompt: Sequence[int], responses: Iterable[Sequence[int]], rewards: Iterable[float]) -> Group[Rollout]:
    """Rollouts of one question, with rewards of 0 or 1."""
    rollouts = []
    for response, reward in zip(responses, rewards, strict=True):
        grade = Grade(reward, 1.0, reward, Status.CORRECT if reward else Status.WRONG)
        rollouts.append(Rollout(make_completion(prompt, response), grade))
    return Group(make_prompt(prompt), tuple(rollouts))


def make_sample(
    prompt: Sequence[int],
    response: Sequence[int],
    *,
    weight: float = 1.0,
    temperature: float = 1.0,
    min_tokens: int = 0,
    **streams: Sequence[float],
) -> Sample:
    before = (0.0,) * len(prompt)
    advantages = streams.pop("advantages", (1.0,) * len(response))
    track = Trajectory(
        token_ids=(*prompt, *response),
        sampled=(False,) * len(prompt) + (True,) * len(response),
        advantages=before + tuple(advantages),
        streams={name: before + tuple(values) for name, values in streams.items()},
        temperature=temperature,
        min_tokens=min_tokens,
    )
    return Sample(track, before + (weight,) * len(response))


def random_ids(count: int, seed: int = 0, vocabulary: int = END_ID) -> tuple[int, ...]:
    """Token ids, the end token not among them."""
    return tuple(torch.randint(0, vocabulary, (count,), generator=torch.Generator().manual_seed(seed)).tolist())


def mixed_samples(**settings: Any) -> list[Sample]:
    """Seven sequences, two with the same prompt and one whose prompt is the beginning of theirs.

    Each is ended by the end token; weights are those of the mean over the 33 trained tokens.
    """
    prompts = [random_ids(9), random_ids(3, seed=1), random_ids(9), random_ids(9)[:5], random_ids(1, seed=4)]
    prompts += [random_ids(2, seed=5), random_ids(6, seed=6)]
    lengths = [4, 1, 9, 7, 3, 7, 2]
    return [
        make_sample(
            prompt,
            (*random_ids(length - 1, seed=100 + place), END_ID),
            **{"weight": 1.0 / sum(lengths), **settings},
        )
        for place, (prompt, length) in enumerate(zip(prompts, lengths, strict=True))
    ]


def slow_scores(model: Any, sample: Sample, end_ids: Sequence[int] = (END_ID,)) -> tuple[Tensor, Tensor]:
    """(log-probs, entropies) of the trained tokens, from all logits of the model's own forward pass."""
    track = sample.trajectory
    logits = model(input_ids=torch.tensor([track.token_ids]), use_cache=False).logits[0]
    logprobs, entropies = [], []
    drawn = 0
    for place, sampled in enumerate(track.sampled):
        if sampled:
            scaled = logits[place - 1].double() / track.temperature
            if drawn < track.min_tokens:
                scaled = scaled.index_fill(0, torch.tensor(end_ids), -math.inf)
            log_p = scaled.log_softmax(-1)
            logprobs.append(log_p[track.token_ids[place]])
            entropies.append(-(log_p.exp() * log_p.masked_fill(log_p == -math.inf, 0.0)).sum())
            drawn += 1
    return torch.stack(logprobs), torch.stack(entropies)


def slow_distribution(
    logits: Sequence[float],
    *,
    temperature: float = 1.0,
    banned: Sequence[int] = (),
    top_p: float = 1.0,
    top_k: int = 0,
) -> list[float]:
    """The probabilities that are sampled from, in Python floats, from their definition."""
    allowed = [v for v in range(len(logits)) if v not in banned]
    if temperature == 0:
        best = max(allowed, key=lambda v: (logits[v], -v))
        return [float(v == best) for v in range(len(logits))]
    top = max(logits[v] for v in allowed)
    mass = {v: math.exp((logits[v] - top) / temperature) for v in allowed}
    likeliest = sorted(allowed, key=lambda v: (-mass[v], v))[: top_k or None]
    kept, reached = [], 0.0
    for v in likeliest:
        if reached < top_p * sum(mass[w] for w in likeliest):
            kept.append(v)
        reached += mass[v]
    total = sum(mass[v] for v in kept)
    return [mass[v] / total if v in kept else 0.0 for v in range(len(logits))]


def gradients(model: nn.Module) -> dict[str, Tensor]:
    return {name: parameter.grad.clone() for name, parameter in model.named_parameters()}


def distance(ours: Mapping[str, Tensor], theirs: Mapping[str, Tensor]) -> float:
    """‖ours − theirs‖ / ‖theirs‖ over all tensors of two sets of the same names."""
    assert ours.keys() == theirs.keys()

    def norm(tensors: Iterable[Tensor]) -> float:
        return math.sqrt(sum(tensor.double().pow(2).sum().item() for tensor in tensors))

    return norm(ours[name] - theirs[name] for name in ours) / norm(theirs.values())


def make_chain(successors: Mapping[int, int], vocabulary: int = VOCABULARY) -> nn.Module:
    """A model that says one thing: after token t comes successors[t], with probability 1 up to rounding.

    Its layer adds nothing (both output projections are 0), so that logits are a table of the last token.
    """
    model: Any = make_model(
        "Llama",
        head_dim=32,  # what every engine has
        vocab_size=vocabulary,
        hidden_size=vocabulary,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=1,
        tie_word_embeddings=False,
    )
    layer = model.model.layers[0]
    with torch.no_grad():
        layer.self_attn.o_proj.weight.zero_()
        layer.mlp.down_proj.weight.zero_()
        model.model.embed_tokens.weight.copy_(torch.eye(vocabulary))
        model.lm_head.weight.zero_()
        for token, following in successors.items():
            model.lm_head.weight[following, token] = 5.0  # a logit of 5·√272 = 82 against 0
    return model


def saying(tokenizer: Any, sayings: Mapping[str, str]) -> nn.Module:
    """A chain that continues each prompt with its saying and then ends. No token may have two successors."""
    successors: dict[int, int] = {}
    for prompt, text in sayings.items():
        tokens = [*tokenizer(prompt)["input_ids"][-1:], *tokenizer(text)["input_ids"], END_ID]
        for token, following in itertools.pairwise(tokens):
            assert successors.setdefault(token, following) == following, f"{text!r}: a token has two successors"
    return make_chain(successors)


class _ExactNorm(nn.Module):
    """RMSNorm in the type of its input; Gemma's weight is the distance from 1."""

    def __init__(self, norm: Any) -> None:
        super().__init__()
        self.weight = norm.weight
        self.gemma = hasattr(norm, "eps")
        self.eps = norm.eps if self.gemma else norm.variance_epsilon

    def forward(self, hidden: Tensor) -> Tensor:
        scaled = hidden * torch.rsqrt(hidden.pow(2).mean(-1, keepdim=True) + self.eps)
        return scaled * (1 + self.weight if self.gemma else self.weight)
