import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verigrad.tasks.batches import batch_indices

counts = st.integers(1, 12)
sizes = st.integers(1, 30)
seeds = st.integers(-3, 2**40)
attempts = st.integers(0, 3)


def walk(count, size, steps, **key):
    """The questions of steps 1 … `steps`, laid end to end."""
    return [index for step in range(1, steps + 1) for index in batch_indices(count, size, step=step, **key)]


@given(counts, sizes, seeds, attempts)
def test_every_epoch_visits_every_question_once(count, size, seed, attempt):
    visited = walk(count, size, 5, seed=seed, attempt=attempt)
    assert len(visited) == 5 * size
    for start in range(0, len(visited) - count + 1, count):
        assert sorted(visited[start : start + count]) == list(range(count))


@given(counts, seeds)
def test_the_order_does_not_depend_on_the_size_of_the_steps(count, seed):
    assert walk(count, 12, 1, seed=seed) == walk(count, 4, 3, seed=seed) == walk(count, 1, 12, seed=seed)


@given(counts, sizes, seeds, st.integers(1, 50), attempts)
def test_pure_and_without_state(count, size, seed, step, attempt):
    before = random.getstate()
    batch = batch_indices(count, size, seed=seed, step=step, attempt=attempt)
    batch_indices(count + 1, size, seed=seed + 1, step=step + 1, attempt=attempt)
    assert batch == batch_indices(count, size, seed=seed, step=step, attempt=attempt)
    assert random.getstate() == before


def test_more_questions_asked_than_there_are():
    batch = batch_indices(3, 7, seed=0, step=1)
    assert sorted(batch[:3]) == sorted(batch[3:6]) == [0, 1, 2]


def test_seeds_attempts_and_epochs_have_orders_of_their_own():
    orders = [
        batch_indices(100, 100, seed=seed, step=step, attempt=attempt)
        for seed in (0, 1)
        for step in (1, 2)
        for attempt in (0, 1)
    ]
    assert len({tuple(order) for order in orders}) == 8


def test_every_position_is_equally_likely():
    # 2,000 seeds, 5 questions: each is first 400 times on average, with a standard deviation of √(2000·0.2·0.8) = 17.9
    first = [batch_indices(5, 1, seed=seed, step=1)[0] for seed in range(2000)]
    assert all(abs(first.count(index) - 400) < 4 * 17.9 for index in range(5))


def test_the_order_is_the_same_in_every_version():
    # A change here would make a resumed run see other questions than the run it continues.
    assert batch_indices(10, 10, seed=7, step=1) == [0, 3, 4, 7, 8, 5, 1, 2, 6, 9]


def test_a_late_step_of_a_large_set_is_found_without_walking():
    assert len(batch_indices(100_000, 256, seed=0, step=10**12)) == 256


@pytest.mark.parametrize("wrong", [{"count": 0}, {"size": 0}, {"step": 0}, {"attempt": -1}])
def test_counts_out_of_range_are_refused(wrong):
    arguments = {"count": 4, "size": 2, "seed": 0, "step": 1, "attempt": 0} | wrong
    with pytest.raises(ValueError, match="1 or more"):
        batch_indices(**arguments)
