"""Redis away for longer than Faust waits for anything, while partitions change hands."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pipeline.clock import wall_clock
from pipeline.local.children import Child
from pipeline.local.kafka import KafkaServer
from pipeline.local.redis import RedisServer
from tests.commands import TWOWAY, environment
from tests.conftest import new_installation
from tests.groups import open_admin, owners
from tests.integration.work import page_of, proven, send, some_interactions
from tests.said import said
from tests.waiting import wait_until

pytestmark = [pytest.mark.servers, pytest.mark.prove]

#: Faust's own limit is 90 s.
AWAY_MS = 110_000


async def test_a_worker_that_gets_partitions_while_redis_is_away_for_minutes_counts_when_it_is_back(
    own_kafka: KafkaServer, own_redis: RedisServer, start_child: Callable[..., Child]
) -> None:
    """It cannot know where to go on, asks on and on, and keeps its place in the group meanwhile."""
    settings = new_installation((own_kafka.servers,), own_redis.url)
    goes_on, dies = (start_child(name, [*TWOWAY, "worker"], environment(settings)) for name in ("goes-on", "dies"))
    await send(settings, some_interactions(2_000))
    wait_until(lambda: page_of(settings, "a1", "a1_1"))
    await proven(settings, 2_000)
    own_redis.kill()
    dies.kill()
    back_ms = wall_clock() + AWAY_MS
    assert wait_until(lambda: "Redis is away" in said(goes_on)), goes_on.tail(200)
    wait_until(lambda: wall_clock() > back_ms, deadline_s=2 * AWAY_MS / 1000)
    with open_admin(settings) as admin:
        given = owners(admin, settings)
    assert (len(given), len(set(given.values()))) == (settings.partitions, 1), given
    own_redis.start()
    own_redis.wait_healthy()
    await send(settings, some_interactions(1_000, first=2_000))
    await proven(settings, 3_000)
    assert goes_on.is_running(), goes_on.tail()
