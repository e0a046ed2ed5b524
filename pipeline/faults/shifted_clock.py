"""`twoway` with a wall clock that is set while it runs: `python -m pipeline.faults.shifted_clock FILE worker`.

The file says by how many seconds the clock is ahead, or behind where it is negative. The steady clock goes on, as on
any machine whose clock is set.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

NS = 1_000_000_000


def said(pid: int | None, shift_s: int) -> str:
    """What a process writes to standard error when it first sees its clock set so."""
    return f"wall clock of process {pid} is set to {shift_s:+d} s"


def write_shift(path: Path, shift_s: int) -> None:
    """Set the clock of whoever runs by this file. It is whole or the one before, whenever it is read."""
    part = path.with_name(f"{path.name}.part")
    part.write_text(str(shift_s), encoding="ascii")
    part.replace(path)


class ShiftedClock:
    """Unix time in ns, by so much beside `real_ns` as the file says now."""

    def __init__(self, path: Path, real_ns: Callable[[], int]) -> None:
        self._path = path
        self._real_ns = real_ns
        self._shift_s = 0

    def time_ns(self) -> int:
        shift_s = int(self._path.read_text(encoding="ascii"))
        if shift_s != self._shift_s:
            self._shift_s = shift_s
            os.write(2, f"{said(os.getpid(), shift_s)}\n".encode())
        return self._real_ns() + shift_s * NS

    def time(self) -> float:
        return self.time_ns() / NS


def use(path: Path) -> None:
    """From now on this process' wall clock is the shifted one."""
    clock = ShiftedClock(path, time.time_ns)
    time.time_ns, time.time = clock.time_ns, clock.time


if __name__ == "__main__":
    use(Path(sys.argv.pop(1)))
    from pipeline.cli.main import main

    main()
