"""Plans against the model's own forward pass on each sequence alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.tiny import ARCHITECTURES, VOCABULARY, make_model, random_ids
from verigrad.errors import ConfigError
from verigrad.kernels import PackedPlan, Rows, SlotCache, backbone_of, hidden_states
from verigrad.kernels.blocks import BLOCK, Blocks
from verigrad.policy.load import check_head

SEQUENCES = [random_ids(length, seed=length) for length in (5, 1, 9, 3)]


def alone(model, ids):
    """The last hidden states of one sequence, by the model itself."""
    return model.get_decoder()(input_ids=torch.tensor([ids]), use_cache=False).last_hidden_state[0]


def packed(model, sequences):
    plan = PackedPlan([len(ids) for ids in sequences])
    flat = torch.tensor([token for ids in sequences for token in ids])
    hidden = hidden_states(backbone_of(model), flat, plan.positions, plan)
    return list(hidden.split([len(ids) for ids in sequences]))


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_packed_sequences_do_not_see_each_other(architecture):
    model = make_model(architecture, dtype=torch.float64)
    with torch.no_grad():
        for ours, ids in zip(packed(model, SEQUENCES), SEQUENCES, strict=True):
            torch.testing.assert_close(ours, alone(model, ids), rtol=0, atol=1e-12)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@torch.no_grad()
def test_float32_is_as_exact_as_float32_can_be(architecture):
    model = make_model(architecture)
    for ours, ids in zip(packed(model, SEQUENCES), SEQUENCES, strict=True):
        torch.testing.assert_close(ours, alone(model, ids), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("order", [(3, 2, 1, 0), (1, 0, 3, 2), (2,), (0, 0, 0)], ids=str)
@torch.no_grad()
def test_order_and_company_change_nothing(order):
    model = make_model(dtype=torch.float64)
    expected = packed(model, SEQUENCES)
    for ours, row in zip(packed(model, [SEQUENCES[row] for row in order]), order, strict=True):
        torch.testing.assert_close(ours, expected[row], rtol=0, atol=1e-12)


def test_positions_begin_anew_with_each_sequence():
    assert PackedPlan([3, 1, 2]).positions.tolist() == [0, 1, 2, 0, 0, 1]


def test_no_gradient_flows_from_one_sequence_to_another():
    model = make_model(dtype=torch.float64)
    embedded = []
    model.model.embed_tokens.register_forward_hook(lambda *call: embedded.append(call[2]) or call[2].retain_grad())
    packed(model, SEQUENCES)[2][-1].sum().backward()
    touched = embedded[0].grad.abs().sum(-1) > 0
    padding = len(touched) - 18  # rows that only round the shape up
    assert touched.tolist() == [False] * 6 + [True] * 9 + [False] * (3 + padding)


def live(prompts, lengths, before):
    return Rows(*map(np.array, (prompts, lengths, before)))


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@torch.no_grad()
def test_slots_hold_what_a_full_forward_pass_computes(architecture):
    # three prompts; the second is shared by slots 1 and 2; then four tokens are appended to each of the four slots
    model = make_model(architecture, dtype=torch.float64)
    prompts, place_of = [SEQUENCES[0], SEQUENCES[2], SEQUENCES[3]], [0, 3, 1]
    rows = [list(prompts[prompt]) for prompt in (0, 1, 1, 2)]
    cache = SlotCache(backbone_of(model), slots=6, capacity=20, prompts=4, prompt_width=9)
    cache.own.fill_(100.0)  # what an earlier tenant left behind must not be seen
    cache.shared.fill_(100.0)
    last = cache.prefill(prompts, place_of)
    for state, ids in zip(last, prompts, strict=True):
        torch.testing.assert_close(state, alone(model, ids)[-1], rtol=0, atol=1e-12)
    for step in range(4):
        tokens = torch.tensor(random_ids(4, seed=50 + step))
        hidden = cache.decode(tokens, live([0, 3, 3, 1], [5, 9, 9, 3], [step] * 4))
        for row, token in zip(rows, tokens.tolist(), strict=True):
            row.append(token)
        for state, ids in zip(hidden, rows, strict=True):
            torch.testing.assert_close(state, alone(model, ids)[-1], rtol=0, atol=1e-12)


@torch.no_grad()
def test_many_prompts_are_prefilled_some_at_a_time_to_the_same_bits(monkeypatch):
    model = make_model()
    prompts = [random_ids(3 + n % 7, seed=n) for n in range(40)]
    caches = [SlotCache(backbone_of(model), slots=1, capacity=8, prompts=40, prompt_width=9) for _ in range(2)]
    whole = caches[0].prefill(prompts, range(40))
    monkeypatch.setattr("verigrad.kernels.cache.PREFILL_TOKENS", 48)  # six prompts of up to 8 tokens
    widest = []
    forward = model.model.embed_tokens.register_forward_hook(lambda *call: widest.append(call[2].shape[0]))
    parts = caches[1].prefill(prompts, range(40))
    forward.remove()
    assert len(widest) == 6 + 2 and max(widest) <= 64  # 35 prompts of width 8 and 5 of width 16, rows rounded up
    assert torch.equal(parts, whole)
    for place, prompt in enumerate(prompts):
        ours, theirs = (cache.shared[:, :, place, :, : len(prompt)] for cache in caches)
        assert torch.equal(ours, theirs)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@torch.no_grad()
def test_prompts_behind_a_beginning_compute_what_whole_prompts_do(architecture):
    # two beginnings of 16 and 32 tokens; prompts behind each, one behind none; then three tokens in each of five rows
    model = make_model(architecture, dtype=torch.float64)
    begun = [random_ids(16, seed=90), random_ids(32, seed=91)]
    cache = SlotCache(backbone_of(model), 5, 8, 4, 9, beginnings=2, beginning_width=32)
    for store in (cache.own, cache.shared, cache.begun):
        store.fill_(100.0)  # what an earlier tenant left behind must not be seen
    cache.begin(begun)
    behind, prompts = [0, 1, 1, -1], SEQUENCES[:4]
    whole = [[*(begun[b] if b >= 0 else []), *prompt] for b, prompt in zip(behind, prompts, strict=True)]
    last = cache.prefill(prompts, [0, 1, 2, 3], behind)
    for state, ids in zip(last, whole, strict=True):
        torch.testing.assert_close(state, alone(model, ids)[-1], rtol=0, atol=1e-12)
    places = np.array([0, 1, 1, 2, 3])
    rows = [list(whole[place]) for place in places]
    lengths = np.array([len(prompt) for prompt in prompts])
    for step in range(3):
        tokens = torch.tensor(random_ids(5, seed=60 + step))
        hidden = cache.decode(tokens, Rows(places, lengths[places], np.full(5, step), np.array(behind)[places]))
        for row, token in zip(rows, tokens.tolist(), strict=True):
            row.append(token)
        for state, ids in zip(hidden, rows, strict=True):
            torch.testing.assert_close(state, alone(model, ids)[-1], rtol=0, atol=1e-12)


@pytest.mark.parametrize("size", [1, 2, 4, 16])
def test_rows_go_to_blocks_of_their_place_and_back(size):
    places = np.array([3, 0, 3, 3, 1, 0, 3, 3])
    blocks = Blocks(places, heads=2, group=3, device=torch.device("cpu"), size=size)
    rows = torch.arange(8.0 * 2 * 3 * 5).view(16, 3, 5)
    assert torch.equal(blocks.to_rows(blocks.to_blocks(rows)), rows)
    per_place = {0: 2, 1: 1, 3: 5}
    assert blocks.read.tolist() == [place for place, count in per_place.items() for _ in range(-(-count // size))]


def test_blocks_are_as_large_as_the_company_of_a_place(monkeypatch):
    def size(rows_per_place, group, independent=True):
        monkeypatch.setattr("verigrad.kernels.blocks.rows_are_independent", lambda: independent)
        places = np.repeat(np.arange(4), rows_per_place)
        return Blocks(places, 1, group, torch.device("cpu")).size

    assert [size(count, group=3) for count in (1, 2, 3, 8, 16, 40)] == [1, 2, 4, 8, 16, 16]
    assert size(1, group=1) == 2  # a product of a single row is another kernel
    assert size(1, group=3, independent=False) == BLOCK


@torch.no_grad()
def test_a_moved_slot_goes_on_where_it_was():
    model = make_model(dtype=torch.float64)
    cache = SlotCache(backbone_of(model), slots=3, capacity=20, prompts=3, prompt_width=9)
    cache.prefill(SEQUENCES[:3], [0, 1, 2])
    cache.decode(torch.tensor([4, 5, 6]), live([0, 1, 2], [5, 1, 9], [0, 0, 0]))
    cache.move(torch.tensor([2]), torch.tensor([0]), extent=1)  # slot 0 has ended; the last live one takes its place
    hidden = cache.decode(torch.tensor([7, 8]), live([2, 1], [9, 1], [1, 1]))
    torch.testing.assert_close(hidden[0], alone(model, [*SEQUENCES[2], 6, 7])[-1], rtol=0, atol=1e-12)
    torch.testing.assert_close(hidden[1], alone(model, [*SEQUENCES[1], 5, 8])[-1], rtol=0, atol=1e-12)


@pytest.mark.parametrize("count", [1, BLOCK, BLOCK + 1, 3 * BLOCK + 5])
@torch.no_grad()
def test_rows_of_one_prompt_in_several_blocks(count):
    model = make_model(dtype=torch.float64)
    cache = SlotCache(backbone_of(model), slots=count + 1, capacity=2, prompts=2, prompt_width=9)
    cache.prefill([SEQUENCES[2], SEQUENCES[0]], [1, 0])
    tokens = random_ids(count + 1)
    prompts = [1] * count + [0]
    hidden = cache.decode(torch.tensor(tokens), live(prompts, [(5, 9)[place] for place in prompts], [0] * (count + 1)))
    for state, token, place in zip(hidden, tokens, prompts, strict=True):
        truth = alone(model, [*(SEQUENCES[0], SEQUENCES[2])[place], token])[-1]
        torch.testing.assert_close(state, truth, rtol=0, atol=1e-12)


def test_the_models_own_attention_is_as_it_was_afterwards():
    model = make_model()
    before = model.config._attn_implementation
    packed(model, SEQUENCES)
    with pytest.raises(IndexError):
        hidden_states(backbone_of(model), torch.tensor([VOCABULARY]), torch.tensor([0]), PackedPlan([1]))
    assert model.config._attn_implementation == before != "verigrad"


@pytest.mark.parametrize(
    ("architecture", "settings", "reason"),
    [
        ("Qwen2", {"use_sliding_window": True, "sliding_window": 16, "max_window_layers": 1}, "sliding attention"),
        ("Mistral", {"sliding_window": 16}, "sliding attention"),
        ("Gemma2", {}, "sliding attention"),
        ("Gemma2", {"layer_types": ["full_attention"] * 2}, "capped logits"),
        ("Bloom", {}, "an attention of its own"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_model_that_plans_cannot_drive_is_refused_by_name(architecture, settings, reason):
    with pytest.raises(ConfigError, match=f"{architecture}ForCausalLM is not supported: it has {reason}; use a "):
        backbone_of(make_model(architecture, **settings))


@pytest.mark.parametrize("architecture", [*ARCHITECTURES, "Mistral"])
def test_a_model_of_standard_attention_is_accepted(architecture):
    settings = {"sliding_window": None} if architecture == "Mistral" else {}
    check_head(make_model(architecture, **settings))


def test_a_model_that_scales_its_logits_is_refused_by_name():
    # Granite divides its logits by 8, so that head(hidden state) is eight times too large
    with pytest.raises(ConfigError, match=r"GraniteForCausalLM is not supported: its logits are not head\(hidden"):
        check_head(make_model("Granite", logits_scaling=8.0))
