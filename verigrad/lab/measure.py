"""Expectation and covariance of an estimator: by enumeration, by the law of successes, and by drawing.

Each batch goes through the production road: select, shape, credit, trajectory, updates (the weights), loss. A gradient
is linear in the per-token coefficients ∂(Σ w·ℓ)/∂log π, and only these are asked of autograd, for all batches at once.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations_with_replacement, product

import torch
from torch import Tensor

from verigrad.algorithms.schedule import updates
from verigrad.algorithms.score import trajectory
from verigrad.algorithms.select import select
from verigrad.config import build
from verigrad.config.schema import Algorithm, Selection
from verigrad.lab.estimators import Estimator
from verigrad.lab.world import World, draw, prompt_of
from verigrad.objective import DIVERGENCES, Sampled, shape
from verigrad.objective.divergence import exact_kl
from verigrad.types import (
    Completion,
    Grade,
    Group,
    Request,
    Rollout,
    Sample,
    SamplingParams,
    ScoredRollout,
    Status,
    StopReason,
    StreamKey,
)

# The rollouts of a batch: for each question, the numbers of its responses.
Draw = tuple[tuple[int, tuple[int, ...]], ...]

# Batches whose tokens are held at once.
CHUNK = 1024


@dataclass(frozen=True)
class Moments:
    """Expectation of ĝ, flat, and the trace of its covariance, of a batch of `rollouts` sampled rollouts."""

    mean: Tensor
    trace: float
    rollouts: int


@dataclass(frozen=True)
class Tokens:
    """Every trained token of many batches: its coefficient in ĝ, and where it belongs."""

    coefficient: Tensor
    batch: Tensor
    slot: Tensor
    question: Tensor
    state: Tensor
    token: Tensor


def exact(world: World, estimator: Estimator, group: int, ordered: bool = False) -> Moments:
    """By enumeration of all groups of `group` rollouts, as multisets with their multinomial probabilities.

    `ordered` takes every order of a group by itself, for functions that, wrongly, depend on it.
    """
    numbers = range(len(world.tree.responses))
    groups = list(product(numbers, repeat=group) if ordered else combinations_with_replacement(numbers, group))
    chances = [
        [_chance(world, question, rollouts) * (1 if ordered else _orders(rollouts)) for rollouts in groups]
        for question in range(world.questions)
    ]
    if estimator.joint:
        batches: list[Draw] = [tuple(enumerate(rows)) for rows in product(groups, repeat=world.questions)]
        weights = torch.tensor([math.prod(row) for row in product(*chances)], dtype=torch.float64)
        return _moments(gradients(world, estimator, batches, group), weights, world.questions * group)
    parts = [
        _moments(
            gradients(world, estimator, [((question, rollouts),) for rollouts in groups], group),
            torch.tensor(chances[question], dtype=torch.float64),
            world.questions * group,
        )
        for question in range(world.questions)
    ]
    return _independent(parts)


def monte_carlo(world: World, estimator: Estimator, group: int, batches: int, seed: int = 0) -> Moments:
    """By drawing batches token by token from π_old; equal ones are computed once."""
    drawn = [
        draw(world, question, batches * group, seed * world.questions + question).view(batches, group).sort(1).values
        for question in range(world.questions)
    ]
    if estimator.joint:
        rows, counts = _distinct(torch.cat(drawn, 1))
        made = [tuple(enumerate(tuple(part.tolist()) for part in row.split(group))) for row in rows]
        return _moments(gradients(world, estimator, made, group), counts.double() / batches, world.questions * group)
    parts = []
    for question, column in enumerate(drawn):
        rows, counts = _distinct(column)
        alone = [((question, tuple(row)),) for row in rows.tolist()]
        grown = gradients(world, estimator, alone, group)
        parts.append(_moments(grown, counts.double() / batches, world.questions * group))
    return _independent(parts)


def by_successes(world: World, estimator: Estimator, group: int) -> Moments:
    """By the binomial law of the successes k of a group, for credits that see no more of the others than their rewards.

    Given k, the rollouts are independent, and a rollout's share of ĝ depends on its own response and k alone. A
    selection that keeps a part of a group is not foreseen.
    """
    assert not estimator.joint and estimator.select != "correct"
    return _independent([_question_by_successes(world, estimator, group, q) for q in range(world.questions)])


def gradients(world: World, estimator: Estimator, batches: Sequence[Draw], group: int) -> Tensor:
    """ĝ of each batch, [batches, parameters]: the direction in which the parameters would go."""
    parts = [batches[start : start + CHUNK] for start in range(0, len(batches), CHUNK)]
    return torch.cat([_assemble(world, _tokens(world, estimator, part, group), len(part)) for part in parts])


def _question_by_successes(world: World, estimator: Estimator, group: int, question: int) -> Moments:
    right = world.rewards[question].bool()
    first = {kind: int((right == kind).nonzero()[0]) for kind in (True, False)}
    batches: list[Draw] = []
    keys = []
    for k in range(group + 1):
        for response, correct in enumerate(right.tolist()):
            others = k - correct
            if 0 <= others < group:
                fillers = (first[True],) * others + (first[False],) * (group - 1 - others)
                batches.append(((question, (response, *fillers)),))
                keys.append((k, response))
    tokens = _tokens(world, estimator, batches, group)
    own = tokens.slot == 0
    shares = _assemble(world, Tokens(*(getattr(tokens, name)[own] for name in Tokens.__annotations__)), len(batches))
    p, chances = float(world.success[question]), world.probabilities[question]
    mean, square = torch.zeros(shares.shape[1], dtype=torch.float64), 0.0
    for k in range(group + 1):
        chance = math.comb(group, k) * p**k * (1 - p) ** (group - k)
        total, alone = torch.zeros_like(mean), 0.0
        for correct, count in ((True, k), (False, group - k)):
            rows = [place for place, key in enumerate(keys) if key[0] == k and right[key[1]] == correct]
            if not count:
                continue
            weights = chances[[keys[place][1] for place in rows]]
            weights = weights / weights.sum()
            middle = weights @ shares[rows]
            total += count * middle
            alone += count * float(weights @ shares[rows].square().sum(1) - middle @ middle)
        mean += chance * total
        square += chance * (float(total @ total) + alone)
    return Moments(mean, square - float(mean @ mean), world.questions * group)


def _tokens(world: World, estimator: Estimator, batches: Sequence[Draw], group: int) -> Tokens:
    rollouts = _rollouts(world, estimator)
    rows: list[tuple[int, int, Sample]] = []
    for number, batch in enumerate(batches):
        groups = [Group(prompt_of(q), tuple(rollouts[q][place] for place in places)) for q, places in batch]
        rows += [(number, slot, sample) for slot, sample in _samples(world, estimator, groups, group)]
    names = [*rows[0][2].trajectory.streams, "advantages", "weights"] if rows else []
    values: dict[str, list[float]] = {name: [] for name in names}
    places: list[tuple[int, int, int, int, int]] = []
    sequence: list[int] = []
    for row, (number, slot, sample) in enumerate(rows):
        track = sample.trajectory
        question, response = track.token_ids[0], track.token_ids[1:]
        for name in names[:-2]:
            values[name] += track.streams[name][1:]
        values["advantages"] += track.advantages[1:]
        values["weights"] += sample.weights[1:]
        path = world.tree.path[_number(world.tree.responses)[response]]
        places += [(number, slot, question, state, token) for state, token in zip(path, response, strict=True)]
        sequence += [row] * len(response)
    batch_at, slot_at, question_at, state, token = torch.tensor(places or [(0,) * 5])[: len(places)].T
    logprobs = world.logits.log_softmax(-1)[question_at, state, token].requires_grad_()
    streams = {name: torch.tensor(stream, dtype=torch.float64) for name, stream in values.items()}
    streams["sequence_index"] = torch.tensor(sequence, dtype=torch.long)
    if not rows:
        return Tokens(logprobs.detach(), batch_at, slot_at, question_at, state, token)
    loss = estimator.loss(logprobs, *(streams[name] for name in estimator.streams))
    name, beta = estimator.kl_in_loss
    if beta and name != "exact":
        loss = loss + beta * DIVERGENCES[name](logprobs, streams["reference_logprobs"])
    (slope,) = torch.autograd.grad((streams["weights"] * loss).sum(), logprobs)
    sampled = Tokens(-slope, batch_at, slot_at, question_at, state, token)
    return _with_divergence(world, sampled, streams["weights"] * beta) if beta and name == "exact" else sampled


def _with_divergence(world: World, tokens: Tokens, weights: Tensor) -> Tokens:
    """The tokens and, for every token of the vocabulary at their states, the slope of weight × exact KL.

    A slope at the logits sums to 0 over the vocabulary, so that as a coefficient of ∇log π it is the same gradient.
    """
    logits = world.logits[tokens.question, tokens.state].requires_grad_()
    divergence = exact_kl(logits, world.reference_logits[tokens.question, tokens.state])
    (slope,) = torch.autograd.grad((weights * divergence).sum(), logits)
    count = slope.shape[1]
    everywhere = {
        name: getattr(tokens, name).repeat_interleave(count) for name in ("batch", "slot", "question", "state")
    }
    added = {"coefficient": -slope.flatten(), **everywhere, "token": torch.arange(count).repeat(len(slope))}
    return Tokens(**{name: torch.cat((getattr(tokens, name), part)) for name, part in added.items()})


def _samples(
    world: World, estimator: Estimator, groups: list[Group[ScoredRollout]], group: int
) -> Iterable[tuple[int, Sample]]:
    """The production road of one batch: (place among the kept rollouts, sample with its weights)."""
    tokens = sum(len(scored.rollout.completion.token_ids) for one in groups for scored in one)
    kept = shape(select(groups, estimator.select, Selection()), kl_in_reward=estimator.kl_in_reward)
    advantages, _ = estimator.credit(kept, estimator.state)
    tracks = [
        trajectory(scored.rollout, row, scored)
        for one, rows in zip(kept, advantages, strict=True)
        for scored, row in zip(one, rows, strict=True)
    ]
    slots = {id(track): slot for slot, track in enumerate(tracks)}
    sampled = Sampled(world.questions * group, tokens, world.tree.horizon)
    for _, samples in updates(tracks, _algorithm(), estimator.normalizer, "lab", sampled):
        for sample in samples:
            yield slots[id(sample.trajectory)], sample


def _rollouts(world: World, estimator: Estimator) -> list[list[ScoredRollout]]:
    """Every response of every question as the sampler, the verifier and the scorer would hand it on."""
    shape = world.logits.shape
    values = world.exact_values() if estimator.values == "exact" else world.values
    tables = {
        "old_logprobs": world.old_logits.log_softmax(-1),
        "reference_logprobs": world.reference_logits.log_softmax(-1),
        "values": values[:, :, None].expand(shape),
        "baseline": world.greedy()[:, None, None].expand(shape),
    }
    needs = estimator.needs | ({"old_logprobs", "reference_logprobs"} if estimator.beta else set())
    tables = {name: table for name, table in tables.items() if name in needs}
    return [
        [
            _scored(
                world,
                question,
                place,
                float(world.rewards[question, place]) * estimator.reward_scale,
                {name: tuple(table[question, path, response].tolist()) for name, table in tables.items()},
            )
            for place, (response, path) in enumerate(zip(world.tree.responses, world.tree.path, strict=True))
        ]
        for question in range(world.questions)
    ]


def _scored(
    world: World, question: int, place: int, reward: float, streams: dict[str, tuple[float, ...]]
) -> ScoredRollout:
    request = Request(
        prompt_of(question), SamplingParams(max_tokens=world.tree.horizon), StreamKey(0, "lab", question, place)
    )
    ids = world.tree.responses[place]
    completion = Completion(request, ids, (0.0,) * len(ids), "", StopReason.END_TOKEN, 0)
    status = Status.CORRECT if world.rewards[question, place] else Status.WRONG
    return ScoredRollout(Rollout(completion, Grade(reward, 1.0, reward, status)), streams)


def _assemble(world: World, tokens: Tokens, count: int) -> Tensor:
    """Σ coefficient · ∇log π(token|state) for each batch: coefficients at the tokens minus π times their sum."""
    shape = (count, *world.logits.shape)
    total = torch.zeros(shape, dtype=torch.float64)
    total.index_put_((tokens.batch, tokens.question, tokens.state, tokens.token), tokens.coefficient, accumulate=True)
    total = total - total.sum(-1, keepdim=True) * world.logits.softmax(-1)
    return total.flatten(1)


def _moments(grown: Tensor, weights: Tensor, rollouts: int) -> Moments:
    mean = weights @ grown
    return Moments(mean, float(weights @ (grown - mean).square().sum(1)), rollouts)


def _independent(parts: Sequence[Moments]) -> Moments:
    """The sum of parts that do not depend on each other."""
    mean = torch.stack([part.mean for part in parts]).sum(0)
    return Moments(mean, sum(part.trace for part in parts), parts[0].rollouts)


def _distinct(rows: Tensor) -> tuple[Tensor, Tensor]:
    """The different rows and how often each occurs; rows as one number each, since sorting those is fast."""
    base = int(rows.max()) + 1
    assert base ** rows.shape[1] < 2**63
    places = base ** torch.arange(rows.shape[1])
    numbers, counts = (rows * places).sum(1).unique(return_counts=True)
    return numbers[:, None] // places % base, counts


def _chance(world: World, question: int, rollouts: tuple[int, ...]) -> float:
    chances: list[float] = world.probabilities[question, list(rollouts)].tolist()
    return math.prod(chances)


def _orders(rollouts: tuple[int, ...]) -> int:
    """In how many orders these rollouts can be drawn."""
    return math.factorial(len(rollouts)) // math.prod(math.factorial(n) for n in Counter(rollouts).values())


@cache
def _algorithm() -> Algorithm:
    """One update on everything."""
    return build({"algorithm": {"sequences_per_update": 0}}).algorithm


def _number(responses: Sequence[tuple[int, ...]]) -> dict[tuple[int, ...], int]:
    return {response: place for place, response in enumerate(responses)}
