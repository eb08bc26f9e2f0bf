"""A prompt template inside the model's own chat template."""

from __future__ import annotations

from typing import Any

from verigrad.errors import ConfigError
from verigrad.tasks.templates import Template, template_name


def in_chat(template: Template, tokenizer: Any, system: str = "", path: str = "") -> Template:
    """The template as the user's turn, with the opening of the assistant's turn behind it.

    The chat template is rendered once, with `{question}` left in place, so that a prompt is still text around a
    question. ConfigError where the tokenizer has no chat template, or its own does not take these turns.
    """
    if not getattr(tokenizer, "chat_template", None):
        raise ConfigError(
            f"model.chat_template = true, but the tokenizer of {path or 'this model'!r} has no chat template; set it "
            "to false, or use an instruction-tuned model"
        )
    turns = [{"role": "system", "content": system}] if system else []
    turns.append({"role": "user", "content": template.text})
    try:
        text = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
    except Exception as error:  # a chat template is a program, and may raise anything
        raise ConfigError(
            f"model.chat_template: the chat template of {path or 'this model'!r} refuses these turns ({error}); leave "
            "model.system_prompt empty, or set chat_template to false"
        ) from None
    return Template(template_name(template.name, chat=True), text)
