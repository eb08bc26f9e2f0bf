"""Runs: the directory, its logs, its checkpoints, its lock."""

from verigrad.runs.checkpoints import Checkpoint, newest_checkpoint, save_checkpoint
from verigrad.runs.directory import Logger, RunDirectory, environment
from verigrad.runs.loggers import make_loggers
from verigrad.runs.records import read_lines, rollout_line, to_line

__all__ = [
    "Checkpoint",
    "Logger",
    "RunDirectory",
    "environment",
    "make_loggers",
    "newest_checkpoint",
    "read_lines",
    "rollout_line",
    "save_checkpoint",
    "to_line",
]
