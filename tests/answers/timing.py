"""Processor time of a verdict, by itself."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable


def seconds(function: Callable[[], object], enough: float) -> float:
    """Without the tracer that measures coverage; the least of three runs where the first is above `enough`."""
    least, tracer = float("inf"), sys.gettrace()
    sys.settrace(None)
    try:
        for _ in range(3):
            started = time.process_time()
            function()
            least = min(least, time.process_time() - started)
            if least < enough:
                break
    finally:
        sys.settrace(tracer)
    return least
