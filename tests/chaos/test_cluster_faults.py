"""Faults of a Redis Cluster under running workers: slots move, masters die and freeze, replicas take over behind."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable
from itertools import count, cycle
from pathlib import Path

import pytest

from pipeline.feeding.sender import open_sender
from pipeline.local.children import Child
from pipeline.settings import Settings
from pipeline.slots import slot_of
from pipeline.store.keys import Keys
from tests.chaos.published import told_right
from tests.clusters import Node, RedisCluster
from tests.commands import TWOWAY, environment
from tests.conftest import new_installation
from tests.integration.work import page_of, proven, send, some_interactions
from tests.said import said
from tests.waiting import wait_until

pytestmark = [pytest.mark.servers, pytest.mark.prove]

ACCOUNTS = 16
#: Small slices: whatever happens, it happens in the middle of one.
SMALL = {"TWOWAY_SLICE_EVENTS": "100", "TWOWAY_FETCH_EVENTS": "1000", "TWOWAY_PUBLISH_S": "0.3"}
MOVES = 24
#: What counts, reads and remembers, once more on a cluster; docs/cluster.md says what is not among it, and why.
COUNTING = (
    *(
        f"tests/integration/test_{name}.py"
        for name in (
            "access", "alerts", "answers", "api", "cli_pages", "cli_unanswered", "directory", "erasures", "explain",
            "feed_and_replay", "gateway", "gateway_platforms", "hostile_ids", "insights", "lifetimes", "listen_bluesky",
            "listen_mastodon", "notify", "polled_totals", "privacy", "reader", "reading_end_to_end", "reading_page",
            "retention", "subscribe_unanswered", "table", "table_losses", "takeover", "unanswered", "verify",
            "verify_worker", "worker",
        )
    ),
    *(
        f"tests/property/test_{name}.py"
        for name in ("added_partitions", "alerts", "alerts_late", "table", "unanswered_topic")
    ),
    *(f"tests/chaos/test_{name}.py" for name in ("added_partitions", "crash_points", "kills")),
)  # fmt: skip


@pytest.fixture
def settings(kafka_servers: tuple[str, ...], own_cluster: RedisCluster) -> Settings:
    return new_installation(kafka_servers, own_cluster.url)


@pytest.fixture
def workers(settings: Settings, start_child: Callable[..., Child]) -> list[Child]:
    """Two workers; both still run at the end of every test."""
    return [start_child("worker", [*TWOWAY, "worker"], environment(settings, **SMALL)) for _ in range(2)]


def applied_keys(settings: Settings) -> list[str]:
    """A key of each slot in which something is counted."""
    keys = Keys(settings.key_prefix)
    return sorted({keys.applied[slot_of("facebook", f"a{number}")] for number in range(ACCOUNTS)})


async def send_until(settings: Settings, done: asyncio.Event) -> int:
    """Interactions, without a pause, until it is done; gives their number."""
    async with open_sender(settings) as sender:
        for round_ in count(1):
            for one in some_interactions(200, first=200 * (round_ - 1), accounts=ACCOUNTS):
                await sender.send(one)
            await sender.flush()
            if done.is_set():
                return 200 * round_
    raise AssertionError("unreachable")


async def test_hash_slots_move_key_by_key_while_two_workers_count(
    settings: Settings, own_cluster: RedisCluster, workers: list[Child]
) -> None:
    """Each slot that is counted in moves to another master at least once: not one row differs in the end."""
    done = asyncio.Event()
    sending = asyncio.create_task(send_until(settings, done))
    await asyncio.to_thread(lambda: wait_until(lambda: page_of(settings, "a1", "a1_1")))
    moved = 0
    for key in cycle(applied_keys(settings)):
        moved += await asyncio.to_thread(move, own_cluster, key)
        if moved >= MOVES:
            break
    done.set()
    await proven(settings, await sending, wait_s=120)
    await told_right(settings)
    assert all(worker.is_running() for worker in workers), [worker.tail(40) for worker in workers]


def move(cluster: RedisCluster, key: str) -> int:
    """One slot to the next master, key by key; gives 1 where any key went while others were still there."""
    source, masters = cluster.master_of(key), [node for node in cluster.nodes if node.is_master()]
    target = masters[(masters.index(source) + 1) % len(masters)]
    one_by_one = 0
    with cluster.moving(key, target) as slot:
        while cluster.move_some(slot, source, target, 1):
            one_by_one += 1
    assert cluster.master_of(key) is target
    return int(one_by_one > 1)


@pytest.mark.parametrize("more", [0, 500])
async def test_a_master_dies_and_a_replica_takes_over_that_is_behind(
    settings: Settings, own_cluster: RedisCluster, workers: list[Child], more: int
) -> None:
    """What was acknowledged, published and committed is not on the replica: it is counted again from the topic, whether
    anything new arrives or not. The old master comes back as a replica."""
    key = applied_keys(settings)[0]
    await send(settings, some_interactions(2_000, accounts=ACCOUNTS))
    await proven(settings, 2_000)
    wait_until(own_cluster.is_replicated)
    with own_cluster.lagging_replica(key) as (master, replica):
        await send(settings, some_interactions(2_000, first=2_000, accounts=ACCOUNTS))
        await proven(settings, 4_000)
        written = master.info()["master_repl_offset"]
        master.kill()
    assert replica.info()["slave_repl_offset"] < written
    await send(settings, some_interactions(more, first=4_000, accounts=ACCOUNTS))
    wait_until(replica.is_master)
    await proven(settings, 4_000 + more, wait_s=120)
    assert any("reading its state anew" in said(worker) for worker in workers)
    master.start()
    master.wait_healthy()
    wait_until(lambda: follows(master, replica))
    await send(settings, some_interactions(1_000, first=4_000 + more, accounts=ACCOUNTS))
    await proven(settings, 5_000 + more)
    await told_right(settings)
    assert all(worker.is_running() for worker in workers), [worker.tail(40) for worker in workers]


async def test_a_master_freezes_under_load_and_wakes_up_as_a_replica(
    settings: Settings, own_cluster: RedisCluster, workers: list[Child]
) -> None:
    """It answers nobody and its connections stay open; its replica takes over with all that had reached it."""
    done = asyncio.Event()
    sending = asyncio.create_task(send_until(settings, done))
    await asyncio.to_thread(lambda: wait_until(lambda: page_of(settings, "a1", "a1_1")))
    master = own_cluster.master_of(applied_keys(settings)[0])
    replica = own_cluster.replica_of(master)
    master.pause()
    await asyncio.to_thread(lambda: wait_until(replica.is_master))
    done.set()
    sent = await sending
    master.resume()
    await asyncio.to_thread(lambda: wait_until(lambda: follows(master, replica)))
    await proven(settings, sent, wait_s=120)
    await told_right(settings)
    assert all(worker.is_running() for worker in workers), [worker.tail(40) for worker in workers]


@pytest.mark.parametrize(
    ("marked", "files"),
    [("not prove", COUNTING), ("prove", ("tests/chaos/test_zombies.py",))],
    ids=["counting", "zombies"],
)
def test_what_is_tested_of_counting_holds_on_a_cluster(marked: str, files: tuple[str, ...]) -> None:
    """The suite's own tests, with a cluster in the place of the one Redis."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", "-m", marked, "--redis=cluster", *files],
        cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False, timeout=3_000,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-5_000:]


def follows(node: Node, master: Node) -> bool:
    """Whether it is the other's replica and has all that was written."""
    said = node.info()
    return (said["role"], said.get("master_port"), said.get("master_link_status")) == ("slave", master.port, "up")
