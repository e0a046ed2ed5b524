"""Following `interactions.erased`: many erasures at once, and a topic that was made anew. On the real servers."""

from __future__ import annotations

from dataclasses import replace

import pytest
from kafka import KafkaAdminClient

from pipeline.local.redis import RedisServer
from pipeline.privacy.follow import catch_up, open_eraser
from pipeline.publishing.outlet import Outlet
from pipeline.publishing.record_batch import Batches
from pipeline.scan import open_scan
from pipeline.settings import Secret, Settings
from pipeline.slots import SLOTS
from pipeline.store.keys import Keys
from pipeline.topic_admin import create_topics
from schemas.erasure import Erasure, encode_erasure
from schemas.topics import ERASED
from tests.factories import NOON_MS
from tests.redises import open_redis
from tests.waiting import wait_until

pytestmark = pytest.mark.servers


async def ask_for(settings: Settings, *actors: str) -> None:
    """Write their erasures into the topic, as gateways do."""
    asked = [Erasure(platform="facebook", actor=actor, time_ms=NOON_MS) for actor in actors]
    outlet = Outlet(settings)
    await outlet.send(
        settings.topic(ERASED.name), 0, Batches.of((one.key.encode(), encode_erasure(one)) for one in asked)
    )
    await outlet.stop()


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
    said = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    name = settings.topic(ERASED.name)
    assert said == [
        f"{name}[0] ends at offset 1, but Redis says that all up to 3 is erased: the topic was cut or made anew. "
        "Erasing from its beginning"
    ]


def make_anew(settings: Settings) -> None:
    """Somebody deletes the topic and creates it again."""
    name = settings.topic(ERASED.name)
    with KafkaAdminClient(bootstrap_servers=list(settings.kafka_servers)) as admin:
        admin.delete_topics([name])
        wait_until(lambda: name not in admin.list_topics())
    create_topics(settings)
