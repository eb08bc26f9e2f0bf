"""What every sampler promises. An engine joins by an entry in ENGINES; what only one can do is tested elsewhere.

An engine makes two samplers on the tokenizer of tests/tiny.py: one that answers each prompt with a given text and then
ends, and one that gives different answers for different stream keys.
"""

from __future__ import annotations

import random

import pytest

from tests.tiny import END_ID, make_model, make_policy, make_prompt, make_request, make_sampler, make_tokenizer, saying
from verigrad.samplers import ScriptedSampler
from verigrad.types import StopReason

TOKENIZER = make_tokenizer()


def encode(text):
    return tuple(TOKENIZER(text)["input_ids"])


class Scripted:
    def saying(self, sayings):
        return self._of(lambda request: sayings[request.prompt.text])

    def drawing(self):
        return self._of(lambda request: "".join(random.Random(str(request.key)).choices("abcdefgh", k=9)))

    def _of(self, script):
        return ScriptedSampler(script, encode=encode, decode=make_policy().decode, end_id=END_ID)


class Local:
    def saying(self, sayings):
        return make_sampler(make_policy(saying(TOKENIZER, sayings)))

    def drawing(self):
        return make_sampler(make_policy(make_model()))


ENGINES = {"scripted": Scripted(), "local": Local()}


@pytest.fixture(params=ENGINES.values(), ids=ENGINES.keys())
def engine(request):
    return request.param


def requests_for(*texts, **params):
    settings = {"max_tokens": 20, **params}
    return [
        make_request(make_prompt(encode(text), text, name=text), question=question, **settings)
        for question, text in enumerate(texts)
    ]


def answers(sampler, *texts, **params):
    """The completions by prompt text."""
    completions = list(sampler.sample(requests_for(*texts, **params)))
    assert len(completions) == len(texts)
    return {completion.prompt.text: completion for completion in completions}


def test_every_request_is_answered_once_and_carried(engine):
    requests = [make_request((1, 2), question=q, rollout=r, max_tokens=3 + q) for q in range(3) for r in range(4)]
    completions = list(engine.drawing().sample(iter(requests)))
    assert sorted(map(str, (c.request.key for c in completions))) == sorted(map(str, (r.key for r in requests)))
    assert all(any(completion.request is request for request in requests) for completion in completions)


def test_no_requests_no_completions(engine):
    assert list(engine.drawing().sample([])) == []


def test_the_end_token_is_in_the_ids_and_not_in_the_text(engine):
    completion = answers(engine.saying({"1": "abc"}), "1")["1"]
    assert completion.token_ids == (*encode("abc"), END_ID)
    assert completion.text == "abc"
    assert completion.stop_reason is StopReason.END_TOKEN


def test_prompts_get_their_own_answers(engine):
    sayings = {"1": "abc", "2": "defg", "33": "h"}
    found = answers(engine.saying(sayings), *sayings)
    assert {prompt: completion.text for prompt, completion in found.items()} == sayings


def test_an_empty_answer_is_an_end_token(engine):
    completion = answers(engine.saying({"1": ""}), "1")["1"]
    assert (completion.token_ids, completion.text) == ((END_ID,), "")
    assert completion.stop_reason is StopReason.END_TOKEN


def test_a_stop_string_over_several_tokens_is_kept(engine):
    completion = answers(engine.saying({"1": "7</answer> x"}), "1", stop=("</answer>",))["1"]
    assert completion.text == "7</answer>"
    assert completion.token_ids == encode("7</answer>")
    assert len(completion.token_ids) == 7
    assert completion.stop_reason is StopReason.STOP_STRING


def test_a_stop_string_that_ends_inside_a_token_cuts_the_text_alone(engine):
    completion = answers(engine.saying({"1": "7</answer>\nx"}), "1", stop=("</answer>",))["1"]
    assert completion.text == "7</answer>"
    assert completion.token_ids == encode("7</answer>\n")
    assert completion.token_ids[-1] == encode(">\n")[0]
    assert len(completion.sampler_logprobs) in (0, len(completion.token_ids))  # none where nothing was drawn
    assert completion.stop_reason is StopReason.STOP_STRING


def test_of_several_stop_strings_the_first_to_be_complete_ends(engine):
    completion = answers(engine.saying({"1": "abcdef"}), "1", stop=("e", "cd", "zz"))["1"]
    assert (completion.text, completion.stop_reason) == ("abcd", StopReason.STOP_STRING)


@pytest.mark.parametrize(("min_tokens", "text"), [(0, "ab"), (2, "ab"), (3, "abcd"), (4, "abcd"), (5, "abcdef")])
def test_a_stop_string_before_min_tokens_is_text(engine, min_tokens, text):
    found = answers(engine.saying({"1": "abcdef"}), "1", stop=("b", "d"), min_tokens=min_tokens)
    assert found["1"].text == text


