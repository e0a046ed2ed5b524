"""The side way: what a slice cannot count, on to where it belongs, acknowledged before the slice is applied.

A crash in between repeats it: a repeated rejection is harmless, a repeated interaction is a repeat.
"""

from __future__ import annotations

from collections import defaultdict

from pipeline.clock import Clock
from pipeline.metrics import INTERACTIONS, REFUSED
from pipeline.publishing.outlet import Outlet
from pipeline.publishing.record_batch import Batches
from pipeline.settings import Settings
from pipeline.table.batch import Record
from pipeline.table.intake import Refusal
from schemas.rejected import Rejected, encode_rejected
from schemas.topics import INTERACTIONS as INTERACTIONS_TOPIC
from schemas.topics import REJECTED


class SideWay:
    """Sends refusals to `interactions.rejected` and misplaced records to the partition that owns their slot."""

    def __init__(self, settings: Settings, outlet: Outlet, partition: int, partitions: int, clock: Clock) -> None:
        self.outlet = outlet
        self.partition = partition
        self.partitions = partitions
        self.clock = clock
        self.interactions = settings.topic(INTERACTIONS_TOPIC.name)
        self.rejected = settings.topic(REJECTED.name)

    async def send(self, refusals: list[Refusal], misplaced: list[tuple[int, Record]]) -> None:
        """Raises KafkaError where the acknowledgement cannot be had."""
        if refusals:
            values = Batches.of((None, encode_rejected(self._rejected(refusal))) for refusal in refusals)
            await self.outlet.send(self.rejected, self.partition, values)
            for refusal in refusals:
                INTERACTIONS.labels("rejected").inc()
                REFUSED.labels(refusal.reason).inc()
        by_partition: dict[tuple[int, int], list[tuple[None, bytes]]] = defaultdict(list)
        for slot, record in misplaced:
            # The record keeps its timestamp: the future is measured from it. It has no key: `former.py` says why.
            by_partition[slot % self.partitions, record.timestamp].append((None, record.value or b""))
        for (partition, timestamp_ms), records in by_partition.items():
            await self.outlet.send(self.interactions, partition, Batches.of(records, timestamp_ms), exactly_there=True)
            INTERACTIONS.labels("misplaced").inc(len(records))

    def _rejected(self, refusal: Refusal) -> Rejected:
        return Rejected(
            stage="count",
            reason=refusal.reason,
            detail=refusal.detail,
            time_ms=self.clock(),
            source=f"{self.interactions}[{self.partition}]@{refusal.record.offset}",
            bytes=refusal.record.value or b"",
        )
