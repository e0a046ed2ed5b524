"""Does what the schedule says, and sees to it that each fault fired: that the victim is dead, asleep or gone."""

from __future__ import annotations

import asyncio
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TypeVar

from pipeline.crash_points import DYING
from pipeline.errors import UnavailableError
from pipeline.faults.provoking import PROVOKED, provoke
from pipeline.faults.schedule import PARTITIONS, Fault, Kind
from pipeline.faults.stage import WORKERS_MOST, Stage
from pipeline.local.children import Child
from pipeline.local.role import Role
from pipeline.topic_admin import add_partitions

POLL_S = 0.1
#: A killed child comes back so soon, as a service manager would bring it.
BACK_S = 0.5
#: How long a worker may take to come to its crash point, and a fault to find a victim to whom nothing else is done.
POINT_S = 60.0
VICTIM_S = 60.0
GROW_S = 60.0
PROVOKE_S = 1.0
#: How a worker ends that is asked to; by the signal itself where it had not come so far as to listen to it.
LEFT = frozenset({0, -signal.SIGTERM})

#: Told of each fault as it is injected, and of what did not fire.
Say = Callable[[str], None]
Found = TypeVar("Found")


class Injector:
    """Injects a schedule into a stage. `fired` counts by kind."""

    def __init__(self, stage: Stage, say: Say) -> None:
        self.fired: Counter[Kind] = Counter()
        self._stage = stage
        self._say = say
        self._partitions = PARTITIONS[0]
        self._do: dict[Kind, Callable[[Fault], Awaitable[bool]]] = {
            Kind.WORKER_KILLED: self._kill_worker,
            Kind.CRASH_POINT: self._kill_at_point,
            Kind.WORKER_FROZEN: self._freeze_worker,
            Kind.WORKER_ADDED: self._add_worker,
            Kind.WORKER_REMOVED: self._remove_worker,
            Kind.GATEWAY_KILLED: lambda fault: self._kill(self._stage.server("gateway"), BACK_S),
            Kind.KAFKA_KILLED: lambda fault: self._kill(self._stage.server("kafka"), fault.lasts_s),
            Kind.REDIS_KILLED: lambda fault: self._kill(self._stage.server("redis"), fault.lasts_s),
            Kind.PARTITIONS_ADDED: self._add_partitions,
        }

    async def run(self, schedule: Sequence[Fault]) -> None:
        """All faults, each at its time, whatever the one before still does; returns when all are over."""
        began = time.monotonic()
        async with asyncio.TaskGroup() as tasks:
            for fault in schedule:
                await asyncio.sleep(max(0.0, began + fault.at_s - time.monotonic()))
                tasks.create_task(self._inject(fault))

    async def _inject(self, fault: Fault) -> None:
        if await self._do[fault.kind](fault):
            self.fired[fault.kind] += 1
        else:
            self._say(f"did not fire: {fault.kind}{f' {fault.point}' if fault.point else ''}")

    async def _kill_worker(self, fault: Fault) -> bool:
        async with self._victim(fault) as worker:
            return worker is not None and await self._kill(worker, BACK_S)

    async def _kill(self, child: Child, away_s: float) -> bool:
        self._say(f"{child.name} is killed" + (f" for {away_s:g} s" if away_s != BACK_S else ""))
        self._stage.in_hand.add(child)
        try:
            child.kill()
            fired = child.exit_code == -signal.SIGKILL
            await asyncio.sleep(away_s)
            child.start()
            await self._stage.healthy(child)
        finally:
            self._stage.in_hand.discard(child)
        return fired

    async def _kill_at_point(self, fault: Fault) -> bool:
        """A worker is replaced by one that dies at the point, and that one by one that does not."""
        assert fault.point is not None
        async with self._victim(fault) as worker:
            if worker is None:
                return False
            await asyncio.to_thread(worker.stop)
            self._stage.remove(worker)
            doomed = self._stage.add_worker(fault.point, fault.hit)
            self._stage.in_hand.add(doomed)
            self._say(f"{doomed.name} is to die at its crash point {fault.point}, hit {fault.hit}")
            try:
                fired = await self._dies(doomed, fault)
            finally:
                doomed.kill()
                self._stage.remove(doomed)
                self._stage.in_hand.discard(doomed)
                self._stage.add_worker()
            return fired

    async def _dies(self, doomed: Role, fault: Fault) -> bool:
        until = time.monotonic() + POINT_S
        provoked = 0.0
        while doomed.is_running() and time.monotonic() < until:
            await asyncio.sleep(POLL_S)
            if fault.point in PROVOKED and time.monotonic() - provoked > PROVOKE_S:
                provoked = time.monotonic()
                await provoke(self._stage.plan.settings, fault.point)
        return doomed.exit_code == -signal.SIGKILL and f"{DYING} {fault.point}" in doomed.tail()

    async def _freeze_worker(self, fault: Fault) -> bool:
        async with self._victim(fault) as worker:
            if worker is None:
                return False
            self._say(f"{worker.name} is frozen for {fault.lasts_s:g} s, then it wakes as a zombie")
            worker.pause()
            await asyncio.sleep(fault.lasts_s)
            fired = is_stopped(worker)
            worker.resume()
            return fired

    async def _add_worker(self, _fault: Fault) -> bool:
        if len(self._stage.workers) == WORKERS_MOST:
            return False
        worker = self._stage.add_worker()
        self._say(f"{worker.name} is added")
        return True

    async def _remove_worker(self, fault: Fault) -> bool:
        async with self._victim(fault) as worker:
            if worker is None:
                return False
            self._say(f"{worker.name} is removed")
            await asyncio.to_thread(worker.stop)
            self._stage.remove(worker)
            if worker.exit_code not in LEFT:
                self._stage.deaths.append(worker.why())
            return True

    async def _add_partitions(self, _fault: Fault) -> bool:
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

    @asynccontextmanager
    async def _victim(self, fault: Fault) -> AsyncIterator[Role | None]:
        """A worker to whom nothing else is done meanwhile; None where there is none in time."""

        async def picked() -> Role | None:
            return self._stage.pick(fault.victim)

        worker = await wait_for(picked, VICTIM_S)
        if worker is None:
            yield None
            return
        self._stage.in_hand.add(worker)
        try:
            yield worker
        finally:
            self._stage.in_hand.discard(worker)


async def wait_for(look: Callable[[], Awaitable[Found | None]], seconds: float) -> Found | None:
    """The first true value, None where there is none in time."""
    until = time.monotonic() + seconds
    while not (found := await look()):
        if time.monotonic() > until:
            return None
        await asyncio.sleep(POLL_S)
    return found


def is_stopped(child: Child) -> bool:
    """Whether a child stands still by SIGSTOP; where the system does not say, whether it is there."""
    try:
        with open(f"/proc/{child.pid}/stat", encoding="utf-8") as stat:  # noqa: PTH123 - no file of ours
            return stat.read().rpartition(")")[2].split()[0] == "T"
    except OSError:
        return child.is_running()
