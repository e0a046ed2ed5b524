"""A batch as it was fetched from one partition: what an agent's event carries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


class Record(Protocol):
    """What we need of a Kafka record; aiokafka's ConsumerRecord has it."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None


@dataclass(frozen=True, slots=True)
class Batch:
    """Records of one partition in offset order, never empty. `highwater`: where the partition ended at the fetch."""

    partition: int
    records: Sequence[Record]
    highwater: int

    @property
    def first_offset(self) -> int:
        return self.records[0].offset

    @property
    def next_offset(self) -> int:
        return self.records[-1].offset + 1

    def since(self, offset: int) -> Batch:
        """The records from this offset on; at least one of them."""
        if self.records[0].offset == offset:
            return self
        return Batch(self.partition, [record for record in self.records if record.offset >= offset], self.highwater)
