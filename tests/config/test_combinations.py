"""Combinations of an algorithm's choices: what cannot learn is refused in one line, what does little is said."""

from __future__ import annotations

import re

import pytest

from tests.tiny import make_group
from verigrad.algorithms.select import SELECTIONS
from verigrad.config import ROWS, advice, build
from verigrad.config.rows import CHOICES
from verigrad.errors import ConfigError
from verigrad.objective import CREDITS, DIVERGENCES, LOSSES, NORMALIZERS
from verigrad.types import Group, ScoredRollout

GROUP_CREDITS = [name for name, facts in CHOICES["credit"].items() if facts.group]
CENTRED_CREDITS = [name for name, facts in CHOICES["credit"].items() if facts.centred]
GRADIENT_ROWS = [name for name in ROWS if ROWS[name]["loss"] != "nll"]
STREAMS = {"baseline": (0.0,), "values": (0.0,)}


def config_of(**algorithm):
    return build({"algorithm": algorithm, "task": {"demonstrations": "given.jsonl"}})


def refusal(**algorithm) -> str:
    with pytest.raises(ConfigError) as caught:
        config_of(**algorithm)
    message = str(caught.value)
    assert "\n" not in message and not message.endswith((".", " "))
    return message


@pytest.mark.parametrize(
    ("key", "functions"),
    [("select", SELECTIONS), ("credit", CREDITS), ("loss", LOSSES), ("normalizer", NORMALIZERS)],
)
def test_the_names_of_each_choice_are_those_of_its_functions(key, functions):
    assert list(CHOICES[key]) == list(functions)


def test_the_estimators_of_a_divergence_are_those_of_its_functions():
    for name in (*DIVERGENCES, "exact"):
        assert config_of(name="grpo", divergence={"estimator": name}).algorithm.divergence.estimator == name
    assert "should be 'k1', 'k2', 'k3' or 'exact'" in refusal(name="grpo", divergence={"estimator": "k4"})


def test_the_centred_credits_are_those_that_are_zero_on_equal_rewards():
    groups = [
        Group(group.prompt, tuple(ScoredRollout(rollout, STREAMS) for rollout in group))
        for group in (make_group((1,), [(2,), (3,)], (1, 1)),)
    ]
    zero = {name for name, row in CREDITS.items() if row.credit(groups, None)[0] == [[(0.0,), (0.0,)]]}
    assert zero == set(CENTRED_CREDITS)


def test_the_facts_of_credits_and_losses_are_those_of_their_functions():
    for name, row in CREDITS.items():
        assert CHOICES["credit"][name].scores == bool(row.needs)
    for name, loss in LOSSES.items():
        assert CHOICES["loss"][name].ratio == ("old_logprobs" in loss.streams)
        assert CHOICES["loss"][name].limits == bool(loss.numbers)


def test_a_credit_of_a_group_sees_the_rollouts_of_one_question_only():
    # One question's advantages, with another question beside it, and with another rollout in the question itself.
    def advantages(*rewards):
        groups = [make_group((1,), [(place,) for place in range(len(row))], row) for row in rewards]
        scored = [Group(group.prompt, tuple(ScoredRollout(rollout, STREAMS) for rollout in group)) for group in groups]
        return {name: row.credit(scored, None)[0][0][:2] for name, row in CREDITS.items()}

    alone, joined, larger = advantages((1, 0)), advantages((1, 0), (1, 1)), advantages((1, 0, 1))
    for name, facts in CHOICES["credit"].items():
        assert (joined[name] != alone[name]) == facts.joint
        assert (larger[name] != alone[name]) == (facts.group or facts.joint)


@pytest.mark.parametrize("name", ROWS)
def test_every_row_is_valid_as_it_is(name):
    algorithm = config_of(name=name).algorithm
    for key in CHOICES:
        assert getattr(algorithm, key) == ROWS[name][key]


@pytest.mark.parametrize("name", ["grpo", "dapo", "gspo"])
def test_a_setting_of_a_rows_table_leaves_the_others_of_it_alone(name):
    clip = config_of(name=name, clip={"low": 0.05}).algorithm.clip
    assert (clip.low, clip.high) == (0.05, ROWS[name].get("clip", {}).get("high", 0.2))


@pytest.mark.parametrize("key", CHOICES)
def test_a_misspelt_choice_is_answered_with_the_nearest_one(key):
    known = list(CHOICES[key])[-1]
    message = refusal(name="grpo", **{key: known[:-1]})
    assert message.startswith(f"algorithm.{key} = {known[:-1]!r}: did you mean {known!r}? known: ")
    assert all(choice in message for choice in CHOICES[key])