def test_a_response_over_the_budget_is_truncated(engine):
    sampler = engine.saying({"1": "abcdef"})
    completion = answers(sampler, "1", max_tokens=4)["1"]
    assert (completion.text, completion.stop_reason) == ("abcd", StopReason.LENGTH)
    assert completion.token_ids == encode("abcd")
    assert answers(sampler, "1", max_tokens=7)["1"].stop_reason is StopReason.END_TOKEN
    assert answers(sampler, "1", max_tokens=4, stop=("d",))["1"].stop_reason is StopReason.STOP_STRING


def test_budgets_may_differ_within_a_call(engine):
    requests = [make_request(make_prompt(encode("1"), "1"), question=n, max_tokens=n) for n in (3, 1, 2, 9)]
    completions = engine.saying({"1": "abcdef"}).sample(requests)
    assert sorted(completion.text for completion in completions) == ["a", "ab", "abc", "abcdef"]


def test_text_beyond_ascii(engine):
    # é is two tokens and → three; as a stop string, a character ends with its last token
    sampler = engine.saying({"1": "aé→z"})
    assert answers(sampler, "1")["1"].text == "aé→z"
    stopped = answers(sampler, "1", stop=("→",))["1"]
    assert (stopped.text, len(stopped.token_ids)) == ("aé→", 6)
    assert answers(sampler, "1", max_tokens=4)["1"].text == "aé\ufffd"  # a character cut by the budget
    assert answers(sampler, "1", stop=("z",))["1"].text == "aé→z"


def test_ids_log_probs_and_text_belong_together(engine):
    decode = make_policy().decode
    for completion in engine.drawing().sample([make_request((1, 2, 3), rollout=n, max_tokens=8) for n in range(8)]):
        assert len(completion.sampler_logprobs) in (0, len(completion.token_ids)) and completion.token_ids
        assert all(-100 < logprob <= 0 for logprob in completion.sampler_logprobs)
        ended = completion.stop_reason is StopReason.END_TOKEN
        assert ended == (completion.token_ids[-1] == END_ID)
        assert completion.text == decode(completion.token_ids[: -1 if ended else None])


def test_completions_carry_the_version_that_drew_them(engine):
    sampler = engine.saying({"1": "a"})
    for version in (3, 4):
        sampler.load(version, [])
        assert answers(sampler, "1")["1"].policy_version == version


def drawn(sampler, requests):
    return {completion.request.key: completion for completion in sampler.sample(requests)}


def test_what_else_is_sampled_changes_nothing(engine):
    # prompts of different lengths, several rollouts each: all at once, in another order, some of them, one by one
    requests = [
        make_request((5,) * length, question=length, rollout=rollout, max_tokens=6 + rollout, temperature=0.8)
        for length in (1, 3, 8)
        for rollout in range(4)
    ]
    together = drawn(engine.drawing(), requests)
    assert len({completion.token_ids for completion in together.values()}) == len(requests)  # keys make the difference
    sampler = engine.drawing()
    others = [drawn(sampler, requests[::-1]), drawn(sampler, requests[1::3]), drawn(engine.drawing(), requests)]
    others += [drawn(sampler, [request]) for request in requests]
    for completions in others:
        for key, completion in completions.items():
            assert completion.token_ids == together[key].token_ids
            assert completion.sampler_logprobs == pytest.approx(together[key].sampler_logprobs, abs=1e-5)
            assert (completion.text, completion.stop_reason) == (together[key].text, together[key].stop_reason)


def test_a_generation_can_be_left_and_another_begun(engine):
    # a reader that stops in the middle, say after an interrupt, must not disturb what is sampled next
    requests = [make_request((5, 6), rollout=n, max_tokens=5 + n) for n in range(4)]
    expected = drawn(engine.drawing(), requests)
    sampler = engine.drawing()
    next(iter(sampler.sample(requests)))
    assert drawn(sampler, requests) == expected
    sampler.close()


def test_two_generations_may_be_read_in_turns(engine):
    first = [make_request((5, 6), rollout=n, max_tokens=5 + n) for n in range(4)]
    second = [make_request((7, 8, 9), question=1, rollout=n, max_tokens=5 + n) for n in range(4)]
    sampler = engine.drawing()
    expected = drawn(sampler, first) | drawn(sampler, second)
    turns = zip(sampler.sample(first), sampler.sample(second), strict=True)
    found = {completion.request.key: completion for pair in turns for completion in pair}
    assert {key: c.token_ids for key, c in found.items()} == {key: c.token_ids for key, c in expected.items()}
