"""What erasures find in Kafka: many of them at once, a topic of them that was made anew, and texts that Redis has
forgotten. On the real servers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest
from kafka import KafkaAdminClient, TopicPartition

from pipeline.counting.members import hash_id
from pipeline.local.children import Child
from pipeline.local.ports import free_ports
from pipeline.local.redis import RedisServer
from pipeline.privacy.erase import Erased
from pipeline.privacy.follow import catch_up, follow, open_eraser
from pipeline.privacy.writes import places_of
from pipeline.publishing.outlet import Outlet
from pipeline.publishing.record_batch import Batches
from pipeline.scan import TopicScan, open_scan
from pipeline.settings import Secret, Settings
from pipeline.slots import SLOTS, slot_of
from pipeline.store.keys import Keys
from pipeline.store.texts import mark_of
from pipeline.topic_admin import create_topics
from schemas.erasure import Erasure, encode_erasure
from schemas.interaction import Interaction
from schemas.topics import ERASED, UNANSWERED
from schemas.unanswered import decode_unanswered
from tests.commands import TWOWAY, environment
from tests.driver import PARTITION, Driver, accounts_of
from tests.factories import NOON_MS, make_interaction
from tests.gateways import records
from tests.redises import open_redis
from tests.topics import write_topic
from tests.waiting import wait_until, wait_until_async

pytestmark = pytest.mark.servers

(BRAND,) = accounts_of(PARTITION, 1)


def comment(comment_id: str, actor: str | None, **more: Any) -> Interaction:
    return make_interaction(
        account=BRAND, post=f"{BRAND}_1", kind="comment", id=comment_id, actor=actor, text=f"by {actor}", **more
    )


def erasure(actor: str) -> Erasure:
    return Erasure(platform="facebook", actor=actor, time_ms=NOON_MS)


def told(settings: Settings, comment_id: str) -> list[str | None]:
    """What subscribers were told of a comment, in its order: its text, `-` where it has none, None where it is over."""
    mark = mark_of(hash_id(comment_id)).encode()
    values = [record.value for record in records(settings, UNANSWERED.name) if record.key.endswith(mark)]
    return [value and (decode_unanswered(value).text or "-") for value in values]


async def ask_for(settings: Settings, *actors: str) -> None:
    """Write their erasures into the topic, as gateways do."""
    outlet, asked = Outlet(settings), map(erasure, actors)
    told_of = Batches.of((one.key.encode(), encode_erasure(one)) for one in asked)
    await outlet.send(settings.topic(ERASED.name), 0, told_of)
    await outlet.stop()


async def _is_done(driver: Driver, offset: int) -> bool:
    """Whether all in the topic of erasures up to there is erased."""
    places = places_of(driver.redis, Keys(driver.settings.key_prefix))
    return {await driver.redis.hget(place, "0") for place in places} == {b"%d" % offset}


async def forget_texts(driver: Driver) -> None:
    """Their lifetime is over."""
    async for key in driver.redis.scan_iter(match=f"{driver.settings.key_prefix}:*:texts:*"):
        await driver.redis.delete(key)


async def test_twenty_thousand_actors_are_erased_in_an_emptied_redis(
    settings: Settings, own_redis: RedisServer
) -> None:
    """All who were ever erased are there at once; Lua hands on 8,000 words at the most."""
    settings = replace(settings, redis_url=Secret(own_redis.url))
    keys = Keys(settings.key_prefix)
    await ask_for(settings, *(f"{number:032x}" for number in range(20_000)))
    async with (
        open_redis(settings) as redis,
        open_eraser(settings, redis) as eraser,
        open_scan(settings, ERASED.name) as scan,
    ):
        await catch_up(eraser, scan)
        for slot in (0, 100, SLOTS - 1):
            assert await redis.scard(keys.erased[slot]) == 20_000
            assert await redis.sismember(keys.erased[slot], f"facebook:{19_999:032x}")
        assert (await eraser.state()).done == {0: 20_000}


async def test_a_topic_that_was_made_anew_is_read_from_its_beginning(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    """Else its erasures would be passed over until it is as long as the one before."""
    await ask_for(settings, "ann", "bob", "cid")
    async with open_redis(settings) as redis:
        async with open_eraser(settings, redis) as eraser, open_scan(settings, ERASED.name) as scan:
            await catch_up(eraser, scan)
        make_anew(settings)
        await ask_for(settings, "dan")
        async with open_eraser(settings, redis) as eraser, open_scan(settings, ERASED.name) as scan:
            await catch_up(eraser, scan)
            await catch_up(eraser, scan)
            assert (await eraser.state()).done == {0: 1}
        assert await redis.sismember(Keys(settings.key_prefix).erased[0], "facebook:dan")
    said = [record.getMessage() for record in caplog.records if record.name == "twoway.privacy"]
    name = settings.topic(ERASED.name)
    assert said == [
        f"{name}[0] ends at offset 1, but Redis says that all up to 3 is erased: the topic was cut or made anew. "
        "Erasing from its beginning"
    ]


async def test_what_keeps_erasures_waiting_is_said_once(
    settings: Settings, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not every few seconds, and with its reason: it may be a right that is missing."""
    monkeypatch.setattr("pipeline.privacy.follow.RETRY_S", 0.05)
    (port,) = free_ports(1)
    async with open_redis(replace(settings, redis_url=Secret(f"redis://127.0.0.1:{port}"))) as nobody:
        following = asyncio.create_task(follow(settings, nobody))
        await wait_until_async(lambda: _has_said(caplog, "erasures wait"))
        await asyncio.sleep(1)  # twenty more tries
        following.cancel()
    said = [record for record in caplog.records if record.name == "twoway.privacy"]
    assert [record.levelname for record in said] == ["WARNING"]
    assert "ConnectionError" in said[0].getMessage()


