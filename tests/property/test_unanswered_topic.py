"""The topic of unanswered comments after crashes: what it holds by key is the queue in Redis.

The table, the script, Redis and Kafka are the real ones; only the log is the test's.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from kafka import KafkaConsumer, TopicPartition

from pipeline.publishing.outlet import Outlet
from pipeline.settings import Settings
from pipeline.slots import slot_of
from pipeline.store.keys import Keys, decode_id
from schemas.interaction import Interaction
from schemas.topics import UNANSWERED
from schemas.unanswered import unanswered_key
from tests.driver import PARTITION, Driver
from tests.factories import NOON_MS, make_interaction
from tests.property.strategies import ACCOUNTS, logs
from tests.redises import open_redis

TAKES = st.tuples(st.just("take"), st.integers(1, 15))
OTHERS = st.tuples(st.sampled_from(["publish", "crash"]), st.just(0))
STEPS = st.lists(st.one_of(TAKES, OTHERS), max_size=12)
#: What waits for longer than texts are kept leaves Redis without a word on the topic, where retention does the same.
RECENT = logs().map(lambda log: [one for one in log if one.time_ms > NOON_MS - 20 * 86_400_000])
POST = f"{ACCOUNTS[0]}_1"
COMMENT = make_interaction(account=ACCOUNTS[0], post=POST, kind="comment", id="c", time_ms=NOON_MS - 2)
#: Of the same id, and newer: what was a comment is a like.
LIKE = make_interaction(account=ACCOUNTS[0], post=POST, kind="like", id="c", time_ms=NOON_MS - 1)
REPLY = make_interaction(
    account=ACCOUNTS[0], post=POST, kind="comment", id="r", own=True, parent="c", time_ms=NOON_MS - 2
)
LIKE_OF_REPLY = make_interaction(account=ACCOUNTS[0], post=POST, kind="like", id="r", time_ms=NOON_MS - 1)


class Topic:
    """The queue's topic, read from where the last run ended."""

    def __init__(self, settings: Settings) -> None:
        self._partition = TopicPartition(settings.topic(UNANSWERED.name), PARTITION)
        self._consumer = KafkaConsumer(bootstrap_servers=list(settings.kafka_servers), auto_offset_reset="latest")
        self._consumer.assign([self._partition])
        self._consumer.position(self._partition)

    def waiting(self) -> set[str]:
        """The keys whose newest record since the last call is a comment, not a tombstone."""
        end = self._consumer.end_offsets([self._partition])[self._partition]
        newest: dict[str, bytes | None] = {}
        while self._consumer.position(self._partition) < end:
            for records in self._consumer.poll(timeout_ms=200).values():
                newest |= {record.key.decode(): record.value for record in records}
        return {key for key, value in newest.items() if value is not None}

    def close(self) -> None:
        """Hold no connection any more."""
        self._consumer.close()


@pytest.fixture
def topic(settings: Settings) -> Iterator[Topic]:
    """This test's topic."""
    topic = Topic(settings)
    yield topic
    topic.close()


async def queue_in_redis(driver: Driver) -> set[str]:
    """What waits, by the topic's keys."""
    keys, found = Keys(driver.settings.key_prefix), set()
    for account in ACCOUNTS:
        key = keys.unanswered(slot_of("facebook", account), "facebook", account)
        for member in await driver.decoding.zrange(key, 0, -1):
            mark, _, post = member.partition(":")
            found.add(unanswered_key("facebook", decode_id(post), mark))
    return found


async def count(settings: Settings, log: list[Interaction], steps: list[tuple[str, int]]) -> set[str]:
    """Count a log with crashes on the way; gives what waits in Redis in the end."""
    redis, outlet = open_redis(settings), Outlet(settings)
    driver = Driver(settings, redis, outlet)
    try:
        driver.write(*log)
        await driver.open()
        for step, number in steps:
            if step == "take":
                await driver.take(number)
            elif step == "publish":
                await driver.publish()
            else:
                await driver.open()
        await driver.open()
        await driver.take()
        await driver.publish()
        return await queue_in_redis(driver)
    finally:
        await outlet.stop()
        await driver.decoding.aclose()
        await redis.aclose()


@given(log=RECENT, steps=STEPS)
@example(log=[COMMENT, LIKE], steps=[("take", 1), ("publish", 0), ("take", 1), ("crash", 0)])
@example(log=[COMMENT, REPLY, LIKE_OF_REPLY], steps=[("take", 2), ("publish", 0), ("take", 1), ("crash", 0)])
@hypothesis_settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_topic_holds_the_queue_of_redis_wherever_a_worker_died(
    settings: Settings, topic: Topic, log: list[Interaction], steps: list[tuple[str, int]]
) -> None:
    """Also where records contradict each other: a comment, or the reply to it, is something else now."""
    own = replace(settings, key_prefix=f"x{uuid.uuid4().hex[:10]}", slice_events=7)
    expected = asyncio.run(count(own, log, steps))
    assert topic.waiting() == expected
