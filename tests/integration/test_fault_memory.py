"""What `twoway prove` keeps where it empties Redis or puts it back: the gateway's memory of ids, and nothing else."""

from __future__ import annotations

import pytest
from redis.asyncio import Redis

from pipeline.faults.memory import empty_redis, read_memory, write_memory
from pipeline.local.redis import RedisServer
from pipeline.store.keys import Keys

pytestmark = pytest.mark.servers

KEYS = Keys("tw")
DAY_S = 86_400


async def fill(client: Redis) -> None:
    """Two ids that are remembered, one of them with an asterisk in it, beside what is counted."""
    for key, account in ((KEYS.seen("x", "17"), "brand"), (KEYS.seen("telegram", "a*b"), "other")):
        await client.hset(key, account, "known")
        await client.expire(key, DAY_S)
    await client.hset(KEYS.applied[7], mapping={"0": 12, "version": 1})
    await client.set(KEYS.post_entry("x", "17"), "brand")


async def test_emptying_leaves_nothing_but_the_memory(own_redis: RedisServer) -> None:
    """Nothing at all in between; afterwards each id with its lifetime."""
    async with Redis.from_url(own_redis.url, decode_responses=True) as client:
        await fill(client)
        assert await empty_redis(client, KEYS) == (0, 2)
        assert sorted(await client.keys()) == [KEYS.seen("telegram", "a*b"), KEYS.seen("x", "17")]
        assert await client.hgetall(KEYS.seen("x", "17")) == {"brand": "known"}
        assert DAY_S - 60 < await client.ttl(KEYS.seen("x", "17")) <= DAY_S


async def test_memory_that_was_read_can_be_written_elsewhere(own_redis: RedisServer) -> None:
    """Into the copy that a Redis is put back to."""
    async with Redis.from_url(own_redis.url) as client:
        await fill(client)
        memories = await read_memory(client, KEYS)
        await client.flushall()
        await write_memory(client, memories)
        assert await client.dbsize() == 2
        assert await client.hgetall(KEYS.seen("telegram", "a*b")) == {b"other": b"known"}
        assert DAY_S - 60 < await client.ttl(KEYS.seen("x", "17")) <= DAY_S
