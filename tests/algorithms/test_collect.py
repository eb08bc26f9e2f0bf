"""From problems to graded groups: order, streams, and grading while others are still being drawn."""

from __future__ import annotations

import random

from tests.algorithms.parts import PROBLEMS, Watcher, exact, prompts, scripted
from verigrad.algorithms import collect, make_prompts, make_requests
from verigrad.grading import Grader, from_function
from verigrad.samplers import ScriptedSampler
from verigrad.types import SamplingParams, Status, StreamKey

PARAMS = SamplingParams(max_tokens=20)


def requests(indices=(4, 1, 6), rollouts=3):
    return make_requests(prompts(PROBLEMS), indices, PARAMS, rollouts=rollouts, seed=7, generation="train/5")


def grader() -> Grader:
    return Grader(from_function(exact), workers=1, time_limit=5.0)


class Shuffled(ScriptedSampler):
    """Finishes requests in any order but the given one."""

    def sample(self, requests):
        completions = list(super().sample(requests))
        random.Random(3).shuffle(completions)
        yield from completions


def test_make_prompts_renders_and_encodes_each_problem():
    made = make_prompts(PROBLEMS[:2], lambda problem: f"Q {problem.question}", lambda text: tuple(map(ord, text)))
    assert [prompt.text for prompt in made] == ["Q 0+1", "Q 1+1"]
    assert made[1].token_ids == (81, 32, 49, 43, 49)
    assert made[1].problem is PROBLEMS[1]


def test_requests_are_grouped_by_question_and_name_their_streams_by_place_not_by_problem():
    made = requests(indices=(4, 1, 4), rollouts=2)
    assert [request.prompt.problem.id for request in made] == ["p4", "p4", "p1", "p1", "p4", "p4"]
    places = [(0, 0), (0, 1), (1, 0), (1, 1), (2, 0), (2, 1)]
    assert [request.key for request in made] == [StreamKey(7, "train/5", *place) for place in places]
    # A question that is met twice in a step has streams of its own each time.
    assert len({request.key.seed64() for request in made}) == 6


def test_groups_and_their_rollouts_are_in_order_although_completions_are_not():
    def script(request):
        return f"{request.prompt.problem.id} {request.key.rollout}"

    sampler = scripted(script, Shuffled)
    arrived = [completion.text for completion in sampler.sample(requests())]
    assert arrived != sorted(arrived), "the sampler is meant to shuffle"
    with grader() as judge:
        groups = collect(sampler, judge, requests(), Watcher())
    assert [group.prompt.problem.id for group in groups] == ["p4", "p1", "p6"]
    texts = [[rollout.completion.text for rollout in group] for group in groups]
    assert texts == [["p4 0", "p4 1", "p4 2"], ["p1 0", "p1 1", "p1 2"], ["p6 0", "p6 1", "p6 2"]]


def test_each_grade_belongs_to_its_own_response():
    def script(request):
        right = request.prompt.problem.answer
        return right if request.key.rollout == 1 else f"{right}0"

    with grader() as judge:
        groups = collect(scripted(script, Shuffled), judge, requests(), Watcher())
    for group in groups:
        assert [rollout.grade.status for rollout in group] == [Status.WRONG, Status.CORRECT, Status.WRONG]
        assert [rollout.grade.extracted for rollout in group] == [rollout.completion.text for rollout in group]


def test_a_question_that_is_met_twice_is_two_groups():
    with grader() as judge:
        groups = collect(scripted(lambda request: "1"), judge, requests(indices=(2, 2), rollouts=2), Watcher())
    assert [(group.prompt.problem.id, len(group)) for group in groups] == [("p2", 2), ("p2", 2)]


def test_each_completion_is_graded_before_the_next_one_is_drawn():
    graded_before = []

    class Slow(ScriptedSampler):
        def sample(self, requests):
            for completion in super().sample(requests):
                graded_before.append(sum(judge.counts.values()))
                yield completion

    with grader() as judge:
        collect(scripted(lambda request: "5", Slow), judge, requests(), Watcher())
    assert graded_before == list(range(9))


def test_progress_counts_every_rollout():
    watcher = Watcher()
    with grader() as judge:
        collect(scripted(lambda request: "5"), judge, requests(), watcher, phase="evaluating")
    assert (watcher.phases, watcher.done) == ([("evaluating", 9)], [9])
