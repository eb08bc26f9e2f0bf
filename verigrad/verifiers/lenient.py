r"""The answer of a response in any shape, for evaluation only: a policy that is trained on it learns no format.

In this order: the last answer tags; the last `\boxed{…}`, with boxes that a connective joins to it; `####`; the formula
or sentence after the last "answer is" or "answer:"; the last formula between delimiters; the whole, if it is short;
the last number.
"""

from __future__ import annotations

import re
from itertools import pairwise

from verigrad.verifiers.extract import ANSWER_CLOSE, ANSWER_OPEN, THINK_CLOSE, boxed_spans, hash_answer
from verigrad.verifiers.lexer import MULTIPLIERS
from verigrad.verifiers.prose import count_words, is_prose, stated_number
from verigrad.verifiers.sentences import what_follows
from verigrad.verifiers.statements import FORMULA, followed_by, inside

LONGEST_TAIL = 4_000
"""Characters of a response that are searched for formulas and sentences, from the end."""

_SAYS = re.compile(r"(?:answer|result|solution|réponse|答案)\s*(?:is|are|:|est|：|=|是|为)\s*:?\s*", re.IGNORECASE)
_FINAL = re.compile(r"final answer is", re.IGNORECASE)
_JOINT = re.compile(r"(?:[\sA-Za-z$,;.()=\\\[\]{}]|_[0-9])*")
_CONNECTIVE = re.compile(r"\b(?:and|or)\b|[,;]")
_LONGEST_JOINT = 40
_BOX = re.compile(r"\\(?:boxed|fbox)(?![a-zA-Z])")
_LONGEST_TOUCH = 120
_DELIMITERS = ((r"\(", r"\)"), (r"\[", r"\]"))
_UNIT_AFTER = re.compile(r"\s*\$?\s*(\\?%|percent\b|pct\b|percentage\b)")
_MULTIPLIED = re.compile(r"[\s$)\]]*\b(?:" + "|".join(MULTIPLIERS) + r")\b")
_ALSO = re.compile(r"\s*(?:[A-Za-z]+\s+(?=and|or)|[,;]\s*)?(?:(?:and|or)\s+)?")
_CASES = re.compile(r"\b(?:otherwise|else)\b|\b(?:if|when|for)\b.*\b(?:if|when|for)\b", re.DOTALL)
_SKIP = r"(?:\s|\\[,;:! ]|\\(?:quad|qquad|left|right)(?![a-zA-Z]))*"
_OPERATION = (
    r"\\(?:pi|sqrt|cdot|times|div|[dt]?frac|pm|mp|ln|log|sin|cos|tan|theta|alpha|beta|infty|degree|circ)(?![a-zA-Z])"
)
_TOUCHES_AFTER = re.compile(rf"{_SKIP}(?:\^(?!\s*\{{?\s*\\circ)|/|{_OPERATION})|[\s$)]*\bor\s+[$\\(]*[-0-9]")
_IN_FORMULA_AFTER = re.compile(rf"{_SKIP}[-+*!_({{|]|[0-9A-Za-z]")
_IN_FORMULA_BEFORE = re.compile(
    rf"(?:[-+*/^_|!0-9]|(?<![\\A-Za-z])[A-Za-z]|{_OPERATION}|\\(?:[dt]?frac|sqrt)\{{[^{{}}]{{0,40}}(?:\}}\{{)?[^{{}}]{{0,40}})$"
)


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
    tail = _BOX.sub(" ", tail)  # of a box that is part of a formula
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
    if len(contents) > 1:
        return ", ".join(reversed(contents))
    start, after = spans[-1][0], text[end : end + _LONGEST_TOUCH]
    if _computes_with(text[max(0, start - LONGEST_TAIL) : start], after):
        return None
    if _MULTIPLIED.match(after) and (followed := what_follows(after)) is not None:
        return rf"({content})\cdot {followed[0]}{followed[1]}"
    return content + (" %" if _UNIT_AFTER.match(after) else "")


def _computes_with(before: str, after: str) -> bool:
    """Whether what touches a box, in the formula where it stands, makes another value of it: `-`, `^2`, a fraction."""
    if _TOUCHES_AFTER.match(after):
        return True
    before = before.rpartition("\n\n")[2]
    dollars = before.replace(r"\$", "").replace("$$", "$").count("$") % 2
    if not (dollars and "$" in after) and not any(
        before.rfind(opening) > before.rfind(closing) for opening, closing in _DELIMITERS
    ):
        return False
    return bool(_IN_FORMULA_AFTER.match(after) or _IN_FORMULA_BEFORE.search(before[-_LONGEST_TOUCH:].rstrip()))


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
    rest = text[says[-1].end() :].partition("\n\n")[0].lstrip("*(")
    sentence = re.split(r"[.。](?:\s|$)", rest)[0].strip(" *")
    if _CASES.search(sentence):
        return sentence
    if (formulas := _leading(rest)) is not None:
        return formulas
    sentence = sentence.strip("$")
    if not sentence:
        return None
    return stated_number(sentence) if is_prose(sentence) else sentence


def _leading(text: str) -> str | None:
    """The formula that a text begins with, those that are joined to it, and their unit."""
    contents: list[str] = []
    end = 0
    for formula in FORMULA.finditer(text):
        if (contents or formula.start()) and not (contents and _ALSO.fullmatch(text, end, formula.start())):
            break
        if contents and not text[end : formula.start()].strip():
            break
        contents.append(inside(formula))
        end = formula.end()
    return followed_by(contents, text[end:]) if contents else None


def _last_formula(text: str) -> str | None:
    """The last formula, or those of the last sentence that connectives join."""
    found = list(FORMULA.finditer(text))
    if not found:
        return None
    contents = [inside(found[-1])]
    for before, after in reversed(list(pairwise(found))):
        if not _joins(text[before.end() : after.start()]):
            break
        contents.append(inside(before))
    rest = text[found[-1].end() :]
    if is_prose(rest) and re.search("[0-9]", rest):
        return None
    return followed_by(contents[::-1], rest)


def _bare(text: str) -> str | None:
    """The whole text, if it is short and holds no sentence: words, or no word at all."""
    text = text.strip()
    words = count_words(text)
    if not text or len(text) >= 500 or words > 1 or (words == 1 and stated_number(text)):
        return None
    return text
