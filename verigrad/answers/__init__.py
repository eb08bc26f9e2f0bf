"""Answers: found in a response, read, and compared. The standard library and mpmath; nothing else of Verigrad.

    extract → lexer → parser → values → equal → Verdict

`compare(gold, answer)` is pure, never raises, and takes bounded time and memory. Finding an answer in a text
(`extract`) and comparing two answers know nothing of each other.
"""

from verigrad.answers.equal import (
    Outcome,
    Verdict,
    compare,
    constant,
    is_bare,
    is_readable,
    parse_errors,
    unmarked,
)
from verigrad.answers.extract import (
    boxed_answer,
    boxed_answers,
    concluding_answer,
    course_answer,
    hash_answer,
    last_number,
    lenient_answer,
    lm_eval_text,
    strict_answer,
    think_answer,
    visible,
)
from verigrad.answers.parser import parse
from verigrad.answers.tree import Call, Number, walk

__all__ = [
    "Call",
    "Number",
    "Outcome",
    "Verdict",
    "boxed_answer",
    "boxed_answers",
    "compare",
    "concluding_answer",
    "constant",
    "course_answer",
    "hash_answer",
    "is_bare",
    "is_readable",
    "last_number",
    "lenient_answer",
    "lm_eval_text",
    "parse",
    "parse_errors",
    "strict_answer",
    "think_answer",
    "unmarked",
    "visible",
    "walk",
]
