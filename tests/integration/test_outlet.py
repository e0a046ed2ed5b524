"""What the outlet sends, as a consumer of the real broker finds it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from random import Random

import pytest
from aiokafka.errors import ProducerClosed
from kafka import KafkaConsumer, TopicPartition
from kafka.consumer.fetcher import ConsumerRecord

from pipeline.clock import wall_clock
from pipeline.local.kafka import KafkaServer
from pipeline.local.redis import RedisServer
from pipeline.publishing.outlet import Outlet
from pipeline.publishing.record_batch import BATCH_BYTES, Batches
from pipeline.settings import Settings
from schemas.topics import INTERACTIONS, POSTS, Topic
from tests.conftest import new_installation
from tests.waiting import DEADLINE_S

pytestmark = pytest.mark.servers


@pytest.fixture
async def outlet(settings: Settings) -> AsyncIterator[Outlet]:
    made = Outlet(settings)
    yield made
    await made.stop()


def arrived(settings: Settings, topic: Topic, partition: int) -> list[ConsumerRecord]:
    """All records of the partition."""
    consumer = KafkaConsumer(bootstrap_servers=list(settings.kafka_servers), auto_offset_reset="earliest")
    place = TopicPartition(settings.topic(topic.name), partition)
    consumer.assign([place])
    left = consumer.end_offsets([place])[place]
    records: list[ConsumerRecord] = []
    while len(records) < left:
        for some in consumer.poll(timeout_ms=500).values():
            records += some
    consumer.close()
    return records


async def test_records_arrive_as_they_were_given_in_their_order(settings: Settings, outlet: Outlet) -> None:
    """Several full batches, one record larger than a batch, tombstones, what is empty."""
    random = Random(5)
    given = [(b"%d" % number, random.randbytes(random.randrange(600))) for number in range(5_000)]
    given += [(b"large", random.randbytes(BATCH_BYTES + 100_000)), (b"gone", None), (b"", b"")]
    records = Batches.of(given)
    assert len(records.batches) > 4
    before_ms = wall_clock()
    assert await outlet.send(settings.topic(POSTS.name), 1, records) == len(given)
    found = arrived(settings, POSTS, 1)
    assert [(record.key, record.value) for record in found] == given
    assert [record.offset for record in found] == list(range(len(given)))
    assert all(before_ms <= record.timestamp <= wall_clock() for record in found)


async def test_a_timestamp_that_is_given_is_kept(settings: Settings, outlet: Outlet) -> None:
    """A misplaced record keeps the one with which it came; a later send has its own."""
    topic = settings.topic(INTERACTIONS.name)
    await outlet.send(topic, 0, Batches.of([(b"k", b"1"), (b"k", b"2")], wall_clock() - 5_000_000))
    await outlet.send(topic, 0, Batches.of([(b"k", b"3")], 1_234))
    first, second, third = arrived(settings, INTERACTIONS, 0)
    assert first.timestamp == second.timestamp <= wall_clock() - 5_000_000
    assert (third.timestamp, third.value) == (1_234, b"3")


async def test_rows_of_a_worker_whose_clock_is_hours_ahead_arrive(settings: Settings, outlet: Outlet) -> None:
    """The broker refuses what comes from the future, but for topics whose records get its own time."""
    rows = Batches.of([(b"k", b"1")], wall_clock() + 5 * 3_600_000)
    assert await outlet.send(settings.topic(POSTS.name), 0, rows) == 1
    (found,) = arrived(settings, POSTS, 0)
    assert found.timestamp <= wall_clock()


async def test_a_batch_that_is_sent_again_is_not_written_again(settings: Settings, outlet: Outlet) -> None:
    """The broker knows it by its producer and its sequence, as after an acknowledgement that was lost."""
    topic = settings.topic(POSTS.name)
    for _ in range(2):
        assert outlet._producer is None or outlet._producer._txn_manager._sequence_numbers.clear() is None
        await outlet.send(topic, 0, Batches.of([(b"k", b"1"), (b"k", b"2")]))
    await outlet.send(topic, 0, Batches.of([(b"k", b"3")]))
    assert [record.value for record in arrived(settings, POSTS, 0)] == [b"1", b"2", b"3"]


async def test_a_reset_fails_what_others_still_send(own_kafka: KafkaServer, own_redis: RedisServer) -> None:
    """Its producer is gone: who sent by it, and would wait for ever, tries again by the next one."""
    settings = new_installation((own_kafka.servers,), own_redis.url)
    outlet, topic = Outlet(settings), settings.topic(POSTS.name)
    try:
        await outlet.send(topic, 0, Batches.of([(b"k", b"1")]))
        own_kafka.kill()
        sending = [asyncio.create_task(outlet.send(topic, 1, Batches.of([(b"k", value)]))) for value in (b"2", b"3")]
        await asyncio.wait(sending, timeout=0.5)
        await outlet.reset()
        async with asyncio.timeout(DEADLINE_S):
            ends = await asyncio.gather(*sending, return_exceptions=True)
        assert [type(end) for end in ends] == [ProducerClosed, ProducerClosed]
        own_kafka.start()
        own_kafka.wait_healthy()
        assert await outlet.send(topic, 1, Batches.of([(b"k", b"4")])) == 1
    finally:
        await outlet.stop()
