"""A batch as it was fetched from one partition: what an agent's event carries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


class Record(Protocol):
    """What we need of a Kafka record; aiokafka's ConsumerRecord has it."""

    offset: int
    timestamp: int
    value: bytes | None


@dataclass(frozen=True, slots=True)
class Batch:
    """Records of one partition in offset order, never empty. `epoch` tells fetches before a seek from later ones."""

    partition: int
    records: Sequence[Record]
    epoch: int
    highwater: int

    @property
    def first_offset(self) -> int:
        return self.records[0].offset

    @property
    def next_offset(self) -> int:
        return self.records[-1].offset + 1
