"""The value head: it begins at 0, reads the state before the action, learns its returns and leaves the policy alone."""

from __future__ import annotations

from io import BytesIO

import pytest
import torch

from tests.tiny import END_ID, make_model, make_policy, make_sample, random_ids
from verigrad.policy.value import ValueHead

PROMPT, RESPONSE = random_ids(4), (*random_ids(5, seed=1), END_ID)


def with_head(lr: float = 1e-2, **settings):
    policy = make_policy(make_model(dtype=torch.float64), **settings)
    policy.add_value_head(lr)
    return policy


def targets(returns):
    """Samples of several responses to one prompt, with returns to be fitted to."""
    responses = [(*random_ids(2 + place, seed=place), END_ID) for place in range(len(returns))]
    return [
        make_sample(PROMPT, response, returns=(total,) * len(response))
        for response, total in zip(responses, returns, strict=True)
    ]


def values_of(policy, response=RESPONSE):
    (score,) = policy.score([make_sample(PROMPT, response)])
    return score.values


def test_it_begins_at_zero_everywhere():
    assert values_of(with_head()) == (0.0,) * len(RESPONSE)


def test_without_a_head_there_are_no_values():
    policy = make_policy()
    assert values_of(policy) == ()
    assert "value" not in policy.state()


def test_the_value_is_read_before_its_token():
    policy = with_head()
    policy.fit_value(targets([1.0, 0.0, 1.0]), epochs=5)
    before = values_of(policy)
    assert len(set(before)) == len(RESPONSE), "after fitting, every state has a value of its own"
    for place in range(len(RESPONSE)):
        other = (*RESPONSE[:place], (RESPONSE[place] + 1) % END_ID, *RESPONSE[place + 1 :])
        changed = values_of(policy, other)
        assert changed[: place + 1] == pytest.approx(before[: place + 1], abs=1e-6), "b(s_t) must not see a_t"
        assert all(
            a != pytest.approx(b, abs=1e-6) for a, b in zip(changed[place + 1 :], before[place + 1 :], strict=True)
        )


def test_the_value_is_linear_in_the_hidden_state_that_predicts_the_token():
    policy = with_head()
    policy.fit_value(targets([1.0, 0.0]), epochs=3)
    linear = policy.value.state()["linear"]
    with torch.no_grad():
        hidden = policy.model.model(input_ids=torch.tensor([PROMPT + RESPONSE])).last_hidden_state[0]
    expected = hidden @ linear["weight"][0].double() + linear["bias"].double()
    first = len(PROMPT) - 1  # the last token of the prompt predicts the first of the response
    assert values_of(policy) == pytest.approx(expected[first : first + len(RESPONSE)].tolist(), abs=1e-6)


def test_fitting_lowers_the_loss_which_begins_at_half_the_squared_returns():
    policy, samples = with_head(), targets([1.0, 0.0, 0.5])
    tokens = [len(sample.trajectory.streams["returns"]) - len(PROMPT) for sample in samples]
    assert tokens == [3, 4, 5]
    first = policy.fit_value(samples, epochs=1)
    assert first == pytest.approx((3 * 1.0**2 + 4 * 0.0**2 + 5 * 0.5**2) / 2 / 12, abs=1e-6)
    losses = [first, *(policy.fit_value(samples, epochs=10) for _ in range(4))]
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < first / 4


def test_equal_returns_are_learnt():
    policy = with_head(lr=1e-1)
    samples = targets([0.7, 0.7])
    policy.fit_value(samples, epochs=200)
    assert values_of(policy, samples[0].trajectory.token_ids[len(PROMPT) :]) == pytest.approx([0.7] * 3, abs=0.02)


def test_fitting_does_not_touch_the_policy():
    policy = with_head()
    before = {name: tensor.clone() for name, tensor in policy.named_tensors()}
    policy.model.zero_grad(set_to_none=True)
    policy.fit_value(targets([1.0, 0.0]), epochs=3)
    assert all(parameter.grad is None for parameter in policy.model.parameters())
    assert all(torch.equal(tensor, before[name]) for name, tensor in policy.named_tensors())
    assert policy.updates == 0


def test_no_gradient_flows_into_what_it_reads():
    head = ValueHead(4, 1e-2, torch.device("cpu"))
    hidden = torch.randn(3, 4, requires_grad=True)
    assert head.accumulate(hidden, torch.ones(3), 1 / 3) == 0.5
    head.step()
    assert hidden.grad is None
    assert head.read(hidden).requires_grad, "but the head itself learns"


def test_the_head_is_no_part_of_the_exported_policy():
    policy = with_head()
    assert {name for name, _ in policy.named_tensors()} == {name for name, _ in policy.model.named_parameters()}


def test_a_restored_head_goes_on_as_the_one_that_was_saved():
    samples = targets([1.0, 0.0, 1.0])
    one, other = with_head(), with_head()
    one.fit_value(samples, epochs=3)
    file = BytesIO()
    torch.save(one.value.state(), file)
    file.seek(0)
    other.value.restore(torch.load(file))
    assert values_of(one) == values_of(other)
    losses = [policy.fit_value(samples, epochs=3) for policy in (one, other)]
    assert losses[0] == losses[1]
    assert values_of(one) == values_of(other)


@pytest.mark.parametrize("microbatch", [1, 12])
def test_micro_batches_bound_the_memory_of_a_fit_and_change_nothing(microbatch):
    samples = targets([1.0, 0.0, 0.5])
    whole, cut = with_head(), with_head(tokens_per_microbatch=microbatch)
    losses = [policy.fit_value(samples, epochs=4) for policy in (whole, cut)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)
    assert values_of(whole) == pytest.approx(values_of(cut), abs=1e-6)
