"""The clocks, so that "now" is something one passes in."""

from __future__ import annotations

import time
from collections.abc import Callable

#: Gives Unix milliseconds.
Clock = Callable[[], int]


def wall_clock() -> int:
    """Unix time in whole milliseconds."""
    return time.time_ns() // 1_000_000


def steady_clock() -> int:
    """Milliseconds since some moment, which nobody sets: how long something took, also where the wall clock jumps."""
    return time.monotonic_ns() // 1_000_000
