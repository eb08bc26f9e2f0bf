"""The policy: a causal language model that can be scored and updated. Which algorithm it serves it does not know."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from verigrad.config.schema import Lora
from verigrad.config.schema import Optimizer as OptimizerConfig
from verigrad.errors import ConfigError, NonFiniteError
from verigrad.kernels import (
    backbone_of,
    computing,
    head_of,
    hidden_states,
    in_family,
    narrow_is_faster,
    token_divergence,
    token_logprobs,
)
from verigrad.policy.load import encode, end_ids_of, load_model
from verigrad.policy.lora import add_adapters, merged_tensors, save_adapter
from verigrad.policy.noise import NoiseMeter, noise_metrics
from verigrad.policy.optimize import learning_rate, make_optimizer
from verigrad.policy.pack import Batch, Packs, token_budget
from verigrad.policy.ratios import ClipRange, add_ratios, ratio_metrics
from verigrad.policy.value import ValueHead
from verigrad.tasks.prompts import check_context
from verigrad.types import Prompt, Sample

# The current policy's log-probs and the batch → one loss per trained token.
TokenLoss = Callable[[Float[Tensor, "trained"], Batch], Float[Tensor, "trained"]]


@dataclass(frozen=True, slots=True)
class TokenScores:
    """Per trained token of one sequence: its log-prob, the exact entropy of its distribution (nats), V before it.

    `values` is empty where the policy has no value head; `plain_entropy`, that at temperature 1, where that is
    `entropy`.
    """

    logprobs: tuple[float, ...]
    entropy: tuple[float, ...]
    values: tuple[float, ...] = ()
    plain_entropy: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Toward:
    """A term of the loss: `weight` times the exact KL(π‖π_ref) of each token's distribution."""

    reference: Policy
    weight: float


