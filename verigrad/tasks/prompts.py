"""Rules that prompts keep, whoever samples from them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from verigrad.errors import DataError
from verigrad.types import Prompt


def check_context(prompts: Iterable[Prompt], context: int) -> None:
    """DataError if a prompt leaves no room for one token in a model's context (tokens), or has no token itself."""
    for prompt in prompts:
        length = len(prompt.token_ids)
        if length >= context:
            raise DataError(
                f"problem {prompt.problem.id}: its prompt has {length} tokens and the model's context is {context}; "
                "leave such problems out, shorten the template, or use a model with a longer context"
            )
        if length == 0:
            raise DataError(f"problem {prompt.problem.id}: its prompt has no tokens; use a template with text in it")


def common_length(left: Sequence[int], right: Sequence[int]) -> int:
    """How many tokens two sequences begin with alike."""
    count = min(len(left), len(right))
    different = (at for at in range(count) if left[at] != right[at])
    return next(different, count)
