"""Sweeps: settings × seeds as runs, each a process of its own, that can be stopped and gone on with."""

from verigrad.sweep.execute import execute
from verigrad.sweep.plan import Cell, Run, Sweep, load_sweep
from verigrad.sweep.state import State, result_line, state_of, write_manifest

__all__ = ["Cell", "Run", "State", "Sweep", "execute", "load_sweep", "result_line", "state_of", "write_manifest"]
