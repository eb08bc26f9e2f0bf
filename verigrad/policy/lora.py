"""Low-rank adapters beside the layers' products (Hu et al. 2021, arXiv:2106.09685), by peft.

    y = W x + (α/r) B A x,   A [r × in] random, B [out × r] zero at first

Only A and B are trained. They are float32 where the model is narrower.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from verigrad.config.schema import Lora
from verigrad.errors import ConfigError

ADAPTER = "default"
# What peft calls a product's own weights, inside the module that has taken its place.
_OWN = ".base_layer."


def add_adapters(model: Any, backbone: nn.Module, lora: Lora, seed: int) -> None:
    """Puts adapters beside the products of `backbone` that `lora.targets` name, and freezes everything else.

    A is a function of the seed alone. ConfigError where peft is not installed, or a target is not there.
    """
    try:
        import peft
    except ImportError:
        raise ConfigError(
            f"model.lora.rank = {lora.rank}: peft is not installed; install verigrad[lora], or set model.lora.rank = 0"
        ) from None
    products = {name.rpartition(".")[2] for name, part in backbone.named_modules() if isinstance(part, nn.Linear)}
    for target in lora.targets:
        if target not in products:
            raise ConfigError(
                f"model.lora.targets has {target!r}, which is no product of {type(model).__name__}'s layers; "
                f"it has {', '.join(sorted(products))}"
            )
    if not lora.targets:
        raise ConfigError("model.lora.targets is empty: nothing would be trained; name products, e.g. q_proj")
    settings = peft.LoraConfig(
        r=lora.rank,
        lora_alpha=lora.alpha,  # type: ignore[arg-type]  # a fraction is as good
        target_modules=list(lora.targets),
        bias="none",
        task_type="CAUSAL_LM",
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        peft.inject_adapter_in_model(settings, model, adapter_name=ADAPTER)
    for name, parameter in model.named_parameters():
        if ".lora_" in name:
            parameter.data = parameter.data.to(torch.promote_types(parameter.dtype, torch.float32))
    model.eval()


def merged_tensors(model: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """The weights by the names that they have without adapters, each W + (α/r) B A made as it is asked for."""
    adapted = {name: module for name, module in model.named_modules() if hasattr(module, "get_delta_weight")}
    for name, parameter in model.named_parameters():
        owner, own, last = name.rpartition(_OWN)
        if own and owner in adapted:
            weight = parameter.detach()
            if last == "weight":
                delta = adapted[owner].get_delta_weight(ADAPTER).detach()
                weight = (weight.to(delta.dtype) + delta).to(weight.dtype)
            yield f"{owner}.{last}", weight
        elif ".lora_" not in name:
            yield name, parameter.detach()


def save_adapter(model: Any, directory: Path) -> None:
    """Writes the adapters as `peft.PeftModel.from_pretrained(base, directory)` reads them."""
    import peft
    from safetensors.torch import save_file

    directory.mkdir(exist_ok=True)
    settings = model.peft_config[ADAPTER]
    settings.base_model_name_or_path = model.name_or_path
    settings.inference_mode = True
    settings.save_pretrained(directory)
    settings.inference_mode = False
    tensors = peft.get_peft_model_state_dict(model, adapter_name=ADAPTER)
    named = {f"base_model.model.{name}": tensor.contiguous() for name, tensor in tensors.items()}
    save_file(named, directory / "adapter_model.safetensors", metadata={"format": "pt"})
