"""Algorithms: evaluation, the one training loop, and the table of rows that it runs."""

from verigrad.algorithms.collect import collect, make_prompts, make_requests, with_template_tokens
from verigrad.algorithms.evaluate import Evaluation, evaluate
from verigrad.algorithms.progress import Progress, Silent
from verigrad.algorithms.table import Row, make_row
from verigrad.algorithms.train import Parts, train

__all__ = [
    "Evaluation",
    "Parts",
    "Progress",
    "Row",
    "Silent",
    "collect",
    "evaluate",
    "make_prompts",
    "make_requests",
    "make_row",
    "train",
    "with_template_tokens",
]
