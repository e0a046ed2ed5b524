"""Offsets that do not come: there are none (markers of transactions), or they were fetched in another order."""

from __future__ import annotations

from pipeline.clock import Clock
from pipeline.table.batch import Batch

#: How long a missing offset is asked for again.
GAP_MS = 5_000


class Gaps:
    """What a worker has found missing of its partitions."""

    def __init__(self, steady: Clock) -> None:
        self._steady = steady
        #: Of each partition the position, the first offset that came behind it, and since when, in ms.
        self._found: dict[int, tuple[int, int, int]] = {}

    def is_no_offset_before(self, batch: Batch, position: int) -> bool:
        """Whether nothing lies between the position and a batch behind it: the same batch came first again and again
        for GAP_MS. Batches that were fetched before a seek come once each: however long they waited for the agent, they
        tell nothing."""
        first, now_ms = batch.first_offset, self._steady()
        where, lowest, since_ms = self._found.get(batch.partition, (-1, 0, 0))
        if where != position or first < lowest:
            self._found[batch.partition] = position, first, now_ms
            return False
        return first == lowest and now_ms - since_ms >= GAP_MS

    def forget(self, partition: int) -> None:
        """Its table is a new one."""
        self._found.pop(partition, None)
