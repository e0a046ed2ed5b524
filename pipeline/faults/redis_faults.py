"""Redis loses what it has, or takes no more: emptied, put back to an older copy, out of memory.

What is lost is to be counted again from Kafka: a fault has fired once all of it is. Until then nobody else does
anything to Redis. Each says whether it fired.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from redis.asyncio import Redis
from redis.exceptions import RedisError

from pipeline.faults.memory import Memory, empty_redis, read_memory, write_memory
from pipeline.faults.reach import ANSWER_S, Reaches, counted, has_caught_up, is_below, reaches_now, read_reaches
from pipeline.faults.schedule import Fault
from pipeline.faults.stage import HEALTHY_S, Stage
from pipeline.faults.waiting import wait_for
from pipeline.local.ports import free_ports
from pipeline.local.redis import RedisServer
from pipeline.store.connect import connect_redis
from pipeline.store.keys import Keys

#: How long workers may take to count again what was counted before.
AGAIN_S = 180.0
#: How long a full Redis may take to be asked to write something.
REFUSED_S = 20.0
#: Writes wait for so long at the most while the memory is read; the server is killed before.
PAUSE_MS = 60_000
#: So much of what it uses a full Redis is allowed: what it holds for its clients for a moment does not make room.
FULL = 0.9
OOM = "errorstat_OOM"


class RedisFaults:
    """What is done to the data of Redis, and to its room for more."""

    def __init__(self, stage: Stage, say: Callable[[str], None]) -> None:
        self._stage = stage
        self._say = say
        self._settings = stage.plan.settings
        self._keys = Keys(self._settings.key_prefix)

    async def empty(self, _fault: Fault) -> bool:
        """FLUSHALL and SCRIPT FLUSH under the workers. Fired: no key was left, and all is counted anew."""
        async with self._stage.turns["redis"], self._client() as client:
            before = await self._reaches()
            left, kept = await empty_redis(client, self._keys)
            await client.script_flush()
            self._say(f"Redis is emptied: {counted(before):,} counted records are gone, {kept:,} ids are remembered")
            return left == 0 and counted(before) > 0 and await self._is_counted_again(before)

    async def restore(self, fault: Fault) -> bool:
        """A copy is made now, and put back later, over a kill. Fired: the copy knew less, and all is counted again."""
        server, copy = self._stage.redis, self._stage.older(f"redis-{fault.at_s:g}")
        async with self._stage.turns["redis"]:
            await asyncio.to_thread(shutil.copytree, server.data, copy)
        await asyncio.sleep(fault.lasts_s)
        async with self._stage.turns["redis"]:
            with self._stage.busy(server):
                async with self._client() as client:
                    await client.client_pause(PAUSE_MS, all=False)
                    before, memories = await self._reaches(), await read_memory(client, self._keys)
                server.kill()
                older = await self._complete(copy, memories)
                await asyncio.to_thread(_replace, server.data, copy)
                server.start()
                await self._stage.healthy(server)
            lost = counted(before) - counted(older)
            self._say(f"Redis is put back to a copy {fault.lasts_s:g} s old: it has {lost:,} counted records less")
            return is_below(older, before) and await self._is_counted_again(before)

    async def fill(self, fault: Fault) -> bool:
        """No more memory for a while, and none is made by eviction. Fired: writes were refused, and it went on."""
        async with self._stage.turns["redis"], self._client() as client:
            refused = await _refused(client)
            limit = int((await client.info("memory"))["used_memory"] * FULL)
            self._say(f"Redis is out of memory for {fault.lasts_s:g} s")
            await client.config_set("maxmemory", limit)
            try:
                await asyncio.sleep(fault.lasts_s)

                async def more_refused() -> int:
                    return await _refused(client) - refused

                is_refused = await wait_for(more_refused, REFUSED_S)
                before = await self._reaches()
            finally:
                await client.config_set("maxmemory", 0)

            return bool(is_refused) and await self._comes(lambda now: counted(now) > counted(before))

    async def _complete(self, copy: Path, memories: Sequence[Memory]) -> Reaches:
        """Give a copy the memory of now, in a server that nobody knows of; how far its slots are."""
        private = RedisServer(copy, free_ports(1)[0], self._stage.redis.program)
        private.start()
        try:
            await asyncio.to_thread(private.wait_healthy, HEALTHY_S)
            async with Redis.from_url(private.url) as client:
                await write_memory(client, memories)
            async with Redis.from_url(private.url, decode_responses=True) as client:
                return await read_reaches(client, self._settings)
        finally:
            await asyncio.to_thread(private.stop)

    async def _is_counted_again(self, before: Reaches) -> bool:
        return await self._comes(lambda now: has_caught_up(now, before))

    async def _comes(self, wanted: Callable[[Reaches], bool]) -> bool:
        """Whether counting comes so far in time."""

        async def came() -> bool:
            try:
                return wanted(await self._reaches())
            except (RedisError, OSError):
                return False

        return bool(await wait_for(came, AGAIN_S))

    async def _reaches(self) -> Reaches:
        return await reaches_now(self._settings)

    @asynccontextmanager
    async def _client(self) -> AsyncIterator[Redis]:
        client = connect_redis(self._settings, timeout_s=ANSWER_S)
        try:
            yield client
        finally:
            await client.aclose()


async def _refused(client: Redis) -> int:
    """How many commands Redis has refused for want of memory."""
    return int((await client.info("errorstats")).get(OOM, {}).get("count", 0))


def _replace(data: Path, copy: Path) -> None:
    shutil.rmtree(data)
    copy.rename(data)
