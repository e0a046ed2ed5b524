"""Faults of workers: killed, frozen, added, removed, and with a wall clock that is set. Each says whether it fired."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

from pipeline.crash_points import DYING
from pipeline.faults.provoking import PROVOKED, provoke
from pipeline.faults.schedule import Fault
from pipeline.faults.server_faults import BACK_S, kill
from pipeline.faults.shifted_clock import said, write_shift
from pipeline.faults.stage import HEALTHY_S, WORKERS_MOST, Stage
from pipeline.faults.takeover import Takeover, partitions_of
from pipeline.faults.waiting import POLL_S, is_stopped, wait_for
from pipeline.local.role import Role

#: How long a worker may take to come to its crash point, and to notice that its clock was set.
POINT_S = 60.0
NOTICED_S = 30.0
PROVOKE_S = 1.0
#: How long others may take to count where a frozen worker did: Kafka may be away and Redis be counted anew meanwhile.
TAKEN_OVER_S = 120.0
#: Hours back, some of them forward again, then right: how a wall clock is set. Never ahead of the others: a record's
#: revision is at least the clock, and a Redis emptied within the hours that it was ahead would begin below it.
SHIFTS_S = (-5 * 3_600, -2 * 3_600, 0)
LOG_LINES = 400
#: How a worker ends that is asked to; by the signal itself where it had not come so far as to listen to it.
LEFT = frozenset({0, -signal.SIGTERM})


class WorkerFaults:
    """What is done to one worker, or to their number."""

    def __init__(self, stage: Stage, say: Callable[[str], None]) -> None:
        self._stage = stage
        self._say = say

    async def kill(self, fault: Fault) -> bool:
        async with self._stage.victim(fault.victim) as worker:
            return worker is not None and await kill(self._stage, worker, BACK_S, self._say)

    async def kill_at_point(self, fault: Fault) -> bool:
        """A worker is replaced by one that dies at the point, and that one by one that does not."""
        assert fault.point is not None
        async with self._stage.victim(fault.victim) as worker:
            if worker is None:
                return False
            await self._take_away(worker)
            doomed = self._stage.add_worker(fault.point, fault.hit)
            with self._stage.busy(doomed):
                self._say(f"{doomed.name} is to die at its crash point {fault.point}, hit {fault.hit}")
                try:
                    return await self._dies(doomed, fault)
                finally:
                    doomed.kill()
                    self._stage.remove(doomed)
                    self._stage.add_worker()

    async def _dies(self, doomed: Role, fault: Fault) -> bool:
        until = time.monotonic() + POINT_S
        provoked = 0.0
        while doomed.is_running() and time.monotonic() < until:
            await asyncio.sleep(POLL_S)
            if fault.point in PROVOKED and time.monotonic() - provoked > PROVOKE_S:
                provoked = time.monotonic()
                await provoke(self._stage.plan.settings, fault.point)
        return doomed.exit_code == -signal.SIGKILL and f"{DYING} {fault.point}" in doomed.tail()

    async def freeze(self, fault: Fault) -> bool:
        """One that has partitions sleeps so long, and on until others have taken them over. Fired: they have."""
        async with AsyncExitStack() as stack:
            worker = await stack.enter_async_context(self._stage.victim(fault.victim, partitions_of))
            if worker is None:
                return False
            takeover = Takeover(self._stage.plan.settings, await partitions_of(worker))
            self._say(f"{worker.name} is frozen for {fault.lasts_s:g} s or more, then it wakes as a zombie")
            worker.pause()

            async def is_taken_over() -> bool:
                if len(self._stage.workers) == 1:
                    await stack.enter_async_context(self._heir())
                return is_stopped(worker) and await takeover.is_seen()

            try:
                seen, _ = await asyncio.gather(wait_for(is_taken_over, TAKEN_OVER_S), asyncio.sleep(fault.lasts_s))
                return bool(seen) and is_stopped(worker)
            finally:
                worker.resume()

    @asynccontextmanager
    async def _heir(self) -> AsyncIterator[None]:
        """Where a frozen worker is the only one: somebody to take over, until it is awake."""
        heir = self._stage.add_worker()
        self._say(f"{heir.name} is there meanwhile")
        with self._stage.busy(heir):
            yield
            await self._take_away(heir)

    async def set_clock(self, fault: Fault) -> bool:
        """A worker is replaced by one whose clock is set while it counts, and that goes on once it is right again.

        Redis keeps what it has meanwhile: revisions that begin below those of before would be the clock's fault.
        """
        async with self._stage.turns["redis"], self._stage.victim(fault.victim) as worker:
            if worker is None:
                return False
            await self._take_away(worker)
            shifted, clock = self._stage.add_shifted_worker()
            with self._stage.busy(shifted):
                await self._stage.healthy(shifted)
                hours = ", ".join(f"{shift_s / 3_600:+g} h" for shift_s in SHIFTS_S)
                self._say(f"the clock of {shifted.name} is set to {hours}, for {fault.lasts_s:g} s each")
                noticed = True
                for shift_s in SHIFTS_S:
                    write_shift(clock, shift_s)
                    noticed &= await self._notices(shifted, shift_s)
                    await asyncio.sleep(fault.lasts_s)
                return noticed and shifted.is_running()

    async def _notices(self, shifted: Role, shift_s: int) -> bool:
        line = said(shifted.pid, shift_s)

        async def noticed() -> bool:
            return line in shifted.tail(LOG_LINES)

        return bool(await wait_for(noticed, NOTICED_S))

    async def add(self, _fault: Fault) -> bool:
        """Fired: it is a member of the group, and has Kafka and Redis at hand."""
        if len(self._stage.workers) == WORKERS_MOST:
            return False
        worker = self._stage.add_worker()
        self._say(f"{worker.name} is added")

        async def is_ready() -> bool:
            return await asyncio.to_thread(worker.is_healthy)

        with self._stage.busy(worker):
            return bool(await wait_for(is_ready, HEALTHY_S))

    async def remove(self, fault: Fault) -> bool:
        async with self._stage.victim(fault.victim) as worker:
            if worker is None:
                return False
            self._say(f"{worker.name} is removed")
            await self._take_away(worker)
            return True

    async def _take_away(self, worker: Role) -> None:
        """Ask it to end; whether it does is looked at, too."""
        await asyncio.to_thread(worker.stop)
        self._stage.remove(worker)
        if worker.exit_code not in LEFT:
            self._stage.deaths.append(worker.why())
