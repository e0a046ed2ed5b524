"""Reads a topic from an offset to an end that is known beforehand, outside of any consumer group.

For what looks at a topic as a whole: the proof, and the replay of rejected records. Nothing is committed.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from pipeline.access.kafka import kafka_options
from pipeline.access.refusals import why_kafka
from pipeline.errors import TopicsError, UnavailableError
from pipeline.settings import Settings

#: A broker that restarts is back well within this.
PATIENCE_S = 30
BATCH_RECORDS = 20_000
FETCH_BYTES = 8 << 20
#: A question for offsets waits behind a fetch that finds nothing: at Kafka's default, 500 ms, eight take four seconds.
FETCH_WAIT_MS = 20


class TopicScan:
    """A topic's partitions, their bounds, and their records in order. Made by `open_scan`."""

    def __init__(self, consumer: Any, topic: str, partitions: tuple[int, ...]) -> None:
        self._consumer = consumer
        self._of = {partition: TopicPartition(topic, partition) for partition in partitions}
        self.topic = topic
        self.partitions = partitions

    async def beginnings(self) -> dict[int, int]:
        """The offset of the oldest record that each partition still holds."""
        return _by_partition(await self._consumer.beginning_offsets(list(self._of.values())))

    async def ends(self) -> dict[int, int]:
        """The offset that each partition's next record will get."""
        return _by_partition(await self._consumer.end_offsets(list(self._of.values())))

    async def offsets_since(self, time_ms: int) -> dict[int, int]:
        """The offset of each partition's first record at or after a moment, by Kafka's timestamp."""
        found = await self._consumer.offsets_for_times(dict.fromkeys(self._of.values(), time_ms))
        ends = await self.ends()
        return {tp.partition: ends[tp.partition] if at is None else at.offset for tp, at in found.items()}

    def only(self, partitions: Collection[int]) -> None:
        """Fetch these, and nothing of any other partition."""
        self._consumer.pause(*(tp for partition, tp in self._of.items() if partition not in partitions))
        self._consumer.resume(*(self._of[partition] for partition in partitions))

    def start_at(self, offsets: Mapping[int, int]) -> None:
        """Where the next `read_to` begins in each partition."""
        for partition, offset in offsets.items():
            self._consumer.seek(self._of[partition], offset)

    async def read_to(self, targets: Mapping[int, int]) -> AsyncIterator[list[Any]]:
        """As `batches_to`, for records that say themselves in which partition they lie: in a worker they do not."""
        async for _, records in self.batches_to(targets):
            yield records

    async def batches_to(self, targets: Mapping[int, int]) -> AsyncIterator[tuple[int, list[Any]]]:
        """Partitions, each with some of its records, until every one has reached its target; some may lie beyond it.

        Raises UnavailableError when nothing comes for half a minute although there must be more.
        """
        loop = asyncio.get_running_loop()
        last = loop.time()
        while await self._missing(targets):
            batches = await self._consumer.getmany(timeout_ms=500, max_records=BATCH_RECORDS)
            for place, records in batches.items():
                yield place.partition, records
            if batches:
                last = loop.time()
            elif loop.time() - last > PATIENCE_S:
                raise UnavailableError(f"no records of {self.topic} for {PATIENCE_S} s; Kafka does not answer")

    async def _missing(self, targets: Mapping[int, int]) -> bool:
        for partition, target in targets.items():
            if await self._consumer.position(self._of[partition]) < target:
                return True
        return False


@asynccontextmanager
async def open_scan(settings: Settings, name: str) -> AsyncIterator[TopicScan]:
    """A scan of a declared topic. Raises UnavailableError without Kafka, TopicsError without the topic."""
    topic = settings.topic(name)
    consumer = AIOKafkaConsumer(
        **kafka_options(settings),
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="latest",  # so that nothing is fetched before `start_at`
        max_partition_fetch_bytes=FETCH_BYTES,
        fetch_max_wait_ms=FETCH_WAIT_MS,
    )
    try:
        await consumer.start()
        if topic not in await consumer.topics():
            raise TopicsError(f"there is no topic {topic}; `twoway topics create` makes it")
        consumer.subscribe([topic])
        yield TopicScan(consumer, topic, await _partitions(consumer, topic))
    except KafkaError as error:
        raise UnavailableError(await why_kafka(settings, error)) from error
    finally:
        await consumer.stop()


async def _partitions(consumer: Any, topic: str) -> tuple[int, ...]:
    """The topic's partitions. Without a group, all of them are assigned as soon as the topic's metadata is there."""
    for _ in range(PATIENCE_S * 50):
        if assigned := consumer.assignment():
            return tuple(sorted(tp.partition for tp in assigned))
        await asyncio.sleep(0.02)
    raise UnavailableError(f"{topic} got no partitions in {PATIENCE_S} s; Kafka does not answer")


def _by_partition(offsets: Mapping[Any, int]) -> dict[int, int]:
    return {tp.partition: offset for tp, offset in offsets.items()}
