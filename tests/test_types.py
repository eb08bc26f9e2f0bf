"""The nouns: what they refuse, and what they promise across machines."""

from __future__ import annotations

import dataclasses

import pytest

from verigrad import errors
from verigrad.types import (
    Completion,
    Group,
    Problem,
    Prompt,
    Request,
    SamplingParams,
    Status,
    StopReason,
    StreamKey,
    Trajectory,
)

PROMPT = Prompt(Problem("p1", "1 + 1?", "2"), "Q: 1 + 1?", (5, 6))


def trajectory(**changes: object) -> Trajectory:
    fields = {
        "token_ids": (5, 6, 7),
        "sampled": (False, False, True),
        "advantages": (0.0, 0.0, 1.0),
        "streams": {"old_logprobs": (0.0, 0.0, -0.5)},
        "temperature": 1.0,
        "min_tokens": 0,
    }
    return Trajectory(**{**fields, **changes})


def test_a_stream_key_names_the_same_stream_on_every_machine():
    # blake2b of "0/step 1/2/3", 8 bytes, little-endian: a changed value would change every run's samples
    assert StreamKey(0, "step 1", 2, 3).seed64() == int.from_bytes(bytes.fromhex("7b9356e0f52dbb01"), "little")


def test_stream_keys_that_differ_anywhere_differ():
    keys = [StreamKey(s, g, q, r) for s in (0, 1) for g in ("a", "b") for q in (0, 1) for r in (0, 1)]
    assert len({key.seed64() for key in keys}) == len(keys) == 16
    assert StreamKey(0, "a", 1, 11).seed64() != StreamKey(0, "a", 11, 1).seed64()


def test_a_completion_knows_its_prompt_and_problem():
    request = Request(PROMPT, SamplingParams(), StreamKey(0, "step 1", 0, 0))
    completion = Completion(request, (7,), (-0.5,), "2", StopReason.END_TOKEN, 0)
    assert completion.prompt is PROMPT
    assert completion.problem is PROMPT.problem


@pytest.mark.parametrize("status", Status)
def test_only_timeout_and_error_are_the_verifiers_fault(status):
    assert status.failed == (status.value in {"timeout", "error"})


def test_a_group_is_the_rollouts_of_one_question_in_their_order():
    group = Group(PROMPT, ("a", "b", "c"))
    assert len(group) == 3
    assert list(group) == ["a", "b", "c"]


def test_nouns_are_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        PROMPT.text = "other"


def test_a_trajectory_has_streams_of_one_length():
    assert trajectory().token_ids == (5, 6, 7)
    with pytest.raises(AssertionError, match=r"unequal length: \[2, 3\]"):
        trajectory(streams={"old_logprobs": (0.0, -0.5)})
    with pytest.raises(AssertionError, match=r"unequal length: \[2, 3\]"):
        trajectory(advantages=(0.0, 1.0))


def test_the_first_token_of_a_trajectory_is_never_trained():
    with pytest.raises(AssertionError, match="nothing precedes it"):
        trajectory(sampled=(True, False, True))


def test_the_tree_of_errors_decides_the_exit_code():
    bad_usage = {errors.ConfigError, errors.DataError}
    stopped = {errors.NonFiniteError, errors.SamplerDrift, errors.GraderFailures}
    assert set(errors.UsageError.__subclasses__()) == bad_usage
    assert set(errors.RunStopped.__subclasses__()) == stopped
    assert set(errors.VerigradError.__subclasses__()) == {errors.UsageError, errors.RunStopped}
    assert all(error.__name__ in (errors.__doc__ or "") for error in bad_usage | stopped)
