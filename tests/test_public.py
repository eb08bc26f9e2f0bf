"""The public surface is a list, and nothing heavy is loaded before it is used."""

from __future__ import annotations

import inspect
import subprocess
import sys

import pytest

import verigrad

PUBLIC = [
    "Completion",
    "Config",
    "ConfigError",
    "DataError",
    "Grade",
    "Problem",
    "Rollout",
    "RunStopped",
    "Status",
    "VerigradError",
    "evaluate",
    "load_config",
    "load_policy",
    "train",
]
HEAVY = ("torch", "transformers", "numpy", "scipy", "matplotlib", "pydantic", "vllm", "ray", "jaxtyping")


def test_the_public_names_are_these():
    assert verigrad.__all__ == PUBLIC == sorted(PUBLIC)
    assert set(PUBLIC) <= set(dir(verigrad))


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_name_is_there_and_documented(name):
    assert inspect.getdoc(getattr(verigrad, name))


def test_a_public_name_is_the_object_of_its_home():
    from verigrad import errors, types

    assert verigrad.Problem is types.Problem
    assert verigrad.ConfigError is errors.ConfigError


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'Trainer'; public names: Completion, "):
        verigrad.Trainer  # noqa: B018


@pytest.mark.parametrize("code", ["import verigrad", "import verigrad; verigrad.Problem", "import verigrad.cli.main"])
def test_importing_loads_nothing_heavy(code):
    program = f"{code}\nimport sys; print(*sorted(set(sys.modules) & set({HEAVY!r})))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == []
