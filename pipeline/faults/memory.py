"""The gateway's memory of ids, carried over a Redis that loses what it has.

Rows come back from Kafka; what an id belongs to (`tw:seen:`) does not. Without it a platform's answers and deletions
that carry nothing but an id would be missing afterwards, so a proof of the counting keeps it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from redis.asyncio import Redis

from pipeline.store.keys import Keys

SCAN_COUNT = 2_000
TRIP_COMMANDS = 5_000
#: KEYS[]: none. ARGV[1]: the pattern of what is kept. Gives how many keys were there once all was gone, and how many
#: were put back. One step: no delivery finds the memory missing.
EMPTY = """
local kept = {}
for _, key in ipairs(redis.call('KEYS', ARGV[1])) do
  kept[#kept + 1] = {key, redis.call('DUMP', key), redis.call('PTTL', key)}
end
redis.call('FLUSHALL')
local left = redis.call('DBSIZE')
for _, one in ipairs(kept) do
  redis.call('RESTORE', one[1], math.max(1, one[3]), one[2])
end
return {left, #kept}
"""


class Memory(NamedTuple):
    """One entry, as Redis dumps it, and how long it lives on, ms."""

    key: bytes
    value: bytes
    ttl_ms: int


async def empty_redis(client: Redis, keys: Keys) -> tuple[int, int]:
    """FLUSHALL, and the memory back in one step; how many keys were left in between, and how many were put back."""
    left, kept = await client.eval(EMPTY, 0, _pattern(keys))
    return int(left), int(kept)


async def read_memory(client: Redis, keys: Keys) -> list[Memory]:
    """All entries, where nothing is written meanwhile."""
    names = [name async for name in client.scan_iter(match=_pattern(keys), count=SCAN_COUNT)]
    found = []
    for some in _parts(names):
        pipe = client.pipeline(transaction=False)
        for name in some:
            pipe.dump(name)
            pipe.pttl(name)
        answers = await pipe.execute()
        found += [Memory(*one) for one in zip(some, answers[::2], answers[1::2], strict=True) if one[1] is not None]
    return found


async def write_memory(client: Redis, memories: Sequence[Memory]) -> None:
    """Put entries in."""
    for some in _parts(memories):
        pipe = client.pipeline(transaction=False)
        for one in some:
            pipe.restore(one.key, max(1, one.ttl_ms), one.value, replace=True)
        await pipe.execute()


def _pattern(keys: Keys) -> str:
    return keys.seen("*", "*")


def _parts(items: Sequence[Any]) -> list[Sequence[Any]]:
    return [items[first : first + TRIP_COMMANDS] for first in range(0, len(items), TRIP_COMMANDS)]
