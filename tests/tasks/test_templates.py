import pytest
from hypothesis import given
from hypothesis import strategies as st

from verigrad.errors import ConfigError, DataError
from verigrad.tasks.templates import Template, few_shot, template_name


def test_braces_of_question_and_template_stay():
    template = Template("braces", r"Write \boxed{} around it: {question}{")
    assert template.render("{x} and {0} and {question}") == r"Write \boxed{} around it: {x} and {0} and {question}{"


def test_a_template_without_a_place_for_the_question_is_refused():
    with pytest.raises(ConfigError, match=r"'plain' = 'Answer: ' has no \{question\}.*write \{question\}"):
        Template("plain", "Answer: ")


def test_a_long_template_is_shortened_in_the_error():
    with pytest.raises(ConfigError, match=r"= 'x{57}\.\.\.' has no"):
        Template("long", "x" * 100)


@given(st.text(), st.sampled_from(["{question}", "{question}=<think>", "Q: {question}\nAgain: {question}\nA:"]))
def test_question_of_undoes_render(question, text):
    template = Template("t", text)
    assert template.question_of(template.render(question)) == question


@pytest.mark.parametrize("prompt", ["", "Q: 1+1", "Q: 1+1 A", "1+1 A:", "Q: 1+1 R: 2+1 A:", "Q:  R: A:"])
def test_what_is_no_rendering_has_no_question(prompt):
    assert Template("t", "Q: {question} R: {question} A:").question_of(prompt) is None


def test_examples_stand_before_the_question_with_a_blank_line_behind_each():
    qa = Template("qa", "Q: {question}\nA:")
    template = few_shot(qa, ["Q: 1+1?\nA: 2.\n", "Q: {x}?\nA: 4."])
    assert template.name == "qa (2-shot)"
    assert template.render("3+3?") == "Q: 1+1?\nA: 2.\n\nQ: {x}?\nA: 4.\n\nQ: 3+3?\nA:"
    assert template.question_of(template.render("3+3?")) == "3+3?"
    assert template.question_of("Q: 3+3?\nA:") is None


def test_an_example_with_a_placeholder_is_refused():
    with pytest.raises(DataError, match=r"example 'Q: Fill \{question\}' has \{question\} in it"):
        few_shot(Template("t", "{question}"), ["Q: Fill {question}"])


def test_names_of_templates():
    assert template_name("qa") == "qa"
    assert template_name("qa", 4) == "qa (4-shot)"
    assert template_name("qa", 4, chat=True) == "qa (4-shot) (chat)"
