"""How many bytes the gateway may hold at once: bodies being read and records that wait for Kafka.

Beyond it a delivery is refused at once and its sender repeats it; memory stays bounded however long Kafka is away. A
body that is still being read gives way first: nobody knows yet who sends it, and it may never be complete.
"""

from __future__ import annotations

from collections.abc import Callable

from pipeline.errors import UnavailableError

#: Records and parsed bodies take several times their bytes in memory for a moment: this stays well below 1 GB.
LIMIT_BYTES = 128_000_000


class Budget:
    """Bytes in use, against a limit."""

    def __init__(self, limit_bytes: int = LIMIT_BYTES) -> None:
        self.limit_bytes = limit_bytes
        self.used_bytes = 0
        #: Bodies being read, the oldest first, and what ends their reading.
        self.reading: dict[Share, Callable[[], None]] = {}

    def take(self, size_bytes: int, taker: Share | None = None) -> None:
        """Count bytes in. Raises UnavailableError, and counts nothing, if that is too many."""
        missing = self.used_bytes + size_bytes - self.limit_bytes
        if missing > 0 and not self._make_room(missing, taker):
            raise UnavailableError(f"{self.used_bytes} bytes are in flight; expected at most {self.limit_bytes}")
        self.used_bytes += size_bytes

    def give(self, size_bytes: int) -> None:
        """Count bytes out."""
        self.used_bytes -= size_bytes

    def _make_room(self, missing_bytes: int, taker: Share | None) -> bool:
        """End the reading of the oldest bodies until there is room; of none where all of them would not do."""
        others = [share for share in self.reading if share is not taker]
        if sum(share.size_bytes for share in others) < missing_bytes:
            return False
        for share in others:
            if missing_bytes > 0:
                missing_bytes -= share.size_bytes
                share.give_way()
        return True


class Share:
    """What one request holds of the budget."""

    __slots__ = ("_budget", "gave_way", "size_bytes")

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self.size_bytes = 0
        self.gave_way = False

    def take(self, size_bytes: int) -> None:
        """Hold so much more. Raises UnavailableError."""
        if self.gave_way:
            raise UnavailableError("the body gave way to others")
        self._budget.take(size_bytes, self)
        self.size_bytes += size_bytes

    def give(self) -> None:
        """Hold nothing any more."""
        self._budget.reading.pop(self, None)
        self._budget.give(self.size_bytes)
        self.size_bytes = 0

    def begin_reading(self, end: Callable[[], None]) -> None:
        """From now on until `end_reading` it may have to give way: then `end` is called."""
        self._budget.reading[self] = end

    def end_reading(self) -> None:
        """The body is complete."""
        self._budget.reading.pop(self, None)

    def give_way(self) -> None:
        """Give everything back, and end the reading."""
        end = self._budget.reading[self]
        self.gave_way = True
        self.give()
        end()
