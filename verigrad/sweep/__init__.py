"""Sweeps: settings × seeds as runs, each a process of its own, that can be stopped and gone on with."""

from verigrad.sweep.plan import Cell, Run, Sweep, load_sweep

__all__ = ["Cell", "Run", "Sweep", "load_sweep"]
