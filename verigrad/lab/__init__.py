"""The laboratory: bias and variance of every estimator, exactly, against the gradient it is meant to estimate."""

from verigrad.lab.bench import Results, measure_all, print_results, write

__all__ = ["Results", "measure_all", "print_results", "write"]
