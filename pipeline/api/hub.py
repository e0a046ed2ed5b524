"""One Kafka consumer for all listeners of the stream, and a small bounded box of waiting rows for each of them.

The consumer runs while somebody listens, from the newest record on, in no group. A box holds the newest update of each
row: what a slow listener has not taken yet is replaced, not queued. One whose box overflows is dropped and counted.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError, UnknownTopicOrPartitionError

from pipeline.access.grants import Grant
from pipeline.access.kafka import kafka_options
from pipeline.api.metrics import STREAM_CLIENTS, STREAM_COALESCED, STREAM_DROPPED, STREAM_EVENTS, STREAM_UNREADABLE
from pipeline.api.shares import ShareError, Shares
from pipeline.errors import UnavailableError
from pipeline.reading.updates import Newest, Wanted, row_key
from pipeline.settings import Settings
from schemas.engagement import Engagement, decode_engagement, encode_engagement
from schemas.topics import ACCOUNTS, POSTS

logger = logging.getLogger("twoway.api")

LISTENERS_MAX = 256
#: Rows that wait for one listener, about 600 bytes each: 6 MB, and 1.5 GB for all in the worst case.
WAITING_ROWS_MAX = 10_000
#: Rows whose newest revision the hub remembers.
REMEMBERED_ROWS = 50_000
START_S = 5.0
PAUSE_S = 1.0


class Box:
    """What waits for one listener: the newest update of each row, as the event's bytes, oldest row first."""

    def __init__(self, wanted: Wanted, most_rows: int = WAITING_ROWS_MAX) -> None:
        self._wanted = wanted
        self._most_rows = most_rows
        self._waiting: dict[tuple[Any, ...], bytes] = {}
        self._filled = asyncio.Event()
        self.closed = False

    def put(self, update: Engagement, event: bytes) -> None:
        """Let the update wait if it is wanted; an overflow closes the box."""
        if self.closed or not self._wanted.holds(update):
            return
        key = row_key(update)
        if key in self._waiting:
            STREAM_COALESCED.inc()
        elif len(self._waiting) >= self._most_rows:
            self.drop()
            return
        self._waiting[key] = event
        self._filled.set()

    async def take(self, wait_s: float) -> list[bytes]:
        """All that waits, once there is something or the box is closed; nothing after `wait_s`."""
        try:
            await asyncio.wait_for(self._filled.wait(), wait_s)
        except TimeoutError:
            return []
        taken = list(self._waiting.values())
        self._waiting.clear()
        if not self.closed:
            self._filled.clear()
        STREAM_EVENTS.inc(len(taken))
        return taken

    def drop(self) -> None:
        """Close it, because its listener is too slow."""
        if not self.closed:
            STREAM_DROPPED.inc()
        self.close()

    def close(self) -> None:
        """Nothing more comes in, and what waits is let go."""
        self.closed = True
        self._waiting.clear()
        self._filled.set()


class Hub:
    """Gives every listener the updates it wants."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._boxes: set[Box] = set()
        self._shares = Shares()
        self._newest = Newest(REMEMBERED_ROWS)
        self._task: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._ready = asyncio.Event()
        self._closed = False
        self._is_away = False

    @asynccontextmanager
    async def listen(self, wanted: Wanted, *, alone: bool = False) -> AsyncIterator[Box]:
        """A box that fills from now on; `alone`: no other token reads accounts. Raises UnavailableError without Kafka,
        and when too many listen; ShareError when the token's listeners are as many as the places that are left."""
        self._refuse_too_many(wanted.grant, alone)
        box = Box(wanted)
        self._boxes.add(box)
        self._shares.take(wanted.grant)
        STREAM_CLIENTS.set(len(self._boxes))
        try:
            await self._started()
            yield box
        finally:
            self._boxes.discard(box)
            self._shares.give(wanted.grant)
            STREAM_CLIENTS.set(len(self._boxes))
            if not self._boxes:
                self._stop()

    def _refuse_too_many(self, grant: Grant, alone: bool) -> None:
        free = LISTENERS_MAX - len(self._boxes)
        if self._closed or free <= 0:
            raise UnavailableError(f"{len(self._boxes)} clients listen to the stream; expected up to {LISTENERS_MAX}")
        held = self._shares.held_by(grant)
        # Half of all for the first token, half of the rest for the second: there is always a place for one more.
        if not alone and held >= free:
            raise ShareError(
                f"{held} clients listen to the stream with this token; expected fewer than the {free} places left"
            )

    def close(self) -> None:
        """End every listener's stream and refuse new ones."""
        self._closed = True
        self._close_boxes()

    async def stop(self) -> None:
        """Wait until the consumer has left Kafka."""
        self.close()
        self._stop()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _started(self) -> None:
        if self._task is None:
            self._ready.clear()
            self._task = asyncio.create_task(self._run(), name="stream-hub")
            self._tasks.add(self._task)
            self._task.add_done_callback(self._ended)
        try:
            await asyncio.wait_for(self._ready.wait(), START_S)
        except TimeoutError as error:
            raise UnavailableError(
                f"Kafka at {','.join(self._settings.kafka_servers)} does not answer or lacks the topics; expected them "
                "there (TWOWAY_KAFKA_SERVERS)"
            ) from error

    def _stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            self._task = None
        self._newest = Newest(REMEMBERED_ROWS)

    def _ended(self, task: asyncio.Task[None]) -> None:
        """Of a consumer that ended by itself, which only an error of ours can bring about: say so, begin anew."""
        self._tasks.discard(task)
        if task is self._task:
            self._task = None
            self._close_boxes()
        if not task.cancelled() and (error := task.exception()):
            logger.error("the stream stopped; its clients have to come back", exc_info=error)

    def _close_boxes(self) -> None:
        for box in self._boxes:
            box.close()

    async def _run(self) -> None:
        while True:
            try:
                await self._consume()
            except KafkaError as error:
                if not self._is_away:
                    logger.warning("the stream lacks Kafka (%s); its clients have to come back", type(error).__name__)
                self._is_away = True
            self._ready.clear()
            # A new consumer begins at the newest record: whoever listened has missed some, and must read anew.
            self._close_boxes()
            await asyncio.sleep(PAUSE_S)

    async def _consume(self) -> None:
        topics = [self._settings.topic(topic.name) for topic in (POSTS, ACCOUNTS)]
        consumer = AIOKafkaConsumer(
            *topics,
            **kafka_options(self._settings),
            group_id=None,
            auto_offset_reset="latest",
        )
        try:
            await consumer.start()
            if any(consumer.partitions_for_topic(topic) is None for topic in topics):
                raise UnknownTopicOrPartitionError
            for partition in consumer.assignment():
                await consumer.position(partition)
            if self._is_away:
                logger.info("the stream has Kafka again")
            self._is_away = False
            self._ready.set()
            while True:
                for records in (await consumer.getmany(timeout_ms=1000, max_records=5_000)).values():
                    self._hand_out(record.value for record in records)
        finally:
            await consumer.stop()

    def _hand_out(self, values: Iterable[bytes | None]) -> None:
        for value in values:
            if value is None:
                continue
            try:
                update = decode_engagement(value)
            except msgspec.MsgspecError:
                STREAM_UNREADABLE.inc()
                continue
            if self._newest.is_newer(update):
                event = b"id: %d\ndata: %b\n\n" % (update.revision, encode_engagement(update))
                for box in self._boxes:
                    box.put(update, event)
