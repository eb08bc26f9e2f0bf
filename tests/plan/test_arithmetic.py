"""The parts by hand, and identities between plans."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import transformers

from verigrad.config import Config, build
from verigrad.errors import DataError
from verigrad.plan import GPUS, SHAPES, Lengths, cpu, make_plan, memory_of, of_memory, seconds_of, shape_of
from verigrad.plan.head import Head
from verigrad.plan.layers import Layers
from verigrad.plan.shapes import Shape
from verigrad.plan.step import Pack, Round, token_budget, training_pack, updates_of

H100 = GPUS["h100-80gb"]
MATH = SHAPES["Qwen/Qwen2.5-Math-1.5B"]
LENGTHS = Lengths(256, 1024)


def make_config(changes: dict[str, dict[str, Any]] | None = None, **algorithm: Any) -> Config:
    tables: dict[str, dict[str, Any]] = {"run": {"dir": "runs/plan"}, "sampler": {"max_tokens": 1024}}
    tables["algorithm"] = {"name": "grpo", "questions_per_step": 32, "rollouts_per_question": 8, **algorithm}
    for section, table in (changes or {}).items():
        tables[section] = {**tables.get(section, {}), **table}
    return build(tables)


def parts(config: Config, phase: str = "training", shape: Shape = MATH, machine=H100) -> dict[str, int]:
    return dict(memory_of(shape, config, LENGTHS, machine).phases[phase])


# Published counts: the models' own cards and safetensors indices.
@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("Qwen/Qwen2.5-0.5B", 494_032_768),
        ("Qwen/Qwen2.5-Math-1.5B", 1_543_714_304),
        ("Qwen/Qwen2.5-3B", 3_085_938_688),
        ("Qwen/Qwen2.5-7B", 7_615_616_512),
        ("Qwen/Qwen2.5-Math-7B", 7_615_616_512),
        ("Qwen/Qwen3-8B", 8_190_735_360),
        ("meta-llama/Llama-3.2-1B", 1_235_814_400),
        ("meta-llama/Llama-3.1-8B", 8_030_261_248),
    ],
)
def test_well_known_models_have_as_many_parameters_as_published(name, parameters):
    assert SHAPES[name].parameters == parameters


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize(
    ("architecture", "changes"),
    [
        ("Qwen2", {}),
        ("Qwen3", {"head_dim": 48}),
        ("Llama", {}),
        ("Llama", {"attention_bias": True, "mlp_bias": True}),
        ("Mistral", {}),
    ],
)
def test_parameters_are_those_of_the_model_that_transformers_makes(architecture, changes, tied):
    config = getattr(transformers, f"{architecture}Config")(
        vocab_size=1000,
        hidden_size=64,
        intermediate_size=96,
        num_hidden_layers=3,
        num_attention_heads=4,
        num_key_value_heads=2,
        tie_word_embeddings=tied,
        pad_token_id=None,
        **changes,
    )
    with torch.device("meta"):
        model = transformers.AutoModelForCausalLM.from_config(config)
    assert shape_of(config.to_dict()).parameters == sum(parameter.numel() for parameter in model.parameters())


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"model_type": "qwen3_moe", "num_experts": 128}, "qwen3_moe has 128 experts"),
        ({"model_type": "gpt2", "num_attention_heads": 2, "hidden_size": 8}, "it has no 'vocab_size'"),
        ({}, "it has no 'num_attention_heads'"),
    ],
)
def test_a_config_of_another_kind_is_refused(config, message):
    with pytest.raises(DataError, match=message):
        shape_of(config)


def test_what_is_there_in_every_phase_by_hand():
    # float32: 4 bytes of each weight, as many of its gradient, twice as many of Adam's moments
    found = parts(make_config({"eval": {"problems": 8}}), "scoring")
    assert found["weights"] == found["gradients"] == 4 * 1_543_714_304
    assert found["optimiser states"] == 8 * 1_543_714_304
    # 256 rows × 1024 own tokens and 32 prompts × 256, two of 2 · 128 numbers each in 28 layers, 4 bytes
    assert found["key–value cache"] == (256 * 1024 + 32 * 256) * 2 * 28 * 256 * 4


def test_states_of_8_bits_have_a_scale_per_block_and_offloaded_ones_are_in_the_host():
    eight = parts(make_config({"optimizer": {"states": "8bit"}}))
    assert eight["optimiser states"] == int(2 * (1 + 4 / 256) * 1_543_714_304)
    memory = memory_of(MATH, make_config({"optimizer": {"states": "offloaded"}}), LENGTHS, H100)
    assert "optimiser states" not in memory.phases["training"]
    assert memory.host["optimiser states"] >= 8 * 1_543_714_304


def test_only_adapters_have_gradients_and_states():
    # rank 16 · (inputs + outputs) of q 1536+1536, k and v 1536+256, o 1536+1536, three of 1536+8960; 28 layers
    adapters = 28 * 16 * (3072 + 2 * 1792 + 3072 + 3 * 10496)
    found = parts(make_config({"model": {"lora": {"rank": 16}}}), "scoring")
    assert found["weights"] == 4 * 1_543_714_304
    assert found["adapters"] == found["gradients"] == 4 * adapters
    assert found["optimiser states"] == 8 * adapters
    queries = parts(make_config({"model": {"lora": {"rank": 16, "targets": ("q_proj",)}}}), "scoring")
    assert queries["adapters"] == 4 * 28 * 16 * 3072


def test_a_reference_is_another_copy_of_the_weights_and_may_be_another_model():
    config = make_config(divergence={"in_loss": 0.1})
    assert parts(config)["reference"] == 4 * MATH.parameters
    small = SHAPES["Qwen/Qwen2.5-0.5B"]
    assert memory_of(MATH, config, LENGTHS, H100, small).phases["training"]["reference"] == 4 * small.parameters


def test_restarts_keep_the_base_in_the_host():
    assert memory_of(MATH, make_config(restart="base"), LENGTHS, H100).host == {"base": 4 * MATH.parameters}


def test_a_value_head_is_counted():
    found = parts(make_config(name="ppo"), "scoring")
    assert found["value head"] == 4 * 4 * 1537


def test_vllm_takes_its_share_while_it_samples_and_beside_the_trainer_unless_it_sleeps():
    asleep = make_config({"sampler": {"engine": "vllm", "vllm": {"memory_share": 0.5}}})
    awake = make_config({"sampler": {"engine": "vllm", "vllm": {"memory_share": 0.5, "sleep": False}}})
    apart = make_config({"sampler": {"engine": "vllm"}, "model": {"device": "cuda:1"}})
    assert parts(asleep, "sampling")["vLLM"] == H100.memory // 2
    assert "vLLM" not in parts(asleep) and "key–value cache" not in parts(asleep)
    assert parts(awake)["vLLM"] == H100.memory // 2
    assert "vLLM" not in parts(apart, "sampling")


def test_narrow_weights_halve_weights_gradients_and_states():
    wide, narrow = (parts(make_config({"model": {"dtype": dtype}})) for dtype in ("float32", "bfloat16"))
    for part in ("weights", "optimiser states", "key–value cache"):
        assert wide[part] == 2 * narrow[part]


def test_a_chunk_of_logits_by_hand():
    # 2^24 // 151936 = 110 rows of a chunk, filled up to 128; 1024 trained tokens; hidden states of 1536 float32
    head = Head(MATH, 4, Pack(1, 1, LENGTHS))
    assert head.hidden == (1024 + 1280) * 1536 * 4
    assert head.kept == head.hidden
    assert head.forward == head.hidden + 4 * 151936 * (110 + 128 + 110)
    # log-probs and probabilities of a chunk, its gradient's copy in 128 rows, and the next chunk's logits
    assert head.backward(False) == 4 * (1024 * 1536 + 151936 * 1536 + 151936 * (110 + 128 + 110))


def test_a_pack_shares_the_prompts_of_a_group():
    config = make_config(tokens_per_microbatch=12 * 1280, sequences_per_update=64)
    pack = training_pack(MATH, config, LENGTHS, H100)
    assert (pack.rows, pack.prompts, pack.count, pack.following.rows) == (12, 2, 6, 12)
    assert pack.tokens == 2 * 256 + 12 * 1024
    assert (pack.sequences, pack.asking, pack.width) == (14, 1024, 1280)


def test_the_last_micro_batch_has_what_is_left():
    config = make_config(tokens_per_microbatch=12 * 1280, sequences_per_update=16)
    pack = training_pack(MATH, config, LENGTHS, H100)
    assert (pack.rows, pack.count, pack.following.rows) == (12, 2, 4)


def test_a_row_longer_than_the_budget_is_a_micro_batch():
    assert training_pack(MATH, make_config(tokens_per_microbatch=100), LENGTHS, H100).rows == 1


def test_the_automatic_budget_is_what_the_trainer_chooses(monkeypatch):
    from types import SimpleNamespace

    from verigrad.plan.machines import CONTEXT
    from verigrad.policy.pack import token_budget as chosen

    shape, config = SHAPES["Qwen/Qwen2.5-0.5B"], make_config()
    free = H100.memory - CONTEXT - 4 * shape.parameters
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (free, H100.memory))
    sizes = SimpleNamespace(hidden_size=shape.hidden, intermediate_size=shape.inner, num_hidden_layers=shape.layers)
    weight = SimpleNamespace(device=torch.device("cuda"), element_size=lambda: 4)
    model = SimpleNamespace(config=SimpleNamespace(get_text_config=lambda: sizes), parameters=lambda: iter([weight]))
    assert token_budget(shape, config, H100) == chosen(model)
    weight.device = torch.device("cpu")
    assert token_budget(shape, config, cpu(2**35, 2)) == chosen(model)


def test_updates_of_a_step():
    assert updates_of(make_config(), LENGTHS) == 1
    assert updates_of(make_config(sequences_per_update=64, epochs=2), LENGTHS) == 2 * 4
    assert updates_of(make_config(tokens_per_update=65536), LENGTHS) == 256 * 1024 // 65536


def test_a_round_reads_each_prompt_once():
    assert Round(256, 8, 1024, LENGTHS).prompts == 32
    assert Round(256, 8, 60, LENGTHS).prompts == 8


@pytest.mark.parametrize(
    ("section", "key", "value"),
    [
        ("model", "checkpoint_activations", True),
        ("model", "compute", "bfloat16"),
        ("algorithm", "tokens_per_microbatch", 1280),
        ("optimizer", "states", "8bit"),
    ],
)
def test_a_setting_that_saves_memory_saves_it_in_training(section, key, value):
    before = make_config(tokens_per_microbatch=16384)
    after = make_config({section: {key: value}}, tokens_per_microbatch=16384)
    if section == "algorithm":
        after = make_config(**{key: value})
    assert sum(parts(after).values()) < sum(parts(before).values())


def test_the_cache_is_that_of_the_evaluation_where_it_has_more_rows():
    found = parts(make_config({"eval": {"problems": 512}}), "scoring")
    assert found["key–value cache"] == 512 * (1024 + 256) * 2 * 28 * 256 * 4


def test_float32_on_a_gpu_makes_whole_score_matrices_where_heads_share_keys():
    # PyTorch's fused attention shares keys between heads in two bytes only. Of 2 rows of 1280 tokens, 12 heads of 128:
    pack = Pack(2, 2, LENGTHS)
    narrow, wide = (Layers(MATH, kind, kind, False, on_cpu=False) for kind in ("bfloat16", "float32"))
    scores, queries, keys, sums = 2 * 12 * 1280**2, 2 * 1280 * 1536, 2 * 1280 * 256, 2 * 1280 * 12
    rest = 2560 * (2 * 1536 * 8 + 1536 * 4 + 4 * 8960 * 4)  # two norms, what is mixed, the gated block
    assert wide.kept(pack) == rest + 4 * (scores + 4 * queries)
    rest = 2560 * (2 * 1536 * 8 + 1536 * 2 + 4 * 8960 * 2)
    assert narrow.kept(pack) == rest + 2 * (2 * queries + 2 * keys) + 4 * sums


def test_the_time_of_training_by_hand():
    config = make_config({"model": {"dtype": "bfloat16"}}, tokens_per_microbatch=1280)
    mean = Lengths(256, 512)
    seconds = seconds_of(MATH, config, LENGTHS, mean, H100)
    tokens = 256 * 512 + 32 * 256
    layers = 28 * (2 * tokens * 46_792_704 + 2 * 1536 * 256 * 768**2)  # products of a layer: 46.8 M weights
    head = 2 * 151936 * 1536 * 256 * 512
    update = 8 * 2 * 1_543_714_304 / (0.6 * 3.35e12)
    assert seconds.training == pytest.approx((3 * layers + 4 * head) / (0.4 * 989e12) + update)
    again = make_config({"model": {"dtype": "bfloat16", "checkpoint_activations": True}}, tokens_per_microbatch=1280)
    longer = seconds_of(MATH, again, LENGTHS, mean, H100)
    assert longer.training - seconds.training == pytest.approx(layers / (0.4 * 989e12))


def test_an_offloaded_update_crosses_the_bus():
    config = make_config({"optimizer": {"states": "offloaded"}})
    there, here = (seconds_of(MATH, one, LENGTHS, LENGTHS, H100) for one in (config, make_config()))
    size = 4 * 1_543_714_304
    difference = 2 * size / 25e9 + 8 * size / 50e9 - 8 * size / (0.6 * 3.35e12)
    assert there.training - here.training == pytest.approx(difference)


def test_sampling_reads_the_weights_for_every_token_of_the_longest_response():
    # two rows, mean response 512: 1024 steps read all weights; keys and values behind 256 + 512/2 tokens on average;
    # two FLOP per weight of each token, the prompt's once
    config = make_config(questions_per_step=1, rollouts_per_question=2)
    shape = SHAPES["Qwen/Qwen2.5-7B"]
    seconds = seconds_of(shape, config, LENGTHS, Lengths(256, 512), H100)
    reads = 1024 * 4 * 7_615_616_512 + 2 * 512 * 512 * 2 * 28 * 512 * 4
    products = 2 * (2 * 512 + 256) * 28 * 233_046_016 + 2 * 2 * 512 * 152064 * 3584
    assert seconds.sampling == pytest.approx(reads / (0.6 * 3.35e12) + products / (0.4 * 67e12))


def test_a_machine_of_which_only_the_memory_is_known_has_no_times():
    plan = make_plan(make_config(), MATH, of_memory(80), LENGTHS, LENGTHS)
    assert plan.seconds is None and plan.tables()["seconds"] == {}


def test_notes_name_what_a_plan_cannot_know():
    config = make_config({"eval": {"problems": 0}, "sampler": {"engine": "vllm", "vllm": {"memory_share": 0.05}}})
    notes = "\n".join(make_plan(config, MATH, H100, Lengths(4000, 1024), LENGTHS).notes)
    assert "5024 tokens and the model's context is 4096" in notes
    assert "sampler.vllm.memory_share = 0.05 does not hold the engine's own weights" in notes
    assert "eval.problems = 0" in notes
