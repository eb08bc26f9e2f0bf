r"""The answer of a response in any shape, for evaluation only: a policy that is trained on it learns no format.

In this order: the last answer tags; the last `\boxed{…}`, with boxes that a connective joins to it; `####`; the formula
or sentence after the last "answer is" or "answer:"; the last formula between delimiters; the whole, if it is short;
the last number.
"""

from __future__ import annotations

import re
from itertools import pairwise

from verigrad.verifiers.extract import ANSWER_CLOSE, ANSWER_OPEN, THINK_CLOSE, boxed_spans, hash_answer
from verigrad.verifiers.prose import count_words, is_prose, stated_number

LONGEST_TAIL = 4_000
"""Characters of a response that are searched for formulas and sentences, from the end."""

_FORMULA = re.compile(
    r"\$\$([^$]{1,400})\$\$|\$((?:[^$\\]|\\.){1,400})\$|\\\(((?:[^\\]|\\[^)]){1,400})\\\)|\\\[((?:[^\\]|\\[^\]]){1,400})\\\]",
    re.DOTALL,
)
_SAYS = re.compile(r"(?:answer|result|solution|réponse|答案)\s*(?:is|are|:|est|：|=|是|为)\s*:?\s*", re.IGNORECASE)
_FINAL = re.compile(r"final answer is", re.IGNORECASE)
_JOINT = re.compile(r"(?:[\sA-Za-z$,;.()=\\\[\]{}]|_[0-9])*")
_CONNECTIVE = re.compile(r"\b(?:and|or)\b|[,;]")
_LONGEST_JOINT = 40
_UNIT_AFTER = re.compile(r"\s*\$?\s*(\\?%|percent\b|pct\b|percentage\b)")


def lenient_answer(text: str) -> str | None:
    """The answer of a response, None where nothing in it looks like one."""
    if ANSWER_OPEN in text:
        inner, closed, _ = text.rpartition(ANSWER_OPEN)[2].partition(ANSWER_CLOSE)
        return _last_boxes(inner) or inner.strip() or None if closed else None  # cut off before it was given
    text = text.rpartition(THINK_CLOSE)[2] or text
    tail = text[-LONGEST_TAIL:]
    final = _FINAL.search(tail)
    if (final is None or "\\boxed" in tail[final.end() :]) and (boxes := _last_boxes(text)) is not None:
        return boxes
    return hash_answer(tail) or _said(tail) or _last_formula(tail) or _bare(tail) or stated_number(tail)


def _last_boxes(text: str) -> str | None:
    """The last box, and before it those that only a connective, delimiters and a few words part from it."""
    spans = boxed_spans(text)
    if not spans:
        return None
    _, end, content = spans[-1]
    contents = [content]
    for (_, before_end, before), (after_start, _, _) in reversed(list(pairwise(spans))):
        between = text[before_end:after_start]
        if not _joins(between):
            break
        contents.append(before)
    percent = _UNIT_AFTER.match(text, end) if len(contents) == 1 else None
    return ", ".join(reversed(contents)) + (" %" if percent else "")


def _joins(between: str) -> bool:
    if len(between) > _LONGEST_JOINT or not _JOINT.fullmatch(between):
        return False
    words = re.findall(r"(?<!\\)\b[A-Za-z]+", between.replace(r"\text", ""))
    bare = between.strip(" $\n\\()[]")
    return len(words) <= 4 and (not bare or _CONNECTIVE.search(between) is not None)


def _said(text: str) -> str | None:
    """What follows the last "answer is"."""
    says = list(_SAYS.finditer(text))
    if not says:
        return None
    rest = text[says[-1].end() :].partition("\n\n")[0]
    formula = _FORMULA.match(rest.lstrip("*("))
    if formula:
        return _inside(formula)
    sentence = re.split(r"[.。](?:\s|$)", rest)[0].strip(" *$")
    if not sentence:
        return None
    return stated_number(sentence) if is_prose(sentence) else sentence


def _last_formula(text: str) -> str | None:
    """The last formula, or those of the last sentence that connectives join."""
    found = list(_FORMULA.finditer(text))
    if not found:
        return None
    contents = [_inside(found[-1])]
    for before, after in reversed(list(pairwise(found))):
        if not _joins(text[before.end() : after.start()]):
            break
        contents.append(_inside(before))
    rest = text[found[-1].end() :]
    if is_prose(rest) and re.search("[0-9]", rest):
        return None
    percent = _UNIT_AFTER.match(text, found[-1].end())
    return ", ".join(reversed(contents)) + (" %" if percent else "")


def _inside(formula: re.Match[str]) -> str:
    return next(group for group in formula.groups() if group is not None).strip()


def _bare(text: str) -> str | None:
    """The whole text, if it is short and holds no sentence: words, or no word at all."""
    text = text.strip()
    words = count_words(text)
    if not text or len(text) >= 500 or words > 1 or (words == 1 and stated_number(text)):
        return None
    return text
