"""Demonstrations given back as completions."""

from __future__ import annotations

import pytest

from tests.tiny import END_ID, make_prompt, make_request, make_tokenizer
from verigrad.algorithms.score import trajectory
from verigrad.errors import DataError
from verigrad.samplers import ReplaySampler
from verigrad.types import Grade, Rollout, Status, StopReason

TOKENIZER = make_tokenizer()


def encode(text):
    return TOKENIZER(text)["input_ids"]


def replayed(text, **params):
    sampler = ReplaySampler({"p1": text}, encode=encode, end_id=END_ID)
    sampler.load(7, [])
    (completion,) = sampler.sample([make_request(make_prompt((1, 2, 3), name="p1"), **params)])
    sampler.close()
    return completion


def test_a_response_ends_with_its_stop_string():
    completion = replayed("<answer>4</answer>", stop=("</answer>",))
    assert completion.token_ids == tuple(encode("<answer>4</answer>"))
    assert completion.stop_reason is StopReason.STOP_STRING


@pytest.mark.parametrize("stop", [(), ("</answer>",)])
@pytest.mark.parametrize("text", ["4", "<answer>4</answer> so it is", ""])
def test_or_else_with_the_end_token(text, stop):
    completion = replayed(text, stop=stop)
    assert completion.token_ids == (*encode(text), END_ID)
    assert completion.text == text
    assert completion.stop_reason is StopReason.END_TOKEN


def test_nothing_was_sampled():
    completion = replayed("4")
    assert completion.sampler_logprobs == ()
    assert completion.policy_version == -1


def test_prompt_and_response_are_tokenised_apart():
    # ">" ends the prompt and "\n" begins the response: together they would be one token, ">\n"
    sampler = ReplaySampler({"p1": "\n4"}, encode=encode, end_id=END_ID)
    (completion,) = sampler.sample([make_request(make_prompt(encode("1>"), "1>", name="p1"))])
    track = trajectory(Rollout(completion, Grade(1.0, 1.0, 1.0, Status.CORRECT)))
    assert track.token_ids == (*encode("1>"), *encode("\n"), *encode("4"), END_ID)
    assert track.token_ids != (*encode("1>\n4"), END_ID)
    assert track.sampled == (False, False, True, True, True)


def test_a_demonstration_is_scored_under_the_whole_distribution():
    # min_tokens would make the end token of a short one impossible
    track = trajectory(Rollout(replayed("4", min_tokens=4), Grade(1.0, 1.0, 1.0, Status.CORRECT)))
    assert track.min_tokens == 0
    assert "sampler_logprobs" not in track.streams


def test_a_problem_without_a_response_is_named():
    sampler = ReplaySampler({"a": "1"}, encode=encode, end_id=END_ID)
    with pytest.raises(DataError, match="problem 'b' has no response to be given back"):
        list(sampler.sample([make_request(make_prompt((1,), name="b"))]))


def test_order_and_company():
    sampler = ReplaySampler({"a": "1", "b": "2"}, encode=encode, end_id=END_ID)
    requests = [make_request(make_prompt((1,), name=name)) for name in ("b", "a", "b")]
    assert [completion.text for completion in sampler.sample(requests)] == ["2", "1", "2"]
    assert list(sampler.sample([])) == []
