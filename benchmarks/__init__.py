"""Benchmarks against peers and against the machine; README.md holds command, machine and table of each."""
