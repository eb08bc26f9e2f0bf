"""Grading: verifiers applied to responses, with the code of others run in processes that can be killed."""

from verigrad.grading.chosen import asks_workers, verifier_for
from verigrad.grading.custom import by_import_path, from_function
from verigrad.grading.grader import Grader, check_failures

__all__ = ["Grader", "asks_workers", "by_import_path", "check_failures", "from_function", "verifier_for"]
