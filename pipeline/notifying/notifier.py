"""Reads `engagement.alerts` in a group of its own, hands alerts to their deliveries, and commits what is done.

An offset is committed when it and all before it are done: a restart reads again what was under way. What is done behind
one that is not is remembered, and does not count as under way: one that the receiver refuses holds up no other.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from typing import Any

import msgspec
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError, RebalanceInProgressError

from pipeline.access.kafka import kafka_options
from pipeline.notifying import metrics
from pipeline.notifying.deliveries import Deliveries
from pipeline.settings import Settings
from schemas.alert import decode_alert
from schemas.topics import ALERTS

logger = logging.getLogger("twoway.notify")

#: Deliveries under way at the most; then no more is read.
MOST_UNDER_WAY = 100
#: Offsets that are not committed yet, done or not, at the most: about 100 bytes each, and after a restart the ledger is
#: asked about so many.
MOST_REMEMBERED = 10_000
POLL_MS = 500
RETRY_S = 2.0


class Notifier(ConsumerRebalanceListener):  # type: ignore[misc]
    """The loop. `is_ready`: Kafka answered and gave an assignment (it may be empty)."""

    def __init__(self, settings: Settings, deliveries: Deliveries, most_remembered: int = MOST_REMEMBERED) -> None:
        self._settings = settings
        self._deliveries = deliveries
        self._most_remembered = most_remembered
        #: Partition -> offset -> its delivery, in order; None for what is done or needs none.
        self._under_way: dict[TopicPartition, dict[int, asyncio.Task[None] | None]] = {}
        self.is_ready = False

    async def run(self) -> None:
        """Until it is cancelled. While Kafka is away it waits."""
        while True:
            consumer = AIOKafkaConsumer(
                **kafka_options(self._settings),
                group_id=self._settings.notify_group,
                enable_auto_commit=False,
                # A new group takes what there is: what is too old is given up by its age.
                auto_offset_reset="earliest",
                session_timeout_ms=6_000,
                heartbeat_interval_ms=2_000,
            )
            try:
                await consumer.start()
                consumer.subscribe([self._settings.topic(ALERTS.name)], listener=self)
                while True:
                    await self._turn(consumer)
            except KafkaError as error:
                logger.warning("Kafka does not answer (%s), trying on", type(error).__name__)
            finally:
                self.is_ready = False
                await self._leave(consumer)
            await asyncio.sleep(RETRY_S)

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """They are another process's now, which reads them from what was committed."""
        for partition in revoked:
            self._give_up(partition)

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        self.is_ready = True

    async def _turn(self, consumer: Any) -> None:
        most = self._free()
        if not most:
            # The consumer goes on being asked, or the group would take it for dead.
            consumer.pause(*consumer.assignment())
        elif paused := consumer.paused():
            consumer.resume(*paused)
        batches = await consumer.getmany(timeout_ms=POLL_MS, max_records=most or MOST_UNDER_WAY)
        for partition, records in batches.items():
            offsets = self._under_way.setdefault(partition, {})
            for record in records:
                offsets[record.offset] = self._start(record)
        await self._commit(consumer)

    def _free(self) -> int:
        """How many more may be read."""
        offsets = self._under_way.values()
        under_way = sum(task is not None for of_partition in offsets for task in of_partition.values())
        return max(0, min(MOST_UNDER_WAY - under_way, self._most_remembered - sum(map(len, offsets))))

    def _start(self, record: Any) -> asyncio.Task[None] | None:
        try:
            alert = decode_alert(record.value or b"")
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            metrics.ALERTS.labels("unreadable").inc()
            logger.warning("%s[%d]@%d is no alert: %s", record.topic, record.partition, record.offset, error)
            return None
        return self._deliveries.start(alert)

    async def _commit(self, consumer: Any) -> None:
        done = {}
        for partition, offsets in self._under_way.items():
            for offset, task in offsets.items():
                if task is not None and task.done():
                    task.result()
                    offsets[offset] = None
            first = next((offset for offset, task in offsets.items() if task is not None), None)
            for offset in list(offsets):
                if offset == first:
                    break
                del offsets[offset]
                done[partition] = offset + 1
        if done:
            try:
                await consumer.commit(done)
            except (CommitFailedError, IllegalStateError, RebalanceInProgressError):
                logger.info("a commit came too late: the next owner asks the ledger")

    def _give_up(self, partition: TopicPartition) -> None:
        for task in self._under_way.pop(partition, {}).values():
            if task is not None:
                task.cancel()

    async def _leave(self, consumer: Any) -> None:
        for partition in list(self._under_way):
            self._give_up(partition)
        await consumer.stop()
