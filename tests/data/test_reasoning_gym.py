import importlib.util
import itertools
import random
import sys
from types import SimpleNamespace

import pytest

from verigrad.config import build
from verigrad.config.schema import Task
from verigrad.data.reasoning_gym import reasoning_gym_problems
from verigrad.data.tasks import load_problems, load_task
from verigrad.errors import ConfigError, DataError, UsageError

installed = pytest.mark.skipif(
    importlib.util.find_spec("reasoning_gym") is None,
    reason="reasoning-gym is not installed: pip install 'verigrad[reasoning-gym]'",
)


class Sums:
    """Draws as reasoning-gym does: item i of seed s from `Random(s + i)`."""

    def __init__(self, seed, size, top=10**9, answer=None, fails=False):
        if top < 1:
            raise AssertionError("top must be positive")
        self.seed, self.size, self.top, self.answer, self.fails = seed, size, top, answer, fails

    def __getitem__(self, index):
        assert index < self.size
        if self.fails:
            raise ValueError("Seed must be between 0 and 2**32 - 1")
        first = random.Random(self.seed + index).randint(1, self.top)
        answer = str(first + 1) if self.answer is None else self.answer
        return {"question": f"{first}+1", "answer": answer, "metadata": {"first": first}}


@pytest.fixture
def package(monkeypatch):
    """A stand-in with the calls of reasoning-gym that are used."""
    module = SimpleNamespace(
        factory=SimpleNamespace(DATASETS={"sums": Sums, "maze": Sums}),
        create_dataset=lambda name, **settings: Sums(**settings),
    )
    monkeypatch.setitem(sys.modules, "reasoning_gym", module)


def draw(count=50, *, dataset="sums", seed=0, split="train", **config):
    return reasoning_gym_problems(dataset, count, seed=seed, split=split, config=config)


def test_a_missing_package_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "reasoning_gym", None)
    with pytest.raises(UsageError, match=r"pip install 'verigrad\[reasoning-gym\]'"):
        draw()


def test_problems_of_a_data_set(package):
    problems = draw(200)
    assert len({problem.id for problem in problems}) == 200
    assert all(int(problem.answer) == problem.details["first"] + 1 for problem in problems)
    assert problems == draw(200)
    assert problems[:50] == draw(50)


def test_neither_splits_nor_seeds_share_an_item(package):
    drawn = [draw(300, seed=seed, split=split) for seed in (0, 1) for split in ("train", "validation")]
    assert len({problem.id for problems in drawn for problem in problems}) == 1200
    starts = [min(int(problem.id.split("/")[1]) for problem in problems) for problems in drawn]
    assert all(later - earlier > 2**31 - 2**16 for earlier, later in itertools.pairwise(starts))


def test_a_small_data_set_repeats_questions_but_never_across_splits(package):
    train, validation = draw(500, top=40), draw(100, split="validation", top=40)
    assert len({problem.question for problem in train}) <= 40
    assert not {problem.question for problem in train} & {problem.question for problem in validation}


def test_a_data_set_too_small_for_two_splits_is_refused(package):
    with pytest.raises(ConfigError, match=r"'sums' gave 0 validation questions in \d+ draws, 5 are needed.*widen"):
        draw(5, split="validation", top=1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"dataset": "sum"}, r"task\.params\.dataset = 'sum': not in reasoning-gym; did you mean 'sums'\?"),
        ({"seed_": 1}, r"task\.params\.config = \{'seed_': 1\} is refused by reasoning-gym's 'sums'"),
        ({"top": 0}, r"refused by reasoning-gym's 'sums': top must be positive"),
        ({"size": 3}, r"task\.params\.config\.size is set by Verigrad"),
        ({"fails": True}, r"'sums' failed on item 0: Seed must be .*use task\.params\.seed = 0"),
    ],
)
def test_bad_settings_are_refused(package, arguments, message):
    with pytest.raises(ConfigError, match=message):
        draw(**arguments)


@pytest.mark.parametrize("answer", [" ", 3])
def test_a_data_set_without_answer_texts_is_refused(package, answer):
    with pytest.raises(DataError, match=r"'sums', item of seed 0: answer = .*own scorer"):
        draw(answer=answer)


def test_as_a_task(package):
    params = {"dataset": "sums", "config": {"top": 500}, "validation": {"top": 10**6}, "validation_problems": 64}
    data = load_task(build({"task": {"name": "reasoning_gym", "problems": 100, "params": params}}))
    assert (len(data.train), len(data.validation)) == (100, 64)
    assert max(problem.details["first"] for problem in data.train) <= 500
    assert max(problem.details["first"] for problem in data.validation) > 500
    with pytest.raises(ConfigError, match=r"task\.params\.dataset is empty: name a data set"):
        load_problems(Task(name="reasoning_gym"), "train")


@installed
def test_the_real_package():
    params = {"dataset": "chain_sum", "config": {"max_terms": 3, "max_digits": 2}, "validation_problems": 256}
    data = load_task(build({"task": {"name": "reasoning_gym", "problems": 1000, "params": params}}))
    assert (len(data.train), len(data.validation)) == (1000, 256)
    for problem in data.train + data.validation:
        expression = problem.details["expression"].replace("- ", "-").replace("+ ", "")
        assert sum(map(int, expression.split())) == int(problem.answer)
        assert problem.details["expression"] in problem.question


@installed
@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"dataset": "chain_sums"}, "did you mean 'chain_sum'"),
        (
            {"dataset": "chain_sum", "config": {"min_terms": -3}},
            "refused by reasoning-gym's 'chain_sum': min_terms must",
        ),
        ({"dataset": "chain_sum", "config": {"terms": 3}}, "refused by reasoning-gym's 'chain_sum'"),
        ({"dataset": "pool_matrix", "seed": 1}, r"use task\.params\.seed = 0"),
    ],
)
def test_the_real_package_refuses(params, message):
    with pytest.raises(ConfigError, match=message):
        load_problems(Task(name="reasoning_gym", params=params), "train")


@installed
def test_a_real_data_set_without_answers_is_refused():
    with pytest.raises(DataError, match="only its own scorer"):
        load_problems(Task(name="reasoning_gym", params={"dataset": "graph_color"}), "train")
