import itertools
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from verigrad.tasks import chains as module
from verigrad.tasks.chains import chains, totals
from verigrad.tasks.splits import VALIDATION_SHARE, is_validation


def signed_terms(question):
    """An oracle of its own: the terms with their signs, by a regular expression."""
    return [int(term) for term in re.findall(r"[+-]?\d+", question)]


@given(st.lists(st.tuples(st.sampled_from("+-"), st.integers(0, 999)), min_size=1), st.integers(0, 999))
def test_totals_are_the_running_sums(rest, first):
    question = f"{first}" + "".join(f"{sign}{term}" for sign, term in rest)
    assert totals(question) == list(itertools.accumulate(signed_terms(question)))[1:]


@pytest.mark.parametrize("split", ["train", "validation"])
def test_answers_and_solutions_are_right(split):
    for problem in chains(500, seed=3, split=split, min_terms=2, max_terms=7, max_operand=20):
        terms = signed_terms(problem.question)
        assert problem.answer == str(sum(terms))
        assert problem.solution == " ".join(str(sum(terms[:n])) for n in range(2, len(terms) + 1))
        assert problem.solution.split()[-1] == problem.answer
        assert problem.details["terms"] == len(terms)
        assert 2 <= len(terms) <= 7
        assert all(1 <= abs(term) <= 20 for term in terms)


def test_questions_are_different_and_have_ids_of_their_own():
    problems = chains(2000, seed=0, split="train")
    assert len({problem.question for problem in problems}) == len({problem.id for problem in problems}) == 2000


@given(st.integers(0, 2**32), st.integers(0, 2**32))
@settings(max_examples=10)
def test_splits_are_disjoint_whatever_the_seeds_and_parameters(train_seed, validation_seed):
    train = chains(300, seed=train_seed, split="train", min_terms=2, max_terms=3)
    validation = chains(30, seed=validation_seed, split="validation", min_terms=2, max_terms=3, max_operand=12)
    assert not {p.question for p in train} & {p.question for p in validation}


def test_the_same_arguments_give_the_same_problems_and_a_longer_list_begins_with_the_shorter():
    problems = chains(100, seed=5, split="validation")
    assert problems == chains(100, seed=5, split="validation")
    assert problems[:40] == chains(40, seed=5, split="validation")
    assert problems != chains(100, seed=6, split="validation")


def test_the_split_of_a_question_is_fixed_for_good():
    # Pinned: with another hash, a shipped model would have been trained on what now validates it.
    questions = ["8-4-5+5", "5-2-7+4+8-2", "1-2-1-7", "9-7-2+5-8"]
    assert [is_validation(question) for question in questions] == [True, True, False, False]


def test_the_share_of_validation_questions():
    texts = [f"{a}+{b}-{c}" for a in range(20) for b in range(20) for c in range(20)]
    # 8,000 questions: standard deviation √(1/8·7/8/8000) = 0.0037
    assert sum(map(is_validation, texts)) / len(texts) == pytest.approx(VALIDATION_SHARE, abs=4 * 0.0037)


def test_more_than_there_are_is_refused():
    # "1+1" and "1-1" are all there are, both splits together
    with pytest.raises(ValueError, match=r"different chains of 2–2 terms up to 1 found; ask for fewer than 3"):
        chains(3, seed=0, split="train", min_terms=2, max_terms=2, max_operand=1)


def test_an_unknown_split_is_refused():
    with pytest.raises(ValueError, match="split = 'test': must be 'train' or 'validation'"):
        chains(1, seed=0, split="test")


def test_a_stream_that_ends_is_a_fault_of_ours(monkeypatch):
    monkeypatch.setattr(module, "_stream", lambda *_: iter(()))
    with pytest.raises(AssertionError, match="endless"):
        chains(1, seed=0, split="train")
