"""Prompt templates by name, or from a file of one's own."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import resources
from pathlib import Path

from verigrad.config import nearest
from verigrad.errors import ConfigError
from verigrad.tasks.templates import Template, few_shot

SHIPPED = ("tiny", "r1_zero", "r1_zero_three_shot", "question_only", "question_only_boxed", "qa")


def load_template(name_or_path: str, examples: Sequence[str] = ()) -> Template:
    """A shipped template, or the text of a file, byte for byte: a newline at its end is part of every prompt.

    `examples` are worked examples before the question, each a prompt with its response.
    """
    template = _read_template(name_or_path)
    return few_shot(template, examples) if examples else template


def _read_template(name_or_path: str) -> Template:
    if name_or_path in SHIPPED:
        folder = resources.files("verigrad.data").joinpath("templates")
        return Template(name_or_path, folder.joinpath(f"{name_or_path}.txt").read_bytes().decode())
    try:
        return Template(name_or_path, Path(name_or_path).expanduser().read_bytes().decode())
    except FileNotFoundError:
        raise ConfigError(
            f"task.template = {name_or_path!r}: no shipped template and no file of that name; "
            f"{nearest(name_or_path, SHIPPED)}, or the path of a text file with {{question}} in it"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"task.template = {name_or_path!r}: cannot be read as UTF-8 text ({error}); "
            "give the path of a text file with {question} in it"
        ) from None
