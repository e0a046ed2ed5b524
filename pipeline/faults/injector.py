"""Does what the schedule says, and counts what fired: each fault shows for itself that it hit."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence

from pipeline.faults.odd_times import OddTimes
from pipeline.faults.redis_faults import RedisFaults
from pipeline.faults.schedule import Fault, Kind
from pipeline.faults.server_faults import ServerFaults
from pipeline.faults.stage import Stage
from pipeline.faults.worker_faults import WorkerFaults

#: Told of each fault as it is injected, and of what did not fire.
Say = Callable[[str], None]


class Injector:
    """Injects a schedule into a stage. `fired` counts by kind."""

    def __init__(self, stage: Stage, odd_times: OddTimes, say: Say) -> None:
        self.fired: Counter[Kind] = Counter()
        self._say = say
        workers, servers, redis = WorkerFaults(stage, say), ServerFaults(stage, say), RedisFaults(stage, say)
        self._do: dict[Kind, Callable[[Fault], Awaitable[bool]]] = {
            Kind.WORKER_KILLED: workers.kill,
            Kind.CRASH_POINT: workers.kill_at_point,
            Kind.WORKER_FROZEN: workers.freeze,
            Kind.WORKER_ADDED: workers.add,
            Kind.WORKER_REMOVED: workers.remove,
            Kind.CLOCK_SET: workers.set_clock,
            Kind.GATEWAY_KILLED: servers.kill_gateway,
            Kind.KAFKA_KILLED: servers.kill_kafka,
            Kind.PARTITIONS_ADDED: servers.add_partitions,
            Kind.REDIS_KILLED: servers.kill_redis,
            Kind.REDIS_EMPTIED: redis.empty,
            Kind.REDIS_RESTORED: redis.restore,
            Kind.REDIS_FULL: redis.fill,
            Kind.ODD_TIMES: odd_times.send,
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
