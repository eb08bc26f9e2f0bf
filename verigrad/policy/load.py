"""From a path or hub id to a model and a tokenizer that agree with each other, or one clear line."""

from __future__ import annotations

import os
import string
from collections.abc import Collection, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import torch
from torch import nn

from verigrad.errors import ConfigError, DataError, UsageError
from verigrad.kernels import PackedPlan, backbone_of, head_of, hidden_states
from verigrad.policy.gguf import converted, is_gguf

EMBEDDED = "embedded:"


def resolve(path: str) -> str:
    """A model path as transformers takes it.

    embedded:NAME is a shipped directory, a run its newest checkpoint, a .gguf file or package:NAME its conversion.
    """
    if is_gguf(path):
        return converted(path)
    if path.startswith(EMBEDDED):
        shipped = resources.files("verigrad") / "assets" / path.removeprefix(EMBEDDED)
        if not shipped.is_dir():
            known = sorted(item.name for item in (resources.files("verigrad") / "assets").iterdir() if item.is_dir())
            raise ConfigError(f"model.path = {path!r}: no such shipped model; known: {', '.join(known)}")
        return str(shipped)
    latest = Path(path) / "checkpoints" / "latest"
    if latest.exists():
        return str((latest.parent / latest.read_text().strip()).resolve())
    if not Path(path).exists() and (path.count("/") != 1 or path.startswith((".", "/", "~"))):
        raise DataError(
            f"model.path = {path!r}: no such directory (looked for {Path(path).absolute()}); "
            "give a Hugging Face directory, a .gguf file, a run directory, a hub id, package:NAME or embedded:chains"
        )
    return path


def load_model(path: str, dtype: str = "float32", device: str = "auto") -> tuple[Any, Any]:
    """(model, tokenizer) in evaluation mode: dropout is off, in training too, so that the first ratio is exactly 1."""
    from safetensors import SafetensorError
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.utils import logging

    logging.disable_progress_bar()
    source = resolve(path)
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        tokenizer = AutoTokenizer.from_pretrained(source)
        loaded: Any = AutoModelForCausalLM.from_pretrained(
            source, dtype=getattr(torch, dtype), attn_implementation="sdpa", output_loading_info=True
        )
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        hub = not Path(source).exists()
        offline = " (offline: HF_HUB_OFFLINE is set)" if hub and os.environ.get("HF_HUB_OFFLINE") else ""
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise UsageError(
            f"model.path = {path!r} cannot be loaded{offline}: {reason}; "
            "give a directory with config.json, model.safetensors and a tokenizer, or a hub id while online"
        ) from None
    model, found = loaded
    check_files(path, tokenizer, found["missing_keys"])
    model.to(device).eval()
    check_head(model)
    return model, tokenizer


def check_files(path: str, tokenizer: Any, missing: Collection[str]) -> None:
    """Refuses what transformers makes up for files that are not there: random weights, a tokenizer without words."""
    if missing:
        raise UsageError(
            f"model.path = {path!r}: {len(missing)} weights are missing ({', '.join(sorted(missing)[:3])}), which "
            "transformers would fill with random numbers; give a complete model"
        )
    signs = [sign for sign in string.printable if not sign.isspace()]
    lost = [sign for sign in signs if not tokenizer(sign, add_special_tokens=False)["input_ids"]]
    if lost:
        what = "no words" if lost == signs else f"no token for {lost[0]!r}, and would leave it out of prompts unsaid"
        raise UsageError(f"model.path = {path!r}: its tokenizer has {what}; add its files (tokenizer.json, …)")


def check_head(model: nn.Module) -> None:
    """Refuses a model whose logits are not its head applied to its hidden states: we would train another one."""
    device = next(model.parameters()).device
    ids = torch.arange(7, device=device) % head_of(model).weight.shape[0]
    with torch.no_grad():
        plan = PackedPlan([7], device)
        ours = head_of(model)(hidden_states(backbone_of(model), ids, plan.positions, plan)).float()
        theirs = model(input_ids=ids[None], use_cache=False).logits[0].float()
    tolerance = 1e-3 if ours.dtype == torch.float32 and head_of(model).weight.dtype == torch.float32 else 0.25
    gap = (ours - theirs).abs().max().item()
    if not gap <= tolerance * max(1.0, theirs.abs().max().item()):
        raise ConfigError(
            f"{type(model).__name__} is not supported: its logits are not head(hidden state) "
            f"(largest difference {gap:.3g}); use a decoder without scaled or capped logits (Qwen2, Qwen3, Llama, …)"
        )


def encode(tokenizer: Any, text: str, *, what: str, special: bool) -> tuple[int, ...]:
    """Token ids of a text; `special` adds the tokenizer's own opening tokens. Text it has no tokens for is refused."""
    try:
        ids: Sequence[int] = tokenizer(text, add_special_tokens=special)["input_ids"]
    except (UnicodeEncodeError, TypeError, ValueError) as error:
        raise DataError(f"{what}: the tokenizer cannot encode {text[:60]!r} ({error}); clean the data") from None
    unknown = tokenizer.unk_token_id
    if unknown is not None and unknown in ids and tokenizer.unk_token not in text:
        raise DataError(
            f"{what}: the tokenizer has no tokens for some of {text[:60]!r} (it gives {tokenizer.unk_token}); "
            "clean the data or use a model whose tokenizer covers it"
        )
    return tuple(ids)


def end_ids_of(model: Any, tokenizer: Any) -> tuple[int, ...]:
    """Every token that ends an episode: the tokenizer's own, and those the model's generation settings name."""
    named = getattr(model.generation_config, "eos_token_id", None)
    listed = named if isinstance(named, list) else [named]
    ids = {*listed, tokenizer.eos_token_id} - {None}
    if not ids:
        raise ConfigError("the tokenizer has no end token (eos_token), so no response could end; set one")
    return tuple(sorted(ids))
