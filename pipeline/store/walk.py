"""Walks over all keys that match a pattern, of one Redis or of all masters of a cluster."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.cluster import ClusterNode
from redis.exceptions import RedisError, TryAgainError

from pipeline.store.cluster import Cluster
from pipeline.store.cluster_pipeline import ON_ITS_WAY, exchange

#: Seconds before each walk over a cluster in which hash slots moved during the one before.
WAITS_S = (0, 1, 2, 4)
#: Words of a node's line in `CLUSTER NODES` before its hash slots.
_BEFORE_SLOTS = 8


class Walk:
    """A walk in rounds, each of a bounded number of keys that are looked at. Starts anew once it reached the end."""

    def __init__(self, redis: Redis, pattern: str) -> None:
        self._redis = redis
        self._pattern = pattern
        self._cursor = 0
        self._nodes: list[ClusterNode] = []

    async def round(self, count: int) -> tuple[list[Any], bool]:
        """What the next `count` keys give, and whether the walk has reached the end. Keys may come twice."""
        if isinstance(self._redis, Cluster):
            return await self._round_of_node(self._redis, count)
        self._cursor, keys = await self._redis.scan(self._cursor, match=self._pattern, count=count)
        return keys, self._cursor == 0

    async def _round_of_node(self, cluster: Cluster, count: int) -> tuple[list[Any], bool]:
        self._nodes = self._nodes or await cluster.masters()
        node = self._nodes[-1]
        try:
            self._cursor, keys = await node.execute_command(
                "SCAN", self._cursor, "MATCH", self._pattern, "COUNT", count
            )
        except (RedisError, OSError):
            self._nodes, self._cursor = [], 0
            cluster.suspect(node)
            raise
        if self._cursor == 0:
            self._nodes.pop()
        return keys, not self._nodes


async def every_key(redis: Redis, pattern: str, count: int, type_: str) -> AsyncIterator[bytes]:
    """Every key of a type that is there all the while, also where hash slots move from a node that is still to be
    walked to one that was: then all is walked again. Raises TryAgainError where they do not come to rest."""
    for wait_s in WAITS_S:
        await asyncio.sleep(wait_s)
        before = await _places(redis)
        async for key in redis.scan_iter(match=pattern, count=count, _type=type_):
            yield key
        if await _places(redis) == before and not any(b"[" in slots for slots in before.values()):
            return
    raise TryAgainError(ON_ITS_WAY)


async def _places(redis: Redis) -> dict[str, bytes]:
    """The hash slots that each master says it holds, with those on the way in brackets; nothing for one Redis."""
    if not isinstance(redis, Cluster):
        return {}
    places = {}
    for node in await redis.masters():
        (said,) = await exchange(node, [("CLUSTER", "NODES")])
        mine = next(line for line in bytes(said).splitlines() if b"myself" in line)
        places[node.name] = b" ".join(mine.split()[_BEFORE_SLOTS:])
    return places
