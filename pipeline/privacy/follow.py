"""Follows `interactions.erased`: whoever asks for an erasure writes it there, and every worker sees that it is done.

How far it is done stands in Redis beside what it was done to: a Redis that comes back older or empty, and is filled
with old texts again, has forgotten that too, and everything is erased once more.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
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
from pipeline.store.cluster import Cluster
from pipeline.store.keys import Keys
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
                    await catch_up(settings, redis, eraser, scan)
                    await asyncio.sleep(POLL_S)
        except (UnavailableError, KafkaError, *REDIS_FAILURES) as error:
            log.info("erasures wait: %s", type(error).__name__)
            await asyncio.sleep(RETRY_S)


async def catch_up(settings: Settings, redis: Redis, eraser: Eraser, scan: TopicScan) -> Erased:
    """Erase what was asked for since the last time that Redis remembers."""
    keys = Keys(settings.key_prefix)
    # Each node of a cluster may come back older, so each slot says for itself what is done in it.
    places = keys.slot_erasures if isinstance(redis, Cluster) else (keys.erasures,)
    done = await _done(redis, places)
    ends = await scan.ends()
    behind = [partition for partition, end in ends.items() if done.get(partition, 0) < end]
    if not behind:
        return Erased()
    beginnings = await scan.beginnings()
    scan.start_at({p: max(beginnings[p], done.get(p, 0)) if p in behind else ends[p] for p in ends})
    erasures: list[Erasure] = []
    async for records in scan.read_to(ends):
        for record in records:
            try:
                erasures.append(decode_erasure(record.value))
            except (msgspec.DecodeError, TypeError):
                log.warning("%s[%d]@%d is no erasure", scan.topic, record.partition, record.offset)
    erased = await eraser.erase(erasures)
    pipe = redis.pipeline(transaction=False)
    for place in places:
        pipe.hset(place, mapping={str(partition): end for partition, end in ends.items()})
    await pipe.execute()
    log.info(
        "erasures are done: actors %d, texts erased %d, of these waiting for a reply %d",
        len({(one.platform, one.actor) for one in erasures}),
        erased.texts,
        erased.waiting,
    )
    return erased


async def _done(redis: Redis, places: Sequence[str]) -> dict[int, int]:
    """Of each partition the offset up to which everything is erased in all of these places."""
    pipe = redis.pipeline(transaction=False)
    for place in places:
        pipe.hgetall(place)
    found = [{int(name): int(value) for name, value in hash_.items()} for hash_ in await pipe.execute()]
    return {partition: min(hash_.get(partition, 0) for hash_ in found) for partition in found[0]}
