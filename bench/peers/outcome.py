"""How a peer says what it did: one line of JSON on standard output, measured by itself from its first batch on."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, field

import orjson


@dataclass
class Outcome:
    """`offsets`: partition -> next offset; the rows in Redis are those of all records before."""

    events: int = 0
    offsets: dict[int, int] = field(default_factory=dict)
    began: float = 0.0
    began_cpu: float = 0.0

    def start(self) -> None:
        """The first batch is here."""
        if not self.began:
            self.began, self.began_cpu = time.perf_counter(), time.process_time()

    def counted(self, partition: int, offset: int) -> None:
        """A record is counted."""
        self.events += 1
        self.offsets[partition] = offset + 1

    def print(self) -> None:
        """All is in Redis."""
        line = {
            "events": self.events,
            "seconds": time.perf_counter() - self.began,
            "cpu_seconds": time.process_time() - self.began_cpu,
            "offsets": {str(partition): offset for partition, offset in self.offsets.items()},
        }
        sys.__stdout__.buffer.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))  # type: ignore[union-attr]
        sys.__stdout__.flush()  # type: ignore[union-attr]
