"""The gateway's memory in Redis: id -> account, post, kind, actor. For deliveries that carry nothing but an id.

Entries hold pseudonyms only and live for `directory_ttl_days`. A connection with a fence writes into a field of its
account's, all others share one: what somebody says of an id takes nothing from those who may not be spoken for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping
from itertools import islice
from typing import Any

import msgspec
from redis.asyncio import Redis
from redis.exceptions import RedisError

from pipeline.access.redis import redis_away
from pipeline.errors import UnavailableError
from pipeline.gateway import metrics
from pipeline.settings import Settings
from pipeline.sources.outcomes import Known, decode_known, encode_known
from pipeline.store.connect import connect_redis
from pipeline.store.keys import Keys
from schemas.interaction import LONGEST_ID

#: A delivery waits for the trip before its own and for its own: with the wait for Kafka, two seconds.
TIMEOUT_S = 0.25
#: Commands of one trip: 30 ms of this process. A delivery that needs more makes several.
TRIP_COMMANDS = 1_000
DAY_S = 86_400
#: The field of the connections that may speak of every account.
EVERYBODY = ""

Command = tuple[str | bytes | int, ...]


class Directory:
    """What ids are known to be. Raises UnavailableError while Redis does not answer."""

    def __init__(self, settings: Settings, timeout_s: float | None = None) -> None:
        """`timeout_s`: how long to wait for Redis where no sender waits for an answer."""
        timeout_s = timeout_s or TIMEOUT_S
        self._keys = Keys(settings.key_prefix)
        self._ttl_s = settings.directory_ttl_days * DAY_S
        self._redis = connect_redis(settings, timeout_s=timeout_s, connect_s=timeout_s)
        self._trips = _Trips(self._redis)

    async def look_up(
        self, platform: str, ids: Iterable[str], accounts: Collection[str] = frozenset()
    ) -> dict[str, Known]:
        """What is known of the ids to a connection that may speak of these accounts, or of all. One command each: the
        keys may lie on several nodes. Their keys are made trip by trip, for a long id takes its time."""
        wanted = [object_id for object_id in ids if len(object_id) <= LONGEST_ID]
        known: dict[str, Known] = {}
        for first in range(0, len(wanted), TRIP_COMMANDS):
            some = wanted[first : first + TRIP_COMMANDS]
            found = await self._trips.run([("HGETALL", self._keys.seen(platform, object_id)) for object_id in some])
            for object_id, entry in zip(some, found, strict=True):
                if entry and (chosen := _chosen(entry, accounts)) is not None:
                    known[object_id] = chosen
        metrics.LOOKUPS.labels("yes").inc(len(known))
        metrics.LOOKUPS.labels("no").inc(len(wanted) - len(known))
        return known

    async def remember(
        self, platform: str, memories: Mapping[str, Known], accounts: Collection[str] = frozenset()
    ) -> None:
        """Keep what the ids are, as a connection says it that may speak of these accounts, or of all. What no record
        could hold is left out: nothing of it is ever counted."""
        kept = [(object_id, known) for object_id, known in memories.items() if known.fits(object_id)]
        for first in range(0, len(kept), TRIP_COMMANDS // 2):
            commands: list[Command] = []
            for object_id, known in kept[first : first + TRIP_COMMANDS // 2]:
                key, name = self._keys.seen(platform, object_id), known.account if accounts else EVERYBODY
                commands += (("HSET", key, name, encode_known(known)), ("EXPIRE", key, self._ttl_s))
            await self._trips.run(commands)
        metrics.MEMORIES.inc(len(kept))

    async def is_ready(self) -> bool:
        """Whether Redis answers."""
        try:
            return bool(await self._redis.ping())
        except (RedisError, OSError):
            return False

    async def close(self) -> None:
        """Give the connections back."""
        await self._redis.aclose()


def _chosen(entry: Mapping[bytes, bytes], accounts: Collection[str]) -> Known | None:
    """Of what is said of an id: what those say who may speak of the same accounts, before what all may say, before the
    rest, which is not ours."""
    said = {name.decode(): raw for name, raw in entry.items()}
    for name in sorted(said, key=lambda name: (name not in accounts, name != EVERYBODY)):
        try:
            return decode_known(said[name])
        except msgspec.ValidationError:  # of another version
            continue
    return None


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
