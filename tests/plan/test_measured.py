"""The plan's memory against real phases, run in a process of their own; how a peak is taken: tests/plan/phases.py."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.plan.cases import CASES, config_of, planned
from tests.plan.phases import Case
from verigrad.plan import GPUS, Lengths, Memory, memory_of, shape_of

PHASES = [(name, phase) for name, case in CASES.items() for phase in case.phases]
ALWAYS = ("weights", "gradients", "optimiser states")
SAMPLERS = ("key–value cache", "rounded weights")


def measure(cases: list[Case], device: str) -> list[dict[str, Any]]:
    words = json.dumps([dataclasses.asdict(case) | {"device": device} for case in cases])
    done = subprocess.run(
        [sys.executable, "-m", "tests.plan.phases"],
        input=words,
        capture_output=True,
        text=True,
        timeout=500,
        cwd=Path(__file__).parents[2],
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


@pytest.fixture(scope="module")
def on_cpu() -> dict[str, dict[str, Any]]:
    return dict(zip(CASES, measure(list(CASES.values()), "cpu"), strict=True))


def phase_parts(memory: Memory, phase: str) -> dict[str, int]:
    """The parts of a phase that the measured process has: a sampler's are there while it samples, and no longer."""
    local = phase in ("sampling", "evaluating")
    return {part: size for part, size in memory.phases[phase].items() if local or part not in SAMPLERS}


@pytest.mark.slow
@pytest.mark.parametrize(("name", "phase"), PHASES)
def test_the_peak_of_a_phase_is_within_5_percent(on_cpu, name, phase):
    measured = on_cpu[name]["peaks"][phase]
    assert sum(phase_parts(planned(CASES[name]), phase).values()) == pytest.approx(measured, rel=0.05)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "phase"), PHASES)
def test_what_a_phase_needs_above_weights_and_their_states_is_within_15_percent(on_cpu, name, phase):
    parts = phase_parts(planned(CASES[name]), phase)
    found = on_cpu[name]
    measured = found["peaks"][phase] - found["resident"][phase]
    above = sum(size for part, size in parts.items() if part not in ALWAYS)
    above += parts["gradients"] if phase == "training" else 0  # the process has none when an update begins
    assert above == pytest.approx(measured, rel=0.15)


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_weights_gradients_and_moments_are_exact(on_cpu, name):
    config, shape = config_of(CASES[name]), shape_of(CASES[name].config().to_dict())
    memory = memory_of(shape, config, Lengths(8, 8), GPUS["h100-80gb"])
    assert memory.phases["scoring"]["weights"] == on_cpu[name]["weights"]
    if "scoring" in CASES[name].phases:
        assert sum(memory.phases["scoring"][part] for part in ALWAYS) == on_cpu[name]["resident"]["scoring"]


GPU_CASES = {
    name: dataclasses.replace(case, questions=8) if case.questions < 8 else case
    for name, case in CASES.items()
    if not case.entropy_bonus and name != "long rows"
}


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_on_a_gpu_the_peaks_are_within_10_percent_of_what_pytorch_counts():
    found = dict(zip(GPU_CASES, measure(list(GPU_CASES.values()), "cuda"), strict=True))
    wrong = {}
    for name, case in GPU_CASES.items():
        memory = planned(case, GPUS["h100-80gb"])
        for phase in case.phases:
            ours, theirs = sum(phase_parts(memory, phase).values()), found[name]["peaks"][phase]
            if abs(ours - theirs) > 0.1 * theirs:
                wrong[name, phase] = (ours, theirs)
    assert not wrong
