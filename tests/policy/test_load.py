"""Models from directories, and back into them; what cannot be loaded is one clear line."""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys

import pytest
import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from tokenizers import models as token_models
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedTokenizerFast

from tests.tiny import ARCHITECTURES, END_ID, make_model, make_policy, make_prompt, make_tokenizer, mixed_samples
from verigrad.config.schema import Optimizer
from verigrad.errors import ConfigError, DataError, UsageError
from verigrad.policy import Policy
from verigrad.policy.load import end_ids_of, load_model, resolve

IDS = torch.tensor([[3, 1, 4, 1, 5, 9, 2, 6]])


def nll(logprobs, batch):
    return -logprobs


@pytest.fixture
def directory(tmp_path):
    make_policy().export(tmp_path / "model")
    return tmp_path / "model"


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_an_export_loads_with_transformers_and_gives_equal_logits(tmp_path, architecture):
    policy = make_policy(make_model(architecture))
    policy.export(tmp_path)
    model = AutoModelForCausalLM.from_pretrained(tmp_path)
    with torch.no_grad():
        assert torch.equal(model(IDS).logits, policy.model(IDS).logits)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    assert tokenizer("1 + 1 = 2</answer>\n")["input_ids"] == list(policy.encode_response("1 + 1 = 2</answer>\n"))
    assert tokenizer.eos_token_id == END_ID


def test_a_policy_loads_from_its_own_export(directory):
    policy = Policy.load(str(directory), optimizer=Optimizer(lr=0.5), tokens_per_microbatch=7)
    assert policy.path == str(directory)
    assert policy.end_ids == (END_ID,)
    assert policy.context == 64
    assert policy.tokens_per_microbatch == 7
    assert policy.optimizer.defaults["lr"] == 0.5
    assert not policy.model.training  # no dropout, in training too
    with torch.no_grad():
        assert torch.equal(policy.model(IDS).logits, make_model()(IDS).logits)


def test_bfloat16(directory):
    policy = Policy.load(str(directory), dtype="bfloat16")
    assert {parameter.dtype for parameter in policy.model.parameters()} == {torch.bfloat16}
    (score, *_), (exact, *_) = policy.score(mixed_samples()), make_policy().score(mixed_samples())
    assert score.logprobs == pytest.approx(exact.logprobs, abs=0.3)  # 8 bits of logits up to 10
    assert policy.update(mixed_samples(), nll)["loss"] > 0


def test_restoring_goes_on_to_the_last_bit(tmp_path):
    # 3 updates = 1 update, saved; two more, undone by restoring; the same two more
    policy = make_policy(lr=1e-2, warmup_steps=5)
    policy.update(mixed_samples(), nll)
    policy.export(tmp_path)
    state = copy.deepcopy(policy.state())
    expected = [policy.update(mixed_samples(), nll) for _ in range(2)]
    weights = copy.deepcopy(policy.model.state_dict())
    for other in (policy, make_policy(make_model(seed=1), lr=1e-2, warmup_steps=5)):
        other.restore(tmp_path, copy.deepcopy(state))
        assert other.updates == 1
        assert [other.update(mixed_samples(), nll) for _ in range(2)] == expected
        assert all(torch.equal(tensor, weights[name]) for name, tensor in other.model.state_dict().items())


def test_weights_are_copied_in_place():
    policy, other = make_policy(), make_policy(make_model(seed=1))
    before = policy.head.weight
    policy.load_weights(dict(other.named_tensors()))
    assert policy.head.weight is before
    assert not torch.equal(before, make_model().lm_head.weight)
    assert all(torch.equal(p, q) for (_, p), (_, q) in zip(policy.named_tensors(), other.named_tensors(), strict=True))
    assert before.data_ptr() != other.head.weight.data_ptr()


def test_a_tied_head_is_named_once():
    names = [name for name, _ in make_policy(make_model("Gemma")).named_tensors()]
    assert "model.embed_tokens.weight" in names
    assert "lm_head.weight" not in names
    assert not any(tensor.requires_grad for _, tensor in make_policy().named_tensors())


def test_a_run_stands_for_its_newest_checkpoint(tmp_path, directory):
    checkpoints = tmp_path / "run" / "checkpoints"
    checkpoints.mkdir(parents=True)
    directory.rename(checkpoints / "step_000012")
    (checkpoints / "latest").write_text("step_000012\n")
    assert resolve(str(tmp_path / "run")) == str((checkpoints / "step_000012").resolve())
    assert Policy.load(str(tmp_path / "run")).end_ids == (END_ID,)


def test_the_shipped_model_is_found_by_name():
    assert resolve("embedded:chains").endswith("chains")
    with pytest.raises(ConfigError, match=r"model.path = 'embedded:chain': no such shipped model; known: .*chains"):
        resolve("embedded:chain")


@pytest.mark.parametrize("path", ["nowhere", "./no/where", "/no/where", "a/b/c"])
def test_a_directory_that_is_not_there(path):
    with pytest.raises(DataError, match=f"model.path = '{path}': no such directory .looked for /.*; give a "):
        Policy.load(path)


def test_what_may_be_a_hub_id_is_left_to_transformers():
    assert resolve("Qwen/Qwen2.5-Math-1.5B") == "Qwen/Qwen2.5-Math-1.5B"


def cut(path):
    path.write_bytes(path.read_bytes()[:1000])


