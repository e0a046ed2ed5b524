"""All tables of a worker: opened when partitions are assigned, driven, recovered and published in turn.

Whatever goes wrong between us and Redis ends the same way: forget the partition's pages, wait until Redis answers, read
the marks anew, seek to where everything is applied and published, go on. Nothing is skipped, nothing counted twice.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress

from aiokafka.errors import KafkaError

from pipeline import metrics
from pipeline.clock import Clock, steady_clock
from pipeline.crash_points import crash_points
from pipeline.errors import FencedError
from pipeline.settings import Settings
from pipeline.table.batch import Batch
from pipeline.table.gaps import Gaps
from pipeline.table.limits import AskLimits, Limits
from pipeline.table.mending import MENDABLE, RETRY_MOST_S, RETRY_S, is_mendable
from pipeline.table.opener import MakeTable, Opener
from pipeline.table.table import Table

log = logging.getLogger("twoway.worker")

#: How long a stopping worker tries to publish.
STOP_S = 10
#: Recoveries of a partition that follow each other within this are one trouble: they wait longer and say nothing new.
TROUBLE_MS = 30_000

Seek = Callable[[int, int], Awaitable[None]]
Ack = Callable[[], object]


class Tables:
    """The tables of the partitions that this worker owns."""

    def __init__(
        self, settings: Settings, make: MakeTable, seek: Seek, limits: AskLimits, steady: Clock = steady_clock
    ) -> None:
        self.settings = settings
        self.steady = steady
        self.crash = crash_points(settings.crash_at)
        self.seek = seek
        self.limits = Limits(settings, limits)
        self.opener = Opener(make, self.limits, lambda: self.stopping)
        self.tables: dict[int, Table] = {}
        self.stopping = False
        self._acks: dict[int, deque[tuple[int, Ack]]] = {}
        self._gaps = Gaps(steady)
        #: Partitions whose last publication failed: said once, not every second.
        self._unpublished: set[int] = set()
        #: When a partition was last recovered, ms, and how many times in close succession before.
        self._troubles: dict[int, tuple[int, int]] = {}
        self._recovering = asyncio.Lock()

    async def assign(self, committed: Mapping[int, int | None]) -> dict[int, int]:
        """Open a table for each partition; gives the position of each. Waits while Redis is away. Raises StateError."""
        await self.drop(set(self.tables) - set(committed))
        positions = {}
        limits: Mapping[int, tuple[int, int]] = {}
        if committed:
            # Where Kafka does not answer now, each partition asks again until it does.
            with suppress(KafkaError):
                limits = await self.limits.ask(committed)
        for partition, offset in committed.items():
            position = await self._open(partition, offset, limits.get(partition))
            assert position is not None
            positions[partition] = position
        self._share_memory()
        return positions

    async def drop(self, partitions: Iterable[int]) -> None:
        """These partitions are another worker's now."""
        for partition in partitions:
            table = self.tables.pop(partition, None)
            self._acks.pop(partition, None)
            metrics.LAG.remove(partition)
            if table is not None:
                await table.close()
        self._share_memory()

    def _share_memory(self) -> None:
        """Each partition may keep its share of what the worker may, and beyond it what the others leave: one post may
        have more members than a share."""
        metrics.PARTITIONS.set(len(self.tables))
        shelves = [table.shelf for table in self.tables.values()]
        for shelf in shelves:
            shelf.share = self.settings.cache_entries * 9 // 10 // len(shelves)
            shelf.others = lambda own=shelf: sum(one.entries for one in shelves) - own.entries  # type: ignore[misc]

    async def take(self, batch: Batch, ack: Ack) -> None:
        """Count a batch; `ack` is called once all of it is applied and published."""
        table = self.tables.get(batch.partition)
        if table is None or self.stopping:
            return
        rest = await self._in_order(table, batch)
        if rest is None:
            return
        self.crash.reach("after-fetch")
        try:
            await table.take(rest)
        except Exception as error:
            if not is_mendable(error):
                raise
            await self.recover(table, error)
        else:
            # Meanwhile the partition may have been taken from us, and given back with another table.
            if self.tables.get(batch.partition) is table:
                self._acks[batch.partition].append((batch.next_offset, ack))
                metrics.LAG.labels(batch.partition).set(table.progress.lag)

    async def _in_order(self, table: Table, batch: Batch) -> Batch | None:
        """What of a batch comes next. A batch fetched before a seek may still arrive after it: what was taken before is
        left out, and where something is missing in front the consumer is sent back for it. Offsets that still do not
        come after GAP_MS do not exist (markers of transactions). Raises StateError where they do no longer."""
        progress = table.progress
        if batch.next_offset <= progress.position:
            return None
        if batch.first_offset > progress.position:
            # Where Kafka's retention was faster, to go back would only lead here again.
            progress.position = max(progress.position, await self.limits.beginning(table))
        position = progress.position
        if batch.first_offset <= position:
            return batch.since(position)
        if not self._gaps.is_no_offset_before(batch, position):
            await self.seek(batch.partition, position)
            return None
        log.warning("partition %d: there are no offsets %d to %d", batch.partition, position, batch.first_offset - 1)
        return batch

    async def check_end(self, partition: int) -> None:
        """Raises StateError where the partition ends before what is applied: new records would pass unseen."""
        if table := self.tables.get(partition):
            await self.limits.beginning(table)

    async def publish(self, *, at_once: bool = False) -> None:
        """Publish every table that is due (or each, `at_once`), and acknowledge what is published."""
        metrics.CACHE_ENTRIES.set(sum(table.shelf.entries for table in self.tables.values()))
        for partition, table in list(self.tables.items()):
            if not at_once and not table.progress.is_due:
                continue
            try:
                published_to = await table.publish()
            except KafkaError as error:
                # The rows stay marked, the input stays unacknowledged: the next round sends them.
                if partition not in self._unpublished:
                    log.warning("partition %d: could not publish (%s), trying on", partition, type(error).__name__)
                self._unpublished.add(partition)
                await table.outlet.reset()
                table.progress.excuse()
                if table.writer.has_failed:
                    # It was the slice that Kafka did not take something of: only to count it again mends that.
                    await self.recover(table, error)
            except Exception as error:
                if not is_mendable(error):
                    raise
                await self.recover(table, error)
            else:
                self._unpublished.discard(partition)
                acks = self._acks.get(partition)
                while acks and acks[0][0] <= published_to and self.tables.get(partition) is table:
                    acks.popleft()[1]()

    async def recover(self, table: Table, error: Exception) -> None:
        """Forget the table, open a new one and seek to where it has to go on. Raises StateError where that is lost."""
        partition = table.partition
        async with self._recovering:
            if self.tables.get(partition) is not table or self.stopping:
                return
            cause = "fenced" if isinstance(error, FencedError) else type(error).__name__
            metrics.RECOVERIES.labels("fenced" if cause == "fenced" else "away").inc()
            times = self._trouble(partition)
            if times == 0:
                log.warning("partition %d: %s; reading its state anew (%s)", partition, cause, str(error)[:200])
            else:
                await asyncio.sleep(min(RETRY_MOST_S, RETRY_S * 2**times))
            await table.close()
            if isinstance(error, KafkaError):
                await table.outlet.reset()
            self.crash.reach("before-reopen")
            try:
                position = await self._open(partition, table.progress.published_to, replaced=table)
            except Exception as failed:
                if not is_mendable(failed):
                    raise
                # Told to stop while a server is away: the next owner finds everything as it is.
                return
            if position is None:
                return
            self.crash.reach("after-reopen")
            await self.seek(partition, position)
            self.crash.reach("after-reseek")
            if times == 0:
                log.warning("partition %d: goes on at offset %d", partition, position)

    def _trouble(self, partition: int) -> int:
        """How many recoveries of this partition followed each other closely before this one."""
        now_ms = self.steady()
        last_ms, times = self._troubles.get(partition, (0, -1))
        times = times + 1 if now_ms - last_ms < TROUBLE_MS else 0
        self._troubles[partition] = now_ms, times
        return times

    async def _open(
        self,
        partition: int,
        published_to: int | None,
        limits: tuple[int, int] | None = None,
        replaced: Table | None = None,
    ) -> int | None:
        """A new table in place of the old one, and its position. `limits`: where they are known already. `replaced`:
        only while this one is in force; None where it is not any more."""
        table = await self.opener.open(
            partition, published_to, limits, lambda: replaced is None or self.tables.get(partition) is replaced
        )
        if table is None:
            return None
        self.tables[partition] = table
        metrics.LAG.labels(partition).set(table.progress.lag)
        self._share_memory()
        self._acks[partition] = deque()
        self._gaps.forget(partition)
        return table.progress.position

    async def stop(self) -> None:
        """Take no more batches, publish what was taken and acknowledge it: the next owner has nothing to repeat."""
        self.stopping = True
        try:
            async with asyncio.timeout(STOP_S):
                await self.publish(at_once=True)
        except (TimeoutError, *MENDABLE) as error:
            log.warning("stopping without a last publication (%s): the next owner repeats it", type(error).__name__)
