"""Prompts inside a chat template."""

from __future__ import annotations

import pytest

from tests.tiny import END, make_policy, make_tokenizer
from verigrad.errors import ConfigError
from verigrad.policy import in_chat
from verigrad.tasks.templates import Template, few_shot

CHATML = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
STRICT = "{{ raise_exception('no system turn') if messages[0]['role'] == 'system' else messages[0]['content'] }}"


def tokenizer(template):
    words = make_tokenizer()
    words.chat_template = template
    return words


def test_the_question_is_the_users_turn():
    template = in_chat(Template("question_only", "{question}"), tokenizer(CHATML), system="Think.")
    assert template.name == "question_only (chat)"
    prompt = template.render("1 + {1}?")
    assert prompt == (
        "<|im_start|>system\nThink.<|im_end|>\n<|im_start|>user\n1 + {1}?<|im_end|>\n<|im_start|>assistant\n"
    )
    assert template.question_of(prompt) == "1 + {1}?"


def test_few_shot_examples_are_in_the_users_turn_too():
    template = in_chat(few_shot(Template("qa", "Q: {question} A:"), ["Q: 1 A: 1"]), tokenizer(CHATML))
    assert template.name == "qa (1-shot) (chat)"
    prompt = template.render("2")
    assert prompt == "<|im_start|>user\nQ: 1 A: 1\n\nQ: 2 A:<|im_end|>\n<|im_start|>assistant\n"
    assert template.question_of(prompt) == "2"


def test_a_model_without_a_chat_template_is_refused_by_name():
    with pytest.raises(ConfigError, match=r"the tokenizer of 'Qwen/base' has no chat template; set it to false"):
        in_chat(Template("t", "{question}"), make_tokenizer(), path="Qwen/base")


def test_turns_that_the_chat_template_refuses():
    assert in_chat(Template("t", "{question}"), tokenizer(STRICT)).text == "{question}"
    with pytest.raises(ConfigError, match=r"refuses these turns \(no system turn\); leave model\.system_prompt empty"):
        in_chat(Template("t", "{question}"), tokenizer(STRICT), system="Think.")


def test_opening_tokens_are_not_doubled():
    policy = make_policy()
    policy.tokenizer.bos_token = END
    plain = policy.encode_prompt("ab")
    assert policy.encode_prompt(f"{END}ab") == (policy.tokenizer.bos_token_id, *plain)
