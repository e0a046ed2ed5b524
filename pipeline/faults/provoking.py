"""Brings workers to points of their way that they seldom come to: records that cannot be counted, another writer."""

from __future__ import annotations

from contextlib import suppress

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from redis.exceptions import RedisError

from pipeline.access.kafka import kafka_options
from pipeline.crash_points import Point
from pipeline.settings import Settings
from pipeline.slots import SLOTS
from pipeline.store.connect import connect_redis
from pipeline.store.keys import Keys
from schemas.topics import INTERACTIONS

REFUSED: frozenset[Point] = frozenset({"before-refusals", "after-refusals"})
FENCED: frozenset[Point] = frozenset({"before-reopen", "after-reopen", "after-reseek"})
PROVOKED = REFUSED | FENCED
TIMEOUT_S = 5.0
NO_JSON = b"{not json"


async def provoke(settings: Settings, point: Point | None) -> None:
    """Do once what leads to the point; nothing where a server is away now."""
    with suppress(KafkaError, RedisError, OSError):
        if point in REFUSED:
            await write_refused(settings)
        else:
            await write_as_another(settings)


async def write_refused(settings: Settings) -> dict[int, int]:
    """A record that is none, into each partition; gives its offset in each."""
    topic = settings.topic(INTERACTIONS.name)
    producer = AIOKafkaProducer(**kafka_options(settings), acks="all")
    try:
        await producer.start()
        sent = {}
        for partition in sorted(await producer.partitions_for(topic)):
            sent[partition] = (await producer.send_and_wait(topic, NO_JSON, partition=partition)).offset
        return sent
    finally:
        await producer.stop()


async def write_as_another(settings: Settings) -> None:
    """What another writer leaves behind: a higher version in every slot that was counted."""
    keys = Keys(settings.key_prefix)
    client = connect_redis(settings, timeout_s=TIMEOUT_S)
    try:
        for slot in range(SLOTS):
            if await client.hexists(keys.applied[slot], "version"):
                await client.hincrby(keys.applied[slot], "version", 1)
    finally:
        await client.aclose()
