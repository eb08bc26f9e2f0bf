"""Planted mistakes are caught: each is a wrong function in place of a right one, and the laboratory rejects it."""

from __future__ import annotations

from dataclasses import replace

import torch

from verigrad.lab.estimators import Estimator, estimator
from verigrad.lab.measure import exact
from verigrad.lab.theory import holds
from verigrad.lab.world import World, make_world
from verigrad.objective.credit import group_zscore, leave_one_out, running_mean, value
from verigrad.objective.losses import importance_weighted, policy_gradient
from verigrad.types import Group, ScoredRollout

WORLD = make_world()
REINFORCE = estimator("reinforce")
LEAVE_ONE_OUT = estimator("leave_one_out", "leave_one_out", claim="leave-one-out")


def accepted(row: Estimator, world: World = WORLD, group: int = 2) -> bool:
    """With every order of the rollouts: a wrong function may depend on it."""
    return holds(world, row, exact(world, row, group, ordered=True), group)


def rejects(right: Estimator, world: World = WORLD, group: int = 2, **wrong: object) -> bool:
    """The row as it is passes, and with the wrong function in its place it does not."""
    return accepted(right, world, group) and not accepted(replace(right, **wrong), world, group)


def test_flipped_sign():
    assert rejects(REINFORCE, loss=lambda logprobs, advantages: -policy_gradient(logprobs, advantages))


def test_missing_division_by_n():
    assert rejects(REINFORCE, normalizer=lambda update: [1.0] * len(update.lengths))


def test_n_of_kept_instead_of_sampled_rollouts():
    imitation = estimator("expert iteration by N", "one", "nll", select="correct")
    assert rejects(imitation, joint=True, normalizer=lambda update: [1 / len(update.lengths)] * len(update.lengths))


def test_a_baseline_that_sees_its_own_action():
    def peeking(groups, state):
        _, after = running_mean(groups, state)
        return running_mean(groups, after)  # the batch is counted before it is used

    row = estimator("running_mean", "running_mean", state={"count": 8.0, "sum": 3.0})
    assert rejects(replace(row, joint=True), credit=peeking)
    assert rejects(LEAVE_ONE_OUT, credit=estimator("", "group_mean").credit)


def test_values_read_after_the_action():
    def late(groups, state):
        moved = [
            Group(group.prompt, tuple(replace(s, scores={"values": (*s.scores["values"][1:], 0.0)}) for s in group))
            for group in groups
        ]
        return value(moved, state)

    assert rejects(estimator("value", "value"), credit=late)
    assert rejects(estimator("value", "value", values="exact"), credit=late)


def test_a_gradient_through_the_old_logprobs():
    right = estimator("importance_weighted", "leave_one_out", "importance_weighted")
    # on policy, old log-probs computed with gradient are the current ones: the ratio is constant
    assert rejects(right, loss=lambda logprobs, old, advantages: importance_weighted(logprobs, logprobs, advantages))


def interleaved(credit):
    """Rollouts laid out as [q1, q2, q1, q2, …] and read as if each question's stood together."""

    def wrong(groups, state):
        laid = [scored for rank in zip(*groups, strict=True) for scored in rank]
        size = len(groups[0])
        read: list[Group[ScoredRollout]] = [
            Group(group.prompt, tuple(laid[place * size : (place + 1) * size])) for place, group in enumerate(groups)
        ]
        flat = [row for rows in credit(read, state)[0] for row in rows]
        # handed back to the places that they were read from
        count = len(groups)
        return [[flat[rank * count + place] for rank in range(size)] for place in range(count)], state

    return wrong


def test_interleaved_groups():
    # Still unbiased for leave_one_out: other questions' rewards are no function of the own action. The variance tells.
    right = replace(LEAVE_ONE_OUT, joint=True)
    assert rejects(right, credit=interleaved(leave_one_out))
    assert accepted(replace(right, claim="unbiased", credit=interleaved(leave_one_out)))
    zscore = estimator("group_zscore", "group_zscore", claim="c(p, G)", numbers={"ddof": 1})
    wrong = interleaved(lambda groups, state: group_zscore(groups, state, advantage_eps=0.0))
    # Of two or three 0/1 rewards that are not all equal the std is always the same: four are needed.
    assert rejects(replace(zscore, joint=True), world=make_world(2, 1), group=4, credit=wrong)


def test_a_denominator_per_microbatch():
    # Micro-batches of one sequence, each divided by its own tokens, then averaged: what `tokens` turns into.
    def per_microbatch(update):
        return [1 / (length * len(update.lengths)) for length in update.lengths]

    right = estimator("constant", normalizer="constant", claim="parallel")
    assert rejects(right, joint=True, normalizer=per_microbatch)
    tokens = estimator("tokens", normalizer="tokens", claim="biased")
    ours, theirs = (exact(WORLD, row, 2).mean for row in (tokens, replace(tokens, normalizer=per_microbatch)))
    assert (ours - theirs).norm() > 0.05 * WORLD.gradient().norm()


def test_rewards_of_a_neighbour():
    def shifted(groups, state):
        turned = [Group(group.prompt, (*group.rollouts[1:], group.rollouts[0])) for group in groups]
        lengths = [[len(scored.rollout.completion.token_ids) for scored in group] for group in groups]
        given = leave_one_out(turned, state)[0]
        return [
            [(row[0],) * length for row, length in zip(rows, sizes, strict=True)]
            for rows, sizes in zip(given, lengths, strict=True)
        ], state

    assert rejects(LEAVE_ONE_OUT, credit=shifted)


def test_an_advantage_that_is_not_a_number_is_no_claim_fulfilled():
    def broken(groups, state):
        return [[(float("nan"),) * len(s.rollout.completion.token_ids) for s in group] for group in groups], state

    assert torch.isnan(exact(WORLD, replace(REINFORCE, credit=broken), 2).mean).any()
    assert rejects(REINFORCE, credit=broken)
