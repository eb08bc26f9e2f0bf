r"""Where the answer stands in a response. Each function is defined on every string and linear in its length.

A strict format holds one answer, alone: its function returns that text, or None where the format is broken. The two
for evaluation, `last_number` and `lenient_answer`, look for an answer in any text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from verigrad.answers.tables import INVISIBLE, MULTIPLES, WORDS

THINK_OPEN, THINK_CLOSE = "<think>", "</think>"
ANSWER_OPEN, ANSWER_CLOSE = "<answer>", "</answer>"
HANDOVER = f"{THINK_CLOSE} {ANSWER_OPEN}"

SCALES = frozenset(MULTIPLES) | {"percent"}
"""Words behind a formula that make another value of it."""

MOST_BOXES = 20
"""Boxes that `boxed_spans` returns."""

LONGEST_BOXES = 100_000
"""Characters, from the end, in which it looks."""

LONGEST_TAIL = 4_000
"""Characters of a response that `lenient_answer` searches, from the end."""

_ESCAPE_OR_BRACE = re.compile(r"\\.|[{}]", re.DOTALL)
_BOX = re.compile(r"(\\boxed|\\fbox)\s*")
_BARE_CONTENT = re.compile(r"[^\s$]+")
_SENTENCE_END = re.compile(r"[.!?]\s|\n|\.$")
_TURN_END = re.compile(r"(?:<\|[a-z_]{1,20}\|>|<｜[^<>｜]{1,30}｜>|</s>|<end_of_turn>|<eos>)$")
_LONGEST_TURN_END = 40
_HANDOVER_LOOSE = re.compile(rf"{THINK_CLOSE}\s*{ANSWER_OPEN}")
_JOINT = re.compile(r"(?:[\sA-Za-z$,;.()=\\\[\]{}]|_[0-9])*")
_LONGEST_JOINT = 40
_CONNECTIVE = re.compile(r"\b(?:and|or)\b|[,;]")
_LM_EVAL = re.compile(r"(-?[$0-9.,]{2,})|(-?[0-9]+)")
_SAYS = re.compile(r"\banswers?\s*(?:\*\*)?\s*(?:is|are|was|:|=)\s*:?\s*", re.IGNORECASE)
_FORMULA = re.compile(
    r"\$\$((?:[^$\\]|\\.)+)\$\$|(?<![\\$])\$((?:[^$\\]|\\.)+)\$|\\\(((?:[^\\]|\\[^)])+)\\\)|\\\[((?:[^\\]|\\[^\]])+)\\\]",
    re.DOTALL,
)
_NUMBER = re.compile(
    r"(?:(?<![\w)\]}])[-−–]\s?)?(?:\\?\$\s?)?(?:(?<![\w)\]}])[-−–])?"
    r"(?:(?:\d+ ?)?\\[dt]?frac\s?\{-?\d{1,20}\}\s?\{\d{1,20}\}"
    r"|(?:\d{1,3}(?:(?:,|\{,\}|,\\!\s?)\d{3})+(?!\d)|\d{1,40})(?:[.,]\d{1,40})?(?:\s?/\s?\d{1,20}(?![\d/]))?|\.\d{1,40})"
    r"(?:\s?(?:\\?%|percent\b))?"
)
_RUN = re.compile(r"(?<![\\A-Za-z])[A-Za-z]{2,}")
_UPRIGHT = re.compile(r"\\[a-zA-Z]+\s*(?:\{[^{}]*\})?")


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


def think_answer(text: str) -> str | None:
    """As `strict_answer`, but with any white space between the tags, and end-of-turn tokens behind the last.

    That is how the chat templates of R1 and its kin write it.
    """
    text = text.rstrip()
    while (ending := _TURN_END.search(text, max(0, len(text) - _LONGEST_TURN_END))) is not None:
        text = text[: ending.start()].rstrip()
    return strict_answer(_HANDOVER_LOOSE.sub(HANDOVER, text))


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


def boxed_answers(text: str) -> str | None:
    r"""The last box, and those before it that only a connective parts from it: `\boxed{1} and \boxed{2}` is `1, 2`."""
    last = boxed_answer(text)
    if last is None:
        return None
    spans = boxed_spans(text)
    contents = [last]
    for (_, before_end, before), (after_start, _, _) in zip(reversed(spans[:-1]), reversed(spans), strict=False):
        if not _joins(text[before_end:after_start]):
            break
        contents.append(before)
    return ", ".join(reversed(contents))


def boxed_spans(text: str) -> list[tuple[int, int, str]]:
    """Start, end and content of the last boxes, at most MOST_BOXES, outermost ones only."""
    shift = max(0, len(text) - LONGEST_BOXES)
    starts = [match.start() + shift for match in _BOX.finditer(text[shift:])][-MOST_BOXES:]
    spans: list[tuple[int, int, str]] = []
    for start in starts:
        if spans and start < spans[-1][1]:
            continue
        end, content = _box_at(text, start)
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


def _closing_brace(text: str, start: int) -> int | None:
    """The index of the brace that closes the one at `start`; a backslash takes the next character out of the count."""
    depth = 0
    for token in _ESCAPE_OR_BRACE.finditer(text, start):
        depth += {"{": 1, "}": -1}.get(token[0], 0)
        if depth == 0:
            return token.start()
    return None


def _joins(between: str) -> bool:
    """Whether what stands between two boxes or formulas makes them one list."""
    if len(between) > _LONGEST_JOINT or not _JOINT.fullmatch(between):
        return False
    words = re.findall(r"(?<!\\)\b[A-Za-z]+", between.replace(r"\text", ""))
    bare = between.strip(" $\n\\()[]")
    return len(words) <= 4 and (not bare or _CONNECTIVE.search(between) is not None)


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


def last_number(text: str) -> str | None:
    """The last number by the rule of lm-evaluation-harness, filter "flexible-extract" of its task gsm8k.

    The last match of `(-?[$0-9.,]{2,})|(-?[0-9]+)`. It is compared as `lm_eval_text` says, and not otherwise.
    """
    found = _LM_EVAL.findall(text)
    return (found[-1][0] or found[-1][1]).strip() if found else None


def lm_eval_text(text: str) -> str:
    """What lm-evaluation-harness compares: without `,`, `$`, all before `#### ` and a last full stop, in lower case."""
    text = text.rpartition("#### ")[2].replace(",", "").replace("$", "")
    return text.removesuffix(".").lower()


def lenient_answer(text: str) -> str | None:
    """The answer of a response in any shape, for evaluation only; None where nothing in it looks like one.

    The last answer tags; else the last box, or what follows a later "answer is"; else `####`; else the formula or
    number that stands last in the last lines.
    """
    if ANSWER_OPEN in text:
        inner, closed, _ = text.rpartition(ANSWER_OPEN)[2].partition(ANSWER_CLOSE)
        return boxed_answers(inner) or inner.strip() or None if closed else None  # cut off before it was given
    text = text.rpartition(THINK_CLOSE)[2] or text
    tail = text[-LONGEST_TAIL:]
    box = max(tail.rfind(r"\boxed"), tail.rfind(r"\fbox"))
    says = [match for match in _SAYS.finditer(tail) if match.start() > box]
    if says and (said := _stated(tail[says[-1].end() :])) is not None:
        return said
    return boxed_answers(text) or hash_answer(tail) or _last_stated(tail)


def _stated(rest: str) -> str | None:
    """What an announcement is followed by: its formulas, a short text without a sentence, or its last number."""
    rest = rest.lstrip('*" \n').partition("\n\n")[0]
    formulas = [match for match in _FORMULA.finditer(rest) if _is_formula(match)]
    if formulas and not rest[: formulas[0].start()].strip('$*"\\( '):
        return _joined(rest, formulas)
    sentence = re.split(r"[.!?](?:\s|$)", rest.partition("\n")[0])[0].strip(' *$"')
    if sentence and len(_RUN.findall(_UPRIGHT.sub("", sentence))) <= 1:
        return sentence
    return _last_stated(sentence)


def _joined(text: str, formulas: Sequence[re.Match[str]]) -> str:
    """The first formula, and those that connectives join to it."""
    contents = [_content(formulas[0])]
    for before, after in pairwise(formulas):
        between = text[before.end() : after.start()]
        if not between.strip() or not _joins(between):
            break
        contents.append(_content(after))
    scale = re.match(r"\s*(\\?%|[A-Za-z]+)", text[formulas[0].end() :])
    if len(contents) > 1 or scale is None or not (scale[1][-1] == "%" or scale[1] in SCALES):
        return ", ".join(contents)
    return f"{contents[0]} {scale[1]}"


def _last_stated(text: str) -> str | None:
    """The last formula, with those that connectives join to it, or the number that stands behind it."""
    formulas = [match for match in _FORMULA.finditer(text) if _is_formula(match)]
    end = formulas[-1].end() if formulas else 0
    numbers = list(_NUMBER.finditer(text, end))
    if numbers:
        return numbers[-1][0]
    if not formulas:
        return None
    first = len(formulas) - 1
    while first and _joins(text[formulas[first - 1].end() : formulas[first].start()]):
        if not text[formulas[first - 1].end() : formulas[first].start()].strip():
            break
        first -= 1
    return _joined(text, formulas[first:])


def _content(match: re.Match[str]) -> str:
    return next(group for group in match.groups() if group is not None).strip()


def _is_formula(match: re.Match[str]) -> bool:
    """Whether what stands between delimiters has no words: `$5 and gets $` is prices and a sentence."""
    content = _content(match)
    words = _RUN.findall(_UPRIGHT.sub("", content))
    return bool(content) and not any(len(word) > 2 and word not in WORDS for word in words)


def visible(text: str) -> str:
    """The text without zero-width characters."""
    return text.translate(_DROPPED) if not text.isascii() else text


_DROPPED = str.maketrans("", "", INVISIBLE)
