"""What the kit brings to a machine without a network, and how it is taken in there. Standard library only.

.gpu-kit/base/wheels/*.whl, base/kit.json, base/problems/*.jsonl      packages, the list of them, word problems
.gpu-kit/model-1/NAME.1, .gpu-kit/model-2/NAME.2                       a model's file, in pieces
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
KIT = ROOT / ".gpu-kit"
STORE = Path(os.environ.get("VERIGRAD_KIT_STORE") or "/tmp/verigrad-kit")
"""Outside the tree, so that what an earlier call brought is still there when the tree is sent anew."""


def read_list() -> dict[str, Any]:
    """The kit's own list (kit.json), as it came now or in an earlier call; empty where there is none."""
    came, kept = KIT / "base" / "kit.json", STORE / "kit.json"
    if came.exists():
        shutil.copytree(came.parent / "problems", STORE / "problems", dirs_exist_ok=True)
        shutil.copyfile(came, kept)
    found: dict[str, Any] = json.loads(kept.read_text()) if kept.exists() else {}
    return found


def install() -> tuple[Path, list[str]]:
    """Installs the wheels of which this machine has no version, or too old a one; (folder, what is in it)."""
    site, wheels = STORE / "site", KIT / "base" / "wheels"
    before = {path.name for path in site.glob("*.dist-info")}
    chosen = []
    for entry in read_list().get("wheels", []):
        file = wheels / entry["file"]
        if file.exists() and not before and _is_missing(entry["name"], entry["at_least"]):
            chosen.append(str(file))
    if chosen:
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--no-cache-dir"]
        subprocess.run([*pip, "--no-compile", "--target", str(site), *chosen], check=True)
    return site, sorted(path.name.removesuffix(".dist-info") for path in site.glob("*.dist-info"))


def _is_missing(name: str, at_least: str) -> bool:
    try:
        found = metadata.version(name)
    except metadata.PackageNotFoundError:
        return True
    return _numbers(found) < _numbers(at_least)


def _numbers(version: str) -> list[int]:
    """A version's numbers up to the first part that is none: 0.3.11 → [0, 3, 11]."""
    numbers = []
    for part in version.split("."):
        if not part.isdigit():
            break
        numbers.append(int(part))
    return numbers


def join_model() -> str:
    """The path of the model's file, joined from its pieces and checked, or "" while some are missing.

    SystemExit where the checksum is not that of the list.
    """
    model = read_list().get("model")
    if not model:
        return ""
    joined = STORE / model["name"]
    if joined.exists():
        return str(joined)
    pieces = [_keep_piece(name) for name in model["pieces"]]
    if None in pieces:
        return ""
    digest, aside = hashlib.sha256(), joined.with_suffix(".part")
    with aside.open("wb") as file:
        for piece in pieces:
            assert piece is not None
            content = piece.read_bytes()
            digest.update(content)
            file.write(content)
    if digest.hexdigest() != model["sha256"]:
        aside.unlink()
        raise SystemExit(f"{joined.name}: joined from {len(pieces)} pieces it has another checksum; send them again")
    aside.rename(joined)
    return str(joined)


def _keep_piece(name: str) -> Path | None:
    """A piece in the store, copied there if it came with this call."""
    STORE.mkdir(parents=True, exist_ok=True)
    kept = STORE / name
    for came in KIT.glob(f"model-*/{name}"):
        shutil.copyfile(came, kept)
    return kept if kept.exists() else None


def split(file: Path, folder: Path, largest: int) -> dict[str, Any]:
    """Writes a file in equal pieces of at most `largest` bytes, each to a folder of its own; the entry of the list."""
    content = file.read_bytes()
    count = -(-len(content) // largest)
    size = -(-len(content) // count)
    pieces = []
    for number, start in enumerate(range(0, len(content), size), 1):
        place = folder / f"model-{number}"
        place.mkdir(parents=True, exist_ok=True)
        pieces.append(f"{file.name}.{number}")
        (place / pieces[-1]).write_bytes(content[start : start + size])
    return {"name": file.name, "sha256": hashlib.sha256(content).hexdigest(), "pieces": pieces}


def problem_files(work: Path, tiny: bool) -> tuple[Path, Path] | None:
    """(training, held-out) word problems: the kit's, if it has any, or with `tiny` two dozen made up here."""
    if not tiny:
        found = STORE / "problems" / "train.jsonl", STORE / "problems" / "validation.jsonl"
        return found if found[0].exists() else None
    files = work / "train.jsonl", work / "validation.jsonl"
    for file, whole in zip(files, ("apples", "pens"), strict=True):
        write_problems(file, [(f"Ann has {n} {whole} and gets 2 more. How many?", str(n + 2)) for n in range(1, 13)])
    return files


def write_problems(file: Path, problems: Iterable[tuple[str, str]]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps({"question": question, "answer": answer}) + "\n" for question, answer in problems]
    file.write_text("".join(lines), encoding="utf-8")
