"""Evaluation against answers that are known: accuracies, intervals, classes, pass@k and lengths by hand."""

from __future__ import annotations

import pytest

from tests.algorithms.parts import VALIDATION, Watcher, exact, graded, prompts, scripted, settings
from verigrad.algorithms import evaluate
from verigrad.algorithms.evaluate import classes, eval_params, summary
from verigrad.grading import Grader, from_function
from verigrad.types import Grade, Group, Rollout, Status

PROMPTS = prompts(VALIDATION)  # v0 … v3, with the answers 2, 3, 4, 5


def run(script, verify=exact, watcher=None, **eval_settings):
    """An evaluation of the four validation problems by a script (problem id, rollout, greedy) → response."""

    def response(request):
        return script(request.prompt.problem, request.key.rollout, request.params.temperature == 0)

    config = settings(eval=eval_settings, verifier={"name": "exact"})
    with Grader(from_function(verify), workers=1, time_limit=5.0) as grader:
        return evaluate(scripted(response), grader, PROMPTS, config, watcher or Watcher())


def right_for(*ids: str):
    return lambda problem, rollout, greedy: problem.answer if problem.id in ids else "0"


def test_accuracy_and_wilsons_interval_of_one_sample_each():
    # 2 of 4 correct; z² = 3.8415: centre = ½, half = 1.95996/1.96036·√(0.25/4 + z²/64) = 0.34996
    metrics = run(right_for("v0", "v3")).metrics
    assert (metrics["n"], metrics["samples"]) == (4, 1)
    assert metrics["accuracy"] == 0.5
    assert metrics["accuracy_low"] == pytest.approx(0.15004, abs=1e-5)
    assert metrics["accuracy_high"] == pytest.approx(0.84996, abs=1e-5)


def test_pass_at_k_and_accuracy_of_several_samples():
    # v0: 4 of 4 correct, v1: 1 of 4, v2 and v3: none.
    def script(problem, rollout, greedy):
        return problem.answer if problem.id == "v0" or (problem.id == "v1" and rollout == 2) else "0"

    metrics = run(script, samples=4).metrics
    assert metrics["samples"] == 4
    assert metrics["accuracy"] == (1 + 1 / 4) / 4
    # pass@2 of v1 = 1 − C(3,2)/C(4,2) = 1 − 3/6; pass@4 = 1
    assert metrics["pass_at_k"] == pytest.approx({"1": 1.25 / 4, "2": 1.5 / 4, "4": 2 / 4})
    assert metrics["accuracy_low"] < metrics["accuracy"] < metrics["accuracy_high"]


@pytest.mark.parametrize(("samples", "ks"), [(1, ["1"]), (2, ["1", "2"]), (6, ["1", "2", "4", "6"])])
def test_pass_at_k_is_given_for_the_powers_of_two_and_the_number_of_samples(samples, ks):
    assert list(run(right_for("v1"), samples=samples).metrics["pass_at_k"]) == ks


def test_classes_format_rate_and_statuses():
    # 1 right answer, 2 wrong answers in the right format (a digit), 1 of no format.
    words = {"v0": "2", "v1": "9", "v2": "x", "v3": "8"}
    metrics = run(lambda problem, rollout, greedy: words[problem.id]).metrics
    assert metrics["classes"] == {"format1_answer1": 1, "format1_answer0": 2, "format0": 1}
    assert metrics["format_rate"] == 3 / 4
    assert metrics["statuses"] == {"correct": 1, "wrong": 2, "unparsable": 1, "timeout": 0, "error": 0}


def test_format_rate_is_a_share_of_responses_whatever_the_format_is_worth():
    # docs/metrics.md: the share with format_reward > 0. Half a point for the format is still the right format.
    grades = [Grade(0.5, 0.5, 0.0, Status.WRONG), Grade(0.0, 0.0, 0.0, Status.UNPARSABLE)]
    rollouts = [Rollout(graded(PROMPTS[0], "x").completion, grade) for grade in grades]
    assert summary([Group(PROMPTS[0], tuple(rollouts))])["format_rate"] == 0.5


def test_an_answer_without_the_format_counts_as_no_format():
    right = Grade(1.0, 0.0, 1.0, Status.CORRECT)
    counts = classes([Rollout(graded(PROMPTS[0], "x").completion, right)])
    assert counts == {"format1_answer1": 0, "format1_answer0": 0, "format0": 1}


def test_a_failure_of_the_verifier_is_not_correct_and_is_counted():
    def verify(problem, response):
        if problem.id == "v1":
            raise ZeroDivisionError
        return exact(problem, response)

    metrics = run(right_for("v0", "v1"), verify).metrics
    assert metrics["accuracy"] == 1 / 4
    assert metrics["statuses"]["error"] == 1


