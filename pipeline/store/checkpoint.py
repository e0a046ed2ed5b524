"""The checkpoint in Redis: how far each slot has applied each source partition and is published, its version, and the
watermark of its last publication.

What Kafka says of the second, the committed offset, does not fall back when Redis does: what is counted anew below it
was never published in Redis' present life, and nothing there says when its windows close. So the slot says it itself,
in the field `published:<partition>`; each publication writes it to every slot. Beside it stands the publication's
watermark: what was told as final is told so by every later owner.

The version is the writer's claim: it grows when an owner comes and with every apply, at least to the wall clock in ms,
so that it goes on growing even over a Redis that was emptied or restored. Published revisions come from it.
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

#: The field of `applied` with the watermark of the slot's last publication.
WATERMARK = "watermark"


@dataclass(slots=True)
class Mark:
    """A slot's next offset to apply of one partition, its version, the offset before which all of it is published, and
    the watermark, ms, of the newest publication that wrote here, of whatever partition.

    `described`: what else belongs beside them (layout, window sizes) stands there as we have it; else it is written
    with the next apply, under the same version."""

    offset: int
    version: int
    described: bool = field(default=True, compare=False, repr=False)
    published: int = field(default=0, compare=False, repr=False)
    watermark_ms: int = field(default=0, compare=False, repr=False)

    def is_behind(self, next_offset: int, published_to: int) -> bool:
        """Whether offsets are to be written although nothing changed: also where what describes the slot is not there
        yet (a slot in which nothing was counted gets it with its first apply)."""
        behind = self.offset < next_offset or self.published < published_to
        return behind or (self.version > 0 and not self.described)


def published_field(partition: int | str) -> str:
    """The field of `applied` that says how far a slot is published from a partition."""
    return f"published:{partition}"


async def read_marks(
    redis: Redis, keys: Keys, retention: Retention, partition: int, partitions: int
) -> dict[int, Mark]:
    """The marks of all slots that a partition owns. Raises StateError where another layout version was written, or
    with window sizes with which ours cannot go on."""
    slots = slots_of_partition(partition, partitions)
    pipe = redis.pipeline(transaction=False)
    for slot in slots:
        pipe.hmget(
            keys.applied[slot], str(partition), "version", published_field(partition), WATERMARK, "layout",
            *retention.names,
        )  # fmt: skip
    marks = {}
    for slot, (offset, version, published, watermark, layout, *sizes) in zip(
        slots, await round_trip(pipe), strict=True
    ):
        if layout is not None and layout.decode() != LAYOUT_VERSION:
            raise StateError(
                f"{keys.applied[slot]} has layout {layout.decode()}; expected {LAYOUT_VERSION}: run the release that "
                "wrote it, or count anew into an empty Redis or another TWOWAY_KEY_PREFIX"
            )
        described = retention.stands_in(keys.applied[slot], sizes) and None not in {layout, published}
        # A release without `published` trusted Kafka's word alone.
        marks[slot] = Mark(
            int(offset or 0), int(version or 0), described, int(published or offset or 0), int(watermark or 0)
        )
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
