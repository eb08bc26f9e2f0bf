"""Which rollouts of a step are trained on, and in which order."""

from __future__ import annotations

import pytest

from tests.algorithms.parts import PROBLEMS, graded, prompts
from verigrad.algorithms.select import select
from verigrad.config.schema import Selection
from verigrad.types import Group, ScoredRollout, Status

RIGHT, WRONG = Status.CORRECT, Status.WRONG
QUESTIONS = prompts(PROBLEMS)


def step(*questions: str) -> list[Group[ScoredRollout]]:
    """A step's groups: each word is one question's responses, a letter each; capitals are correct.

    Equal letters are equal responses. "t" and "e" are a timeout and an error of the verifier.
    """
    groups = []
    for place, word in enumerate(questions):
        rollouts = []
        for rollout, letter in enumerate(word):
            status = {"t": Status.TIMEOUT, "e": Status.ERROR}.get(letter, RIGHT if letter.isupper() else WRONG)
            rollouts.append(ScoredRollout(graded(QUESTIONS[place], letter, status, place=place, rollout=rollout), {}))
        groups.append(Group(QUESTIONS[place], tuple(rollouts)))
    return groups


def kept(groups: list[Group[ScoredRollout]], name: str, **limits: object) -> list[str]:
    """The kept responses as words again, with their rollout numbers: "A0C2" is the first and the third."""
    chosen = select(groups, name, Selection(**limits))
    for group in chosen:
        assert all(scored.rollout.completion.prompt is group.prompt for scored in group)
    return [
        "".join(f"{s.rollout.completion.text}{s.rollout.completion.request.key.rollout}" for s in group)
        for group in chosen
    ]


def test_correct_keeps_the_correct_ones_in_their_order():
    assert kept(step("AbCd", "xYzW"), "correct") == ["A0C2", "Y1W3"]


def test_a_question_of_which_nothing_is_kept_drops_out():
    chosen = select(step("ab", "AB", "cd"), "correct", Selection())
    assert [group.prompt for group in chosen] == [QUESTIONS[1]]


def test_nothing_correct_gives_no_groups():
    assert kept(step("ab", "cd"), "correct") == []


def test_all_keeps_what_was_graded_and_leaves_out_the_verifiers_own_failures():
    assert kept(step("AbteC", "et"), "all") == ["A0b1C4"]


def test_a_failure_of_the_verifier_is_not_correct():
    assert kept(step("tAe"), "correct") == ["A1"]


@pytest.mark.parametrize(
    ("duplicates", "words"),
    [("keep", ["A0B1A2B3A4C5", "A0A1"]), ("drop", ["A0B1C5", "A0"])],
)
def test_duplicates_are_equal_responses_to_one_question(duplicates, words):
    # The first of equals stays, in its place; the same response to another question is not a duplicate.
    assert kept(step("ABABAC", "AA"), "correct", duplicates=duplicates) == words


def test_duplicates_are_told_by_token_ids_not_by_text():
    # A text that was cut after its stop string may come from different ids ("</answer>" and "</answer>\n").
    group = step("AA")[0]
    first, second = group.rollouts
    other = second.rollout.completion
    longer = type(other)(other.request, (*other.token_ids, 7), (), other.text, other.stop_reason, 0)
    group = Group(group.prompt, (first, ScoredRollout(type(second.rollout)(longer, second.rollout.grade), {})))
    assert kept([group], "correct", duplicates="drop") == ["A0A1"]


def test_max_per_question_takes_the_first_after_duplicates_are_gone():
    groups = step("AABCa", "DdE", "F")
    assert kept(groups, "correct", max_per_question=2) == ["A0A1", "D0E2", "F0"]
    assert kept(groups, "correct", max_per_question=2, duplicates="drop") == ["A0B2", "D0E2", "F0"]


def test_max_examples_counts_unique_examples_over_all_questions():
    # Unique in order: (q0, A), (q0, B), (q1, A): the third is new since its question is another one.
    groups = step("AABA", "AC", "D")
    assert kept(groups, "correct", max_examples=3) == ["A0A1B2A3", "A0"]


def test_a_further_rollout_of_an_example_that_is_in_is_no_new_one():
    groups = step("AB", "C")
    again = [*groups, Group(QUESTIONS[0], groups[0].rollouts)]  # the question is met again, as across epochs
    assert kept(again, "correct", max_examples=2) == ["A0B1", "A0B1"]


def test_limits_of_zero_limit_nothing():
    groups = step("AABB")
    assert kept(groups, "all", max_per_question=0, max_examples=0) == ["A0A1B2B3"]
