"""Records on their way to Kafka, as whoever fetches them reads them."""

from __future__ import annotations

from aiokafka.record.memory_records import MemoryRecords

from pipeline.publishing.record_batch import Batches

#: Key and value.
Record = tuple[bytes | None, bytes | None]
#: Key, value, timestamp.
Sent = tuple[bytes | None, bytes | None, int]


def read_back(batches: Batches) -> list[Sent]:
    """All of them, in their order. Reading stands for sending: nothing can be added afterwards."""
    read: list[Sent] = []
    for batch in batches.batches:
        records = MemoryRecords(batch._build())
        while (some := records.next_batch()) is not None:
            assert some.validate_crc()
            read += [(record.key, record.value, record.timestamp) for record in some]
    return read
