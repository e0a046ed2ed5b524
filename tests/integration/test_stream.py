"""/v1/stream on a real Kafka: filters, order of revisions, slow and many listeners, and its end."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import Any

import httpx
import orjson
import pytest

from pipeline import waiting as waiting_module
from pipeline.access.grants import Grant
from pipeline.api import hub as hub_module
from pipeline.api import server, stream
from pipeline.api.hub import Box, Hub
from pipeline.api.metrics import STREAM_DROPPED
from pipeline.api.server import serving
from pipeline.api.shares import ShareError
from pipeline.errors import UnavailableError
from pipeline.local.kafka import KafkaServer
from pipeline.reading.updates import Wanted
from pipeline.settings import Settings
from tests.conftest import new_installation
from tests.factories import make_update
from tests.published import Published
from tests.waiting import DEADLINE_S, wait_until_async
from tests.wire import wire

pytestmark = pytest.mark.servers


@pytest.fixture
def published(settings: Settings) -> Iterator[Published]:
    """Writes updates into this test's topics."""
    published = Published(settings)
    yield published
    published.close()


@pytest.fixture
async def api(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an API that is served for this test."""
    async with serving(settings) as address, httpx.AsyncClient(base_url=address, timeout=DEADLINE_S) as client:
        yield client


@asynccontextmanager
async def listening(api: httpx.AsyncClient, query: str = "") -> AsyncIterator[AsyncIterator[str]]:
    """The stream's blocks, once it is open."""
    async with api.stream("GET", f"/v1/stream{query}") as answer:
        assert (answer.status_code, answer.headers["content-type"].split(";")[0]) == (200, "text/event-stream")
        blocks = _blocks(answer)
        assert await anext(blocks) == "retry: 2000\n: listening"
        yield blocks


async def test_a_listener_gets_the_updates_it_wants(api: httpx.AsyncClient, published: Published) -> None:
    """Filters by platform, account, entity and window; the event's id is the revision, its data the update."""
    query = "?entity=post&account=a1&window=1m,1h&platform=facebook"
    async with listening(api, query) as blocks:
        wanted = make_update(revision=8)
        others = {"account": "a2"}, {"window": "1d"}, {"platform": "x"}, {"entity": "account", "id": "a1"}
        await asyncio.to_thread(published.updates, *(make_update(**other) for other in others), wanted)
        event = await _next(blocks)
        assert event["id"] == "8"
        assert orjson.loads(event["data"]) == orjson.loads(orjson.dumps(_plain(wanted)))


async def test_older_revisions_and_unreadable_records_are_not_sent(
    api: httpx.AsyncClient, published: Published
) -> None:
    """A poison record does not end the stream."""
    async with listening(api) as blocks:
        await asyncio.to_thread(published.raw, b"{poison")
        await asyncio.to_thread(published.raw, None)
        await asyncio.to_thread(published.updates, *(make_update(revision=revision) for revision in (4, 3, 4)))
        await asyncio.to_thread(published.updates, make_update(revision=1, id="last"))
        ids = []
        while "last" not in ids:
            ids.append(orjson.loads((await _next(blocks))["data"])["id"])
        assert ids in (["p1", "last"], ["last"])


async def test_a_client_that_leaves_is_forgotten_at_once(
    api: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not with the next heartbeat; and a HEAD request opens no stream."""
    monkeypatch.setattr(stream, "HEARTBEAT_S", 10 * DEADLINE_S)
    async with listening(api):
        assert "twoway_api_stream_clients 1.0" in (await api.get("/metrics")).text
    await wait_until_async(lambda: _has_no_client(api))
    assert (await api.head("/v1/stream")).status_code == 200


async def test_all_listeners_share_one_consumer(settings: Settings, published: Published) -> None:
    """Each gets every update; once the last is gone, the consumer leaves."""
    hub = Hub(settings)
    async with hub.listen(Wanted()) as one, hub.listen(Wanted()) as two:
        await asyncio.to_thread(published.updates, make_update())
        assert len(await one.take(DEADLINE_S)) == len(await two.take(DEADLINE_S)) == 1
        assert len(hub._tasks) == 1
    await hub.stop()
    assert not hub._tasks


async def test_silence_is_filled_with_heartbeats(api: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Comments, which every reader of server-sent events passes over."""
    monkeypatch.setattr(stream, "HEARTBEAT_S", 0.05)
    async with listening(api) as blocks:
        assert await anext(blocks) == ": still here"


async def test_stopping_ends_the_streams_at_once(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """An open stream does not hold up the stop until the drain's deadline."""
    monkeypatch.setattr(server, "DRAIN_S", int(10 * DEADLINE_S))
    async with httpx.AsyncClient(timeout=DEADLINE_S) as client:
        async with asyncio.timeout(DEADLINE_S), serving(settings) as address:
            stream_ = client.stream("GET", f"{address}/v1/stream")
            answer = await stream_.__aenter__()
        await answer.aread()
        await stream_.__aexit__(None, None, None)


async def test_a_listener_that_has_stalled_loses_its_place_and_its_connection(
    api: httpx.AsyncClient, published: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It opens the stream and never reads: one of 256 places would be gone for as long as it likes."""
    monkeypatch.setattr(stream, "SEND_S", 0.5)
    with socket.socket() as stalled:
        stalled.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        stalled.connect((api.base_url.host, api.base_url.port))
        stalled.sendall(b"GET /v1/stream HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n")
        stalled.setblocking(False)
        await wait_until_async(lambda: _metric(api, "twoway_api_stream_clients 1.0"))
        dropped = STREAM_DROPPED._value.get()
        for batch in range(5):
            updates = [make_update(id=f"p{batch}_{number}") for number in range(2_000)]
            await asyncio.to_thread(published.updates, *updates)
        await wait_until_async(lambda: _metric(api, "twoway_api_stream_clients 0.0"))
        assert STREAM_DROPPED._value.get() == dropped + 1
        async with asyncio.timeout(DEADLINE_S):
            while await asyncio.get_running_loop().sock_recv(stalled, 65_536):
                pass


async def test_without_kafka_the_stream_is_503_before_it_begins(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not an empty stream; queries go on."""
    monkeypatch.setattr(hub_module, "START_S", 0.5)
    away = replace(settings, kafka_servers=("127.0.0.1:1",))
    async with serving(away) as address, httpx.AsyncClient(base_url=address, timeout=DEADLINE_S) as api:
        answer = await api.get("/v1/stream")
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
        assert (await api.get("/v1/top")).status_code == 200


async def test_the_stream_outlives_a_restart_of_kafka(own_kafka: KafkaServer, redis_url: str) -> None:
    """A listener that stays, or comes back when its stream ended, gets what is published after the restart."""
    settings = new_installation((own_kafka.servers,), redis_url)
    hub = Hub(settings)
    async with hub.listen(Wanted()) as box:
        await asyncio.to_thread(_restart, own_kafka)
        published = Published(settings)
        for revision in range(1, 100):
            await asyncio.to_thread(published.updates, make_update(revision=revision))
            if box.closed or await box.take(0.5):
                break
        else:
            pytest.fail("neither an update nor an end of the stream")
    async with hub.listen(Wanted()) as box:
        await asyncio.to_thread(published.updates, make_update(revision=1000))
        assert await box.take(DEADLINE_S)
    published.close()
    await hub.stop()


async def test_a_slow_listener_gets_the_newest_of_each_row() -> None:
    """What waits is replaced, not queued."""
    box = Box(Wanted())
    for revision in (1, 2, 3):
        box.put(make_update(revision=revision), b"%d" % revision)
    box.put(make_update(id="p2"), b"other")
    assert await box.take(1) == [b"3", b"other"]


async def test_a_listener_that_is_too_slow_is_dropped() -> None:
    """Its memory is bounded, and it learns of the gap because the stream ends."""
    box = Box(Wanted(), most_rows=2)
    for post in ("p1", "p2", "p3"):
        box.put(make_update(id=post), b"event")
    assert box.closed
    assert await box.take(1) == []


async def test_too_many_listeners_are_turned_away(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """The memory of all boxes together is bounded, too."""
    monkeypatch.setattr(hub_module, "LISTENERS_MAX", 1)
    hub = Hub(settings)
    async with hub.listen(Wanted()):
        with pytest.raises(UnavailableError, match="expected up to 1"):
            async with hub.listen(Wanted()):
                pass
    await hub.stop()


async def test_one_token_does_not_take_every_place(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of all for the first, half of the rest for the next; all where nobody else could want one."""
    monkeypatch.setattr(hub_module, "LISTENERS_MAX", 8)
    hub = Hub(settings)
    found = {}
    async with AsyncExitStack() as listeners:
        for name in ("first", "second", "third", "fourth"):
            wanted = Wanted(grant=Grant(name, token=name.encode()))
            with pytest.raises((ShareError, UnavailableError)):
                for found[name] in range(9):
                    await listeners.enter_async_context(hub.listen(wanted))
    assert found == {"first": 4, "second": 2, "third": 1, "fourth": 1}
    async with AsyncExitStack() as listeners:
        for _ in range(8):
            await listeners.enter_async_context(hub.listen(wanted, alone=True))
    await hub.stop()


async def test_an_open_stream_is_neither_idle_nor_in_the_way(
    settings: Settings, published: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long nothing is asked on its connection, and however many others come."""
    monkeypatch.setattr(waiting_module, "MOST_CONNECTIONS", 8)
    now_s = 1_000.0
    async with (
        serving(settings, lambda: now_s) as address,
        httpx.AsyncClient(base_url=address, timeout=DEADLINE_S) as client,
        AsyncExitStack() as strangers,
        listening(client) as blocks,
    ):
        for _ in range(20):
            await strangers.enter_async_context(wire(client))
        now_s += 1_000
        await wait_until_async(lambda: _metric(client, "twoway_api_stream_clients 1.0"))
        await asyncio.to_thread(published.updates, make_update(revision=8))
        assert (await _next(blocks))["id"] == "8"


async def _blocks(answer: httpx.Response) -> AsyncIterator[str]:
    rest = ""
    async for text in answer.aiter_text():
        *blocks, rest = (rest + text).split("\n\n")
        for block in blocks:
            yield block


async def _next(blocks: AsyncIterator[str]) -> dict[str, str]:
    """The next event's fields; heartbeats are passed over."""
    async for block in blocks:
        if not block.startswith(":"):
            return dict(line.split(": ", 1) for line in block.split("\n"))
    raise AssertionError("the stream ended")


async def _has_no_client(api: httpx.AsyncClient) -> bool:
    return await _metric(api, "twoway_api_stream_clients 0.0")


async def _metric(api: httpx.AsyncClient, line: str) -> bool:
    return line in (await api.get("/metrics")).text


def _restart(kafka: KafkaServer) -> None:
    kafka.kill()
    kafka.start()
    kafka.wait_healthy()


def _plain(update: Any) -> dict[str, Any]:
    return {name: getattr(update, name) for name in update.__struct_fields__}
