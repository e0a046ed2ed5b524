"""Follows `interactions.erased`: whoever asks for an erasure writes it there, and every worker sees that it is done.

How far it is done stands in Redis beside what it was done to: a Redis that comes back older or empty, and is filled
with old texts again, has forgotten that too, and everything is erased once more.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

import msgspec
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from redis.asyncio import Redis
from redis.exceptions import RedisError

from pipeline.access.kafka import kafka_options
from pipeline.access.refusals import why_kafka
from pipeline.errors import UnavailableError
from pipeline.privacy.erase import Erased, Eraser
from pipeline.publishing.outlet import Outlet
from pipeline.scan import TopicScan, open_scan
from pipeline.settings import Settings
from pipeline.topic_admin import check_topics
from schemas.erasure import Erasure, decode_erasure, encode_erasure
from schemas.topics import ERASED, INTERACTIONS

log = logging.getLogger("twoway.privacy")

REDIS_FAILURES = (RedisError, OSError)
POLL_S = 1.0
RETRY_S = 5.0


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
async def open_eraser(settings: Settings, redis: Redis) -> AsyncIterator[Eraser]:
    """An eraser with a producer of its own. Raises UnavailableError and TopicsError."""
    topics = await asyncio.to_thread(check_topics, settings)
    outlet = Outlet(settings)
    try:
        yield Eraser(settings, redis, outlet, topics[INTERACTIONS.name].partitions)
    finally:
        await outlet.stop()


async def follow(settings: Settings, redis: Redis) -> None:
    """Erase what is asked for, until cancelled; waits while Kafka or Redis is away."""
    while True:
        try:
            async with open_eraser(settings, redis) as eraser, open_scan(settings, ERASED.name) as scan:
                while True:
                    await catch_up(eraser, scan)
                    await asyncio.sleep(POLL_S)
        except (UnavailableError, KafkaError, *REDIS_FAILURES) as error:
            log.info("erasures wait: %s", type(error).__name__)
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
    async for records in scan.read_to(ends):
        for record in records:
            try:
                erasures.append(decode_erasure(record.value))
            except (msgspec.DecodeError, TypeError):
                log.warning("%s[%d]@%d is no erasure", scan.topic, record.partition, record.offset)
    erased = await eraser.erase(erasures, ends)
    log.info(
        "erasures are done: actors %d, texts erased %d, of these waiting for a reply %d",
        len({(one.platform, one.actor) for one in erasures}),
        erased.texts,
        erased.waiting,
    )
    return erased


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
