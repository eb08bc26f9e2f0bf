"""Files, hubs and generators: where problems, demonstrations and templates come from."""

from verigrad.data.demonstrations import SOLUTIONS, Demonstration, demonstrations_of, load_demonstrations
from verigrad.data.files import read_records
from verigrad.data.tasks import TaskData, load_problems, load_task, prepared
from verigrad.data.templates import load_template

__all__ = [
    "SOLUTIONS",
    "Demonstration",
    "TaskData",
    "demonstrations_of",
    "load_demonstrations",
    "load_problems",
    "load_task",
    "load_template",
    "prepared",
    "read_records",
]
