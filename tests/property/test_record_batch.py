"""The compiled record batches are aiokafka's own, to the byte, whatever their records are."""

from __future__ import annotations

from typing import Any

from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.record.default_records import DefaultRecordBatch
from aiokafka.record.memory_records import MemoryRecords
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipeline.clock import wall_clock
from pipeline.publishing.record_batch import BATCH_BYTES, Batches
from tests.outgoing import Record, read_back

#: Sizes around those at which a length takes another byte are likelier than chance has them.
SIZES = st.one_of(st.integers(0, 300), st.sampled_from([0, 50, 60, 63, 64, 8_180, 8_190, 8_191, 8_192, 70_000]))
TEXTS = st.one_of(
    st.none(),
    st.binary(max_size=40),
    st.builds(lambda size, byte: bytes([byte]) * size, SIZES, st.integers(0, 255)),
    st.builds(lambda size, seed: seed.randbytes(size), SIZES, st.randoms(use_true_random=False)),
)
RECORDS = st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=100)
MOMENTS = st.integers(0, 2**62)
LIMITS = st.one_of(st.integers(0, 2_000), st.just(BATCH_BYTES))
#: Id, epoch and sequence.
PRODUCERS = st.tuples(st.integers(-1, 2**63 - 1), st.integers(-1, 2**15 - 1), st.integers(0, 2**31 - 1))


def built(batches: Batches, producer: tuple[int, int, int]) -> list[bytes]:
    for batch in batches.batches:
        batch._set_producer_state(*producer)
    return [batch._build() for batch in batches.batches]


def aiokafkas(records: list[Record], timestamp_ms: int, limit: int, producer: tuple[int, int, int]) -> list[bytes]:
    """The same by aiokafka's builder, as a producer with zstd makes it."""
    builders: list[Any] = []
    for key, value in records:
        if not builders or builders[-1].append(timestamp=timestamp_ms, key=key, value=value) is None:
            builders.append(BatchBuilder(limit, DefaultRecordBatch.CODEC_ZSTD))
            builders[-1].append(timestamp=timestamp_ms, key=key, value=value)
    for builder in builders:
        builder._set_producer_state(*producer)
    return [bytes(builder._build()) for builder in builders]


@settings(deadline=None)
@given(RECORDS, MOMENTS, LIMITS, PRODUCERS)
@example([(None, None)], 0, 0, (-1, -1, 0))
@example([(b"", b""), (None, b"")] * 100, 2**62, BATCH_BYTES, (5, 0, 7))
@example([(None, bytes(50)), (None, bytes(293))], 0, 420, (0, 0, 0))
@example([(None, bytes(50)), (None, bytes(293))], 0, 421, (0, 0, 0))
@example([(b"k", bytes(BATCH_BYTES)), (b"k", bytes(BATCH_BYTES + 1)), (b"k", b"v")], 1, BATCH_BYTES, (1, 1, 1))
def test_batches_are_those_that_aiokafka_builds(
    records: list[Record], timestamp_ms: int, limit: int, producer: tuple[int, int, int]
) -> None:
    """The same records in the same batches, each byte of them: order, bounds, header, checksum, compression."""
    ours = built(Batches.of(records, timestamp_ms, limit), producer)
    assert ours == aiokafkas(records, timestamp_ms, limit, producer)


@settings(deadline=None)
@given(RECORDS, MOMENTS, PRODUCERS)
def test_a_batch_is_read_as_what_was_written(
    records: list[Record], timestamp_ms: int, producer: tuple[int, int, int]
) -> None:
    """By aiokafka's reader: records, offsets, timestamps, checksum, producer."""
    read = []
    for data in built(Batches.of(records, timestamp_ms), producer):
        memory = MemoryRecords(data)
        batch = memory.next_batch()
        assert batch.validate_crc()
        assert (batch.producer_id, batch.producer_epoch, batch.base_sequence) == producer
        assert (batch.first_timestamp, batch.max_timestamp) == (timestamp_ms, timestamp_ms)
        some = list(batch)
        assert [(one.offset, one.timestamp, one.headers) for one in some] == [
            (offset, timestamp_ms, []) for offset in range(len(some))
        ]
        assert batch.next_offset == len(some)
        assert memory.next_batch() is None
        read += [(one.key, one.value) for one in some]
    assert read == records


@settings(deadline=None)
@given(RECORDS, LIMITS)
def test_batches_know_how_much_they_hold(records: list[Record], limit: int) -> None:
    """Only a record that stands alone is larger than a batch."""
    batches = Batches.of(records, None, limit)
    counts = [batch.record_count() for batch in batches.batches]
    assert (len(batches), sum(counts), min(counts) > 0) == (len(records), len(records), True)
    assert all(batch.size() <= limit for batch in batches.batches if batch.record_count() > 1)
    assert [batch.closed() for batch in batches.batches] == [True] * (len(counts) - 1) + [False]


def test_more_records_than_two_bytes_count_are_read_in_their_order() -> None:
    """Over several full batches."""
    records: list[Record] = [(b"%d" % number, b"%d" % -number) for number in range(100_000)]
    batches = Batches.of(records)
    assert len(batches.batches) > 2
    assert [(key, value) for key, value, _ in read_back(batches)] == records


def test_a_batch_that_was_built_stays_as_it_is() -> None:
    """A second attempt sends the same bytes, and what comes later goes into a batch of its own."""
    batches = Batches()
    batches.append(b"key", b"value")
    first = batches.batches[0]
    data = first._build()
    batches.append(b"late", None)
    assert (first._build(), first.size(), first.record_count(), first.closed()) == (data, len(data), 1, True)
    assert [(key, value) for key, value, _ in read_back(batches)] == [(b"key", b"value"), (b"late", None)]


def test_without_a_timestamp_records_have_the_time_of_their_sending() -> None:
    """Not that of their writing, which is earlier."""
    batches = Batches.of([(b"key", b"value")])
    before_ms = wall_clock()
    [(_, _, timestamp_ms)] = read_back(batches)
    assert before_ms <= timestamp_ms <= wall_clock()
