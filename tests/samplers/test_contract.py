"""What every sampler promises. An engine joins by an entry in ENGINES; what only one can do is tested elsewhere.

An engine makes two samplers on the tokenizer of tests/tiny.py: one that answers each prompt with a given text and then
ends, and one that gives different answers for different stream keys.
"""

from __future__ import annotations

import random

import pytest

from tests.tiny import END_ID, make_model, make_policy, make_prompt, make_request, make_sampler, make_tokenizer, saying
from verigrad.algorithms import Silent, collect, make_requests
from verigrad.algorithms.score import trajectory, unweighted
from verigrad.config.schema import Vllm as VllmSettings
from verigrad.grading import Grader
from verigrad.samplers import ScriptedSampler, VllmSampler
from verigrad.types import Grade, Request, Rollout, SamplingParams, Status, StopReason, StreamKey

TOKENIZER = make_tokenizer()


def encode(text):
    return tuple(TOKENIZER(text)["input_ids"])


class Scripted:
    rounding = 0.0

    def saying(self, sayings, pad_is_end=False):
        return self._of(lambda request: sayings[request.prompt.text])

    def drawing(self):
        return self._of(lambda request: "".join(random.Random(str(request.key)).choices("abcdefgh", k=9)))

    def policy(self):
        return make_policy()

    def _of(self, script):
        return ScriptedSampler(script, encode=encode, decode=make_policy().decode, end_id=END_ID)


class Local:
    rounding = 1e-5  # nats; on a CPU not even a bit, tests/samplers/test_local.py

    def saying(self, sayings, pad_is_end=False):
        return make_sampler(make_policy(saying(TOKENIZER, sayings), pad_is_end=pad_is_end))

    def drawing(self):
        return make_sampler(self.policy())

    def policy(self):
        """What `drawing` draws from."""
        return make_policy(make_model())


class Vllm:
    """The real engine, which takes seconds to start: one for each shape of model, and weights by `load`."""

    rounding = 1e-4

    def __init__(self):
        self._samplers = {}

    def saying(self, sayings, pad_is_end=False):
        return self._with(make_policy(saying(TOKENIZER, sayings), pad_is_end=pad_is_end))

    def drawing(self):
        return self._with(self.policy())

    def policy(self):
        return make_policy(make_model(hidden_size=128, head_dim=32))  # heads of a size that it has kernels for

    def _with(self, policy):
        shape = type(policy.model), policy.tokenizer.pad_token_id
        sampler = self._samplers.get(shape)
        if sampler is None:
            sampler = self._samplers[shape] = VllmSampler(
                policy.model.config,
                policy.model.generation_config,
                policy.tokenizer,
                decode=policy.decode,
                end_ids=policy.end_ids,
                slots=64,
                dtype="float32",
                shared=True,
                settings=VllmSettings(cache_gib=1),
            )
        sampler.load(0, policy.named_tensors())
        return sampler


ENGINES = {"scripted": Scripted(), "local": Local(), "vllm": Vllm()}


@pytest.fixture(params=ENGINES)
def engine(request):
    if request.param == "vllm":
        pytest.importorskip("vllm", reason="vLLM is not installed here; `make test` runs these in .venv-vllm")
    return ENGINES[request.param]


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


def test_log_probs_are_those_the_trainer_scores(engine):
    # of the distribution that was sampled: after temperature, and with no end token before min_tokens
    sampler, policy = engine.drawing(), engine.policy()
    for params in ({}, {"temperature": 0.7}, {"min_tokens": 5}, {"temperature": 1.4, "min_tokens": 3}):
        requests = [make_request((1, 2, 3), rollout=n, max_tokens=8, **params) for n in range(16)]
        completions = list(sampler.sample(requests))
        grade = Grade(0.0, 0.0, 0.0, Status.WRONG)
        scores = policy.score([unweighted(trajectory(Rollout(completion, grade))) for completion in completions])
        for completion, score in zip(completions, scores, strict=True):
            theirs = completion.sampler_logprobs or score.logprobs  # a script draws nothing, and says so
            assert score.logprobs == pytest.approx(theirs, abs=1e-4)


def test_rollouts_of_a_question_differ_and_end_in_its_group(engine):
    prompts = [make_prompt((1, 2, question), name=str(question)) for question in range(3)]
    requests = make_requests(prompts, range(3), SamplingParams(max_tokens=9), rollouts=5, seed=3, generation="train/1")
    wrong = Grade(0.0, 0.0, 0.0, Status.WRONG)
    with Grader(lambda problem, response: wrong, workers=1, time_limit=1.0) as grader:
        groups = collect(engine.drawing(), grader, requests, Silent())
    assert [group.prompt for group in groups] == prompts
    for place, group in enumerate(groups):
        keys = [rollout.completion.request.key for rollout in group]
        assert [(key.question, key.rollout) for key in keys] == [(place, rollout) for rollout in range(5)]
        assert len({rollout.completion.token_ids for rollout in group}) == 5


def test_another_seed_gives_other_tokens(engine):
    sampler = engine.drawing()

    def tokens(seed):
        requests = [
            Request(make_prompt((1, 2, 3)), SamplingParams(max_tokens=9), StreamKey(seed, "train/1", 0, n))
            for n in range(8)
        ]
        return [drawn(sampler, requests)[request.key].token_ids for request in requests]

    assert tokens(0) == tokens(0)
    assert tokens(0) != tokens(1)


def test_where_padding_is_the_end_token_it_still_ends_and_is_still_scored(engine):
    sampler = engine.saying({"1": "abc"}, pad_is_end=True)
    completion = answers(sampler, "1")["1"]
    assert completion.token_ids == (*encode("abc"), END_ID)
    assert completion.stop_reason is StopReason.END_TOKEN


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
            assert completion.sampler_logprobs == pytest.approx(together[key].sampler_logprobs, abs=engine.rounding)
            assert (completion.text, completion.stop_reason) == (together[key].text, together[key].stop_reason)


def test_a_generation_can_be_left_and_another_begun(engine):
    # a reader that stops in the middle, say after an interrupt, must not disturb what is sampled next
    requests = [make_request((5, 6), rollout=n, max_tokens=5 + n) for n in range(4)]
    expected = drawn(engine.drawing(), requests)
    sampler = engine.drawing()
    next(iter(sampler.sample(requests)))
    assert drawn(sampler, requests) == expected


def test_two_generations_may_be_read_in_turns(engine):
    first = [make_request((5, 6), rollout=n, max_tokens=5 + n) for n in range(4)]
    second = [make_request((7, 8, 9), question=1, rollout=n, max_tokens=5 + n) for n in range(4)]
    sampler = engine.drawing()
    expected = drawn(sampler, first) | drawn(sampler, second)
    turns = zip(sampler.sample(first), sampler.sample(second), strict=True)
    found = {completion.request.key: completion for pair in turns for completion in pair}
    assert {key: c.token_ids for key, c in found.items()} == {key: c.token_ids for key, c in expected.items()}
