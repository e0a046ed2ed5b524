"""Processor time in yards: one is what Python's own reader takes for 324 KB of JSON, here and now.

What slows a machine slows both, so a bound in yards holds on any. On the machine of docs/performance.md it is 10 ms.
"""

from __future__ import annotations

import gc
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pipeline.gateway.server import settle_memory

YARD = "[" + '{"a":[0,1.5,"b"]},' * 18_000 + "0]"
#: For so long the gateway's loop may be taken up at once, since everybody waits for it: in seconds, and in yards.
HANG_S = 0.1
HANG_YARDS = 10
#: A bound must hold in one of so many tries: what exceeds it by its nature does so in each.
TRIES = 10


@contextmanager
def settled() -> Iterator[None]:
    """Memory as the gateway has it: its collector looks at what is new, not at all that a test process holds."""
    thresholds = gc.get_threshold()
    settle_memory()
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)
        gc.unfreeze()


def read_yard() -> object:
    return json.loads(YARD)


def seconds(work: Callable[[], object]) -> float:
    """Processor seconds of this thread."""
    began_s = time.thread_time()
    work()
    return time.thread_time() - began_s


def takes_less(work: Callable[[], object], times: float, unit: Callable[[], object] = read_yard) -> bool:
    """Whether the work takes less than so many times what the unit takes: both by turns, and the least counts."""
    unit_s, least_s = seconds(unit), seconds(work)
    if least_s < times * unit_s:
        return True
    with settled():  # which takes longer than most of what is measured
        for _ in range(TRIES - 1):
            unit_s, least_s = min(unit_s, seconds(unit)), min(least_s, seconds(work))
            if least_s < times * unit_s:
                return True
    return False


def is_standstill(turn_s: float) -> bool:
    """Whether a turn of the loop took 100 ms and more; longer where this machine takes longer for everything."""
    return turn_s >= HANG_S and turn_s >= HANG_YARDS * min(seconds(read_yard) for _ in range(TRIES))
