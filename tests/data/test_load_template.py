import hashlib
from pathlib import Path

import pytest

from verigrad.data.templates import SHIPPED, load_template
from verigrad.errors import ConfigError

COURSE_QUESTION_ONLY = "bff41d4d354078f7c7adde76fabf70c086aa54a29fd4fb0e15a8f32b3ed27501"
PROMPTS = Path(__file__).parents[2] / "../shared/data/prompts"


def test_tiny():
    assert load_template("tiny").render("7+5") == "7+5=<think>"


def test_question_only():
    assert load_template("question_only").render("7+5?") == "7+5?"


def test_r1_zero_is_the_published_text_to_the_last_byte():
    text = load_template("r1_zero").text
    assert text.endswith("\nUser: {question}\nAssistant: <think>")
    assert "i.e., <think> reasoning process here </think> <answer> answer here </answer>.\n" in text
    assert (
        hashlib.sha256(text.encode()).hexdigest() == "56213732da87e12ace60a2b88a16df0af18280fb0563a957cbecc938a6a2ac0e"
    )


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def test_the_prompts_of_the_course_of_2026_are_its_own_to_the_last_byte():
    three = load_template("r1_zero_three_shot").text
    assert digest(three) == "91788d4fb0e8d81ec17066dc122572f02a6d2ec3ed762174c7b70fcf5fdf6193"
    first, *examples, last = load_template("r1_zero_three_shot").text.split("\nUser: ")
    assert f"{first}\nUser: {last}" == load_template("r1_zero").text
    assert [example.endswith("</answer>") for example in examples] == [True] * 3
    # The course fills its file in with str.format, which halves the braces and leaves the backslashes.
    boxed = load_template("question_only_boxed")
    assert digest(boxed.text.replace("{}", "{{}}")) == COURSE_QUESTION_ONLY
    assert boxed.render("7+5?") == boxed.text.replace("{}", "{{}}").format(question="7+5?")


@pytest.mark.parametrize("name", ["r1_zero", "question_only"])
def test_shipped_templates_are_their_sources_byte_for_byte(name):
    source = PROMPTS / f"{name}.txt"
    if not source.exists():
        pytest.skip("the course's prompt files are not at ../shared/data/prompts")
    assert load_template(name).text.encode() == source.read_bytes()


def test_every_shipped_template_has_a_source():
    folder = Path(load_template.__code__.co_filename).parent / "templates"
    assert sorted(path.stem for path in folder.glob("*.txt")) == sorted(SHIPPED)
    sources = (folder / "SOURCES.md").read_text(encoding="utf-8")
    assert all(f"`{name}.txt`" in sources for name in SHIPPED)


def test_a_file_of_ones_own_is_kept_to_the_last_byte(tmp_path):
    path = tmp_path / "own.txt"
    path.write_bytes("Frage: {question}\r\nÄ: \n".encode())
    template = load_template(str(path))
    assert (template.name, template.text) == (str(path), "Frage: {question}\r\nÄ: \n")


def test_a_misspelt_name_gets_the_nearest():
    with pytest.raises(ConfigError, match=r"task.template = 'r1zero': .*did you mean 'r1_zero'\? known: tiny, r1_zero"):
        load_template("r1zero")


@pytest.mark.parametrize("content", [None, b"\xff{question}"])
def test_what_is_no_text_file_is_refused(tmp_path, content):
    path = tmp_path / "own"
    path.mkdir() if content is None else path.write_bytes(content)
    with pytest.raises(ConfigError, match="cannot be read as UTF-8 text"):
        load_template(str(path))
