"""Faust's aiokafka consumer, made to hand on whole batches: one event for all records fetched of one partition.

Plain Faust makes two asyncio tasks a message and ends at 8 k events/s. It also owns the only hook for positions:
`seek_to_committed`, which Faust calls at every assignment and resume, asks the tables where to go on.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from typing import Any

from aiokafka.errors import KafkaError
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread, Consumer, Transport
from faust.types import TP
from faust.types.tuples import ConsumerMessage

from pipeline.table.batch import Batch
from pipeline.table.tables import Tables

log = logging.getLogger("twoway.worker")

#: How long a fetch waits at the broker for records of the partitions that it asks for. What arrives meanwhile in a
#: partition that it did not ask for, because its last records were still in memory, waits behind it: up to 1.5 s with
#: Faust's own value. An idle worker asks twenty times a second.
FETCH_WAIT_MS = 50
#: How long a broker may take with one request.
REQUEST_MS = 90_000
#: Between two questions for partitions that the broker we ask does not know of yet.
LEARN_S = 0.2


class BatchConsumerThread(AIOKafkaConsumerThread):  # type: ignore[misc]
    """Fetches that wait a moment only, and a commit that is tried again with the next one where it fails: Faust's own
    would end the worker."""

    def _create_worker_consumer(self, transport: Any) -> Any:
        """Faust has no settings of their own for these; they are read when the consumer starts."""
        consumer = super()._create_worker_consumer(transport)
        consumer._fetch_max_wait_ms = FETCH_WAIT_MS
        consumer._request_timeout_ms = consumer._client._request_timeout_ms = REQUEST_MS
        return consumer

    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        crash = self.consumer.tables.crash
        crash.reach("before-commit")
        try:
            await self._ensure_consumer().commit(
                {tp: offset for tp, offset in offsets.items() if tp in self.assignment()}
            )
        except KafkaError as error:
            # The next commit covers this one; until then a restart only publishes again what was published.
            log.warning("could not commit (%s), trying again with the next publication", type(error).__name__)
            return False
        crash.reach("after-commit")
        return True

    def topic_partitions(self, topic: str) -> int | None:
        """How many partitions the client knows of. Faust's own answer is the group leader's knowledge: in all other
        members it is none."""
        there = self._ensure_consumer()._client.cluster.partitions_for_topic(topic)
        return len(there) if there else None

    async def learn(self, topic: str, least: int) -> None:
        """Ask the broker how many partitions there are, until it knows of so many at least: another member of the group
        may have learned of new ones first, and gave us some of them."""
        client = self._ensure_consumer()._client
        while not self.should_stop:
            await client.force_metadata_update()
            if (self.topic_partitions(topic) or 0) >= least:
                return
            await asyncio.sleep(LEARN_S)

    async def committed_offsets(self) -> dict[TP, int | None]:
        """Kafka's committed offset of each partition that is ours. aiokafka's `seek_to_committed` would seek besides,
        and raise where a partition is taken away while it asks: that ended a worker which woke up in a rebalance."""
        consumer = self._ensure_consumer()
        return {tp: await consumer.committed(tp) for tp in self.assignment()}

    async def seek_here(self, partition: TP, offset: int) -> None:
        """Seek a partition that is still ours."""
        if partition in self.assignment():
            self._ensure_consumer().seek(partition, offset)


class BatchConsumer(Consumer):  # type: ignore[misc]
    """Yields one message a partition and fetch, whose value is a Batch."""

    #: Set by the app that makes the transport.
    tables: Tables

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._room = asyncio.Event()

    def _new_consumer_thread(self) -> BatchConsumerThread:
        return BatchConsumerThread(self, loop=self.loop, beacon=self.beacon)

    async def getmany(  # Faust's signature
        self,
        timeout: float,  # noqa: ASYNC109
    ) -> AsyncIterator[tuple[TP, ConsumerMessage]]:
        records, active = await self._wait_next_records(timeout)
        if records is None or self.should_stop:
            return
        if not self.flow_active:
            await self.perform_seek()
            return
        generation = self.app.consumer_generation_id
        for tp, fetched in records.items():
            if not self.flow_active or self.app.consumer_generation_id != generation:
                return
            if not fetched or not (active is None or tp in active or tp in self._buffered_partitions):
                continue
            batch = Batch(tp.partition, fetched, self.highwater(tp) or 0)
            last = fetched[-1]
            if last.offset < batch.highwater <= (self._read_offset[tp] or 0):
                # A cut topic, read from its beginning: Faust drops what lies below the offset that it read before.
                await self.tables.check_end(tp.partition)
            yield tp, ConsumerMessage(
                tp.topic, tp.partition, last.offset, last.timestamp / 1000, 0, None, None, batch, None, 0, 0, tp,
                generation_id=generation,
            )  # fmt: skip

    async def _wait_next_records(
        self,
        timeout: float,  # noqa: ASYNC109
    ) -> tuple[Mapping[TP, list[Any]] | None, set[TP] | None]:
        """Faust's own sleeps a whole second where the batches of every partition wait for the agent already."""
        if self.flow_active and self._buffered_partitions and not self._get_active_partitions():
            self._room.clear()
            await self.wait(self._room, timeout=timeout)
        answer: tuple[Mapping[TP, list[Any]] | None, set[TP] | None] = await super()._wait_next_records(timeout)
        return answer

    def on_buffer_drop(self, tp: TP) -> None:
        """A batch of the partition went to the agent: there is room for the next one."""
        super().on_buffer_drop(tp)
        self._room.set()

    async def seek_to_committed(self) -> Mapping[TP, int | None]:
        """Go where the tables have to go on: the smaller of Kafka's committed offset and the smallest applied one."""
        committed: dict[TP, int | None] = await self._thread.call_thread(self._thread.committed_offsets)
        assigned = {tp.partition: tp for tp in self.assignment() if not self._is_changelog_tp(tp)}
        for topic in {tp.topic for tp in assigned.values()}:
            await self._thread.call_thread(self._thread.learn, topic, max(assigned) + 1)
        known = {p: offset if (offset := committed.get(tp)) and offset >= 0 else None for p, tp in assigned.items()}
        for partition, position in (await self.tables.assign(known)).items():
            tp, before = assigned[partition], known[partition]
            if before is not None and position < before:
                log.warning(
                    "%s[%d]: Redis is older than Kafka's commit (%d against %d): counting again from there",
                    tp.topic, partition, position, before,
                )  # fmt: skip
            await self.seek(tp, position)
            committed[tp] = position
        self.tables.crash.reach("after-seek")
        return committed

    async def _seek(self, partition: TP, offset: int) -> None:
        """In the consumer's own thread: its fetcher would not notice a seek from ours."""
        await self._thread.call_thread(self._thread.seek_here, partition, offset)

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """A batch is one message with its last offset: what lies before it is no gap."""

    def _new_offset(self, tp: TP) -> int | None:
        """Batches of a partition are acknowledged in order, so the newest acknowledged one is what to commit."""
        acked = self._acked[tp]
        if not acked:
            return None
        newest = max(acked)
        self._acked_index[tp].difference_update(acked)
        acked.clear()
        return int(newest) + 1

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        await self.tables.drop([tp.partition for tp in revoked])
        await super().on_partitions_revoked(revoked)


class BatchTransport(Transport):  # type: ignore[misc]
    """The transport that makes batch consumers for one worker's tables."""

    Consumer = BatchConsumer

    def __init__(self, *args: Any, tables: Tables, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.tables = tables

    def create_consumer(self, *args: Any, **kwargs: Any) -> BatchConsumer:
        consumer: BatchConsumer = super().create_consumer(*args, **kwargs)
        consumer.tables = self.tables
        return consumer
