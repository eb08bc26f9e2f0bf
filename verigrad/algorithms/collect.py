"""From problems to graded groups: prompts, requests, sampling and grading overlapped."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from verigrad.algorithms.progress import Progress
from verigrad.grading import Grader
from verigrad.samplers import Sampler
from verigrad.tasks.prompts import common_length
from verigrad.types import Completion, Group, Problem, Prompt, Request, Rollout, SamplingParams, StreamKey

Encode = Callable[[str], tuple[int, ...]]


def make_prompts(problems: Iterable[Problem], render: Callable[[Problem], str], encode: Encode) -> list[Prompt]:
    """Problems as the model sees them."""
    texts = [(problem, render(problem)) for problem in problems]
    return [Prompt(problem, text, encode(text)) for problem, text in texts]


def with_template_tokens(prompts: Sequence[Prompt], opening: Sequence[int]) -> list[Prompt]:
    """The prompts with `template_tokens`: how many of their ids are those of the template's `opening` alone.

    The last of these may be joined with the question's first letters, and then is none of them.
    """
    return [replace(prompt, template_tokens=common_length(prompt.token_ids, opening)) for prompt in prompts]


def make_requests(
    prompts: Sequence[Prompt],
    indices: Iterable[int],
    params: SamplingParams,
    *,
    rollouts: int,
    seed: int,
    generation: str,
) -> list[Request]:
    """`rollouts` requests for each of the chosen prompts; the place in the step names a question's random streams."""
    return [
        Request(prompts[index], params, StreamKey(seed, generation, place, rollout))
        for place, index in enumerate(indices)
        for rollout in range(rollouts)
    ]


def collect(
    sampler: Sampler, grader: Grader, requests: Sequence[Request], progress: Progress, phase: str = "sampling"
) -> list[Group[Rollout]]:
    """Samples all requests and grades each completion while others are still being drawn.

    One group per question of the step, in the order of the requests, its rollouts in order too.
    """
    progress.begin(phase, len(requests))
    graded = []
    for completion in sampler.sample(requests):
        graded.append((completion, grader.submit(completion.problem, completion.text)))
        progress.advance()
    graded.sort(key=lambda pair: _place(pair[0]))
    groups: dict[int, list[Rollout]] = {}
    for completion, grade in graded:
        groups.setdefault(completion.request.key.question, []).append(Rollout(completion, grade.result()))
    return [Group(rollouts[0].completion.prompt, tuple(rollouts)) for rollouts in groups.values()]


def _place(completion: Completion) -> tuple[int, int]:
    key = completion.request.key
    return key.question, key.rollout
