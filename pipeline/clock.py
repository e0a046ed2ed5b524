"""The wall clock, so that "now" is something one passes in."""

from __future__ import annotations

import time
from collections.abc import Callable

#: Gives Unix milliseconds.
Clock = Callable[[], int]


def wall_clock() -> int:
    """Unix time in whole milliseconds."""
    return time.time_ns() // 1_000_000
