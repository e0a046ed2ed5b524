"""The opener: a new table of a partition, tried until Redis and Kafka answer, and checked against what Kafka holds."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from aiokafka.errors import KafkaError

from pipeline.errors import FencedError
from pipeline.table.limits import Limits
from pipeline.table.mending import RETRY_MOST_S, RETRY_S, is_mendable
from pipeline.table.table import Table

log = logging.getLogger("twoway.worker")

MakeTable = Callable[[int], Table]


class Opener:
    """Opens tables. A worker that is stopping waits for nobody."""

    def __init__(self, make: MakeTable, limits: Limits, is_stopping: Callable[[], bool]) -> None:
        self.make = make
        self.limits = limits
        self.is_stopping = is_stopping

    async def open(
        self,
        partition: int,
        published_to: int | None,
        limits: tuple[int, int] | None = None,
        is_wanted: Callable[[], bool] = lambda: True,
    ) -> Table | None:
        """An open table. `limits`: where they are known already. None where it is not wanted any more, for the
        partition was taken from us meanwhile. Raises StateError."""
        wait_s = RETRY_S
        while True:
            if not is_wanted():
                return None
            table = self.make(partition)
            try:
                await table.open(published_to)
                if limits is None or limits[1] < table.writer.applied_most:
                    # Not asked yet, or before another owner counted what arrived meanwhile.
                    limits = (await self.limits.ask([partition]))[partition]
                self.limits.check(table, *limits, table.applied_to)
            except Exception as error:
                if self.is_stopping() or not is_mendable(error):
                    raise
                if wait_s == RETRY_S:
                    log.warning("partition %d: %s (%s), waiting", partition, _why_waiting(error), type(error).__name__)
                await asyncio.sleep(wait_s)
                wait_s = min(RETRY_MOST_S, wait_s * 2)
                continue
            progress = table.progress
            # What was applied before is only to be published again: where it is gone, what is left is.
            progress.position = max(progress.position, limits[0])
            progress.lag = max(0, limits[1] - progress.position)
            return table if is_wanted() else None


def _why_waiting(error: Exception) -> str:
    if isinstance(error, FencedError):
        return "another worker wrote there"
    return "Kafka is away" if isinstance(error, KafkaError) else "Redis is away"
