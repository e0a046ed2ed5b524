"""Follows `interactions.erased`: whoever asks for an erasure writes it there, and every worker sees that it is done.

How far it is done stands in Redis beside what it was done to: a Redis that comes back older or empty, and is filled
with old texts again, has forgotten that too, and everything is erased once more.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from time import monotonic

import msgspec
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from redis.asyncio import Redis
from redis.exceptions import RedisError

from pipeline.access.kafka import kafka_options
from pipeline.access.refusals import why_kafka
from pipeline.errors import UnavailableError
from pipeline.privacy.due import Due
from pipeline.privacy.erase import Erased, Eraser
from pipeline.privacy.told import Progress, Told
from pipeline.publishing.outlet import Outlet
from pipeline.scan import TopicScan, open_scan
from pipeline.settings import Settings
from pipeline.topic_admin import check_topics
from schemas.erasure import Erasure, decode_erasure, encode_erasure
from schemas.topics import ERASED, INTERACTIONS, UNANSWERED

log = logging.getLogger("twoway.privacy")

REDIS_FAILURES = (RedisError, OSError)
POLL_S = 1.0
RETRY_S = 5.0
#: An erasure is followed by so many times as long as it took without one, so that many of them take a fifth of a worker
#: at the most; a Redis that is emptied meanwhile waits no longer than this.
REST = 4
REST_MOST_S = 20.0
#: Between two words on how far a long reading is.
PROGRESS_S = 10.0


async def ask(settings: Settings, erasures: Sequence[Erasure]) -> None:
    """Write erasures into the topic; acknowledged when this returns. Raises UnavailableError."""
    producer = AIOKafkaProducer(**kafka_options(settings), acks="all", enable_idempotence=True)
    try:
        await producer.start()
        for erasure in erasures:
            await producer.send_and_wait(settings.topic(ERASED.name), encode_erasure(erasure), erasure.key.encode())
    except KafkaError as error:
        raise UnavailableError(await why_kafka(settings, error)) from error
    finally:
        await producer.stop()


@asynccontextmanager
async def open_eraser(settings: Settings, redis: Redis, progress: Progress | None = None) -> AsyncIterator[Eraser]:
    """An eraser with a producer of its own. Raises UnavailableError and TopicsError."""
    topics = await asyncio.to_thread(check_topics, settings)
    outlet = Outlet(settings)
    due = Due(settings, redis, outlet, topics[INTERACTIONS.name].partitions)
    try:
        yield Eraser(settings, redis, due, Told(lambda: open_scan(settings, UNANSWERED.name), progress))
    finally:
        await outlet.stop()


async def follow(settings: Settings, redis: Redis) -> None:
    """Erase what is asked for, until cancelled; waits while Kafka or Redis is away."""
    clock = asyncio.get_running_loop().time
    said = ""
    while True:
        try:
            async with open_eraser(settings, redis, _Reading()) as eraser, open_scan(settings, ERASED.name) as scan:
                while True:
                    began_s = clock()
                    await catch_up(eraser, scan)
                    said = ""
                    await asyncio.sleep(max(POLL_S, min(REST_MOST_S, REST * (clock() - began_s))))
        except (UnavailableError, KafkaError, *REDIS_FAILURES) as error:
            why = f"{type(error).__name__}: {str(error)[:200]}"
            if why != said:
                log.warning("erasures wait, and are tried again every %d s (%s)", RETRY_S, why)
            said = why
            await asyncio.sleep(RETRY_S)


async def catch_up(eraser: Eraser, scan: TopicScan) -> Erased:
    """Erase what was asked for since the last time that Redis remembers; all, where the topic was made anew."""
    state = await eraser.state()
    ends = await scan.ends()
    behind = [partition for partition, end in ends.items() if state.done.get(partition, 0) != end]
    if not behind:
        if state.due:
            # Somebody died before subscribers were told.
            await eraser.tell()
        return Erased()
    scan.start_at(_starts(scan.topic, state.done, await scan.beginnings(), ends))
    erasures: list[Erasure] = []
    async for partition, records in scan.batches_to(ends):
        for record in records:
            try:
                erasures.append(decode_erasure(record.value))
            except (msgspec.DecodeError, TypeError):
                log.warning("%s[%d]@%d is no erasure", scan.topic, partition, record.offset)
    erased = await eraser.erase(erasures, ends)
    log.info(
        "erasures are done: actors %d, texts erased in Redis %d, in Kafka alone %d, of these waiting for a reply %d",
        len({(one.platform, one.actor) for one in erasures}),
        erased.texts,
        erased.told,
        erased.waiting,
    )
    return erased


class _Reading:
    """Says now and then how far the topic of unanswered comments is read."""

    def __init__(self) -> None:
        self._said_s = 0.0
        self._read = 0

    def __call__(self, read: int, total: int) -> None:
        now_s = monotonic()
        if read <= self._read or not self._read:  # another reading
            self._said_s = now_s
        self._read = read
        if now_s - self._said_s >= PROGRESS_S:
            self._said_s = now_s
            log.info("erasing: %d of %d records of %s are read", read, total, UNANSWERED.name)


def _starts(
    topic: str, done: Mapping[int, int], beginnings: Mapping[int, int], ends: Mapping[int, int]
) -> dict[int, int]:
    """Where to begin in each partition."""
    starts = {}
    for partition, end in ends.items():
        done_to = done.get(partition, 0)
        if done_to > end:
            log.warning(
                "%s[%d] ends at offset %d, but Redis says that all up to %d is erased: the topic was cut or made anew. "
                "Erasing from its beginning",
                topic,
                partition,
                end,
                done_to,
            )
            done_to = 0
        starts[partition] = max(beginnings[partition], done_to)
    return starts