def drop_tensor(path):
    tensors = load_file(path)
    del tensors["model.layers.0.self_attn.q_proj.weight"]
    save_file(tensors, path, metadata={"format": "pt"})


def shrink_tensor(path):
    tensors = load_file(path)
    tensors["lm_head.weight"] = tensors["lm_head.weight"][:4].clone()
    save_file(tensors, path, metadata={"format": "pt"})


def unknown_type(path):
    path.write_text(json.dumps(json.loads(path.read_text()) | {"model_type": "nonesuch"}))


@pytest.mark.parametrize(
    ("file", "damage", "message"),
    [
        ("config.json", lambda path: path.unlink(), "cannot be loaded"),
        ("config.json", cut, "cannot be loaded"),
        ("config.json", unknown_type, "cannot be loaded: .*nonesuch"),
        ("model.safetensors", lambda path: path.unlink(), "cannot be loaded: .*model.safetensors"),
        ("model.safetensors", cut, "cannot be loaded"),
        ("model.safetensors", shrink_tensor, "cannot be loaded"),
        ("model.safetensors", drop_tensor, r"1 weights are missing .model.layers.0.self_attn.q_proj.weight.*random"),
        ("tokenizer.json", lambda path: path.write_text("{}"), "cannot be loaded"),
        ("tokenizer.json", lambda path: path.unlink(), "its tokenizer has no words; add its files"),
    ],
    ids=[
        "no config",
        "half a config",
        "unknown type",
        "no weights",
        "half the weights",
        "a tensor of another shape",
        "a missing tensor",
        "an empty tokenizer file",
        "no tokenizer",
    ],
)
def test_a_broken_directory_is_one_line(directory, file, damage, message):
    if file == "config.json" and damage is cut:
        (directory / file).write_text((directory / file).read_text()[:50])
    else:
        damage(directory / file)
    with pytest.raises(UsageError, match=message) as raised:
        load_model(str(directory))
    assert str(raised.value).startswith(f"model.path = {str(directory)!r}")
    assert "\n" not in str(raised.value)


def test_offline_is_said_of_a_hub_id_and_not_of_a_directory(directory):
    # in a process of its own: the hub's client reads the variable when it is imported
    (directory / "config.json").unlink()
    code = (
        "import sys; from verigrad.policy.load import load_model\n"
        "for path in sys.argv[1:]:\n"
        "    try: load_model(path)\n"
        "    except Exception as error: print(type(error).__name__, error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "someone/model", str(directory)],
        env={**os.environ, "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    hub, local = done.stdout.strip().splitlines()
    assert hub.startswith("UsageError") and "cannot be loaded (offline: HF_HUB_OFFLINE is set)" in hub
    assert local.startswith("UsageError") and "HF_HUB_OFFLINE" not in local


def with_words(*words, **special):
    """A tokenizer of a few words, "[UNK]" for all others."""
    vocabulary = {word: place for place, word in enumerate(("[UNK]", "<s>", "</s>", *words))}
    tokenizer = Tokenizer(token_models.WordLevel(vocab=vocabulary, unk_token="[UNK]"))
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, **{"unk_token": "[UNK]", "eos_token": "</s>"} | special)


def test_text_that_the_tokenizer_has_no_tokens_for_is_refused():
    policy = Policy(make_model(), with_words("yes"))
    assert policy.encode_response("yes") == (3,)
    assert policy.encode_response("[UNK]") == (0,)  # which is in the text itself
    with pytest.raises(DataError, match=r"a prompt: the tokenizer has no tokens for some of 'no' \(it gives \[UNK\]\)"):
        policy.encode_prompt("no")


@pytest.mark.parametrize("text", ["\ud800", "half of a pair: \udfff"])
def test_text_that_is_no_unicode_is_refused(text):
    with pytest.raises(DataError, match="a response: the tokenizer cannot encode .*; clean the data"):
        make_policy().encode_response(text)


def test_a_prompt_has_the_tokenizers_opening_and_a_response_has_not():
    tokenizer = make_tokenizer()
    tokenizer.bos_token = "<|pad|>"
    tokenizer.add_bos_token = True
    policy = Policy(make_model(), tokenizer)
    assert policy.encode_prompt("1") == (tokenizer.bos_token_id, *policy.encode_response("1"))
    assert len(policy.encode_response("1")) == 1


def test_decoding_shows_what_was_sampled():
    policy = make_policy()
    text = "1 + 1 = 2 .</answer>\né"
    assert policy.decode(policy.encode_response(text)) == text  # no spaces tidied
    assert policy.decode([*policy.encode_response("2"), END_ID]) == "2<|end|>"


def test_end_tokens_are_the_tokenizers_and_the_models():
    model, tokenizer = make_model(), make_tokenizer()
    model.generation_config.eos_token_id = [7, 5]
    assert end_ids_of(model, tokenizer) == (5, 7, END_ID)
    model.generation_config.eos_token_id = None
    assert end_ids_of(model, tokenizer) == (END_ID,)
    tokenizer.eos_token = None
    with pytest.raises(ConfigError, match="the tokenizer has no end token .*; set one"):
        end_ids_of(model, tokenizer)


def test_a_prompt_must_leave_room_for_a_response():
    policy = make_policy()
    policy.check_prompts([make_prompt([1] * 63)])
    with pytest.raises(DataError, match="problem 17: its prompt has 64 tokens and the model's context is 64; leave"):
        policy.check_prompts([make_prompt([1] * 63), make_prompt([1] * 64, name="17")])
