"""Which runs of letters are words of a language, and which are products of symbols."""

from __future__ import annotations

import re

_SHORT_WORDS = frozenset(
    "ad ah al am an as at au be bu by da de di do du el em en er es et go he hi if il im in is it la le lo me mi my na "
    "ne no of oh ok on os ou pm por se so si su te to tu um un up us we ya yo za zu AM PM Rs Nr".split()
)
_GREEK = frozenset("eta tau rho chi psi phi zeta iota beta alpha gamma delta theta kappa sigma omega".split())


def is_word(run: str) -> bool:
    """Whether letters are a word, not a product such as `xz` or `abc`."""
    if len(run) > 4 or not run.isascii():
        return True
    if len(run) == 2:
        return run in _SHORT_WORDS or run.lower() in _SHORT_WORDS
    return re.search("[aeiouyAEIOUY]", run) is not None and not set(run) <= set("abcxyz")


def is_word_after_number(run: str) -> bool:
    """Whether letters after a number and white space are a word: `12 ways`; not `2 ab`, `3 ABE`, `3 rho`."""
    return len(run) > 2 and run.islower() and run not in _GREEK and is_word(run)
