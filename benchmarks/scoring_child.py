"""One way of scoring, in a process of its own: seconds and extra peak memory. Run by `scoring`."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor, nn

from benchmarks import harness, machine
from verigrad.kernels import token_logprobs


def full_logits(
    hidden: Tensor, head: nn.Linear, targets: Tensor, *, entropy_gradient: bool = False
) -> tuple[Tensor, Tensor]:
    """Log-probs and entropies from [tokens × vocabulary] logits: the plain way, with no buffer more than it needs."""
    logits = nn.functional.linear(hidden, head.weight).float()
    log_p = logits.log_softmax(-1)
    del logits
    with torch.set_grad_enabled(entropy_gradient and torch.is_grad_enabled()):
        entropy = torch.special.entr(log_p.exp()).sum(-1)
    return log_p.gather(1, targets[:, None])[:, 0], entropy


def ours(hidden: Tensor, head: nn.Linear, targets: Tensor, **_: Any) -> tuple[Tensor, Tensor]:
    """The library's way, at temperature 1 and with no token banned."""
    ones = torch.ones(len(hidden), device=hidden.device)
    banned = torch.zeros(len(hidden), dtype=torch.bool, device=hidden.device)
    return token_logprobs(hidden, head, targets, ones, banned, torch.zeros(1, dtype=torch.long, device=hidden.device))


WAYS = {"ours": ours, "full": full_logits}


def run(
    way: str, tokens: int, hidden: int, vocabulary: int, backward: bool, device: str, dtype: str, threads: int
) -> dict[str, float]:
    """Seconds and extra peak bytes of one pass over all tokens, after one over a few."""
    inputs = make_inputs(tokens, hidden, vocabulary, device, dtype)
    with machine.settings(threads, "fast"):
        _pass(way, inputs[0][: min(64, tokens)], *inputs[1:], backward)
        inputs[1].weight.grad = None
        memory = machine.Memory(device)
        seconds, _ = machine.timed(lambda: _pass(way, *inputs, backward), device)
    return {"seconds": seconds, "bytes": memory.extra()}


def compare(tokens: int, hidden: int, vocabulary: int, device: str) -> dict[str, float]:
    """Largest differences between both ways in float32, relative to the largest value; the loss has both results."""
    torch.manual_seed(1)
    inputs = make_inputs(tokens, hidden, vocabulary, device, "float32")
    weights = torch.randn(2, tokens, device=device)
    found: dict[str, list[Tensor]] = {}
    for name, way in WAYS.items():
        states = inputs[0].clone().requires_grad_()
        inputs[1].weight.grad = None
        logprobs, entropy = way(states, inputs[1], inputs[2], entropy_gradient=True)
        ((weights[0] * logprobs).sum() + (weights[1] * entropy).sum()).backward()
        weight, state = inputs[1].weight.grad, states.grad
        found[name] = [logprobs.detach(), entropy.detach(), cast(Tensor, state), cast(Tensor, weight)]
    names = ("log-probs", "entropy", "gradient of hidden states", "gradient of the head")
    pairs = zip(names, found["ours"], found["full"], strict=True)
    return {name: ((a - b).abs().max() / b.abs().max()).item() for name, a, b in pairs}


def make_inputs(tokens: int, hidden: int, vocabulary: int, device: str, dtype: str) -> tuple[Tensor, nn.Linear, Tensor]:
    """Hidden states, a head whose logits have a spread of 2, and targets; nothing larger is made on the way."""
    kind = getattr(torch, dtype)
    head = nn.Linear(hidden, vocabulary, bias=False, device="meta", dtype=kind).to_empty(device=device)
    nn.init.normal_(head.weight, std=2 * hidden**-0.5)
    states = torch.randn(tokens, hidden, device=device, dtype=kind)
    return states, head, torch.randint(0, vocabulary, (tokens,), device=device)


def _pass(way: str, states: Tensor, head: nn.Linear, targets: Tensor, backward: bool) -> None:
    """Forward alone, or with the gradient of a weighted sum of log-probs to hidden states and head."""
    targets = targets[: len(states)]
    if not backward:
        with torch.no_grad():
            WAYS[way](states, head, targets)
        return
    states = states.detach().requires_grad_()
    logprobs, _ = WAYS[way](states, head, targets)
    (logprobs * torch.linspace(-1, 1, len(states), device=states.device)).sum().backward()


def dispatch(task: str, **arguments: Any) -> dict[str, float]:
    """What `scoring` asks for."""
    return run(**arguments) if task == "run" else compare(**arguments)


if __name__ == "__main__":
    harness.answer(dispatch)
