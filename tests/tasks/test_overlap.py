import pytest

from verigrad.errors import DataError
from verigrad.tasks.overlap import check_overlap, overlap, without
from verigrad.types import Problem


def problems(*questions):
    return [Problem(str(number), question, "0") for number, question in enumerate(questions)]


def test_white_space_does_not_hide_an_overlap():
    assert overlap(problems("a  b\nc ", "d"), problems("e", "a b c", " a b  c")) == ["a b c"]


def test_disjoint_sets_pass():
    check_overlap(problems("1+1", "1+2"), problems("1 +1"))
    check_overlap([], problems("1+1"))


def test_an_overlap_is_refused_with_count_example_and_remedy():
    with pytest.raises(DataError, match=r"^2 validation.*first is '2\+2'.*task\.allow_overlap = true"):
        check_overlap(problems("1+1", "2+2"), problems("2+2", "3+3", "1+1"))


def test_a_long_example_is_shortened():
    with pytest.raises(DataError, match=r"'y{77}\.\.\.'"):
        check_overlap(problems("y" * 90), problems("y" * 90))


def test_without_leaves_out_equal_questions_whatever_their_white_space():
    kept = without(problems("a", "b  c", "d", "a"), problems("b c", " d"))
    assert [problem.question for problem in kept] == ["a", "a"]
