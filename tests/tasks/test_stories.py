import re
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from verigrad.tasks.splits import is_validation
from verigrad.tasks.stories import FAMILIES, LEAST_MAX_NUMBER, TEMPLATES, stories, wordings
from verigrad.tasks.stories_text import BOXES, COLOURS, THINGS
from verigrad.verifiers import find_verifier

EQUATION = re.compile(r"(\d+) ([-+*/]) (\d+) = (\d+)\.")
OPERATIONS = {"+": Fraction.__add__, "-": Fraction.__sub__, "*": Fraction.__mul__, "/": Fraction.__truediv__}


@pytest.fixture(scope="module")
def train():
    return stories(20_000, seed=0, split="train")


@pytest.fixture(scope="module")
def held_out():
    return stories(2000, seed=0, split="validation", templates="held_out")


def whole_numbers(text):
    return [int(number) for number in re.findall(r"\d+", text)]


def check_solution(problem):
    """An oracle of its own: every equation is true, follows from the question, and the last gives the answer."""
    equations = EQUATION.findall(problem.solution)
    assert " ".join("{} {} {} = {}.".format(*equation) for equation in equations) == problem.solution
    assert len(equations) == problem.details["steps"]
    known = set(whole_numbers(problem.question))
    for left, operator, right, result in equations:
        assert OPERATIONS[operator](Fraction(left), Fraction(right)) == Fraction(result)
        assert {int(left), int(right)} <= known, "an operand is in the question or is an earlier result"
        known.add(int(result))
    assert equations[-1][3] == problem.answer


def test_20000_different_problems_have_right_solutions(train, held_out):
    assert len({problem.question for problem in train}) == len({problem.id for problem in train}) == 20_000
    for problem in train + held_out:
        check_solution(problem)


def test_our_verifier_grades_the_worked_solutions_correct_and_no_other_answer(train, held_out):
    verify = find_verifier("answer_is")
    for problem in train + held_out:
        right, wrong = (f" {problem.solution} The answer is {int(problem.answer) + error}." for error in (0, 1))
        assert (verify(problem, right).reward, verify(problem, wrong).reward) == (1.0, 0.0)


def test_numbers_are_those_of_childrens_problems(train):
    for problem in train:
        assert all(2 <= number <= 100 for number in whole_numbers(problem.question))
        assert all(1 <= number <= 100 for number in whole_numbers(problem.solution))
    # a scale of 20, 50 or 100 with equal chance: in two problems of three no number is above 50
    small = sum(max(whole_numbers(problem.question + problem.solution)) <= 50 for problem in train)
    assert small / len(train) > 0.6


def test_every_number_of_a_question_counts_unless_it_distracts(train):
    def idle(problem):
        return set(whole_numbers(problem.question)) - set(whole_numbers(problem.solution))

    idles = []
    for problem in train:
        if problem.details["wording"].startswith("distractor"):
            idles.append(bool(idle(problem)))
        else:
            assert not idle(problem)
    assert sum(idles) / len(idles) > 0.8


def test_questions_are_clean_english(train, held_out):
    for problem in train + held_out:
        text = problem.question
        assert re.fullmatch(r"[A-Z0-9][^{}]*\?", text)
        assert "  " not in text
        assert not re.search(r"[.?] (?![A-Z0-9])", text), "every sentence begins with a capital or a number"
        assert not re.search(r"\b[Aa] [aeiou]|\b[Aa]n (?!hour)[^aeiou]", text)


def test_plurals_stand_where_things_are_counted(train, held_out):
    singular = "|".join(one for one, many in (*THINGS, *BOXES) if one not in COLOURS)
    for problem in train + held_out:
        assert not re.search(rf"\d (?:{singular})\b", problem.question)


@pytest.mark.parametrize("templates", TEMPLATES)
def test_every_wording_is_used_and_is_of_one_set(train, held_out, templates):
    used = {problem.details["wording"] for problem in (train if templates == "seen" else held_out)}
    assert used == {wording.name for family in FAMILIES for wording in wordings(family, templates)}


def test_wordings_that_are_set_aside_are_no_training_wordings():
    seen, other = (
        {wording.question for family in FAMILIES for wording in wordings(family, name)} for name in TEMPLATES
    )
    assert not seen & other
    assert all(len(wordings(family, "seen")) >= 6 and len(wordings(family, "held_out")) >= 2 for family in FAMILIES)


def test_no_question_is_in_two_splits_or_template_sets(train, held_out):
    validation = stories(2000, seed=0, split="validation")
    texts = [{problem.question for problem in some} for some in (train, validation, held_out)]
    assert sum(map(len, texts)) == len(set.union(*texts)) == 24_000
    assert all(is_validation(problem.question) for problem in validation + held_out)
    assert not any(is_validation(problem.question) for problem in train)


@given(st.integers(0, 2**32), st.integers(0, 2**32))
@settings(max_examples=10, deadline=None)
def test_splits_are_disjoint_whatever_the_seeds_and_parameters(train_seed, validation_seed):
    small = {"families": ["combine"], "max_number": LEAST_MAX_NUMBER}
    first = stories(300, seed=train_seed, split="train", **small)
    second = stories(30, seed=validation_seed, split="validation", families=["combine", "change"])
    assert not {problem.question for problem in first} & {problem.question for problem in second}


def test_families_steps_and_numbers_are_chosen():
    problems = stories(200, seed=1, split="train", families=["two_step", "rates"], max_steps=1, max_number=1000)
    assert {problem.details["wording"].split("/")[0] for problem in problems} == {"rates"}
    assert max(number for problem in problems for number in whole_numbers(problem.solution)) > 200
    problems = stories(200, seed=1, split="train", min_steps=2)
    assert {problem.details["steps"] for problem in problems} == {2, 3}


def test_the_same_arguments_give_the_same_problems_and_a_longer_list_begins_with_the_shorter():
    problems = stories(100, seed=5, split="validation")
    assert problems == stories(100, seed=5, split="validation")
    assert problems[:40] == stories(40, seed=5, split="validation")
    assert problems != stories(100, seed=6, split="validation")


def test_what_there_is_not_is_refused():
    with pytest.raises(ValueError, match="no wording of combine, rates has 2 to 3 steps; allow others"):
        stories(1, seed=0, split="train", families=["combine", "rates"], min_steps=2)
    with pytest.raises(ValueError, match="split = 'test'"):
        stories(1, seed=0, split="test")