@pytest.mark.parametrize(
    ("algorithm", "message"),
    [
        *[
            (
                {"name": "reinforce", "credit": credit, "rollouts_per_question": 1},
                f"algorithm.rollouts_per_question = 1 makes every {credit} advantage 0, so nothing would be learnt; "
                "use 2 or more, or algorithm.credit = 'reward'",
            )
            for credit in GROUP_CREDITS
        ],
        *[
            (
                {"name": "reinforce", "credit": credit, "selection": {"max_per_question": 1}},
                f"algorithm.selection.max_per_question = 1 makes every {credit} advantage 0, so nothing would be "
                "learnt; use 0 or 2 and more, or algorithm.credit = 'reward'",
            )
            for credit in GROUP_CREDITS
        ],
        (
            {"name": "dapo", "credit": "batch_zscore", "rollouts_per_question": 1},
            "algorithm.select = 'signal' with rollouts_per_question = 1: no group of one has signal; use 2 or more",
        ),
        (
            {"name": "grpo", "selection": {"refills": 2}},
            "algorithm.selection.refills = 2 needs algorithm.select = 'signal'; it is 'all'",
        ),
        (
            {"name": "sft", "loss": "ppo_clip"},
            "algorithm.loss = 'ppo_clip', credit = 'one' on demonstrations: they were not sampled from the policy; "
            "use loss = 'nll' and credit = 'one', or source = 'policy'",
        ),
        (
            {"name": "grpo", "source": "demonstrations"},
            "algorithm.loss = 'ppo_clip', credit = 'group_zscore' on demonstrations: they were not sampled from the "
            "policy; use loss = 'nll' and credit = 'one', or source = 'policy'",
        ),
        (
            {"name": "expert_iteration", "credit": "reward"},
            "algorithm.loss = 'nll' ignores the advantages of credit = 'reward'; use loss = 'policy_gradient', or "
            "credit = 'one'",
        ),
        (
            {"name": "grpo", "loss": "nll"},
            "algorithm.loss = 'nll' ignores the advantages of credit = 'group_zscore'; use loss = 'policy_gradient', "
            "or credit = 'one'",
        ),
        *[
            (
                {"name": "sft", **setting},
                "algorithm.divergence.in_reward and importance_limit need sampled responses; set them to 0",
            )
            for setting in ({"divergence": {"in_reward": 0.1}}, {"importance_limit": 2.0})
        ],
    ],
    ids=str,
)
def test_what_would_learn_nothing_or_something_else_is_refused_in_one_line(algorithm, message):
    assert refusal(**algorithm) == message


@pytest.mark.parametrize(
    "algorithm",
    [
        {"name": "reinforce", "credit": "leave_one_out", "rollouts_per_question": 2},
        {"name": "reinforce", "credit": "batch_mean", "rollouts_per_question": 1},
        {"name": "reinforce", "credit": "group_mean", "selection": {"max_per_question": 2}},
        {"name": "dapo", "selection": {"refills": 0}, "rollouts_per_question": 2},
        {"name": "expert_iteration", "loss": "policy_gradient", "credit": "reward"},
        {"name": "sft", "divergence": {"in_loss": 0.1}},
    ],
    ids=str,
)
def test_its_valid_neighbours_are_left_alone(algorithm):
    config_of(**algorithm)


ONE_UPDATE = (
    "one update per batch of rollouts: the ratio is 1, so {} limits nothing; "
    "set algorithm.epochs or algorithm.sequences_per_update for more updates"
)


@pytest.mark.parametrize("name", GRADIENT_ROWS)
def test_a_row_that_limits_ratios_says_so_where_one_update_cannot(name):
    loss = ROWS[name]["loss"]
    limits = loss in ("ppo_clip", "gspo", "cispo", "sapo", "dppo")
    assert advice(config_of(name=name)) == ([ONE_UPDATE.format(loss)] if limits else [])
    for more in ({"epochs": 2}, {"sequences_per_update": 16}, {"tokens_per_update": 4096}):
        assert advice(config_of(name=name, **more)) == []


@pytest.mark.parametrize(
    ("algorithm", "line"),
    [
        *[
            (
                {"select": "correct", "credit": credit},
                f"select = 'correct' with credit = {credit!r}: where every correct response has the same reward, "
                "every advantage is 0; use select = 'all' or 'signal'",
            )
            for credit in CENTRED_CREDITS
        ],
        (
            {"divergence": {"in_loss": 0.1, "estimator": "k1"}},
            "algorithm.divergence: k1 in the loss has expected gradient 0; use k2, k3, or in_reward",
        ),
        (
            {"credit": "reward_to_go", "gamma": 0.9},
            "reward_to_go with gamma < 1 is the gradient of neither return: biased",
        ),
        ({"credit": "value", "gae_lambda": 0.95}, "gae_lambda = 0.95: below 1 the error of V biases the gradient"),
        (
            {"credit": "maxrl", "rollouts_per_question": 2},
            "credit = 'maxrl' with rollouts_per_question = 2: the mean of a right and a wrong answer is always 1/2, so "
            "it is group_mean, doubled; use 3 or more",
        ),
        *[
            (
                {"credit": "maxrl", **setting},
                "credit = 'maxrl' divides by the mean reward of a question, which overlong.buffer and "
                "divergence.in_reward can bring to 0 or below: those questions are not trained on",
            )
            for setting in ({"overlong": {"buffer": 8}}, {"divergence": {"in_reward": 0.1}})
        ],
    ],
    ids=str,
)
def test_what_is_valid_but_not_what_it_seems_is_said(algorithm, line):
    assert advice(config_of(name="reinforce", **algorithm)) == [line]


@pytest.mark.parametrize(
    "algorithm",
    [
        {"divergence": {"in_loss": 0.1}},
        {"divergence": {"in_reward": 0.1, "estimator": "k1"}},
        {"credit": "reward_to_go"},
        {"select": "correct"},
        {"select": "signal", "credit": "group_mean"},
        {"credit": "reward", "gamma": 0.9},
        {"credit": "value"},
        {"credit": "reward", "gae_lambda": 0.95},
        {"credit": "maxrl", "rollouts_per_question": 3},
        {"select": "correct", "credit": "signed_reward"},
    ],
    ids=str,
)
def test_nothing_is_said_where_nothing_is_amiss(algorithm):
    assert advice(config_of(name="reinforce", **algorithm)) == []


def test_the_table_in_the_docs_has_every_row(request):
    text = (request.config.rootpath / "docs" / "algorithms.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`.*?`) \|", text, flags=re.MULTILINE)
    assert ROWS.keys() <= {name for cell in rows for name in re.findall(r"`(\w+)`", cell)}
