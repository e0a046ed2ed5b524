"""What our consumer does where aiokafka's own would end the worker. The client that it asks is a stand-in."""

from __future__ import annotations

from faust.types import TP

from pipeline.transport.consumer import BatchConsumerThread

TOPIC = "interactions"


class LeftAlone:
    """A client whose partitions are taken away while it is asked for an offset: a rebalance after a long sleep."""

    def __init__(self) -> None:
        self.assigned = {TP(TOPIC, 0), TP(TOPIC, 1)}

    def assignment(self) -> set[TP]:
        return set(self.assigned)

    async def committed(self, partition: TP) -> int | None:
        self.assigned.clear()
        return 7 if partition.partition == 0 else None


async def test_a_partition_that_is_taken_away_while_its_offset_is_asked_for_ends_nobody() -> None:
    """Nothing is sought before the tables say where to go on, and then only where the partition is still ours."""
    thread = BatchConsumerThread.__new__(BatchConsumerThread)
    thread._consumer = LeftAlone()
    assert await thread.committed_offsets() == {TP(TOPIC, 0): 7, TP(TOPIC, 1): None}
    await thread.seek_here(TP(TOPIC, 0), 7)


async def test_a_worker_without_partitions_asks_for_no_offset() -> None:
    """It may have lost them before it was asked where to go on."""
    thread = BatchConsumerThread.__new__(BatchConsumerThread)
    thread._consumer = LeftAlone()
    thread._consumer.assigned.clear()
    assert await thread.committed_offsets() == {}
