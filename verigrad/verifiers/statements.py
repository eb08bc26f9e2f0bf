r"""What a sentence states that is no plain number: its formulas between delimiters, or the rest after "is".

Formulas count together where only "and", "or" or a comma joins them. What stands beside them has to leave them alone,
by the rules for numbers (`sentences`).
"""

from __future__ import annotations

import re
from itertools import pairwise

from verigrad.verifiers.prose import LONGEST_PROSE, is_prose
from verigrad.verifiers.sentences import is_wrong, leaves_alone, what_follows

FORMULA = re.compile(
    r"\$\$([^$]{1,400})\$\$|\$((?:[^$\\]|\\.){1,400})\$|\\\(((?:[^\\]|\\[^)]){1,400})\\\)|\\\[((?:[^\\]|\\[^\]]){1,400})\\\]",
    re.DOTALL,
)
_JOINED = re.compile(r"\s*(?:[,;]\s*)?(?:(?:and|or)\s*)?")
_END = re.compile(r"[.!?。！？](?=\s)|\n")
_THING = (
    r"(?:line|point|interval|set|function|equation|vector|matrix|expression|number|value|polynomial|option|choice|pair|"
    r"union|fraction|letter|inequality)s?"
)
_VERB = (
    r"(?:is|are|was|be|being|equals?|equal to|get|obtain|have|has|gives?|find|yields?|so|hence|thus|therefore|"
    r"es|est|ist|son|sont|sind)"
)
_STATES = re.compile(
    rf"(?:\b{_VERB}[,:]?|[:=]|^)(?:\s+(?:exactly|simply|then|now|just|given by))?(?:\s+(?:the|a|an))?(?:\s+{_THING})?"
    r"\s*[*\"“(]{0,3}$",
    re.IGNORECASE,
)
_LAST_VERB = re.compile(rf"(?:.*\b{_VERB}\b|.*:)\s+", re.IGNORECASE | re.DOTALL)
_MOST_JOINED = 12


def inside(formula: re.Match[str]) -> str:
    """What stands between the delimiters."""
    return next(group for group in formula.groups() if group is not None).strip()


def joined_formulas(formulas: list[re.Match[str]], text: str) -> tuple[int, str] | None:
    """Where the last formulas that are joined begin, and all of them with their unit; None where not left alone."""
    together = [formulas[-1]]
    for before, after in reversed(list(pairwise(formulas[-_MOST_JOINED:]))):
        between = text[before.end() : after.start()]
        if not _JOINED.fullmatch(between) or not between.strip():
            break
        together.append(before)
    content = followed_by([inside(one) for one in reversed(together)], text[formulas[-1].end() :])
    return None if content is None else (together[-1].start(), content)


def followed_by(contents: list[str], after: str) -> str | None:
    """Formulas with what multiplies them and their unit; None where what follows them computes with them."""
    followed = what_follows(after)
    if followed is None:
        return None
    together = ", ".join(contents)
    if followed[0] > 1:
        return rf"({together})\cdot {followed[0]}{followed[1]}" if len(contents) == 1 else None
    return together + followed[1]


def stated_formula(text: str) -> str | None:
    """What the last sentence of a text states: `(1, 2)` of "The solution is (1, 2)."; None where that is not clear."""
    sentence = _END.split(text[-LONGEST_PROSE:].strip().rstrip(". "))[-1].strip()
    if is_wrong(sentence) or sentence.endswith("?"):
        return None
    formulas = list(FORMULA.finditer(sentence))
    if formulas:
        joined = joined_formulas(formulas, sentence)
        if joined is None:
            return None
        before = sentence[: joined[0]].rstrip()
        return joined[1] if _STATES.search(before) and leaves_alone(before + " ") else None
    verb = _LAST_VERB.match(sentence)
    rest = sentence[verb.end() :].strip(" *") if verb else ""
    if verb is None or not rest or is_prose(rest) or "$" in rest or not leaves_alone(verb[0]):
        return None
    return rest
