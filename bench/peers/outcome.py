"""How a peer says what it did: one line of JSON on standard output, measured by itself from its first batch on.

The JVM peers print the same (`tally/.../Outcome.java`), without the offsets: they always count the whole topic.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, field

import orjson
import psutil


@dataclass
class Outcome:
    """`expected`: the records to count. `offsets`: partition -> next offset; the rows in Redis are those of all records
    before. `half`: events, seconds and CPU-seconds when the first half was counted."""

    expected: int
    events: int = 0
    offsets: dict[int, int] = field(default_factory=dict)
    began: float = 0.0
    began_cpu: float = 0.0
    half: dict[str, float] = field(default_factory=dict)

    def start(self) -> None:
        """The first batch is here."""
        if not self.began:
            self.began, self.began_cpu = time.perf_counter(), time.process_time()

    def counted(self, partition: int, offset: int) -> None:
        """A record is counted."""
        self.events += 1
        self.offsets[partition] = offset + 1
        if self.events == self.expected // 2:
            self.half = self._now()

    def print(self) -> None:
        """All is in Redis."""
        created = psutil.Process().create_time()
        line = {
            **self._now(),
            "half": self.half,
            "from_start": {"seconds": time.time() - created, "cpu_seconds": time.process_time()},
            "offsets": {str(partition): offset for partition, offset in self.offsets.items()},
        }
        sys.__stdout__.buffer.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))  # type: ignore[union-attr]
        sys.__stdout__.flush()  # type: ignore[union-attr]

    def _now(self) -> dict[str, float]:
        return {
            "events": self.events,
            "seconds": time.perf_counter() - self.began,
            "cpu_seconds": time.process_time() - self.began_cpu,
        }
