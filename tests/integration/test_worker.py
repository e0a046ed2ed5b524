"""The worker as a process of its own, on the real servers: exact rows, published rows, and faults that it outlives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import httpx
import pytest
import redis

from pipeline.clock import wall_clock
from pipeline.local.children import Child
from pipeline.local.kafka import KafkaServer
from pipeline.local.ports import free_ports
from pipeline.local.redis import RedisServer
from pipeline.settings import Secret, Settings
from pipeline.slots import slot_of
from pipeline.store.keys import Keys
from pipeline.topic_admin import create_topics
from schemas.interaction import Interaction, encode_interaction
from schemas.rejected import decode_rejected
from schemas.topics import INTERACTIONS, REJECTED
from tests.commands import TWOWAY, environment
from tests.conftest import new_installation
from tests.factories import make_interaction
from tests.integration.work import counts_of, newest_updates, page_of, proven, send, shown, some_interactions
from tests.redises import open_blocking
from tests.said import said
from tests.topics import drop_beginning, read_topic, write_topic
from tests.waiting import DEADLINE_S, wait_until

pytestmark = pytest.mark.servers

#: Longer than a consumer's session.
AWAY_MS = 10_000

StartChild = Callable[..., Child]
Start = Callable[[Settings], Child]


@pytest.fixture
def start_worker(start_child: StartChild) -> Start:
    """Starts a worker on an installation."""
    return lambda settings, **more: start_child("worker", [*TWOWAY, "worker"], environment(settings, **more))


async def test_a_like_and_a_comment_stand_in_every_window_within_seconds(
    settings: Settings, start_worker: Start
) -> None:
    """From the topic into minute, hour, day and all time, of the post and of the account."""
    start_worker(settings)
    time_ms = wall_clock()
    await send(settings, [make_interaction(time_ms=time_ms), make_interaction(kind="comment", time_ms=time_ms)])
    page = wait_until(lambda: page_of(settings, "a1", "p1"))
    rows = [settings.windows.field(code) for code in settings.windows.codes(time_ms)[:-1]]
    assert [page[row] for row in rows] == ["1,1,0,0,0"] * 3
    assert (page["likes"], page["comments"], page["comment_to_like"], page["account"]) == ("1", "1", "1.0", "a1")
    await proven(settings, 2)


async def test_published_rows_are_the_rows_in_redis_and_a_quiet_window_becomes_final(
    settings: Settings, start_worker: Start
) -> None:
    """The newest revision of every key says what Redis says; without new events windows close by the wall clock."""
    start_worker(settings, TWOWAY_GRACE_S="0")
    interactions = some_interactions(100)
    await send(settings, [replace_time(one, wall_clock() - 300_000) for one in interactions])
    await proven(settings, 100)
    newest = newest_updates(settings, lambda rows: sum(row.final for row in rows if row.window == "1m") == 24)
    page = page_of(settings, "a1", "a1_1")
    for row in (row for row in newest if (row.entity, row.id) == ("post", "a1_1")):
        assert shown(settings, page, row) == counts_of(row)
    still_open = [row for row in newest if row.end_ms is None or row.end_ms > wall_clock()]
    assert {row.final for row in still_open} == {False}
    assert "all" in {row.window for row in still_open}


async def test_a_poison_record_goes_to_rejected_and_the_stream_goes_on(settings: Settings, start_worker: Start) -> None:
    """What cannot be counted is kept with its bytes, where it lay and why; what follows is counted."""
    poison = [b"{not json", b'{"platform":"facebook"}', None, b"\xff\xfe", b"[" * 100_000]
    # Taken into the topic by an earlier version: totals that count nowhere.
    poison.append(encode_interaction(make_interaction(kind="totals", likes=9)).replace(b'"post":"p1",', b""))
    write_topic(settings, INTERACTIONS, 0, poison)
    await send(settings, [make_interaction(time_ms=wall_clock() + 3_600_000, actor="future")])
    await send(settings, [make_interaction(time_ms=wall_clock())])
    start_worker(settings)
    wait_until(lambda: page_of(settings, "a1", "p1"))
    kept = [decode_rejected(value) for value in wait_until(lambda: enough(read_topic(settings, REJECTED), 7))]
    reasons = sorted(one.reason for one in kept)
    assert reasons == ["no_value", "not_json", "not_json", "schema", "schema", "schema", "time_in_future"]
    assert {one.bytes for one in kept} >= {b"{not json", b'{"platform":"facebook"}', b"\xff\xfe", b""}
    assert all(one.source.startswith(f"{settings.topic(INTERACTIONS.name)}[") for one in kept)
    await proven(settings, 8)


async def test_a_record_in_a_partition_that_does_not_own_its_slot_is_sent_on_and_counted(
    settings: Settings, start_worker: Start
) -> None:
    """Somebody's producer with another partitioner cannot make two workers count one account."""
    value = encode_interaction(make_interaction(time_ms=wall_clock()))
    wrong = (slot_of("facebook", "a1") + 1) % settings.partitions
    write_topic(settings, INTERACTIONS, wrong, [value])
    start_worker(settings)
    assert wait_until(lambda: page_of(settings, "a1", "p1"))["likes"] == "1"


