"""Scripts: no log-probs, no end before min_tokens, and rows that score run on them."""

from __future__ import annotations

import pytest

from tests.algorithms.parts import make_parts, make_policy, settings
from tests.tiny import END_ID, make_prompt, make_request, make_tokenizer
from verigrad.algorithms import train
from verigrad.algorithms.score import trajectory
from verigrad.errors import ConfigError, DataError
from verigrad.runs import RunDirectory, read_lines
from verigrad.samplers import ScriptedSampler
from verigrad.types import Grade, Rollout, Status, StopReason

TOKENIZER = make_tokenizer()


def said(text, **params):
    sampler = ScriptedSampler(
        lambda request: text, encode=lambda text: TOKENIZER(text)["input_ids"], decode=TOKENIZER.decode, end_id=END_ID
    )
    (completion,) = sampler.sample([make_request(make_prompt((1, 2), name="p1"), **params)])
    return completion


def test_nothing_was_drawn_so_no_log_probs_are_known():
    assert said("7").sampler_logprobs == ()


def test_it_is_scored_under_the_settings_of_its_request():
    # it stands for a sampled response, other than a demonstration
    track = trajectory(Rollout(said("78", temperature=0.5, min_tokens=2), Grade(1.0, 1.0, 1.0, Status.CORRECT)))
    assert (track.temperature, track.min_tokens) == (0.5, 2)
    assert "sampler_logprobs" not in track.streams


@pytest.mark.parametrize(("text", "min_tokens"), [("", 1), ("78", 3)])
def test_an_end_before_min_tokens_is_refused(text, min_tokens):
    with pytest.raises(DataError, match=rf"problem 'p1' has {len(text)} tokens before its end and min_tokens is"):
        said(text, min_tokens=min_tokens)


def test_from_min_tokens_on_it_may_end():
    assert said("78", min_tokens=2).stop_reason is StopReason.END_TOKEN
    assert said("789", min_tokens=3, max_tokens=3).stop_reason is StopReason.LENGTH


@pytest.mark.parametrize("name", ["reinforce", "grpo", "ppo"])
def test_rows_that_score_do_not_stop_for_drift(tmp_path, name):
    # two updates per step, so that old log-probs are scored, and every rollout is compared with its sampler
    algorithm = {"name": name, "sequences_per_update": 4, "scored_rollouts": 8}
    config = settings(tmp_path / "run", algorithm=algorithm)
    policy = make_policy()
    if name == "ppo":
        policy.add_value_head(1e-3)
    parts = make_parts(config, policy, lambda request: "17"[request.key.rollout % 2])
    with RunDirectory(config) as run:
        assert train(parts, run) == 2
    (first, *_) = [line for line in read_lines(tmp_path / "run" / "metrics.jsonl") if line["kind"] == "step"]
    assert first["scored_rollouts"] == 8
    assert "sampler_gap_mean" not in first, "a gap that is not known is absent, not 0"


def test_weights_against_an_unknown_sampler_are_refused(tmp_path):
    config = settings(tmp_path / "run", algorithm={"name": "grpo", "importance_limit": 2.0})
    with RunDirectory(config) as run, pytest.raises(ConfigError, match="needs a sampler that gives log-probs"):
        train(make_parts(config, make_policy()), run)
