"""From a model's path to its shape: its config.json alone is read, in a directory, the hub's cache or the hub."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from verigrad.errors import DataError
from verigrad.plan.shapes import SHAPES, Shape, shape_of
from verigrad.policy.load import resolve


def find_shape(path: str) -> Shape:
    """The shape of the model at a directory, run, hub id or embedded:NAME.

    A hub id is looked for in the cache, then in the table of well-known shapes, then on the hub. DataError, in one
    line, where none has it.
    """
    from huggingface_hub.errors import StrictDataclassError

    source = resolve(path)
    local = Path(source).exists()
    faults = (OSError, ValueError, KeyError, StrictDataclassError)
    try:
        return shape_of(_config(source, offline=True), f"model.path = {path!r}")
    except faults as error:
        reason: Exception = error
    if not local and path in SHAPES:
        return SHAPES[path]
    if not local and not os.environ.get("HF_HUB_OFFLINE"):
        try:
            return shape_of(_config(source, offline=False), f"model.path = {path!r}")
        except faults as error:
            reason = error
    words = " ".join(str(reason).split()) or type(reason).__name__
    known = "a directory with a config.json" if local else f"such a directory, or one of {', '.join(SHAPES)}"
    raise DataError(f"model.path = {path!r}: its config.json cannot be read: {words[:200]}; give {known}")


def _config(source: str, offline: bool) -> dict[str, Any]:
    from transformers import AutoConfig

    tables: dict[str, Any] = AutoConfig.from_pretrained(source, local_files_only=offline).to_dict()
    return tables
