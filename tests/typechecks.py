"""The checker that `conftest.py` puts on the functions with tensors: types and shapes, under pytest only."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, get_args, get_type_hints, runtime_checkable

from beartype import BeartypeConf, beartype

_beartype = beartype(conf=BeartypeConf(is_pep484_tower=True))


def check(function: Callable[..., Any]) -> Callable[..., Any]:
    """beartype, after the protocols in the signature are made checkable: it refuses those that are not."""
    try:
        hints = get_type_hints(function)
    except NameError:  # a name that is imported for type checkers only
        hints = {}
    for hint in hints.values():
        for part in _parts(hint):
            if getattr(part, "_is_protocol", False):
                runtime_checkable(part)
    return _beartype(function)


def _parts(hint: Any) -> Iterator[Any]:
    yield hint
    for argument in get_args(hint):
        yield from _parts(argument)
