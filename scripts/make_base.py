"""Makes the embedded base model and its tokenizer: `python scripts/make_base.py --out verigrad/assets/chains`.

A Qwen2-architecture model of 0.6 M parameters, trained from scratch on chains of the *training* split only, in two
stages: at first on clean worked solutions, so that it can do the arithmetic; then on text of mixed quality, half of
it with one wrong total carried onwards and a tenth with a broken format, so that it imitates unreliable writers, as
base models do. At temperature 1 it therefore often fails at what it can do; that is what training on verified answers
mends.
The script is deterministic for a given seed, thread count and PyTorch version.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import time
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from torch.nn import functional
from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

from verigrad.tasks.chains import totals
from verigrad.tasks.splits import is_validation

VOCABULARY = 512
END, PAD = "<|endoftext|>", "<|pad|>"
# Words for the tokenizer's merges, so that prompts in English do not cost a token a letter.
ENGLISH = """
A conversation between User and Assistant. The User asks a question, and the Assistant solves it. The Assistant
first thinks about the reasoning process in the mind and then provides the User with the answer. The reasoning process
is enclosed within think and answer tags. How many more does she have left? He bought apples at the store for dollars
each and gave some of them to his friends. There are twice as many students in the class as there were last week. If
each of the boxes holds the same number of books, what is the total cost in hours, minutes, days, years, miles, pounds
and percent? They sold, made, spent, earned, needed, took, put, paid, read, found. her his their with that this from
would after before every all day week month hour per one two three four five six ten half first second remaining
altogether""".split()


def make_tokenizer() -> PreTrainedTokenizerFast:
    """Byte-level BPE: any text can be encoded; digits stand alone; the tags are several tokens each."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=[END, PAD],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tags = ["<think> </think> <answer> </answer>\nUser: \nAssistant: question"] * 50
    tokenizer.train_from_iterator(tags + [" ".join(ENGLISH)] * 3 + [f" {word}" for word in ENGLISH], trainer)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token=END, pad_token=PAD, model_max_length=2048)


class Writer:
    """Draws documents "7+5-3=<think>12 9</think> <answer>9</answer>" of the training split."""

    def __init__(self, seed: int, terms: tuple[int, int], echo: bool) -> None:
        self.draw = random.Random(seed)
        self.terms, self.echo = terms, echo

    def question(self) -> str:
        while True:
            count = self.draw.randint(*self.terms)
            text = str(self.draw.randint(1, 9))
            text += "".join(self.draw.choice("+-") + str(self.draw.randint(1, 9)) for _ in range(count - 1))
            if not is_validation(text):
                return text

    def response(self, question: str, wrong: float, broken: float) -> str:
        """A worked solution; with chance `wrong` one total is off and carried onwards, with `broken` a tag is amiss."""
        steps = totals(question)
        if self.draw.random() < wrong:
            at = self.draw.randrange(len(steps))
            off = self.draw.choice((-3, -2, -1, 1, 2, 3))
            steps = [total + off * (index >= at) for index, total in enumerate(steps)]
        if self.echo:
            terms = re.findall(r"[+-]\d", question)
            worked = " ".join(f"{term}={total}" for term, total in zip(terms, steps, strict=True))
        else:
            worked = " ".join(map(str, steps))
        parts = [worked, "</think>", " ", "<answer>", str(steps[-1]), "</answer>"]
        if self.draw.random() < broken:
            at = self.draw.choice((1, 2, 3, 5))
            parts[at] = "" if at != 2 else self.draw.choice(("", "\n"))
        return "".join(parts)


def documents(writer: Writer, tokenizer: PreTrainedTokenizerFast, count: int, wrong: float, broken: float):
    """A right-padded batch of token ids and targets; prompts and padding have target −100."""
    prompts, responses = [], []
    for _ in range(count):
        question = writer.question()
        prompts.append(f"{question}=<think>")
        responses.append(writer.response(question, wrong, broken))
    prompt_ids = tokenizer(prompts)["input_ids"]
    response_ids = tokenizer(responses)["input_ids"]
    width = max(len(p) + len(r) + 1 for p, r in zip(prompt_ids, response_ids, strict=True))
    ids = torch.full((count, width), tokenizer.pad_token_id)
    targets = torch.full((count, width), -100)
    for row, (prompt, response) in enumerate(zip(prompt_ids, response_ids, strict=True)):
        tokens = torch.tensor([*prompt, *response, tokenizer.eos_token_id])
        ids[row, : len(tokens)] = tokens
        targets[row, len(prompt) : len(tokens)] = tokens[len(prompt) :]
    return ids, targets


def train(model: Qwen2ForCausalLM, tokenizer: PreTrainedTokenizerFast, arguments: argparse.Namespace) -> None:
    matrices = [p for n, p in model.named_parameters() if p.ndim == 2 and "embed" not in n]
    others = [p for n, p in model.named_parameters() if p.ndim != 2 or "embed" in n]
    muon = torch.optim.Muon(matrices, lr=arguments.lr, weight_decay=0.0, adjust_lr_fn="original")
    adamw = torch.optim.AdamW(others, lr=3e-3, betas=(0.9, 0.95), weight_decay=0.0)
    writer = Writer(arguments.seed, (2, arguments.max_terms), arguments.echo)
    clean = int(arguments.steps * (1 - arguments.mixed_share))
    started, running = time.time(), None
    for step in range(arguments.steps):
        scale = min(1.0, (step + 1) / 50) * (1 - step / arguments.steps) ** 0.8 + 0.01
        for optimizer, peak in ((muon, arguments.lr), (adamw, 3e-3)):
            for group in optimizer.param_groups:
                group["lr"] = peak * scale
        mixed = step >= clean
        ids, targets = documents(writer, tokenizer, arguments.batch, arguments.wrong * mixed, arguments.broken * mixed)
        hidden = model.model(ids).last_hidden_state[:, :-1][targets[:, 1:] != -100]
        loss = functional.cross_entropy(model.lm_head(hidden), targets[:, 1:][targets[:, 1:] != -100])
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimizer in (muon, adamw):
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        running = loss.item() if running is None else 0.95 * running + 0.05 * loss.item()
        if step % 100 == 0 or step + 1 == arguments.steps:
            print(f"step {step} loss {running:.4f} mixed {mixed} {time.time() - started:.0f} s", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=2500)
    parser.add_argument("--batch", type=int, default=256, help="documents per step")
    parser.add_argument("--max-terms", type=int, default=6)
    parser.add_argument("--echo", action="store_true", help="write each term before its total: +5=12 -3=9")
    parser.add_argument("--mixed-share", type=float, default=0.28, help="share of the steps on text of mixed quality")
    parser.add_argument("--wrong", type=float, default=0.5, help="share of that text with one wrong total")
    parser.add_argument("--broken", type=float, default=0.1, help="share of that text with a broken format")
    parser.add_argument("--lr", type=float, default=1.2e-2)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(arguments.seed)
    tokenizer = make_tokenizer()
    config = Qwen2Config(
        vocab_size=VOCABULARY,
        hidden_size=128,
        intermediate_size=352,
        num_hidden_layers=3,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=2048,
        tie_word_embeddings=True,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=None,
    )
    model = Qwen2ForCausalLM(config)
    train(model, tokenizer, arguments)
    model.save_pretrained(arguments.out)
    tokenizer.save_pretrained(arguments.out)
    made = {name: str(value) for name, value in vars(arguments).items() if name != "out"} | {"torch": torch.__version__}
    (arguments.out / "made.json").write_text(json.dumps(made, indent=2) + "\n")


if __name__ == "__main__":
    main()
