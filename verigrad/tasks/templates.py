"""Prompt templates: the text around a question."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from verigrad.errors import ConfigError, DataError

PLACEHOLDER = "{question}"


@dataclass(frozen=True, slots=True)
class Template:
    """A text with `{question}` in it. `name` is what reports call it: a shipped name, or the path it was read from."""

    name: str
    text: str

    def __post_init__(self) -> None:
        if PLACEHOLDER not in self.text:
            shown = self.text if len(self.text) <= 60 else self.text[:57] + "..."
            raise ConfigError(
                f"template {self.name!r} = {shown!r} has no {PLACEHOLDER}, so every prompt would be the same; "
                f"write {PLACEHOLDER} where the question belongs"
            )

    def render(self, question: str) -> str:
        """The prompt of a question. Plain replacement, not `str.format`: questions and templates contain braces."""
        return self.text.replace(PLACEHOLDER, question)

    @property
    def opening(self) -> str:
        """What stands before the question, the same in every prompt."""
        return self.text.partition(PLACEHOLDER)[0]

    def question_of(self, prompt: str) -> str | None:
        """The question of which `prompt` is the rendering, or None where it is no rendering of this template."""
        start = self.text.index(PLACEHOLDER)
        copies = self.text.count(PLACEHOLDER)
        length = (len(prompt) - len(self.text)) // copies + len(PLACEHOLDER)
        question = prompt[start : start + max(length, 0)]
        return question if self.render(question) == prompt else None


def template_name(name: str, shots: int = 0, chat: bool = False) -> str:
    """What reports call a template with so many worked examples before the question, in a chat template or not."""
    return f"{name}{f' ({shots}-shot)' if shots else ''}{' (chat)' if chat else ''}"


def few_shot(template: Template, examples: Sequence[str]) -> Template:
    """The template with worked examples, prompt and response of each, before it, and a blank line behind each.

    All prompts of it begin alike. DataError where an example has a placeholder in it.
    """
    for example in examples:
        if PLACEHOLDER in example:
            raise DataError(f"few-shot example {example[:60]!r} has {PLACEHOLDER} in it; take another as an example")
    text = "".join(f"{example.rstrip()}\n\n" for example in examples) + template.text
    return Template(template_name(template.name, len(examples)), text)
