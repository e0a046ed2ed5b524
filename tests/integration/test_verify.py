"""The proof on a real Kafka and a real Redis: it finds what is wrong, and only that. Pages are written by hand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
import pytest_asyncio
from aiokafka import AIOKafkaProducer
from kafka import KafkaAdminClient, TopicPartition

from pipeline.counting.members import hash_id
from pipeline.errors import StateError, TopicsError, UnavailableError
from pipeline.local.ports import free_ports
from pipeline.proving.verify import verify
from pipeline.settings import Settings
from pipeline.slots import slot_of
from pipeline.store.keys import Keys
from pipeline.store.texts import mark_of, member_of
from schemas.interaction import Interaction, encode_interaction
from schemas.topics import INTERACTIONS
from tests.commands import twoway_json
from tests.conftest import PARTITIONS
from tests.factories import NOON_MS, make_interaction
from tests.redises import open_redis

pytestmark = pytest.mark.servers

SLOT = slot_of("facebook", "a1")
HOME = SLOT % PARTITIONS
#: Two likes and a comment of post p1, all at noon.
PAGE = {
    "likes": "2",
    "comments": "1",
    "comment_to_like": "0.5",
    "first_ms": str(NOON_MS),
    "last_ms": str(NOON_MS),
    "1m:2026-11-23T09:24": "2,1,0,0,0",
    "1h:2026-11-23T09": "2,1,0,0,0",
    "1d:2026-11-23": "2,1,0,0,0",
}
#: The comment in the queue of those that wait for a reply.
WAITING = member_of(mark_of(hash_id("p1/comment/u1")), "p1")
EVENTS = (make_interaction(), make_interaction(actor="u2"), make_interaction(kind="comment"), make_interaction())


@pytest_asyncio.fixture
async def client(settings: Settings) -> AsyncIterator[Any]:
    async with open_redis(settings, decode=True) as connected:
        yield connected


async def produce(settings: Settings, *events: Interaction | bytes) -> None:
    """Into the partition of account a1's slot, at noon by Kafka's timestamp."""
    async with AIOKafkaProducer(bootstrap_servers=list(settings.kafka_servers)) as producer:
        for event in events:
            value = event if isinstance(event, bytes) else encode_interaction(event)
            topic = settings.topic(INTERACTIONS.name)
            await producer.send_and_wait(topic, value, partition=HOME, timestamp_ms=NOON_MS)


async def write_pages(settings: Settings, client: Any, applied: int, **changes: str) -> None:
    """The right pages of EVENTS, with `changes` on the post's."""
    keys = Keys(settings.key_prefix)
    await client.hset(keys.post(SLOT, "facebook", "p1"), mapping={**PAGE, "account": "a1", **changes})
    await client.hset(keys.account(SLOT, "facebook", "a1"), mapping=PAGE)
    await client.zadd(keys.unanswered(SLOT, "facebook", "a1"), {WAITING: NOON_MS})
    place = (SLOT, "facebook", "a1")
    for key in (keys.engaged(*place, "all"), keys.engaged(*place, "1d:2026-11-23")):
        await client.pfadd(key, "u1", "u2")
    await client.pfadd(keys.engaged_post(SLOT, "facebook", "p1"), "u1", "u2")
    await client.hset(keys.applied[SLOT], mapping={str(HOME): applied, "version": 1, "layout": 1})


async def test_right_rows_are_found_right(settings: Settings, client: Any) -> None:
    """Both pages have all time, three windows, first and last time, ratio, labels and engaged actors (the account's of
    a day too); the post names its account, which has one comment in its queue."""
    await produce(settings, *EVENTS, b"poison")
    await write_pages(settings, client, applied=5)
    report = await verify(settings)
    assert report.holds
    assert (report.interactions, report.rejected, report.not_applied) == (5, {"not_json": 1}, 0)
    assert (report.pages_compared, report.rows_compared, report.rows_different) == (2, 21, 0)


async def test_wrong_row_is_named(settings: Settings, client: Any) -> None:
    await produce(settings, *EVENTS)
    await write_pages(settings, client, applied=4, **{"1h:2026-11-23T09": "3,1,0,0,0"})
    report = await verify(settings)
    assert not report.holds
    [difference] = report.differences
    assert (difference.page.id, difference.row) == ("p1", "1h:2026-11-23T09")
    assert (difference.expected, difference.found) == ("2,1,0,0,0", "3,1,0,0,0")


