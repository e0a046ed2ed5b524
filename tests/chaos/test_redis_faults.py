"""Redis comes back with less than it had: what is gone is counted again from the topic, whatever else arrives."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis

from pipeline.faults.waiting import is_stopped
from pipeline.feeding.sender import open_sender
from pipeline.local.children import Child
from pipeline.local.ports import LOOPBACK, free_ports
from pipeline.local.redis import RedisServer
from pipeline.settings import Settings
from pipeline.slots import slots_of_partition
from pipeline.store.keys import Keys
from tests.chaos.published import told_right
from tests.commands import TWOWAY, environment
from tests.conftest import new_installation
from tests.integration.work import proven, send, some_interactions
from tests.said import said
from tests.waiting import wait_until

pytestmark = pytest.mark.servers

ROUND = 2_000
ACCOUNTS = 16
#: Bytes, less than any command of a script takes.
HALF_A_COMMAND = 10


def applied_in(server: RedisServer, settings: Settings) -> int:
    """Offsets that a Redis says to have applied, all slots together."""
    with redis.Redis.from_url(server.url) as client:
        applied = Keys(settings.key_prefix).applied
        return sum(
            int(client.hget(applied[slot], str(partition)) or 0)
            for partition in range(settings.partitions)
            for slot in slots_of_partition(partition, settings.partitions)
        )


def append_only_file(server: RedisServer) -> Path:
    """The file that grows; from Redis 7 on it lies in a folder of its own."""
    (found,) = server.data.rglob("*.aof")
    return found


@pytest.fixture
def replica(own_redis: RedisServer, tmp_path: Path) -> Iterator[RedisServer]:
    """A replica of `own_redis`, which has all that it has."""
    server = RedisServer(tmp_path / "replica", free_ports(1)[0])
    server.start()
    server.wait_healthy()
    with redis.Redis.from_url(server.url) as client:
        client.replicaof(LOOPBACK, own_redis.port)
        wait_until(lambda: client.info("replication")["master_link_status"] == "up")
    yield server
    server.kill()


@pytest.mark.parametrize("more", [0, 500])
async def test_a_redis_restored_from_an_older_copy_is_counted_up_again(
    kafka_servers: tuple[str, ...], own_redis: RedisServer, start_child: Callable[..., Child], tmp_path: Path, more: int
) -> None:
    """Its data folder of before is put back after a kill: applied offsets fall below what the group has committed."""
    settings = new_installation(kafka_servers, own_redis.url)
    worker = start_child("worker", [*TWOWAY, "worker"], environment(settings))
    await send(settings, some_interactions(ROUND, accounts=ACCOUNTS))
    await proven(settings, ROUND)
    shutil.copytree(own_redis.data, tmp_path / "copy")
    await send(settings, some_interactions(ROUND, first=ROUND, accounts=ACCOUNTS))
    await proven(settings, 2 * ROUND)
    await told_right(settings)
    before = applied_in(own_redis, settings)
    worker.pause()
    wait_until(lambda: is_stopped(worker))
    own_redis.kill()
    shutil.rmtree(own_redis.data)
    shutil.copytree(tmp_path / "copy", own_redis.data)
    own_redis.start()
    own_redis.wait_healthy()
    assert 0 < applied_in(own_redis, settings) < before
    await send(settings, some_interactions(more, first=2 * ROUND, accounts=ACCOUNTS))
    worker.resume()
    await proven(settings, 2 * ROUND + more)
    await told_right(settings)
    assert worker.is_running(), worker.tail()


async def test_a_redis_that_loses_its_newest_second_is_counted_up_again(
    kafka_servers: tuple[str, ...], own_redis: RedisServer, start_child: Callable[..., Child]
) -> None:
    """What `appendfsync everysec` may lose with its machine: the append-only file ends where it did a second before the
    kill, in the middle of a command. To kill the process alone would lose nothing of what it wrote."""
    settings = new_installation(kafka_servers, own_redis.url)
    small = {"TWOWAY_SLICE_EVENTS": "50", "TWOWAY_PUBLISH_S": "0.3"}
    worker = start_child("worker", [*TWOWAY, "worker"], environment(settings, **small))
    sent, written, seen, until = 0, 0, 0, None
    async with open_sender(settings) as sender:
        while until is None or time.monotonic() < until or applied_in(own_redis, settings) <= seen:
            for one in some_interactions(ROUND // 4, first=sent, accounts=ACCOUNTS):
                await sender.send(one)
            await sender.flush()
            sent += ROUND // 4
            if until is None and (seen := applied_in(own_redis, settings)):
                written, until = append_only_file(own_redis).stat().st_size, time.monotonic() + 1
    before = applied_in(own_redis, settings)
    own_redis.kill()
    worker.pause()
    wait_until(lambda: is_stopped(worker))
    os.truncate(append_only_file(own_redis), written + HALF_A_COMMAND)
    own_redis.start()
    own_redis.wait_healthy()
    assert 0 < applied_in(own_redis, settings) < before
    worker.resume()
    await proven(settings, sent)
    await told_right(settings)
    assert "reading its state anew" in said(worker)
    assert worker.is_running(), worker.tail()


async def test_a_replica_that_lags_and_takes_over_is_counted_up_again(
    kafka_servers: tuple[str, ...], own_redis: RedisServer, replica: RedisServer, start_child: Callable[..., Child]
) -> None:
    """Its link to the master is lost first; then the master dies, and the replica answers at the master's address."""
    settings = new_installation(kafka_servers, own_redis.url)
    worker = start_child("worker", [*TWOWAY, "worker"], environment(settings))
    await send(settings, some_interactions(ROUND, accounts=ACCOUNTS))
    await proven(settings, ROUND)
    wait_until(lambda: applied_in(replica, settings) == applied_in(own_redis, settings))
    with redis.Redis.from_url(replica.url) as client:
        client.replicaof(LOOPBACK, free_ports(1)[0])
        await send(settings, some_interactions(ROUND, first=ROUND, accounts=ACCOUNTS))
        await proven(settings, 2 * ROUND)
        assert 0 < applied_in(replica, settings) < applied_in(own_redis, settings)
        client.replicaof("NO", "ONE")
    own_redis.kill()
    replica.stop()
    promoted = RedisServer(replica.data, own_redis.port)
    try:
        promoted.start()
        promoted.wait_healthy()
        await send(settings, some_interactions(ROUND, first=2 * ROUND, accounts=ACCOUNTS))
        await proven(settings, 3 * ROUND)
        await told_right(settings)
        assert worker.is_running(), worker.tail()
    finally:
        promoted.kill()


async def test_a_redis_emptied_by_hand_while_it_counts_is_filled_again(
    kafka_servers: tuple[str, ...], own_redis: RedisServer, start_child: Callable[..., Child]
) -> None:
    """FLUSHALL between two slices, scripts and all."""
    settings = new_installation(kafka_servers, own_redis.url)
    worker = start_child("worker", [*TWOWAY, "worker"], environment(settings, TWOWAY_SLICE_EVENTS="50"))
    await send(settings, some_interactions(5 * ROUND, accounts=ACCOUNTS))
    wait_until(lambda: applied_in(own_redis, settings))
    with redis.Redis.from_url(own_redis.url) as client:
        client.flushall()
        client.script_flush()
    await send(settings, some_interactions(ROUND, first=5 * ROUND, accounts=ACCOUNTS))
    await proven(settings, 6 * ROUND)
    await told_right(settings)
    assert "reading its state anew" in said(worker)
