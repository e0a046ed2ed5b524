"""A Redis Cluster of three masters and three replicas: everything is counted and read on it, and slots may move."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
import uvloop
from redis import exceptions as redis_errors
from redis.crc import key_slot

from pipeline.errors import StateError
from pipeline.privacy.follow import ask, catch_up, open_eraser
from pipeline.publishing.outlet import Outlet
from pipeline.reading import Reader
from pipeline.scan import open_scan
from pipeline.settings import Secret, Settings
from pipeline.slots import slot_of
from pipeline.store.checkpoint import check_redis
from pipeline.store.cluster_pipeline import exchange
from pipeline.store.keys import Keys
from pipeline.store.walk import every_key
from pipeline.table.mending import MENDABLE
from schemas.erasure import Erasure
from schemas.interaction import Interaction
from schemas.topics import ERASED
from tests.clusters import RedisCluster
from tests.conftest import new_installation
from tests.driver import PARTITION, RECEIVED_MS, Driver, accounts_of
from tests.factories import NOON_MS, make_interaction
from tests.redises import open_redis
from tests.waiting import wait_until, wait_until_async

pytestmark = pytest.mark.servers

#: Connections of one client to a node; and turns of its loop, more than it takes to fail and to close them.
CONNECTIONS, TURNS = 10, 40
GET = [("GET", "k")]
#: Accounts of twelve slots.
BRANDS = list({slot_of("facebook", brand): brand for brand in accounts_of(PARTITION, 50)}.values())[:12]


@pytest.fixture
def settings(kafka_servers: tuple[str, ...], redis_cluster: RedisCluster) -> Settings:
    """An installation on the cluster, with a rule that speaks at once."""
    new = new_installation(kafka_servers, redis_cluster.url)
    return replace(new, alert_window="1m", alert_ratioed_comments=2, alert_ratioed=0.5)


def mix(brand: str, first: int = 0) -> list[Interaction]:
    """Likes, one of them taken back, a share, three comments, one of them answered."""
    post, of = f"{brand}_1", {"account": brand, "post": f"{brand}_1"}
    ids = [f"{brand}/{first + i}" for i in range(3)]
    return [
        *(make_interaction(**of, actor=f"u{first + i}") for i in range(4)),
        make_interaction(**of, actor=f"u{first}", action="remove", time_ms=NOON_MS + 1),
        make_interaction(**of, kind="share", id=f"{post}/s{first}"),
        *(make_interaction(**of, kind="comment", id=one, actor=f"c{first}", text=f"hello {one}") for one in ids),
        make_interaction(**of, kind="comment", id=f"{ids[0]}/r", own=True, parent=ids[0], time_ms=NOON_MS + 9_000),
    ]


async def count(driver: Driver, first: int = 0) -> None:
    for brand in BRANDS:
        driver.write(*mix(brand, first))
    await driver.take()
    await driver.publish()


async def test_everything_is_counted_on_all_masters(driver: Driver, redis_cluster: RedisCluster) -> None:
    """Comments, replies, engaged actors and queues included; a worker that starts anew goes on exactly there."""
    await count(driver)
    await driver.open()
    assert driver.table.progress.position == len(driver.log)
    await count(driver, first=10)
    assert await driver.differences() == []
    keys = Keys(driver.settings.key_prefix)
    masters = {redis_cluster.master_of(keys.applied[slot_of("facebook", brand)]).port for brand in BRANDS}
    assert masters == {node.port for node in redis_cluster.nodes[:3]}


async def test_readers_find_everything_on_whichever_master_it_lies(driver: Driver) -> None:
    """The walk over the directory, rankings, the queue, insights and alerts."""
    await count(driver)
    driver.now_ms = RECEIVED_MS + 120_000
    await driver.publish()
    async with Reader.connect(driver.settings, lambda: driver.now_ms) as reader:
        ranking = await reader.accounts(limit=50)
        assert sorted(one.id for one in ranking.items) == sorted(BRANDS)
        assert {(one.likes, one.comments, one.shares, one.replies) for one in ranking.items} == {(3, 3, 1, 1)}
        assert len((await reader.top_posts(limit=50)).items) == len(BRANDS)
        assert (await reader.post("facebook", f"{BRANDS[0]}_1")).account == BRANDS[0]
        queue = await reader.unanswered("facebook", BRANDS[0], limit=1)
        assert (queue.waiting, queue.comments[0].text) == (2, f"hello {queue.comments[0].id}")
        rest = await reader.unanswered("facebook", BRANDS[0], after=queue.next)
        assert len(rest.comments) == 1
        insights = await reader.insights("facebook", BRANDS[0])
        assert insights.silence[0].engaged == 5
        assert {alert.account for alert in (await reader.alerts()).alerts} == set(BRANDS)


async def test_an_actor_is_erased_on_all_masters_and_again_where_one_fell_back(driver: Driver) -> None:
    """How far it is done stands beside the texts of each slot: a node that came back older is asked again."""
    await count(driver)
    settings, keys = driver.settings, Keys(driver.settings.key_prefix)
    await ask(settings, [Erasure(platform="facebook", actor="c0", time_ms=NOON_MS)])
    async with open_eraser(settings, driver.redis) as eraser, open_scan(settings, ERASED.name) as scan:
        assert (await catch_up(eraser, scan)).texts == 3 * len(BRANDS)
        assert (await catch_up(eraser, scan)).texts == 0
        slot = slot_of("facebook", BRANDS[0])
        async for key in driver.redis.scan_iter(match=f"{settings.key_prefix}:{{{slot}}}:*"):
            await driver.redis.delete(key)
        await driver.open()
        await driver.take()
        assert (await catch_up(eraser, scan)).texts == 3
        assert await driver.redis.sismember(keys.erased[slot], "facebook:c0")
    assert await driver.differences() == []


async def test_a_hash_slot_moves_to_another_master_in_the_middle_of_a_slice(
    driver: Driver, redis_cluster: RedisCluster
) -> None:
    """While some of its keys lie here and some there nothing is written to it, also where every key that the script
    names has gone over already; the other slots are. Readers get all of it meanwhile."""
    await count(driver)
    keys, brand = Keys(driver.settings.key_prefix), BRANDS[0]
    slot, others = slot_of("facebook", brand), {slot_of("facebook", brand) for brand in BRANDS[1:]}
    await driver.redis.sadd(keys.erased[slot], "facebook:nobody")
    before = {key: await driver.redis.hget(keys.applied[key], "version") for key in (slot, *others)}
    source = redis_cluster.master_of(keys.applied[slot])
    target = next(node for node in redis_cluster.nodes if node.is_master() and node is not source)
    for brand_ in BRANDS:
        driver.write(*mix(brand_, first=10))
    async with Reader.connect(driver.settings, lambda: RECEIVED_MS) as reader:
        with redis_cluster.moving(keys.applied[slot], target):
            for name in (keys.applied[slot], keys.open[slot], keys.erased[slot]):
                source.call("MIGRATE", "127.0.0.1", target.port, name, 0, 5_000)
            counting = asyncio.create_task(driver.take())

            async def others_are_written() -> bool:
                now = [await driver.redis.hget(keys.applied[other], "version") for other in others]
                return all(version != before[other] for version, other in zip(now, others, strict=True))

            await wait_until_async(others_are_written)
            assert not counting.done()
            assert await driver.redis.hget(keys.applied[slot], "version") == before[slot]
            assert (await reader.account("facebook", brand)).comments == 3
            assert (await reader.unanswered("facebook", brand)).waiting == 2
        await counting
        assert redis_cluster.master_of(keys.applied[slot]) is target
        assert (await reader.account("facebook", brand)).comments == 6
    await driver.publish()
    assert await driver.differences() == []


async def test_a_master_that_does_not_know_the_scripts_is_told(driver: Driver, redis_cluster: RedisCluster) -> None:
    """As after a failover onto a replica, or on a node that joined later: nothing has to be read anew."""
    await count(driver)
    for node in redis_cluster.nodes[:3]:
        node.call("SCRIPT", "FLUSH")
    await count(driver, first=10)
    assert await driver.differences() == []


async def test_a_walk_is_repeated_where_slots_moved_meanwhile(driver: Driver, redis_cluster: RedisCluster) -> None:
    """A key may go from a node that is still to be walked to one that was."""
    await count(driver)
    prefix, keys = driver.settings.key_prefix, Keys(driver.settings.key_prefix)
    name = keys.applied[slot_of("facebook", BRANDS[1])]
    source = redis_cluster.master_of(name)
    target = next(node for node in redis_cluster.nodes if node.is_master() and node is not source)
    seen: list[bytes] = []
    async for key in every_key(driver.redis, f"{prefix}:{{*}}:applied", 1_000, "hash"):
        if not seen:
            with redis_cluster.moving(name, target):
                pass
        seen.append(key)
    assert len(set(seen)) == 64
    assert len(seen) > 64


async def test_a_replica_that_is_behind_takes_over_and_what_it_lacks_is_counted_again(
    own_cluster: RedisCluster, kafka_servers: tuple[str, ...]
) -> None:
    """Nothing new arrives: the next publication finds out, and what is in the topic is enough."""
    settings = new_installation(kafka_servers, own_cluster.url)
    redis, outlet = open_redis(settings), Outlet(settings)
    driver = Driver(settings, redis, outlet)
    await driver.open()
    await count(driver)
    wait_until(own_cluster.is_replicated)
    name = Keys(settings.key_prefix).applied[slot_of("facebook", BRANDS[0])]
    with own_cluster.lagging_replica(name) as (master, replica):
        await count(driver, first=10)
        written = await redis.hget(name, "version")
        master.kill()
    wait_until(replica.is_master)
    assert replica.call("HGET", name, "version") != written.decode()
    await wait_until_async(lambda: fails(driver))
    await wait_until_async(lambda: opens(driver))
    assert driver.table.progress.position < len(driver.log)
    await driver.take()
    await driver.publish()
    assert await driver.differences() == []
    await outlet.stop()
    await driver.decoding.aclose()
    await redis.aclose()


async def test_one_node_alone_is_refused(redis_cluster: RedisCluster) -> None:
    """It holds a third of the keys; who names it as if it were everything is told what to write."""
    alone = Settings(redis_url=Secret(redis_cluster.nodes[0].url))
    async with open_redis(alone) as redis:
        with pytest.raises(StateError, match=r"node of a Redis Cluster; expected the URL to begin with redis\+cluster"):
            await check_redis(redis)


async def test_every_key_of_a_slot_lies_in_one_hash_slot(driver: Driver) -> None:
    """Scripts write keys that Redis is not told of beforehand: they carry the hash tag of those that it is."""
    await count(driver)
    keys, found = Keys(driver.settings.key_prefix), 0
    async for key in driver.redis.scan_iter(match=f"{keys.prefix}:{{*}}:*"):
        slot = int(key.decode().partition("{")[2].partition("}")[0])
        assert key_slot(key) == key_slot(keys.applied[slot].encode())
        found += 1
    assert found > 100


async def fails(driver: Driver) -> bool:
    """Whether a publication finds out that Redis is not what it was."""
    try:
        await driver.publish()
    except MENDABLE:
        return True
    return False


async def opens(driver: Driver) -> bool:
    try:
        await driver.open()
    except MENDABLE:
        return False
    return True


@pytest.mark.parametrize("command", ["get", "ping"])
def test_nobody_is_given_a_connection_that_is_being_closed_because_another_one_failed(
    settings: Settings, redis_cluster: RedisCluster, command: str
) -> None:
    """On the roles' own loop that was a RuntimeError, with which a worker ended that woke up behind its answers' time.
    The others ask one turn of the loop after the other, while the command fails and is repeated."""

    async def others(turns: int) -> list[Any]:
        async with open_redis(settings) as client:
            await client.get("k")
            node = client.node_of(key_slot(b"k"))
            await asyncio.gather(*(exchange(node, GET) for _ in range(CONNECTIONS)))
            ids = [(await exchange(node, [("CLIENT", "ID")]))[0] for _ in range(CONNECTIONS)]
            redis_cluster.master_of("k").call("CLIENT", "KILL", "ID", ids[0])  # the first that is given away next
            failing = asyncio.create_task(client.get("k") if command == "get" else client.ping(target_nodes=node))
            for _ in range(turns):
                await asyncio.sleep(0)
            asked = (exchange(node, GET) for _ in range(CONNECTIONS - 2))
            answers = await asyncio.gather(*asked, failing, return_exceptions=True)
            # In the first turns one of them is given the connection that Redis closed.
            return [answer for answer in answers if not isinstance(answer, redis_errors.ConnectionError)]

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        found = [runner.run(others(turns)) for turns in range(TURNS)]
    assert [one for answers in found for one in answers if one not in ([None], None, True)] == []
    assert sum(map(len, found)) >= TURNS * (CONNECTIONS - 2)
