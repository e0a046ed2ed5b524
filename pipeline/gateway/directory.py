"""The gateway's memory in Redis: id -> account, post, kind, actor. For deliveries that carry nothing but an id.

Entries hold pseudonyms only and live for `directory_ttl_days`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from pipeline.access.redis import redis_away
from pipeline.errors import UnavailableError
from pipeline.gateway import metrics
from pipeline.settings import Settings
from pipeline.sources.outcomes import Known, decode_known, encode_known
from pipeline.store.connect import connect_redis
from pipeline.store.keys import Keys

#: A delivery waits for the trip before its own and for its own: with the wait for Kafka, two seconds.
TIMEOUT_S = 0.25
#: Commands of one trip: 30 ms of this process. A delivery that needs more makes several.
TRIP_COMMANDS = 1_000
DAY_S = 86_400

Command = tuple[str | bytes | int, ...]


class Directory:
    """What ids are known to be. Raises UnavailableError while Redis does not answer."""

    def __init__(self, settings: Settings) -> None:
        self._keys = Keys(settings.key_prefix)
        self._ttl_s = settings.directory_ttl_days * DAY_S
        self._redis = connect_redis(settings, timeout_s=TIMEOUT_S, connect_s=TIMEOUT_S)
        self._trips = _Trips(self._redis)

    async def look_up(self, platform: str, ids: Iterable[str]) -> dict[str, Known]:
        """What is known of the ids. One GET each, never MGET: the keys may lie on several nodes."""
        wanted = list(ids)
        if not wanted:
            return {}
        found = await self._run([("GET", self._keys.seen(platform, object_id)) for object_id in wanted])
        known = {object_id: decode_known(raw) for object_id, raw in zip(wanted, found, strict=True) if raw is not None}
        metrics.LOOKUPS.labels("yes").inc(len(known))
        metrics.LOOKUPS.labels("no").inc(len(wanted) - len(known))
        return known

    async def remember(self, platform: str, memories: Mapping[str, Known]) -> None:
        """Keep what the ids are."""
        await self._run(
            [
                ("SET", self._keys.seen(platform, object_id), encode_known(known), "EX", self._ttl_s)
                for object_id, known in memories.items()
            ]
        )
        metrics.MEMORIES.inc(len(memories))

    async def _run(self, commands: list[Command]) -> list[Any]:
        found: list[Any] = []
        for first in range(0, len(commands), TRIP_COMMANDS):
            found += await self._trips.run(commands[first : first + TRIP_COMMANDS])
        return found

    async def is_ready(self) -> bool:
        """Whether Redis answers."""
        try:
            return bool(await self._redis.ping())
        except (RedisError, OSError):
            return False

    async def close(self) -> None:
        """Give the connections back."""
        await self._redis.aclose()


_Waiting = tuple[list[Command], "asyncio.Future[list[Any] | UnavailableError]"]


class _Trips:
    """Round trips that concurrent deliveries share: one at a time, so one connection serves however many wait."""

    def __init__(self, client: Redis) -> None:
        self._redis = client
        self._waiting: list[_Waiting] = []
        self._traveller: asyncio.Task[None] | None = None

    async def run(self, commands: list[Command]) -> list[Any]:
        """The answers to the commands, in their order."""
        answered: asyncio.Future[list[Any] | UnavailableError] = asyncio.get_running_loop().create_future()
        self._waiting.append((commands, answered))
        if self._traveller is None:
            self._traveller = asyncio.create_task(self._travel(), name="directory")
        answers = await answered
        if isinstance(answers, UnavailableError):
            raise UnavailableError(*answers.args)  # a new one: its frames hold this future, and the delivery
        return answers

    async def _travel(self) -> None:
        try:
            while self._waiting:
                await self._trip(self._next_group())
        finally:
            self._traveller = None

    def _next_group(self) -> list[_Waiting]:
        """Those who wait, in their order, up to the commands of a trip; one of them at least."""
        size = last = 0
        while last < len(self._waiting) and (not last or size < TRIP_COMMANDS):
            size, last = size + len(self._waiting[last][0]), last + 1
        group, self._waiting = self._waiting[:last], self._waiting[last:]
        return group

    async def _trip(self, group: list[_Waiting]) -> None:
        pipe = self._redis.pipeline(transaction=False)
        for commands, _ in group:
            for command in commands:
                pipe.execute_command(*command)
        try:
            answers = iter(await pipe.execute())
        except (RedisError, OSError) as error:
            metrics.DIRECTORY_FAILURES.inc()
            for _, answered in group:
                if not answered.done():
                    answered.set_result(UnavailableError(redis_away(self._redis, error)))
        else:
            for commands, answered in group:
                mine = list(islice(answers, len(commands)))
                if not answered.done():
                    answered.set_result(mine)
