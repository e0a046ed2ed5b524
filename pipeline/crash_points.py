"""Crash points: named places between two steps of the worker, at which it kills itself when told to.

A kill from outside hits the long steps; between the short ones it hardly ever lands. With the setting
`TWOWAY_CRASH_AT=between-scripts:3` the worker dies when it comes to that point the third time. Without it a point is
one comparison a slice.
"""

from __future__ import annotations

import os
import signal
from functools import cache
from typing import Literal, get_args

from pipeline.errors import SettingsError

#: In the order in which a worker comes to them: it takes over partitions, counts slices, publishes, commits; the last
#: three lie on the way back after another writer was there.
Point = Literal[
    "before-open",
    "after-open",
    "after-seek",
    "after-fetch",
    "after-decode",
    "after-load",
    "after-fold",
    "before-refusals",
    "after-refusals",
    "after-directory",
    "before-scripts",
    "after-engaged",
    "between-scripts",
    "after-scripts",
    "before-rows",
    "between-rows",
    "after-rows",
    "after-queue",
    "between-marks",
    "after-marks",
    "after-alerts",
    "after-publication",
    "before-commit",
    "after-commit",
    "before-reopen",
    "after-reopen",
    "after-reseek",
]
POINTS: tuple[Point, ...] = get_args(Point)
#: What a dying worker says, before the point's name.
DYING = "killed at crash point"


class CrashPoints:
    """The points of a process; `at` is empty, or a point and optionally the number of its hit: `after-fold:2`."""

    def __init__(self, at: str = "") -> None:
        point, _, hit = at.partition(":")
        if at and (point not in POINTS or not (hit or "1").isdigit() or int(hit or 1) < 1):
            raise SettingsError(f"TWOWAY_CRASH_AT is {at!r}; expected POINT or POINT:HIT, of {', '.join(POINTS)}")
        self._point = point
        self._left = int(hit or 1)

    def reach(self, point: Point) -> None:
        """The worker is at this point; does not return where it has to die here."""
        if point == self._point and self.is_due(point):
            self.die(point)

    def is_due(self, point: Point) -> bool:
        """Whether it has to die at this point now: for points inside a step, which is then cut short before `die`."""
        if point != self._point:
            return False
        self._left -= 1
        return self._left == 0

    @staticmethod
    def die(point: Point) -> None:
        """Say so, and leave as a crash does: nothing is flushed, closed or told to anybody."""
        os.write(2, f"{DYING} {point}\n".encode())
        os.kill(os.getpid(), signal.SIGKILL)


@cache
def crash_points(at: str) -> CrashPoints:
    """The process' points: hits are counted together, whatever the table."""
    return CrashPoints(at)