async def _has_said(caplog: pytest.LogCaptureFixture, words: str) -> bool:
    return any(words in record.getMessage() for record in caplog.records)


def make_anew(settings: Settings) -> None:
    """Somebody deletes the topic and creates it again."""
    name = settings.topic(ERASED.name)
    with KafkaAdminClient(bootstrap_servers=list(settings.kafka_servers)) as admin:
        admin.delete_topics([name])
        wait_until(lambda: name not in admin.list_topics())
    create_topics(settings)


async def test_a_text_that_has_left_redis_goes_from_the_topic_as_well(driver: Driver) -> None:
    """It is kept there longer. Whose comment waits, whose was answered, and what others said: each stays as it is."""
    settings = driver.settings
    driver.write(*(comment(name, actor) for name, actor in (("c1", "ann"), ("c2", "ann"), ("c3", "bob"))))
    await driver.take()
    await driver.publish()
    driver.write(comment("r2", None, own=True, parent="c2"))
    await driver.take()
    await driver.publish()
    await forget_texts(driver)
    async with open_eraser(settings, driver.redis) as eraser:
        assert await eraser.erase([erasure("ann")]) == Erased(texts=0, told=1, waiting=1)
        assert await eraser.erase([erasure("ann")]) == Erased(texts=0, told=0, waiting=0)
    assert told(settings, "c1") == ["by ann", None, "-"]
    assert told(settings, "c2") == ["by ann", None]
    assert told(settings, "c3") == ["by bob"]


async def test_a_worker_passes_over_what_is_no_erasure_and_erases_in_the_topic_too(
    driver: Driver, start_child: Callable[..., Child]
) -> None:
    """Its records are not those of other programs: they do not say in which partition they lie."""
    settings = driver.settings
    driver.write(comment("c1", "ann"))
    await driver.take()
    await driver.publish()
    await driver.lose_everything()
    write_topic(settings, ERASED, 0, [b"no erasure", None])
    await ask_for(settings, "ann")
    worker = start_child("worker", [*TWOWAY, "worker"], environment(settings))
    await wait_until_async(lambda: _is_done(driver, 3))
    assert worker.is_running()
    assert told(settings, "c1") == ["by ann", None]


async def test_a_comment_that_waits_no_more_gets_a_tombstone_alone(driver: Driver) -> None:
    """It waited longer than texts are kept, so it has left the queue, and nobody told subscribers."""
    driver.write(comment("c1", "ann"))
    await driver.take()
    await driver.publish()
    await forget_texts(driver)
    await driver.redis.delete(
        Keys(driver.settings.key_prefix).unanswered(slot_of("facebook", BRAND), "facebook", BRAND)
    )
    async with open_eraser(driver.settings, driver.redis) as eraser:
        assert await eraser.erase([erasure("ann")]) == Erased(texts=0, told=1, waiting=0)
    assert told(driver.settings, "c1") == ["by ann", None]


async def test_more_is_found_than_is_held_in_memory(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was found is told of before there is more; each comment once."""
    monkeypatch.setattr("pipeline.privacy.told.FOUND_MOST", 10)
    monkeypatch.setattr("pipeline.scan.BATCH_RECORDS", 15)
    monkeypatch.setattr("pipeline.privacy.due.SHARE", 4)
    driver.write(*(comment(f"c{number}", "ann") for number in range(100)))
    await driver.take()
    await driver.publish()
    await forget_texts(driver)
    read: list[tuple[int, int]] = []
    async with open_eraser(driver.settings, driver.redis, lambda *numbers: read.append(numbers)) as eraser:
        assert await eraser.erase([erasure("ann")]) == Erased(texts=0, told=100, waiting=100)
    assert read[-1] == (100, 100)
    assert {tuple(told(driver.settings, f"c{number}")) for number in range(0, 100, 9)} == {("by ann", None, "-")}


async def test_a_topic_whose_beginning_is_deleted_while_it_is_read_is_read_anew(
    driver: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client goes on at the end then, as if there were nothing else."""
    monkeypatch.setattr("pipeline.scan.BATCH_RECORDS", 1)
    driver.write(comment("c1", "bob"), comment("c2", "bob"), comment("c3", "ann"))
    await driver.take()
    await driver.publish()
    await forget_texts(driver)
    real, times = TopicScan.start_at, []

    def start_at(self: TopicScan, offsets: Mapping[int, int]) -> None:
        if self.topic.endswith(UNANSWERED.name) and not times:
            times.append(offsets)
            with KafkaAdminClient(bootstrap_servers=list(driver.settings.kafka_servers)) as admin:
                admin.delete_records({TopicPartition(self.topic, PARTITION): 2})
        real(self, offsets)

    monkeypatch.setattr(TopicScan, "start_at", start_at)
    async with open_eraser(driver.settings, driver.redis) as eraser:
        assert (await eraser.erase([erasure("ann")])).told == 1
    assert len(times) == 1
    assert told(driver.settings, "c3") == ["by ann", None, "-"]
