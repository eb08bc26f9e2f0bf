"""Which settings are proposed where a run does not fit."""

from __future__ import annotations

import pytest

from tests.plan.test_arithmetic import H100, LENGTHS, MATH, make_config
from verigrad.config import build
from verigrad.plan import GPUS, SHAPES, make_plan, memory_of, of_memory, smallest_gpu, with_value

ORDER = [
    "algorithm.tokens_per_microbatch",
    "sampler.vllm.sleep",
    "sampler.vllm.memory_share",
    "sampler.slots",
    "model.checkpoint_activations",
    "model.compute",
    "optimizer.states",
    "model.lora.rank",
    "model.dtype",
]


def plan_of(config, shape=MATH, machine=H100):
    return make_plan(config, shape, machine, LENGTHS, LENGTHS)


def applied(config, plan):
    for remedy in plan.remedies:
        config = with_value(config, remedy.key, remedy.value)
    return build(config.model_dump())  # checked: what is proposed can be set


def test_a_run_that_fits_needs_none():
    plan = plan_of(make_config({"model": {"compute": "bfloat16"}}, tokens_per_microbatch=8192))
    assert plan.fits and plan.remedies == []


@pytest.mark.parametrize("gib", [24, 40, 48, 80])
@pytest.mark.parametrize("name", ["Qwen/Qwen2.5-0.5B", "Qwen/Qwen2.5-Math-1.5B", "Qwen/Qwen2.5-7B"])
def test_what_is_proposed_fits_is_in_order_and_says_what_it_saves(name, gib):
    config, shape, machine = make_config(tokens_per_microbatch=32768), SHAPES[name], of_memory(gib)
    plan = plan_of(config, shape, machine)
    peaks = [plan.memory, *(memory_of(shape, c, LENGTHS, machine) for c in steps(config, plan))]
    places = [ORDER.index(remedy.key) for remedy in plan.remedies]
    assert places == sorted(set(places))
    for before, after, remedy in zip(peaks, peaks[1:], plan.remedies, strict=False):
        assert remedy.saves == before.peak(remedy.phase) - after.peak(remedy.phase) > 0
        assert remedy.peak == after.largest
    if not plan.fits and plan.fits_with_remedies:
        assert plan_of(applied(config, plan), shape, machine).fits


def steps(config, plan):
    for remedy in plan.remedies:
        config = with_value(config, remedy.key, remedy.value)
        yield config


@pytest.mark.parametrize("gib", [24, 40, 48])
def test_none_of_them_is_superfluous(gib):
    config, machine = make_config(tokens_per_microbatch=32768), of_memory(gib)
    plan = plan_of(config, machine=machine)
    assert plan.remedies and plan.fits_with_remedies
    for left_out in plan.remedies:
        others = config
        for remedy in plan.remedies:
            if remedy is not left_out:
                others = with_value(others, remedy.key, remedy.value)
        assert not plan_of(others, machine=machine).fits, left_out.key


def test_a_cheap_change_is_taken_before_a_dear_one():
    config = make_config({"model": {"compute": "bfloat16"}}, tokens_per_microbatch=65536)
    plan = plan_of(config)
    assert [remedy.key for remedy in plan.remedies] == ["algorithm.tokens_per_microbatch"]
    assert plan.remedies[0].phase == "training"


def test_where_nothing_is_enough_everything_that_helps_is_named():
    plan = plan_of(make_config(), SHAPES["meta-llama/Llama-3.1-8B"], of_memory(12))
    assert not plan.fits_with_remedies
    assert plan.remedies[-1].peak > of_memory(12).usable()
    assert {"optimizer.states", "model.lora.rank", "model.dtype"} <= {remedy.key for remedy in plan.remedies}


def test_of_vllm_the_share_is_lowered_and_it_is_put_to_sleep():
    config = make_config(
        {"sampler": {"engine": "vllm", "vllm": {"sleep": False, "memory_share": 0.9}}, "model": {"compute": "bfloat16"}}
    )
    plan = plan_of(config)
    found = {remedy.key: remedy.value for remedy in plan.remedies}
    assert "sampler.slots" not in found
    assert found["sampler.vllm.memory_share"] < 0.9
    assert plan_of(applied(config, plan)).fits


def test_the_smallest_gpu_that_holds_a_peak():
    assert smallest_gpu(20 * 2**30) in ("l4", "a10")
    assert smallest_gpu(100 * 2**30) == "h200-141gb"
    assert smallest_gpu(200 * 2**30) == ""
    assert GPUS["rtx4090"].usable() < GPUS["rtx4090"].memory
