"""How far counting is, slot by slot, before and after Redis lost something: whether it fell back, whether all is back.

Offsets say it exactly, for a slot's rows and its offset change together. Pure, but for the reading.
"""

from __future__ import annotations

from collections.abc import Mapping

from redis.asyncio import Redis

from pipeline.proving.snapshot import Reach, SnapshotReader
from pipeline.settings import Settings
from pipeline.store.connect import connect_redis
from pipeline.store.keys import Keys

ANSWER_S = 10.0
#: Slot -> how far it is.
Reaches = Mapping[int, Reach]


async def read_reaches(client: Redis, settings: Settings) -> Reaches:
    """How far all slots are now. The client is one that decodes. Raises RedisError and OSError."""
    return await SnapshotReader(client, Keys(settings.key_prefix), settings.engaged_windows).reach()


async def reaches_now(settings: Settings) -> Reaches:
    """The same, with a client of its own."""
    client = connect_redis(settings, timeout_s=ANSWER_S, decode=True)
    try:
        return await read_reaches(client, settings)
    finally:
        await client.aclose()


def farthest(reaches: Reaches) -> dict[int, int]:
    """How far each partition is counted: partition -> the offset of its farthest slot."""
    found: dict[int, int] = {}
    for reach in reaches.values():
        for partition, offset in reach.applied.items():
            found[partition] = max(offset, found.get(partition, 0))
    return found


def counted(reaches: Reaches) -> int:
    """How many records are counted: of each partition as many as its farthest slot has."""
    return sum(farthest(reaches).values())


def is_below(now: Reaches, before: Reaches) -> bool:
    """Whether some slot is less far than before."""
    return any(_offset(now[slot], partition) < offset for slot, partition, offset in _newest(before))


def has_caught_up(now: Reaches, before: Reaches) -> bool:
    """Whether every slot is as far again in the partition that it lay in last, or has moved to another since."""
    return all(
        _offset(now[slot], partition) >= offset or max(now[slot].applied, default=0) > partition
        for slot, partition, offset in _newest(before)
    )


def _newest(reaches: Reaches) -> list[tuple[int, int, int]]:
    """Of each slot the partition that it lies in, the highest that it was ever in, and its offset there."""
    newest = ((slot, max(reach.applied), reach) for slot, reach in reaches.items() if reach.applied)
    return [(slot, partition, reach.applied[partition]) for slot, partition, reach in newest]


def _offset(reach: Reach, partition: int) -> int:
    return reach.applied.get(partition, 0)
