"""How busy the machine was with other things while something was measured: figures of a busy machine prove little."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable

import psutil


class Others:
    """Counts the processor time of everything but the named processes, from now on."""

    def __init__(self, own: Iterable[int]) -> None:
        self._own = [psutil.Process(pid) for pid in own]
        self._began = time.perf_counter()
        self._busy, self._ours = _busy_seconds(), self._own_seconds()

    def cores(self, program_seconds: float) -> float:
        """Cores that others kept busy; `program_seconds` is what the measured program itself has used."""
        passed = time.perf_counter() - self._began
        others = _busy_seconds() - self._busy - (self._own_seconds() - self._ours) - program_seconds
        return max(0.0, others / passed)

    def _own_seconds(self) -> float:
        times = [process.cpu_times() for process in (*self._own, psutil.Process(os.getpid()))]
        return float(sum(each.user + each.system for each in times))


def _busy_seconds() -> float:
    times = psutil.cpu_times()
    return float(sum(times) - times.idle - getattr(times, "iowait", 0) - getattr(times, "guest", 0))