async def test_a_queue_and_a_number_of_actors_that_are_not_right_are_named(settings: Settings, client: Any) -> None:
    """A comment that waits and is not there, one that is there and does not wait, and actors that never came."""
    await produce(settings, *EVENTS)
    await write_pages(settings, client, applied=4)
    keys = Keys(settings.key_prefix)
    await client.delete(keys.unanswered(SLOT, "facebook", "a1"))
    await client.zadd(keys.unanswered(SLOT, "facebook", "a1"), {"0000000000000001:p1": NOON_MS})
    await client.pfadd(keys.engaged_post(SLOT, "facebook", "p1"), *(f"v{number}" for number in range(9)))
    report = await verify(settings)
    rows = {difference.row: (difference.expected, difference.found) for difference in report.differences}
    assert rows == {
        f"waits {WAITING}": (str(NOON_MS), "absent"),
        "waits 0000000000000001:p1": ("absent", str(NOON_MS)),
        "engaged -1": ("2", "11"),
    }


async def test_missing_and_unknown_pages_are_found(settings: Settings, client: Any) -> None:
    await produce(settings, *EVENTS)
    await write_pages(settings, client, applied=4)
    keys = Keys(settings.key_prefix)
    await client.rename(keys.post(SLOT, "facebook", "p1"), keys.post(SLOT, "facebook", "forged"))
    report = await verify(settings)
    assert report.pages_unknown == 1
    assert {difference.page.id for difference in report.differences} == {"p1", "forged"}


async def test_only_records_that_were_applied_are_compared(settings: Settings, client: Any) -> None:
    """A record behind the slot's applied offset is named as not counted yet; it is no difference, and no proof."""
    await produce(settings, *EVENTS, make_interaction(actor="u3"))
    await write_pages(settings, client, applied=4)
    report = await verify(settings, wait_s=0.3)
    assert (report.rows_different, report.not_applied) == (0, 1)
    assert (report.holds, report.differs) == (False, False)


async def test_an_emptied_redis_that_nobody_counts_for_proves_nothing(settings: Settings) -> None:
    await produce(settings, *EVENTS)
    code, report = await asyncio.to_thread(twoway_json, settings, "verify", "--wait", "0.3")
    assert (code, report["holds"], report["rows_compared"], report["not_applied"]) == (3, False, 0, 4)


async def test_what_is_counted_while_it_reads_is_proven_without_waiting(settings: Settings, client: Any) -> None:
    """Workers that are a moment behind are healthy: what they count while the proof reads the topic is compared."""
    await produce(settings, *EVENTS)
    counting: list[asyncio.Task[None]] = []

    def count_now(*_: int) -> None:
        counting.append(asyncio.create_task(write_pages(settings, client, applied=4)))

    report = await verify(settings, count_now, wait_s=0)
    await asyncio.gather(*counting)
    assert (report.holds, report.not_applied, report.rows_different) == (True, 0, 0)


async def test_topic_that_lost_its_beginning_cannot_prove(settings: Settings, client: Any) -> None:
    await produce(settings, *EVENTS)
    await write_pages(settings, client, applied=4)
    with KafkaAdminClient(bootstrap_servers=list(settings.kafka_servers)) as admin:
        admin.delete_records({TopicPartition(settings.topic(INTERACTIONS.name), HOME): 2})
    with pytest.raises(StateError, match="begins at offset 2"):
        await verify(settings)


async def test_redis_ahead_of_the_topic_is_refused(settings: Settings, client: Any) -> None:
    """Redis counted records that this topic never held: a topic made anew, or another installation's Redis."""
    await write_pages(settings, client, applied=4)
    with pytest.raises(StateError, match="up to offset 4, but it ends at 0"):
        await verify(settings)


async def test_missing_topic_is_named(settings: Settings) -> None:
    with pytest.raises(TopicsError, match=r"no topic none\.interactions"):
        await verify(replace(settings, topic_prefix="none."))


async def test_silent_kafka_is_named(settings: Settings) -> None:
    nobody = f"127.0.0.1:{free_ports(1)[0]}"
    with pytest.raises(UnavailableError, match=nobody):
        await verify(replace(settings, kafka_servers=(nobody,)))