async def test_an_emptied_redis_is_counted_anew_from_the_topic(settings: Settings, start_worker: Start) -> None:
    """Redis older than Kafka's commit: the worker goes back to what Redis says, and says so."""
    worker = start_worker(settings)
    await send(settings, some_interactions(200))
    await proven(settings, 200)
    worker.stop()
    with open_blocking(settings) as client:
        client.delete(*client.scan_iter(match=f"{settings.key_prefix}:*"))
    again = start_worker(settings)
    await proven(settings, 200)
    assert "Redis is older than Kafka's commit" in said(again)


async def test_a_redis_that_is_emptied_under_a_running_worker_is_counted_anew(
    settings: Settings, start_worker: Start
) -> None:
    """The next slice is fenced, for the version in force is gone; the worker reads anew and goes back."""
    start_worker(settings)
    await send(settings, some_interactions(200))
    await proven(settings, 200)
    with open_blocking(settings) as client:
        client.delete(*client.scan_iter(match=f"{settings.key_prefix}:*"))
    await send(settings, some_interactions(100, first=200))
    await proven(settings, 300)


async def test_the_worker_waits_while_redis_is_away_and_counts_nothing_twice(
    kafka_servers: tuple[str, ...], own_redis: RedisServer, start_worker: Start
) -> None:
    """Redis is killed in the middle and comes back with all that it wrote: to end its process loses nothing of that."""
    settings = new_installation(kafka_servers, own_redis.url)
    worker = start_worker(settings)
    await send(settings, some_interactions(2_000))
    await proven(settings, 2_000)
    own_redis.kill()
    await send(settings, some_interactions(500, first=2_000))
    wait_until(lambda: "is away" in said(worker) or "reading its state anew" in said(worker))
    own_redis.start()
    own_redis.wait_healthy()
    await proven(settings, 2_500)
    assert worker.is_running()


async def test_the_worker_waits_while_kafka_is_away_and_loses_nothing(
    own_kafka: KafkaServer, redis_url: str, start_worker: Start
) -> None:
    """The broker is killed for longer than a session lasts; the same worker process goes on when it is back."""
    (port,) = free_ports(1)
    settings = new_installation((own_kafka.servers,), redis_url)
    worker = start_worker(settings, TWOWAY_WORKER_PORT=str(port))
    await send(settings, some_interactions(500))
    await proven(settings, 500)
    own_kafka.kill()
    back_ms = wall_clock() + AWAY_MS
    wait_until(lambda: not asked(port, "/readyz").json()["kafka"])
    wait_until(lambda: wall_clock() > back_ms)
    own_kafka.start()
    own_kafka.wait_healthy()
    await send(settings, some_interactions(500, first=500))
    await proven(settings, 1_000)
    assert worker.is_running(), worker.tail()


async def test_a_full_redis_is_waited_for(
    kafka_servers: tuple[str, ...], own_redis: RedisServer, start_worker: Start
) -> None:
    """Reads still work, writes do not: the worker tries again, less and less often, until there is memory."""
    settings = new_installation(kafka_servers, own_redis.url)
    worker = start_worker(settings)
    await send(settings, some_interactions(100))
    await proven(settings, 100)
    with redis.Redis.from_url(own_redis.url) as client:
        client.config_set("maxmemory", "1")
        await send(settings, some_interactions(100, first=100))
        wait_until(lambda: "OOM" in said(worker))
        client.config_set("maxmemory", "0")
    await proven(settings, 200)
    assert worker.is_running()


