"""The checkpoint in Redis: how far each slot has applied each source partition, and the slot's version.

The version is the writer's claim: it grows with every apply, at least to the wall clock in ms, so that it goes on
growing even over a Redis that was emptied or restored. Published revisions come from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from redis.asyncio import Redis

from pipeline.errors import FencedError, StateError
from pipeline.slots import slots_of_partition
from pipeline.store.cluster import Cluster
from pipeline.store.keys import LAYOUT_VERSION, Keys
from pipeline.store.retention import Retention
from pipeline.store.round_trip import round_trip


@dataclass(slots=True)
class Mark:
    """A slot's next offset to apply of one partition, and its version. `described`: its layout and its window sizes
    stand beside them as we have them; else they are written with the next apply, under the same version."""

    offset: int
    version: int
    described: bool = field(default=True, compare=False, repr=False)

    def is_behind(self, next_offset: int) -> bool:
        """Whether an offset is to be written although nothing changed: also where what describes the slot is not there
        yet (a slot in which nothing was counted gets it with its first apply)."""
        return self.offset < next_offset or (self.version > 0 and not self.described)


async def read_marks(
    redis: Redis, keys: Keys, retention: Retention, partition: int, partitions: int
) -> dict[int, Mark]:
    """The marks of all slots that a partition owns. Raises StateError where another layout version was written, or
    with window sizes with which ours cannot go on."""
    slots = slots_of_partition(partition, partitions)
    pipe = redis.pipeline(transaction=False)
    for slot in slots:
        pipe.hmget(keys.applied[slot], str(partition), "version", "layout", *retention.names)
    marks = {}
    for slot, (offset, version, layout, *sizes) in zip(slots, await round_trip(pipe), strict=True):
        if layout is not None and layout.decode() != LAYOUT_VERSION:
            raise StateError(
                f"{keys.applied[slot]} has layout {layout.decode()}; expected {LAYOUT_VERSION}: run the release that "
                "wrote it, or count anew into an empty Redis or another TWOWAY_KEY_PREFIX"
            )
        described = retention.stands_in(keys.applied[slot], sizes) and layout is not None
        marks[slot] = Mark(int(offset or 0), int(version or 0), described)
    return marks


async def check_marks(
    redis: Redis, keys: Keys, retention: Retention, partition: int, partitions: int, believed: Mapping[int, Mark]
) -> None:
    """Raises FencedError where Redis holds other marks than these: it fell back, or another writer was there."""
    for slot, mark in (await read_marks(redis, keys, retention, partition, partitions)).items():
        if mark != believed[slot]:
            raise FencedError(f"slot {slot} of partition {partition} is at {mark}; expected {believed[slot]}")


async def check_redis(redis: Redis) -> None:
    """Refuse a Redis that may throw our keys away, or that holds but a part of them: StateError with the fix."""
    if isinstance(redis, Cluster):
        for node in await redis.masters():
            _check_policy(await node.execute_command("INFO", "memory"))
        return
    if (await redis.info("cluster")).get("cluster_enabled"):
        raise StateError(
            "the Redis at TWOWAY_REDIS_URL is a node of a Redis Cluster; expected the URL to begin with "
            "redis+cluster:// or rediss+cluster://"
        )
    _check_policy(await redis.info("memory"))


def _check_policy(memory: Mapping[str, Any]) -> None:
    policy = memory.get("maxmemory_policy", "noeviction")
    if memory.get("maxmemory", 0) and policy != "noeviction":
        raise StateError(
            f"Redis evicts keys when it is full (maxmemory-policy is {policy}); expected noeviction, for a count that "
            "was thrown away is wrong without a sign. Fix: redis-cli config set maxmemory-policy noeviction"
        )
