"""Runs: the directory, its logs, its checkpoints, its lock."""

from verigrad.runs.checkpoints import STATE, Checkpoint, checkpoints, newest_checkpoint, save_checkpoint
from verigrad.runs.directory import Logger, RunDirectory, environment
from verigrad.runs.files import sync, sync_tree
from verigrad.runs.loggers import make_loggers
from verigrad.runs.records import read_lines, rollout_line, to_line

__all__ = [
    "STATE",
    "Checkpoint",
    "Logger",
    "RunDirectory",
    "checkpoints",
    "environment",
    "make_loggers",
    "newest_checkpoint",
    "read_lines",
    "rollout_line",
    "save_checkpoint",
    "sync",
    "sync_tree",
    "to_line",
]