async def test_a_worker_lives_while_it_waits_for_its_servers(
    own_redis: RedisServer, kafka_servers: tuple[str, ...], start_child: StartChild
) -> None:
    """A liveness probe must not kill what only waits; it counts as soon as Redis is there."""
    (port,) = free_ports(1)
    settings = new_installation(kafka_servers, own_redis.url)
    own_redis.kill()
    worker = start_child("worker", [*TWOWAY, "worker"], environment(settings, TWOWAY_WORKER_PORT=str(port)))
    wait_until(lambda: "waiting for Kafka and Redis" in said(worker))
    assert asked(port, "/livez").status_code == 200
    assert asked(port, "/readyz").json() == {"kafka": False, "redis": False}
    own_redis.start()
    own_redis.wait_healthy()
    await send(settings, some_interactions(100))
    await proven(settings, 100)
    wait_until(lambda: asked(port, "/readyz").json() == {"kafka": True, "redis": True})


async def test_a_topic_that_lost_what_is_still_to_be_counted_stops_the_worker(
    settings: Settings, start_worker: Start
) -> None:
    """Kafka's retention was faster than we: not to be passed over in silence, unless told to."""
    await send(settings, some_interactions(100))
    drop_beginning(settings, INTERACTIONS)
    stopped = start_worker(settings)
    assert wait_until(lambda: stopped.exit_code) == 1
    assert "Set TWOWAY_FROM_EARLIEST=true to count what remains" in said(stopped)
    start_worker(settings, TWOWAY_FROM_EARLIEST="true")
    await send(settings, [make_interaction(time_ms=wall_clock())])
    assert wait_until(lambda: page_of(settings, "a1", "p1"))["likes"] == "1"


async def test_an_unexpected_exception_stops_the_worker_loudly(settings: Settings, start_worker: Start) -> None:
    """State that nobody of ours wrote: to go on would be to guess. The exit code is not 0, and nothing is committed."""
    with open_blocking(settings) as client:
        key = Keys(settings.key_prefix).post(slot_of("facebook", "a1"), "facebook", "p1")
        client.hset(key, "likes", "several")
    worker = start_worker(settings)
    await send(settings, [make_interaction(time_ms=wall_clock())])
    assert wait_until(lambda: worker.exit_code) == 1
    assert "several" in said(worker)


async def test_a_worker_with_an_evicting_redis_refuses_to_start(
    own_redis: RedisServer, kafka_servers: tuple[str, ...], start_worker: Start
) -> None:
    """A count that Redis may throw away is no count; the message says how to mend it."""
    with redis.Redis.from_url(own_redis.url) as client:
        client.config_set("maxmemory", "100mb")
        client.config_set("maxmemory-policy", "allkeys-lru")
    worker = start_worker(new_installation(kafka_servers, own_redis.url))
    assert wait_until(lambda: worker.exit_code) == 1
    assert "maxmemory-policy is allkeys-lru); expected noeviction" in said(worker)


async def test_a_topic_that_was_made_anew_stops_the_worker_with_a_clear_word(
    settings: Settings, start_worker: Start
) -> None:
    """Redis has applied offsets that the topic does not have: to go on would leave new events uncounted."""
    worker = start_worker(settings)
    await send(settings, some_interactions(50))
    await proven(settings, 50)
    worker.stop()
    anew = replace(
        settings, topic_prefix=settings.topic_prefix + "anew.", redis_url=Secret(settings.redis_url.reveal())
    )
    create_topics(anew)
    second = start_worker(anew)
    assert wait_until(lambda: second.exit_code) == 1
    assert "was cut or made anew" in said(second)


def replace_time(interaction: Interaction, time_ms: int) -> Interaction:
    return make_interaction(
        account=interaction.account, post=interaction.post, kind=interaction.kind, actor=interaction.actor,
        time_ms=time_ms,
    )  # fmt: skip


def asked(port: int, path: str) -> httpx.Response:
    return httpx.get(f"http://127.0.0.1:{port}{path}", timeout=DEADLINE_S)


def enough(values: list[bytes], number: int) -> list[bytes]:
    return values if len(values) >= number else []
