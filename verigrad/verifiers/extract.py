"""Where the answer stands in a response. Each function is defined on every string and linear in its length."""

from __future__ import annotations

import re

THINK_OPEN, THINK_CLOSE = "<think>", "</think>"
ANSWER_OPEN, ANSWER_CLOSE = "<answer>", "</answer>"
HANDOVER = f"{THINK_CLOSE} {ANSWER_OPEN}"

MOST_BOXES = 20
"""Boxes that `boxed_spans` returns."""

LONGEST_BOXES = 100_000
"""Characters, from the end, in which it looks."""

_ESCAPE_OR_BRACE = re.compile(r"\\.|[{}]", re.DOTALL)
_BOX = re.compile(r"(\\boxed|\\fbox)\s*")
_BARE_CONTENT = re.compile(r"[^\s$]+")
_SENTENCE_END = re.compile(r"[.!?]\s|\n|\.$")


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
    return None if start < 0 else _box_at(text, start)[1]


def boxed_spans(text: str) -> list[tuple[int, int, str]]:
    """Start, end and content of the last boxes, at most MOST_BOXES, outermost ones only.

    A box that does not close goes on to the end of the text.
    """
    starts = [match.start() for match in _BOX.finditer(text[-LONGEST_BOXES:])][-MOST_BOXES:]
    shift = max(0, len(text) - LONGEST_BOXES)
    spans: list[tuple[int, int, str]] = []
    for start in starts:
        start += shift
        if spans and start < spans[-1][1]:
            continue
        end, content = _box_at(text, start)
        if content is None and text[end : end + 1] == "{":
            end, content = len(text), text[end + 1 :].strip()
        if content is not None:
            spans.append((start, end, content))
    return spans


def _box_at(text: str, start: int) -> tuple[int, str | None]:
    """Where the box that starts there ends, and its content; where its brace opens, and None, if it does not close."""
    head = _BOX.match(text, start)
    assert head is not None
    if text[head.end() : head.end() + 1] == "{":
        end = _closing_brace(text, head.end())
        return (head.end(), None) if end is None else (end + 1, text[head.end() + 1 : end].strip())
    bare = _BARE_CONTENT.match(text, head.end())
    return (bare.end(), bare[0]) if bare and head.end() > head.start() + len(head[1]) else (head.end(), None)


def hash_answer(text: str) -> str | None:
    """What follows the last `####` on its line, stripped: the final answer of a GSM8K solution. None if nothing."""
    _, marker, rest = text.rpartition("####")
    if not marker:
        return None
    return rest.lstrip(" \t").partition("\n")[0].strip() or None


def concluding_answer(text: str) -> str | None:
    """X where the last sentence is "The answer is X." and only white space follows it; None otherwise.

    The convention of chain-of-thought examples (Wei et al. 2022, arXiv:2201.11903). The sentence begins at the start of
    the text, on a new line, or after the white space behind a full stop, exclamation or question mark. X is within one
    sentence and one line, and does not end in a further full stop.
    """
    before, marker, rest = text.rpartition("The answer is ")
    head, body = before.rstrip(), rest.rstrip()
    begins = not head or "\n" in before[len(head) :] or (head[-1] in ".!?" and head != before)
    if not marker or not begins or not body.endswith("."):
        return None
    answer = body[:-1].strip()
    return None if _SENTENCE_END.search(answer) else answer


def _closing_brace(text: str, start: int) -> int | None:
    """The index of the brace that closes the one at `start`; a backslash takes the next character out of the count."""
    depth = 0
    for token in _ESCAPE_OR_BRACE.finditer(text, start):
        depth += {"{": 1, "}": -1}.get(token[0], 0)
        if depth == 0:
            return token.start()
    return None
