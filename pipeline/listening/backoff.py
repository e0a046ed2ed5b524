"""Waiting before a repeat: the ceiling doubles with every failure, the wait is drawn evenly below it (full jitter).

Many listeners that lost the same server so come back spread out, not all at once.
"""

from __future__ import annotations

import random
from collections.abc import Callable

FIRST_S = 0.5
MOST_S = 60.0

#: Gives a number from 0 to 1.
Draw = Callable[[], float]


class Backoff:
    """The waits of one series of failures."""

    def __init__(self, first_s: float = FIRST_S, most_s: float = MOST_S, draw: Draw = random.random) -> None:
        self._first_s = first_s
        self._most_s = most_s
        self._draw = draw
        self._ceiling_s = first_s

    @property
    def is_fresh(self) -> bool:
        """Whether nothing failed since the last success."""
        return self._ceiling_s == self._first_s

    def next_s(self, at_least_s: float = 0.0) -> float:
        """Seconds to wait after one more failure; never less than what the server asked for."""
        wait_s = self._draw() * self._ceiling_s
        self._ceiling_s = min(self._ceiling_s * 2, self._most_s)
        return max(wait_s, at_least_s)

    def succeed(self) -> None:
        """The series is over."""
        self._ceiling_s = self._first_s
