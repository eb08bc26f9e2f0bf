"""Where the answer stands in a response. Each function is defined on every string and linear in its length."""

from __future__ import annotations

import re

THINK_OPEN, THINK_CLOSE = "<think>", "</think>"
ANSWER_OPEN, ANSWER_CLOSE = "<answer>", "</answer>"
HANDOVER = f"{THINK_CLOSE} {ANSWER_OPEN}"

_ESCAPE_OR_BRACE = re.compile(r"\\.|[{}]", re.DOTALL)
_BARE_CONTENT = re.compile(r"[^\s$]+")


def strict_answer(text: str) -> str | None:
    """The answer of a response in the r1_zero format, stripped; None where the format is broken.

    The format is `… </think> <answer> … </answer>`: each of the three tags exactly once, in this order, exactly one
    space between the first two (as the prompt shows it), only white space after the last. The prompt ends with
    `<think>`, so a response need not hold it; one at its very start passes, since transcripts often include it.
    """
    body = text.lstrip().removeprefix(THINK_OPEN)
    if THINK_OPEN in body or any(body.count(tag) != 1 for tag in (THINK_CLOSE, ANSWER_OPEN, ANSWER_CLOSE)):
        return None
    _, _, rest = body.partition(HANDOVER)
    answer, closing, tail = rest.partition(ANSWER_CLOSE)
    return answer.strip() if closing and not tail.strip() else None


def course_answer(text: str) -> str | None:
    """The answer by the rule of the course's reference reward, stripped; None where its format test fails.

    `</think> <answer>` and `</answer>` must both occur, anywhere and in any order. The answer is all that follows the
    last `<answer>`, each `</answer>` in it deleted; text after `</answer>` therefore counts as part of the answer.
    """
    if HANDOVER not in text or ANSWER_CLOSE not in text:
        return None
    return text.rpartition(ANSWER_OPEN)[2].replace(ANSWER_CLOSE, "").strip()


def boxed_answer(text: str) -> str | None:
    r"""The content of the last `\boxed` or `\fbox`, stripped; None where there is none or its braces do not balance.

    Braces nest; `\{` and `\}` do not count. `\boxed 5` takes what follows, up to white space or `$`. Of boxes inside
    one another the innermost last one counts.
    """
    start = max(text.rfind(r"\boxed"), text.rfind(r"\fbox"))
    if start < 0:
        return None
    rest = text[start:].removeprefix(r"\boxed").removeprefix(r"\fbox")
    content = rest.lstrip()
    if content.startswith("{"):
        end = _closing_brace(content)
        return None if end is None else content[1:end].strip()
    bare = _BARE_CONTENT.match(content)
    return bare[0] if bare and content != rest else None


def hash_answer(text: str) -> str | None:
    """What follows the last `####` on its line, stripped: the final answer of a GSM8K solution. None if nothing."""
    _, marker, rest = text.rpartition("####")
    if not marker:
        return None
    return rest.lstrip(" \t").partition("\n")[0].strip() or None


def _closing_brace(text: str) -> int | None:
    """The index of the brace that closes the one at index 0; a backslash takes the next character out of the count."""
    depth = 0
    for token in _ESCAPE_OR_BRACE.finditer(text):
        depth += {"{": 1, "}": -1}.get(token[0], 0)
        if depth == 0:
            return token.start()
    return None
