"""docs/extending.md: its code runs as it is printed, and what it adds computes what it says."""

from __future__ import annotations

import re
from typing import Any

import pytest
import torch

from tests.tiny import distance, gradients, make_group, make_model, make_policy, make_sample, random_ids
from verigrad.algorithms.score import score
from verigrad.algorithms.table import make_row
from verigrad.config import ROWS, build
from verigrad.config.rows import CHOICES
from verigrad.errors import ConfigError
from verigrad.objective import CREDITS, LOSSES
from verigrad.runs import read_lines


@pytest.fixture(scope="module")
def blocks(request) -> list[str]:
    text = (request.config.rootpath / "docs" / "extending.md").read_text(encoding="utf-8")
    found: list[str] = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    assert len(found) == 3
    return found


@pytest.fixture
def extended(blocks) -> dict[str, Any]:
    """The names of the page's first two blocks; what they register is forgotten after the test."""
    before = [(table, set(table)) for table in (CREDITS, LOSSES, ROWS, *CHOICES.values())]
    names: dict[str, Any] = {}
    for block in blocks[:2]:
        exec(compile(block, "docs/extending.md", "exec"), names)
    yield names
    for table, known in before:
        for key in set(table) - known:
            del table[key]


def test_the_run_of_the_page_reaches_its_last_step(extended, blocks, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    exec(compile(blocks[2], "docs/extending.md", "exec"), extended)
    assert extended["result"].step == 2
    assert capsys.readouterr().out.startswith("2 ")
    lines = read_lines(tmp_path / "runs" / "topr" / "metrics.jsonl")
    updates = [line for line in lines if line["kind"] == "update"]
    assert [line["epoch"] for line in updates] == [1, 2, 1, 2]
    assert updates[0]["ratio_mean"] == pytest.approx(1.0, abs=1e-4)
    assert all(line["gradient_norm"] > 0 for line in updates), "it learns"


def row_of(**algorithm):
    return make_row(build({"algorithm": {"name": "rloo", **algorithm}}).algorithm)


def advantages_of(row, *rewards):
    groups = [make_group((1,), [random_ids(2, seed=i) for i in range(len(given))], given) for given in rewards]
    policy = make_policy(make_model(dtype=torch.float64))
    scored, _ = score(policy, groups, row.needs, 0)
    return [track.advantages[-1] for track in row.credit(row.select(scored), None)[0]]


def test_the_credit_of_the_page_by_hand(extended):
    # of (1, 0, 0, 0.5): medians of the others 0, 0.5, 0.5, 0; a rollout alone has no others
    row = row_of(credit="others_median")
    assert advantages_of(row, (1, 0, 0, 0.5)) == [1.0, -0.5, -0.5, 0.5]
    assert advantages_of(row, (1, 1, 1), (1,)) == [0.0] * 4


def test_the_loss_of_the_page_by_hand(extended):
    # two sequences with s = e^{0.1 + 0.2} and e^{−0.3}; only A < 0 is weighed, by 1 and by e^{−0.3}
    old = torch.zeros(4, dtype=torch.float64)
    logprobs = torch.tensor([0.1, 0.2, -0.1, -0.2], dtype=torch.float64, requires_grad=True)
    places = torch.tensor([0, 0, 1, 1])
    advantages = torch.tensor([-1.0, -1.0, 2.0, -1.0], dtype=torch.float64)
    extended["topr"](logprobs, old, advantages, places).sum().backward()
    expected = [1.0, 1.0, -2.0, torch.exp(torch.tensor(-0.3, dtype=torch.float64)).item()]
    assert logprobs.grad.tolist() == pytest.approx(expected, abs=1e-12)


def test_on_the_first_update_the_loss_of_the_page_is_reinforce(extended):
    policy = make_policy(make_model(dtype=torch.float64))
    plain = make_sample(random_ids(3), random_ids(4, seed=1))
    (found,) = policy.score([plain])
    found_of = {}
    for loss in ("topr", "policy_gradient"):
        policy.model.zero_grad()
        sample = make_sample(random_ids(3), random_ids(4, seed=1), advantages=(-0.5,) * 4, old_logprobs=found.logprobs)
        policy.accumulate([sample], row_of(loss=loss).loss)
        found_of[loss] = gradients(policy.model)
    assert distance(found_of["topr"], found_of["policy_gradient"]) < 1e-12


def test_what_was_not_registered_is_refused_and_the_page_leaves_nothing_behind():
    assert "topr" not in ROWS and "others_median" not in CREDITS and "topr" not in CHOICES["loss"]
    with pytest.raises(ConfigError, match=r"algorithm\.loss = 'topr': "):
        row_of(loss="topr")


def test_the_dicts_and_settings_that_the_page_names_exist(request):
    text = (request.config.rootpath / "docs" / "extending.md").read_text(encoding="utf-8")
    for module, name in re.findall(r"`(verigrad(?:\.\w+)+)\.([A-Z]+)`", text):
        assert isinstance(getattr(__import__(module, fromlist=[name]), name), dict)
    streams = {name for row in CREDITS.values() for name in row.needs} | {n for r in LOSSES.values() for n in r.streams}
    numbers = {name for row in (*CREDITS.values(), *LOSSES.values()) for name in row.numbers}
    assert all(f"`{name}`" in text for name in streams | numbers)
