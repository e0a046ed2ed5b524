"""How many bytes the gateway may hold at once: bodies being read and records that wait for Kafka.

Beyond it a delivery is refused at once and its sender repeats it; memory stays bounded however long Kafka is away.
"""

from __future__ import annotations

from pipeline.errors import UnavailableError

#: Records and parsed bodies take several times their bytes in memory for a moment: this stays well below 1 GB.
LIMIT_BYTES = 128_000_000


class Budget:
    """Bytes in use, against a limit."""

    def __init__(self, limit_bytes: int = LIMIT_BYTES) -> None:
        self.limit_bytes = limit_bytes
        self.used_bytes = 0

    def take(self, size_bytes: int) -> None:
        """Count bytes in. Raises UnavailableError, and counts nothing, if that is too many."""
        if self.used_bytes + size_bytes > self.limit_bytes:
            raise UnavailableError(f"{self.used_bytes} bytes are in flight; expected at most {self.limit_bytes}")
        self.used_bytes += size_bytes

    def give(self, size_bytes: int) -> None:
        """Count bytes out."""
        self.used_bytes -= size_bytes
