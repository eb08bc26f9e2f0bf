"""What a run will need, computed before it begins: memory and time from a model's config and the run's settings."""

from verigrad.plan.find import find_shape
from verigrad.plan.machines import GPUS, NAMES, PRODUCT_SHARE, READ_SHARE, Machine, cpu, of_memory
from verigrad.plan.memory import Memory, memory_of
from verigrad.plan.plan import Plan, make_plan, smallest_gpu
from verigrad.plan.remedies import Remedy, remedies, with_value
from verigrad.plan.seconds import Seconds, seconds_of
from verigrad.plan.shapes import SHAPES, Shape, shape_of
from verigrad.plan.step import Lengths

__all__ = [
    "GPUS",
    "NAMES",
    "PRODUCT_SHARE",
    "READ_SHARE",
    "SHAPES",
    "Lengths",
    "Machine",
    "Memory",
    "Plan",
    "Remedy",
    "Seconds",
    "Shape",
    "cpu",
    "find_shape",
    "make_plan",
    "memory_of",
    "of_memory",
    "remedies",
    "seconds_of",
    "shape_of",
    "smallest_gpu",
    "with_value",
]
