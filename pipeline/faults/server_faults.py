"""Faults of servers as such: a child killed and brought back, partitions added. Each says whether it fired."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable

from pipeline.errors import UnavailableError
from pipeline.faults.schedule import PARTITIONS, Fault
from pipeline.faults.stage import Stage
from pipeline.faults.waiting import wait_for
from pipeline.local.children import Child
from pipeline.topic_admin import add_partitions

#: A killed child comes back so soon, as a service manager would bring it.
BACK_S = 0.5
GROW_S = 60.0


async def kill(stage: Stage, child: Child, away_s: float, say: Callable[[str], None]) -> bool:
    """Kill a child, and bring it back after so long."""
    say(f"{child.name} is killed" + (f" for {away_s:g} s" if away_s != BACK_S else ""))
    with stage.busy(child):
        child.kill()
        fired = child.exit_code == -signal.SIGKILL
        await asyncio.sleep(away_s)
        child.start()
        await stage.healthy(child)
    return fired


class ServerFaults:
    """What is done to the gateway, Kafka and Redis."""

    def __init__(self, stage: Stage, say: Callable[[str], None]) -> None:
        self._stage = stage
        self._say = say
        self._partitions = PARTITIONS[0]

    async def kill_gateway(self, _fault: Fault) -> bool:
        return await self._kill("gateway", BACK_S)

    async def kill_kafka(self, fault: Fault) -> bool:
        return await self._kill("kafka", fault.lasts_s)

    async def kill_redis(self, fault: Fault) -> bool:
        return await self._kill("redis", fault.lasts_s)

    async def _kill(self, name: str, away_s: float) -> bool:
        async with self._stage.turns[name]:
            return await kill(self._stage, self._stage.server(name), away_s, self._say)

    async def add_partitions(self, _fault: Fault) -> bool:
        more = PARTITIONS[PARTITIONS.index(self._partitions) + 1]
        self._say(f"interactions gets {more} partitions instead of {self._partitions}")

        async def grown() -> bool:
            try:
                return await asyncio.to_thread(add_partitions, self._stage.plan.settings, more) < more
            except UnavailableError:  # Kafka is killed at the same time
                return False

        fired = await wait_for(grown, GROW_S)
        self._partitions = more
        return bool(fired)