class Policy:
    """A Hugging Face causal LM with its tokenizer, its optimiser and the number of updates made so far."""

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        optimizer: OptimizerConfig | None = None,
        tokens_per_microbatch: int = 0,
        path: str = "",
    ) -> None:
        self.model, self.tokenizer, self.path = model, tokenizer, path or model.name_or_path
        self.backbone, self.head = backbone_of(model), head_of(model)
        self.device = next(model.parameters()).device
        self.end_ids = end_ids_of(model, tokenizer)
        self._lora = Lora()
        # Fast tokenizers hand their ids on to this one; their own `decode` spends five times as long around it.
        self._decoder = getattr(tokenizer, "backend_tokenizer", tokenizer)
        self._ends = torch.tensor(self.end_ids, device=self.device)
        self.configure(optimizer or OptimizerConfig(), tokens_per_microbatch)
        self.compute_in("same")

    @classmethod
    def load(
        cls,
        path: str,
        *,
        dtype: str = "float32",
        device: str = "auto",
        optimizer: OptimizerConfig | None = None,
        tokens_per_microbatch: int = 0,
    ) -> Policy:
        """The policy at a directory, hub id, run, or embedded:NAME. UsageError if it cannot be had or driven."""
        return cls(*load_model(path, dtype, device), optimizer, tokens_per_microbatch, path)

    @property
    def context(self) -> int:
        """Most tokens of prompt and response together."""
        return int(self.model.config.get_text_config().max_position_embeddings)

    def configure(self, optimizer: OptimizerConfig, tokens_per_microbatch: int) -> None:
        """A new optimiser and no updates made: what a run begins with."""
        self._optimizer_config = optimizer
        self.tokens_per_microbatch = tokens_per_microbatch or token_budget(self.model)
        self.updates = 0
        self.value: ValueHead | None = None
        self.reset_optimizer()

    def compute_in(self, compute: str, checkpoint: bool = False) -> None:
        """Products of the layers in the weights' own type ("same") or "bfloat16", "auto" being the faster one here;
        with `checkpoint`, activations are computed again in the backward pass. ConfigError where the model's decoder
        is not one of ours.
        """
        if compute == "auto":
            compute = self._faster_compute()
        if (checkpoint or compute != "same") and not in_family(self.backbone):
            raise ConfigError(
                f"{type(self.model).__name__}: model.compute and model.checkpoint_activations are for decoders of "
                "Llama's family (Llama, Mistral, Qwen2, Qwen3); leave them at their defaults"
            )
        self.compute, self._decoder_options = compute, {"checkpoint": True} if checkpoint else {}

    def _faster_compute(self) -> str:
        """bfloat16 where this machine multiplies the model's own shapes faster in it, else "same"."""
        config, dtype = self.model.config.get_text_config(), self.model.dtype
        if dtype != torch.float32 or not in_family(self.backbone):
            return "same"
        narrow = narrow_is_faster(config.hidden_size, config.intermediate_size, self.device)
        return "bfloat16" if narrow else "same"

    def adapt(self, lora: Lora, seed: int) -> None:
        """Trains adapters in place of the weights, if `lora.rank` says so; begins the optimiser anew.

        ConfigError where the policy has other adapters already, or the model cannot have these.
        """
        if self._lora.rank and lora != self._lora:
            raise ConfigError(
                f"this policy has adapters of rank {self._lora.rank}: give their settings in model.lora, "
                "or load it anew"
            )
        if lora.rank and not self._lora.rank:
            add_adapters(self.model, self.backbone, lora, seed)
            self._lora = lora
            self.reset_optimizer()

    def encode_prompt(self, text: str) -> tuple[int, ...]:
        """Token ids of a prompt, with the tokenizer's own opening tokens unless the text begins with them."""
        opening = self.tokenizer.bos_token
        special = not (opening and text.startswith(opening))
        return encode(self.tokenizer, text, what="a prompt", special=special)

    def encode_response(self, text: str) -> tuple[int, ...]:
        """Token ids of a given response, to be put behind a prompt."""
        return encode(self.tokenizer, text, what="a response", special=False)

    def check_prompts(self, prompts: Sequence[Prompt]) -> None:
        """DataError if a prompt leaves no room for a response in the model's context."""
        check_context(prompts, self.context)

    def decode(self, token_ids: Sequence[int]) -> str:
        """Text of ids, special tokens included and no spaces tidied: what was sampled, as it was sampled."""
        text: str = self._decoder.decode(token_ids, skip_special_tokens=False)
        return text

    def named_tensors(self) -> Iterator[tuple[str, Tensor]]:
        """The weights by name, adapters merged into them, for a sampler's `load`. A tied head is named once."""
        yield from merged_tensors(self.model)

    def trained_tensors(self) -> Iterator[tuple[str, Tensor]]:
        """What updates change, by the module's own names: all weights, or the adapters alone."""
        for name, parameter in self.model.named_parameters():
            if parameter.requires_grad:
                yield name, parameter.detach()

    def _trained(self) -> list[nn.Parameter]:
        return [parameter for parameter in self.model.parameters() if parameter.requires_grad]

    def score(self, samples: Sequence[Sample]) -> list[TokenScores]:
        """Log-probs and exact entropies of the trained tokens of each sample, without gradient, in the order given."""
        scores: list[TokenScores | None] = [None] * len(samples)
        with torch.no_grad():
            for batch in Packs(samples, self.tokens_per_microbatch, self.device):
                hidden = self._hidden(batch)
                streams = dict(zip(("logprobs", "entropy"), self._head(hidden, batch), strict=True))
                if self.value:
                    streams["values"] = self.value.read(hidden)
                if (batch.temperature != 1).any():
                    plain = replace(batch, temperature=torch.ones_like(batch.temperature))
                    streams["plain_entropy"] = self._head(hidden, plain)[1]
                streams = {name: stream[batch.of] for name, stream in streams.items()}
                counts = torch.bincount(batch.sequence_index, minlength=len(batch.rows)).tolist()
                parts = {name: stream.split(counts) for name, stream in streams.items()}
                for place, row in enumerate(batch.rows):
                    scores[row] = TokenScores(**{name: tuple(part[place].tolist()) for name, part in parts.items()})
        return [score for score in scores if score is not None]

    def update(
        self,
        samples: Sequence[Sample],
        loss: TokenLoss,
        entropy_bonus: float = 0.0,
        clip: ClipRange | None = None,
        toward: Toward | None = None,
    ) -> dict[str, float]:
        """One optimiser update on the gradient of Σ w·(ℓ − entropy_bonus·H + toward) over all tokens; returns metrics.

        `clip` says where `loss` clips, to be counted.

        NonFiniteError, before anything is changed, if the loss or the gradient is not finite.
        """
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(self.updates, self._optimizer_config)
        self.optimizer.zero_grad(set_to_none=True)
        sums = self.accumulate(samples, loss, entropy_bonus, clip, toward)
        norm = nn.utils.clip_grad_norm_(self._trained(), self._optimizer_config.clip_norm).item()
        if not (norm < float("inf") and abs(sums["loss"]) < float("inf")):
            raise NonFiniteError(
                f"update {self.updates + 1}: loss {sums['loss']}, gradient norm {norm}, so nothing was updated; "
                f"lower optimizer.lr (now {self._optimizer_config.lr:g}) or look at the step's rollouts"
            )
        self.optimizer.step()
        self.updates += 1
        tokens = sums["trained_tokens"]
        return {
            "loss": sums["loss"],
            "nll": sums["nll"] / tokens,
            "entropy": sums["entropy"] / tokens,
            "gradient_norm": norm,
            "lr": self.optimizer.param_groups[0]["lr"],
            "trained_tokens": tokens,
            "trained_sequences": len(samples),
            **noise_metrics(sums, norm, len(samples)),
            **ratio_metrics(sums),
        }

    def fit_value(self, samples: Sequence[Sample], epochs: int) -> float:
        """Fits the value head to the stream `returns` of the samples; returns the last pass's mean ½(V − R)².

        Every pass is one update on the mean over all tokens, so that micro-batches change nothing.
        """
        assert self.value is not None
        tokens = max(1, sum(sum(sample.trajectory.sampled) for sample in samples))
        loss = 0.0
        for _ in range(epochs):
            loss = 0.0
            for batch in Packs(samples, self.tokens_per_microbatch, self.device):
                with torch.no_grad():
                    hidden = self._hidden(batch)[batch.of]
                loss += self.value.accumulate(hidden, batch.streams["returns"], 1.0 / tokens)
            self.value.step()
        return loss

    def accumulate(
        self,
        samples: Sequence[Sample],
        loss: TokenLoss,
        entropy_bonus: float = 0.0,
        clip: ClipRange | None = None,
        toward: Toward | None = None,
    ) -> dict[str, float]:
        """Adds the gradient of Σ w·ℓ to the parameters; returns sums over the trained tokens, to be divided once."""
        sums = {"loss": 0.0, "nll": 0.0, "entropy": 0.0, "trained_tokens": 0}
        batches = Packs(samples, self.tokens_per_microbatch, self.device)
        with NoiseMeter(self.model.parameters(), len(batches)) as noise:
            for batch in batches:
                hidden = self._hidden(batch)
                logprobs, entropy = (values.index_select(0, batch.of) for values in self._head(hidden, batch))
                terms = loss(logprobs, batch) - entropy_bonus * entropy if entropy_bonus else loss(logprobs, batch)
                if toward:
                    divergence = self._divergence(hidden, toward.reference, batch).index_select(0, batch.of)
                    terms = terms + toward.weight * divergence
                    sums["kl_reference"] = sums.get("kl_reference", 0.0) + divergence.detach().sum().item()
                total = (batch.weights * terms).sum()
                total.backward()
                noise.add(len(batch.rows))
                add_ratios(sums, logprobs.detach(), batch, clip)
                sums["loss"] += total.item()
                sums["nll"] -= logprobs.detach().sum(dtype=torch.float64).item()
                sums["entropy"] += entropy.detach().sum(dtype=torch.float64).item()
                sums["trained_tokens"] += len(logprobs)
        return sums | noise.sums()

    def reset_optimizer(self) -> None:
        """Forgets the optimiser's moments; the learning rate's course goes on."""
        self.optimizer = make_optimizer(self._trained(), self._optimizer_config)

    def export(self, directory: Path) -> None:
        """Writes weights and tokenizer in Hugging Face layout: loads with transformers and vLLM.

        Adapters are merged into the weights, and in `adapter/` alone as well, in peft's layout.
        """
        if self._lora.rank:
            save_adapter(self.model, directory / "adapter")
        self.model.save_pretrained(directory, state_dict=dict(self.named_tensors()))
        self.tokenizer.save_pretrained(directory)

    def state(self) -> dict[str, Any]:
        """What a checkpoint needs beside the weights."""
        value = {"value": self.value.state()} if self.value else {}
        adapters = {"adapters": dict(self.trained_tensors())} if self._lora.rank else {}
        return {"optimizer": self.optimizer.state_dict(), "updates": self.updates, **value, **adapters}

    def restore(self, directory: Path, state: dict[str, Any]) -> None:
        """Takes an exported directory and `state()` back, in place."""
        if self._lora.rank:
            self.load_weights(state["adapters"])
        else:
            saved, _ = load_model(str(directory), str(self.model.dtype).removeprefix("torch."), str(self.device))
            self.load_weights(dict(saved.named_parameters()))
        self.optimizer.load_state_dict(state["optimizer"])
        self.updates = state["updates"]
        if self.value:
            self.value.restore(state["value"])

    def add_value_head(self, lr: float) -> None:
        """Gives the policy a learned V(s_t)."""
        self.value = ValueHead(self.head.in_features, lr, self.device)

    def load_weights(self, weights: Mapping[str, Tensor]) -> None:
        """Copies what is trained in place, by name (`trained_tensors`)."""
        with torch.no_grad():
            for name, tensor in self.trained_tensors():
                tensor.copy_(weights[name])

    def _hidden(self, batch: Batch) -> Tensor:
        """The hidden states of the batch's predictions: before each trained token was drawn."""
        with computing(self.compute, self.device):
            hidden = hidden_states(
                self.backbone, batch.token_ids, batch.plan.positions, batch.plan, **self._decoder_options
            )
        return hidden.index_select(0, batch.predictors)

    def _divergence(self, hidden: Tensor, reference: Policy, batch: Batch) -> Tensor:
        with torch.no_grad():
            theirs = reference._hidden(batch)
        return token_divergence(
            hidden, self.head, theirs, reference.head, batch.temperature, batch.end_banned, self._ends
        )

    def _head(self, hidden: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        return token_logprobs(hidden, self.head, batch.targets, batch.temperature, batch.end_banned, self._ends)