def test_lengths_are_token_counts_with_the_end_token():
    # Tokens: "2" + end = 2 (correct); "77" + end = 3, three times. Budget 3: "7777" is cut after 3 tokens.
    metrics = run(lambda problem, rollout, greedy: "2" if problem.id == "v0" else "77").metrics
    assert metrics["mean_tokens"] == (2 + 3 * 3) / 4
    assert metrics["mean_tokens_correct"] == 2
    assert metrics["mean_tokens_incorrect"] == 3
    assert (metrics["truncated"], metrics["stop_reasons"]["length"]) == (0, 0)
    cut = run(lambda problem, rollout, greedy: "2" if problem.id == "v0" else "7777", max_tokens=3).metrics
    assert (cut["truncated"], cut["mean_tokens"]) == (3 / 4, (2 + 3 * 3) / 4)
    assert cut["stop_reasons"] == {"end_token": 1, "stop_string": 0, "length": 3}


def test_a_length_that_no_response_has_is_absent():
    metrics = run(right_for()).metrics
    assert "mean_tokens_correct" not in metrics
    assert metrics["mean_tokens_incorrect"] == metrics["mean_tokens"]


def test_greedy_answers_are_reported_beside_the_sampled_ones():
    def script(problem, rollout, greedy):
        return problem.answer if greedy == (problem.id != "v3") else "0"  # greedy: 3 of 4; sampled: 1 of 4

    result = run(script, greedy=True, samples=2)
    metrics = result.metrics
    assert metrics["accuracy"] == 1 / 4
    assert metrics["greedy_accuracy"] == 3 / 4
    # Wilson: centre = (0.75 + z²/8)/(1 + z²/4) = 0.62752, half = 0.32689
    assert metrics["greedy_accuracy_low"] == pytest.approx(0.30064, abs=1e-5)
    assert metrics["greedy_accuracy_high"] == pytest.approx(0.95441, abs=1e-5)
    assert [line["mode"] for line in result.lines] == ["sampled"] * 8 + ["greedy"] * 4
    assert {line["temperature"] for line in result.lines if line["mode"] == "greedy"} == {0.0}
    # Only the sampled ones are in the counts.
    assert sum(metrics["classes"].values()) == sum(metrics["statuses"].values()) == 8


def test_without_greedy_there_is_no_greedy_number():
    assert not [key for key in run(right_for()).metrics if key.startswith("greedy")]


def test_the_conditions_stand_beside_the_accuracy():
    metrics = run(right_for(), temperature=0.7, top_p=0.9, max_tokens=5).metrics
    conditions = ("task", "template", "verifier", "temperature", "top_p", "max_tokens", "model")
    assert [metrics[name] for name in conditions] == ["chains", "tiny", "exact", 0.7, 0.9, 5, "embedded:chains"]


def test_every_response_is_a_line_in_the_order_of_the_problems():
    lines = run(lambda problem, rollout, greedy: f"{rollout}", samples=2).lines
    assert [(line["problem_id"], line["response"]) for line in lines] == [
        (f"v{i}", str(rollout)) for i in range(4) for rollout in range(2)
    ]
    assert lines[0]["truth"] == "2"
    assert lines[0]["stream"] == {"seed": 0, "generation": "eval/sampled", "question": 0, "rollout": 0}


def test_streams_do_not_depend_on_the_policys_version_so_that_evaluations_are_paired():
    config, streams = settings(), []
    for version in (0, 3):
        sampler = scripted(lambda request: "1")
        sampler.load(version, ())
        with Grader(from_function(exact), workers=1, time_limit=5.0) as grader:
            lines = evaluate(sampler, grader, PROMPTS, config, Watcher()).lines
        assert {line["policy_version"] for line in lines} == {version}
        streams.append([line["stream"] for line in lines])
    assert streams[0] == streams[1]


def test_evaluations_have_their_own_budget_and_the_runs_stop_strings():
    config = settings(sampler={"max_tokens": 50, "min_tokens": 4, "stop": ["</answer>"]}, eval={"max_tokens": 3})
    params = eval_params(config)
    assert (params.max_tokens, params.min_tokens, params.stop) == (3, 3, ("</answer>",))
    assert eval_params(settings(sampler={"max_tokens": 50})).max_tokens == 50


def test_progress_names_the_phases():
    watcher = Watcher()
    run(right_for(), watcher=watcher, greedy=True, samples=3)
    assert watcher.phases == [("evaluating (sampled)", 12), ("evaluating (greedy)", 4)]
    assert watcher.done == [12, 4]
