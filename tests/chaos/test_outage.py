"""Kafka and Redis both away, in the middle of counting: the same worker goes on and nothing is wrong."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pipeline.clock import wall_clock
from pipeline.local.children import Child
from pipeline.local.kafka import KafkaServer
from pipeline.local.redis import RedisServer
from pipeline.settings import Settings
from pipeline.transport.consumer import REQUEST_MS
from tests.chaos.published import told_right
from tests.commands import TWOWAY, environment
from tests.conftest import new_installation
from tests.integration.work import farthest_now, page_of, proven, send, some_interactions
from tests.said import said
from tests.waiting import wait_until

pytestmark = pytest.mark.servers

#: More than a worker counts, in small slices, before both are killed.
SENT = 20_000


@pytest.mark.parametrize("away_s", [15, pytest.param(60, marks=pytest.mark.prove)])
async def test_a_time_without_kafka_and_redis_loses_nothing_and_counts_nothing_twice(
    own_kafka: KafkaServer, own_redis: RedisServer, start_child: Callable[..., Child], away_s: int
) -> None:
    """Both are killed while slices are on their way, so answers are lost; of what Redis wrote nothing is. A request
    that a starting broker took and does not answer is waited for as long as any other."""
    settings = new_installation((own_kafka.servers,), own_redis.url)
    worker = start_child("worker", [*TWOWAY, "worker"], environment(settings, TWOWAY_SLICE_EVENTS="50"))
    await send(settings, some_interactions(SENT))
    wait_until(lambda: stopped_at_something(worker, settings))
    own_redis.kill()
    own_kafka.kill()
    worker.resume()
    back_ms = wall_clock() + away_s * 1000
    wait_until(lambda: wall_clock() > back_ms, deadline_s=2 * away_s)
    assert worker.is_running(), worker.tail()
    worker.pause()
    own_redis.start()
    own_redis.wait_healthy()
    assert 0 < sum((await farthest_now(settings)).values()) < SENT
    worker.resume()
    own_kafka.start()
    own_kafka.wait_healthy()
    await send(settings, some_interactions(1_000, first=SENT))
    await proven(settings, SENT + 1_000, wait_s=REQUEST_MS / 1000 + 30)
    await told_right(settings)
    assert worker.is_running(), worker.tail()


def stopped_at_something(worker: Child, settings: Settings) -> bool:
    """Stop the worker; where nothing is counted yet it goes on. So it cannot count all before the kill."""
    worker.pause()
    if page_of(settings, "a1", "a1_1"):
        return True
    worker.resume()
    return False


async def test_a_worker_can_be_stopped_while_kafka_and_redis_are_away(
    own_kafka: KafkaServer, own_redis: RedisServer, start_child: Callable[..., Child]
) -> None:
    """SIGTERM in an outage ends it within half a minute; what it leaves unpublished the next worker repeats."""
    settings = new_installation((own_kafka.servers,), own_redis.url)
    worker = start_child("worker", [*TWOWAY, "worker"], environment(settings))
    await send(settings, some_interactions(1_000))
    wait_until(lambda: page_of(settings, "a1", "a1_1"))
    own_redis.kill()
    own_kafka.kill()
    wait_until(lambda: "is away" in said(worker))
    worker.ask_to_end()
    assert wait_until(lambda: worker.exit_code is not None, deadline_s=30)
    assert worker.exit_code == 0, worker.tail(60)
