"""A worker of the world: the production code of tables and erasures between a wire and a consumer of two fields."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Coroutine, Iterable, Mapping
from typing import Any

import redis
from aiokafka.errors import KafkaError

from pipeline.clock import Clock
from pipeline.errors import UnavailableError
from pipeline.privacy.due import Due
from pipeline.privacy.erase import Eraser
from pipeline.privacy.follow import REDIS_FAILURES, catch_up
from pipeline.privacy.told import Told
from pipeline.settings import Settings
from pipeline.table.batch import Batch
from pipeline.table.table import Table
from pipeline.table.tables import Tables
from schemas.topics import UNANSWERED
from tests.world.kafka import ErasureScan, Kafka, WiredOutlet
from tests.world.wire import DeathError, Wire, WiredRedis

#: As in Faust's stream: batches that were fetched and wait for the agent.
WAITING = 2
PATIENCE_S = 0.5


class Worker:
    """What one process holds. `owns`: the partitions that the group gives it now; a zombie believes in others."""

    def __init__(self, settings: Settings, client: redis.Redis, kafka: Kafka, clock: Clock, partitions: int) -> None:
        self.wire = Wire()
        self.kafka = kafka
        self.ahead_ms = 0
        self.clock = lambda: clock() + self.ahead_ms
        self.redis = WiredRedis(client, self.wire)
        self.settings = settings
        outlet = WiredOutlet(kafka, self.wire)

        def make(partition: int) -> Table:
            return Table(partition, partitions, settings, self.redis, outlet, self.clock, self.clock)

        self.tables = Tables(settings, make, self._seek, self._limits, self.clock)
        unanswered = settings.topic(UNANSWERED.name)
        told = Told(lambda: kafka.told(unanswered, self.wire))
        self.eraser = Eraser(settings, self.redis, Due(settings, self.redis, outlet, partitions), told)
        self.owns: set[int] = set()
        self.positions: dict[int, int] = {}
        self.fetched: dict[int, deque[Batch]] = {}
        self.acknowledged: dict[int, int] = {}
        #: By kind of work: what is under way and stands still.
        self.busy: dict[str, asyncio.Task[Any]] = {}

    @property
    def dead(self) -> bool:
        return self.wire.dead

    async def work(self, kind: str, what: Coroutine[Any, Any, Any]) -> None:
        """Do this until it is done or stands still. A worker that meets what it cannot mend is dead."""
        task = asyncio.create_task(what)
        self.wire.standing.clear()
        standing = asyncio.create_task(self.wire.standing.wait())
        # It may also wait for what stands still.
        patience_s = PATIENCE_S if self.wire.stalled else None
        await asyncio.wait({task, standing}, return_when=asyncio.FIRST_COMPLETED, timeout=patience_s)
        standing.cancel()
        if task.done():
            self._ended(task)
        else:
            self.busy[kind] = task

    async def finish(self) -> None:
        """Let go of what stands still, and let it end."""
        self.wire.fault = None
        self.wire.let_go()  # also a slice on its way that nobody waits for yet
        while self.busy:
            self.wire.let_go()
            tasks, self.busy = list(self.busy.values()), {}
            await asyncio.wait(tasks)
            for task in tasks:
                self._ended(task)

    async def kill(self) -> None:
        """SIGKILL."""
        self.wire.die()
        await self.finish()

    async def assign(self, partitions: Iterable[int]) -> None:
        """The group gives it these: whatever it had is revoked first."""
        self.owns = set(partitions)
        self.fetched.clear()
        self.positions.clear()
        self.acknowledged.clear()
        await self.tables.drop(list(self.tables.tables))
        self.positions = await self.tables.assign({p: self.kafka.committed.get(p) for p in sorted(self.owns)})

    def fetch(self, partition: int, number: int) -> bool:
        """The consumer fetches ahead of the agent."""
        waiting = self.fetched.setdefault(partition, deque())
        log, position = self.kafka.logs[partition], self.positions[partition]
        records = log[position : position + number]
        if len(waiting) >= WAITING or not records:
            return False
        waiting.append(Batch(partition, records, len(log)))
        self.positions[partition] = position + len(records)
        return True

    async def take(self, partition: int) -> None:
        """The agent gets what was fetched first."""
        waiting = self.fetched.get(partition)
        if waiting:
            batch = waiting.popleft()
            await self.tables.take(batch, lambda: self._acknowledge(partition, batch.next_offset))

    async def publish(self) -> None:
        await self.tables.publish(at_once=True)

    async def follow(self) -> None:
        """A look at the erasures that are asked for. What fails is tried again later, as `follow` does."""
        try:
            await catch_up(self.eraser, ErasureScan(self.kafka))
        except (KafkaError, UnavailableError, *REDIS_FAILURES):
            return

    def commit(self) -> None:
        """The acknowledged offsets; Kafka takes them from the owner alone."""
        for partition in self.owns & self.acknowledged.keys():
            self.kafka.committed[partition] = self.acknowledged[partition]

    def _acknowledge(self, partition: int, offset: int) -> None:
        self.acknowledged[partition] = offset

    async def _seek(self, partition: int, offset: int) -> None:
        self.positions[partition] = offset

    async def _limits(self, partitions: Iterable[int]) -> Mapping[int, tuple[int, int]]:
        return {partition: (0, len(self.kafka.logs[partition])) for partition in partitions}

    def _ended(self, task: asyncio.Task[Any]) -> None:
        error = task.exception()
        if error is None:
            return
        if not isinstance(error, DeathError):
            raise error
        self.wire.dead = True
