"""Kafka as its clients know it: partitions are lists, a committed offset belongs to the present owner."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiokafka.errors import KafkaConnectionError

from pipeline.publishing.record_batch import Batches
from schemas.erasure import decode_erasure
from tests.outgoing import Record, Sent, read_back
from tests.world.wire import Wire

#: Of the topic; each owns two slots, so that there are partitions in which every slot counts.
PARTITIONS = 128


@dataclass(frozen=True)
class LogRecord:
    """A record of `interactions`."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None


@dataclass(frozen=True)
class ToldRecord:
    """A record of `engagement.unanswered`."""

    key: bytes | None
    value: bytes | None


@dataclass
class Kafka:
    """`logs`: partitions of `interactions`. `out`: topic -> key and value of each record, in the order of arrival."""

    interactions: str
    logs: dict[int, list[LogRecord]]
    committed: dict[int, int] = field(default_factory=dict)
    out: defaultdict[str, list[Record]] = field(default_factory=lambda: defaultdict(list))
    erasures: list[bytes] = field(default_factory=list)

    def append(self, partition: int, key: bytes | None, value: bytes | None, timestamp_ms: int) -> None:
        """One more record of `interactions`."""
        log = self.logs[partition]
        log.append(LogRecord(len(log), timestamp_ms, key, value))

    @property
    def arrived(self) -> int:
        """How many records there are of what workers publish."""
        return sum(map(len, self.out.values()))

    def erased_actors(self) -> set[str]:
        """Whose erasure was asked for."""
        return {decode_erasure(value).actor for value in self.erasures}

    @asynccontextmanager
    async def told(self, topic: str, wire: Wire) -> AsyncIterator[Any]:
        """A topic that is read as a whole."""
        yield ToldScan(self.out[topic], wire)

    def arrive(self, topic: str, partition: int, records: Iterable[Sent]) -> None:
        """Records of any topic."""
        for key, value, timestamp_ms in records:
            if topic == self.interactions:
                self.append(partition, key, value, timestamp_ms)
            else:
                self.out[topic].append((key, value))


class WiredOutlet:
    """Stands where the producer stands: acknowledges what has arrived."""

    def __init__(self, kafka: Kafka, wire: Wire) -> None:
        self._kafka = kafka
        self._wire = wire

    async def send(self, topic: str, partition: int, records: Batches, **_: bool) -> int:
        some = read_back(records)

        def do(begin: float, end: float) -> int:
            part = some[round(len(some) * begin) : round(len(some) * end)]
            self._kafka.arrive(topic, partition, part)
            return len(some)

        sent: int = await self._wire.call(do, KafkaConnectionError("the broker went away"))
        return sent

    async def reset(self) -> None:
        """There is no connection to let go of."""


class ToldScan:
    """`engagement.unanswered` as `TopicScan` gives it: here it is one partition, in the order of arrival. Between the
    look at its end and the reading others may write."""

    def __init__(self, records: list[Record], wire: Wire) -> None:
        self._records = records
        self._wire = wire
        self._from = 0

    async def ends(self) -> dict[int, int]:
        end: int = await self._wire.call(lambda *_: len(self._records), KafkaConnectionError("the broker went away"))
        return {0: end}

    async def beginnings(self) -> dict[int, int]:
        return {0: 0}

    def only(self, partitions: Collection[int]) -> None:
        """There is one."""

    def start_at(self, offsets: Mapping[int, int]) -> None:
        self._from = offsets[0]

    async def batches_to(self, targets: Mapping[int, int]) -> AsyncIterator[tuple[int, list[Any]]]:
        yield 0, [ToldRecord(key, value) for key, value in self._records[self._from : targets[0]]]


class ErasureScan:
    """`interactions.erased`, one partition, as `TopicScan` gives it."""

    topic = "interactions.erased"

    def __init__(self, kafka: Kafka) -> None:
        self._kafka = kafka
        self._from = 0

    async def ends(self) -> dict[int, int]:
        return {0: len(self._kafka.erasures)}

    async def beginnings(self) -> dict[int, int]:
        return {0: 0}

    def start_at(self, offsets: Mapping[int, int]) -> None:
        self._from = offsets[0]

    async def batches_to(self, targets: Mapping[int, int]) -> AsyncIterator[tuple[int, list[Any]]]:
        values = self._kafka.erasures[self._from : targets[0]]
        yield 0, [LogRecord(self._from + i, 0, None, value) for i, value in enumerate(values)]
