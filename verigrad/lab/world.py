"""Worlds small enough to enumerate: every response, its probability, J and ∇J, exactly, in float64.

A policy is a softmax for each question and prefix, with free logits. Token 0 ends a response, so that lengths vary; at
the horizon it is cut. Axis words: *questions*, *states* (prefixes), *vocabulary*, *responses*.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product

import torch
from torch import Tensor

from verigrad.types import Problem, Prompt

END = 0


@dataclass(frozen=True)
class Tree:
    """All responses over a vocabulary up to a horizon, shortest first, and the prefixes at which a token is drawn."""

    vocabulary: int
    horizon: int

    @cached_property
    def states(self) -> list[tuple[int, ...]]:
        return [
            prefix for length in range(self.horizon) for prefix in product(range(1, self.vocabulary), repeat=length)
        ]

    @cached_property
    def responses(self) -> list[tuple[int, ...]]:
        found = []
        for prefix in self.states:
            found.append((*prefix, END))
            if len(prefix) == self.horizon - 1:
                found += [(*prefix, token) for token in range(1, self.vocabulary)]
        return found

    @cached_property
    def path(self) -> list[tuple[int, ...]]:
        """For each response, the number of the state before each of its tokens."""
        number = {prefix: place for place, prefix in enumerate(self.states)}
        return [tuple(number[response[:t]] for t in range(len(response))) for response in self.responses]

    @cached_property
    def lengths(self) -> Tensor:
        return torch.tensor([len(response) for response in self.responses], dtype=torch.float64)

    @cached_property
    def flat(self) -> tuple[Tensor, Tensor, Tensor]:
        """(response, state, token) of every token of every response, end to end."""
        rows = [
            (place, state, token)
            for place, (path, response) in enumerate(zip(self.path, self.responses, strict=True))
            for state, token in zip(path, response, strict=True)
        ]
        response, state, token = torch.tensor(rows).T
        return response, state, token

    def logits_of(self, distribution: Tensor) -> Tensor:
        """The logits [questions, states, vocabulary] of the policy with these probabilities [questions, responses]."""
        response, state, token = self.flat
        mass = torch.zeros(len(distribution), len(self.states) * self.vocabulary, dtype=torch.float64)
        mass.index_add_(1, state * self.vocabulary + token, distribution[:, response])
        return mass.log().view(len(distribution), len(self.states), self.vocabulary)


@dataclass(frozen=True)
class World:
    """Questions with verified rewards, the policy π to be improved, π_old that samples, and π_ref.

    `values` is a learned V(s): near V^π but wrong, and fixed before the batch. A batch holds each question once.
    """

    tree: Tree
    logits: Tensor
    old_logits: Tensor
    reference_logits: Tensor
    rewards: Tensor
    values: Tensor

    @property
    def questions(self) -> int:
        return len(self.logits)

    @cached_property
    def probabilities(self) -> Tensor:
        """π_old of each response, [questions, responses]: what batches are drawn from."""
        return response_logprobs(self.tree, self.old_logits).exp()

    @cached_property
    def success(self) -> Tensor:
        """Chance of each question to be answered right by π_old."""
        return (self.probabilities * self.rewards).sum(1)

    def objective(self, logits: Tensor, gamma: float = 1.0, beta: float = 0.0) -> Tensor:
        """J = mean over questions of E[γ^T r_T] − β KL(π‖π_ref). CS336 A5 eq. 6–7 (2026: 5)."""
        logprobs = response_logprobs(self.tree, logits)
        earned = self.rewards * torch.pow(gamma, self.tree.lengths - 1)
        gap = logprobs - response_logprobs(self.tree, self.reference_logits)
        value: Tensor = (logprobs.exp() * (earned - beta * gap)).sum(1).mean()
        return value

    def gradient(self, gamma: float = 1.0, beta: float = 0.0) -> Tensor:
        """∇J at π, flat, by differentiating the exact J."""
        logits = self.logits.clone().requires_grad_()
        (gradient,) = torch.autograd.grad(self.objective(logits, gamma, beta), logits)
        return gradient.flatten()

    @cached_property
    def scores(self) -> Tensor:
        """∇log π(response) within its question, [questions, responses, states × vocabulary]: one-hot minus π."""
        response, state, token = self.tree.flat
        policy = self.logits.softmax(-1)
        scores = torch.zeros(self.questions, len(self.tree.responses), *policy.shape[1:], dtype=torch.float64)
        for question in range(self.questions):
            scores[question].index_put_((response, state), -policy[question, state], accumulate=True)
            scores[question].index_put_((response, state, token), torch.tensor(1.0).double(), accumulate=True)
        return scores.flatten(2)

    def exact_values(self) -> Tensor:
        """V^π(s) = the chance of a right answer from each prefix, [questions, states]."""
        response, state, _ = self.tree.flat
        chances = response_logprobs(self.tree, self.logits).exp()
        mass, right = torch.zeros(2, self.questions, len(self.tree.states), dtype=torch.float64)
        mass.index_add_(1, state, chances[:, response])
        right.index_add_(1, state, (chances * self.rewards)[:, response])
        values: Tensor = right / mass
        return values

    def greedy(self) -> Tensor:
        """Reward of π_old's most likely token at each step, for each question."""
        choices = self.old_logits.argmax(-1)
        results = []
        for question in range(self.questions):
            response: tuple[int, ...] = ()
            while response not in self.tree.responses:
                response = (*response, int(choices[question, self.tree.states.index(response)]))
            results.append(self.rewards[question, self.tree.responses.index(response)])
        return torch.stack(results)

    def off_policy(self, kl: float, seed: int = 1) -> World:
        """The same sampler π_old, and π moved away from it until KL(π_old‖π) is `kl` nats per response on average."""
        noise = torch.randn(self.logits.shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
        low, high = 0.0, 64.0
        for _ in range(80):
            middle = (low + high) / 2
            moved = response_logprobs(self.tree, self.old_logits + middle * noise)
            gap = (self.probabilities * (self.probabilities.log() - moved)).sum(1).mean()
            low, high = (middle, high) if gap < kl else (low, middle)
        return replace(self, logits=self.old_logits + low * noise)


def make_world(
    vocabulary: int = 2,
    horizon: int = 4,
    success: Sequence[float] = (0.1, 0.6),
    concentration: float = 0.0,
    seed: int = 2,
) -> World:
    """Random policies, one question for each chance of success; π_old = π.

    The chance is set exactly, by tilting the distribution towards right responses: any distribution over responses is
    a policy. `concentration` tilts it towards the longest responses, so that lengths vary less.
    """
    tree, random = Tree(vocabulary, horizon), torch.Generator().manual_seed(seed)
    shape = (len(success), len(tree.states), vocabulary)
    start = response_logprobs(tree, 0.7 * torch.randn(shape, generator=random, dtype=torch.float64))
    start = start + concentration * tree.lengths
    places = torch.arange(len(tree.responses))
    rewards = torch.stack([((places + question) % 3 == 1).double() for question in range(len(success))])
    wanted = torch.tensor(success, dtype=torch.float64)[:, None]
    right, wrong = (start.exp() * kind / (start.exp() * kind).sum(1, keepdim=True) for kind in (rewards, 1 - rewards))
    logits = tree.logits_of(wanted * right + (1 - wanted) * wrong)
    reference = logits + 0.5 * torch.randn(shape, generator=random, dtype=torch.float64)
    world = World(tree, logits, logits, reference, rewards, torch.zeros(shape[:2], dtype=torch.float64))
    learned = world.exact_values() + 0.2 * torch.randn(shape[:2], generator=random, dtype=torch.float64)
    return replace(world, values=learned)


def response_logprobs(tree: Tree, logits: Tensor) -> Tensor:
    """log π(response), [questions, responses]."""
    response, state, token = tree.flat
    chosen = logits.log_softmax(-1)[:, state, token]
    return torch.zeros(len(logits), len(tree.responses), dtype=torch.float64).index_add(1, response, chosen)


def draw(world: World, question: int, count: int, seed: int) -> Tensor:
    """`count` responses drawn token by token from π_old, as numbers: the way that enumeration is checked."""
    tree, policy = world.tree, world.old_logits[question].softmax(-1)
    random = torch.Generator().manual_seed(seed)
    leads = torch.full((len(tree.states), tree.vocabulary), math.nan, dtype=torch.float64)
    numbers = {response: place for place, response in enumerate(tree.responses)}
    for place, prefix in enumerate(tree.states):
        for choice in range(tree.vocabulary):
            longer = (*prefix, choice)
            leads[place, choice] = -1 - numbers[longer] if longer in numbers else tree.states.index(longer)
    state, result = torch.zeros(count, dtype=torch.long), torch.full((count,), -1)
    going = torch.arange(count)
    while len(going):
        chance = torch.rand(len(going), 1, generator=random, dtype=torch.float64)
        token = (policy[state[going]].cumsum(1) < chance).sum(1).clamp(max=tree.vocabulary - 1)
        following = leads[state[going], token].long()
        result[going[following < 0]] = -1 - following[following < 0]
        state[going] = following.clamp(min=0)
        going = going[following >= 0]
    return result


def prompt_of(question: int) -> Prompt:
    """A prompt of one token, the question's number."""
    return Prompt(Problem(id=f"question {question}", question="", answer=""), "", (question,))
