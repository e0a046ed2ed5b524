"""The writes of one erasure in Redis: each is done only where all those before it are still there.

A Redis that falls back to an older state may lose names and bring back texts; without this it would then be told that
everything is erased. How many writes an erasure has done stands beside what it writes, so that both fall back together.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

from redis.asyncio import Redis
from redis.asyncio.client import Pipeline

from pipeline.store.cluster import Cluster
from pipeline.store.keys import Keys
from pipeline.store.lua import LuaScript
from pipeline.store.round_trip import round_trip

ERASE = LuaScript(Path(__file__).with_name("erase.lua"))
#: Of the number of writes, of an erasure that never ended.
KEPT_S = 86_400
#: Arguments of one round trip, of some 50 bytes each: a fraction of a second for Redis, which has ten (`round_trip`).
ARGUMENTS_MOST = 50_000
#: Those that every call of `erase.lua` has, keys included.
_ARGUMENTS = 9


class GoneError(Exception):
    """Raised when writes of an erasure are gone: it has to begin anew."""


class Write(NamedTuple):
    """What `erase.lua` writes to a key of a slot (None: to `erasures` alone): what, and its arguments."""

    slot: int
    key: str | bytes | None
    what: str
    arguments: tuple[str | bytes | int, ...]


class Place(NamedTuple):
    """Where a Redis says how far erasures are done (`erasures`), and one erasure how many writes it did (`erasing`)."""

    erasures: str
    erasing: str


def places_of(redis: Redis, keys: Keys) -> tuple[str, ...]:
    """Where it stands how far erasures are done. Each node of a cluster may fall back by itself, so there each slot
    says it for itself."""
    return keys.slot_erasures if isinstance(redis, Cluster) else (keys.erasures,)


class Writes:
    """Those of one erasure, in the order in which they are given, counted at each of `places_of`."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self._redis = redis
        self._by_slot = isinstance(redis, Cluster)
        name = uuid4().hex
        erasing = keys.slot_erasing(name) if self._by_slot else (keys.erasing(name),)
        self._places = [Place(*names) for names in zip(places_of(redis, keys), erasing, strict=True)]
        self._done = [0] * len(self._places)

    async def write(self, writes: Iterable[Write]) -> None:
        """Raises GoneError where one before is gone, and RedisError: then an erasure begins anew."""
        pipe, arguments = self._redis.pipeline(transaction=False), 0
        for one in writes:
            self._add(pipe, one.slot if self._by_slot else 0, one.key, one.what, one.arguments)
            arguments += _ARGUMENTS + len(one.arguments)
            if arguments > ARGUMENTS_MOST:
                await self._run(pipe)
                pipe, arguments = self._redis.pipeline(transaction=False), 0
        if arguments:
            await self._run(pipe)

    async def finish(self, ends: dict[int, int]) -> None:
        """Everything in `interactions.erased` up to these offsets is erased, by partition. Raises as `write` does."""
        pipe = self._redis.pipeline(transaction=False)
        offsets = tuple(part for pair in ends.items() for part in pair)
        for number in range(len(self._places)):
            self._add(pipe, number, None, "done", offsets)
        await self._run(pipe)

    def _add(
        self, pipe: Pipeline, number: int, key: str | bytes | None, what: str, arguments: tuple[str | bytes | int, ...]
    ) -> None:
        place = self._places[number]
        keys = (place.erasing, place.erasures, key or place.erasures)
        pipe.evalsha(ERASE.sha, len(keys), *keys, self._done[number], KEPT_S, what, *arguments)
        self._done[number] += 1

    @staticmethod
    async def _run(pipe: Pipeline) -> None:
        if 0 in await round_trip(pipe):
            raise GoneError
