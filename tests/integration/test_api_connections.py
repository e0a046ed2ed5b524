"""Connections of the API that say nothing, too little or too much, or take nothing: none keeps others out."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from pipeline import waiting as waiting_module
from pipeline.api.server import serving
from pipeline.protocol import guarded
from pipeline.serving import listen, served
from pipeline.settings import Secret, Settings
from pipeline.waiting import TAKEN_BYTES, Waiting
from tests.waiting import DEADLINE_S, wait_until_async
from tests.wire import ask, wire

TOKEN = "twoway_a-token-of-a-test"
PROBE = b"GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
UPGRADE = (
    b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
)
#: More than the system's own buffers take from a server whose client reads nothing.
ANSWER_BYTES = 30_000_000


class Clock:
    """Stands until it is set."""

    now_s = 1_000.0

    def __call__(self) -> float:
        return self.now_s


@asynccontextmanager
async def api(clock: Clock, tokens: str = "") -> AsyncIterator[httpx.AsyncClient]:
    """A client of an API without Redis or Kafka: what is asked here needs neither."""
    settings = Settings(api_port=0, redis_url=Secret("redis://127.0.0.1:1/0"), api_tokens=Secret(tokens))
    async with serving(settings, clock) as address, httpx.AsyncClient(base_url=address, timeout=DEADLINE_S) as client:
        yield client


async def test_a_head_that_is_never_finished_does_not_stay() -> None:
    """It has ten seconds, then it is told so and closed."""
    clock = Clock()
    async with api(clock) as client, wire(client) as slow:
        await slow.send(PROBE)
        assert (await slow.reply()).status == 200
        await slow.send(PROBE[:-2])
        assert (await ask(client, PROBE)).status == 200
        clock.now_s += 11
        assert (await slow.reply(5)).status == 408
        assert await slow.is_closed(5)


async def test_a_connection_that_says_nothing_does_not_stay() -> None:
    """Not one that never asked, nor one that was kept for a next question."""
    clock = Clock()
    async with api(clock) as client, wire(client) as silent, wire(client) as kept:
        await kept.send(PROBE)
        assert (await kept.reply()).status == 200
        clock.now_s += 74
        await asyncio.sleep(waiting_module.SWEEP_S + 0.2)
        await kept.send(PROBE)
        assert (await kept.reply()).status == 200
        clock.now_s += 2
        assert await silent.is_closed(5)
        await kept.send(PROBE)
        assert (await kept.reply()).status == 200
        clock.now_s += 76
        assert await kept.is_closed(5)


@pytest.mark.parametrize("said", [b"", PROBE[:-2]])
async def test_silent_connections_do_not_use_up_the_places(monkeypatch: pytest.MonkeyPatch, said: bytes) -> None:
    """Once there are as many as may be, the one that has waited longest gives way to who comes new."""
    monkeypatch.setattr(waiting_module, "MOST_CONNECTIONS", 8)
    async with api(Clock()) as client, AsyncExitStack() as stack:
        silent = [await stack.enter_async_context(wire(client)) for _ in range(8)]
        for connection in silent:
            await connection.send(said)
        for number in range(8):
            assert (await ask(client, PROBE)).status == 200, f"question {number} found no place"
        assert await silent[0].is_closed(5)


async def test_who_has_shown_a_token_gives_way_after_all_strangers(monkeypatch: pytest.MonkeyPatch) -> None:
    """A storm of strangers does not cut off a dashboard's connection, however long that is silent."""
    monkeypatch.setattr(waiting_module, "MOST_CONNECTIONS", 8)
    asked = b"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer " + TOKEN.encode() + b"\r\n\r\n"
    async with api(Clock(), TOKEN) as client, AsyncExitStack() as stack:
        known = await stack.enter_async_context(wire(client))
        await known.send(asked)
        assert (await known.reply()).status == 200
        for _ in range(20):
            await stack.enter_async_context(wire(client))
        assert (await ask(client, PROBE)).status == 200
        await known.send(asked)
        assert (await known.reply()).status == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (b"", 200),
        (b"X: " + b"a" * 9_000 + b"\r\n", 200),
        (b"".join(b"X%d: 1\r\n" % number for number in range(300)), 431),
    ],
)
async def test_an_upgrade_to_a_websocket_is_answered_as_any_question(headers: bytes, status: int) -> None:
    """One with a long header, or many, got no answer and stayed open."""
    async with api(Clock()) as client:
        assert (await ask(client, UPGRADE + headers + b"\r\n")).status == status


async def test_who_takes_nothing_of_an_answer_does_not_stay() -> None:
    """It has a minute for each megabyte of what waits for it."""
    clock = Clock()
    async with large_answers(clock) as (waiting, address):
        idle, steady = await _asked(address), await _asked(address)
        await _take(steady, 2 * TAKEN_BYTES)
        clock.now_s += 61
        await wait_until_async(lambda: len(waiting) == 1)
        assert await _take(idle, ANSWER_BYTES) < ANSWER_BYTES
        assert await _take(steady, ANSWER_BYTES - 2 * TAKEN_BYTES) == ANSWER_BYTES - 2 * TAKEN_BYTES
        idle.close()
        steady.close()


@asynccontextmanager
async def large_answers(clock: Clock) -> AsyncIterator[tuple[Waiting, tuple[str, int]]]:
    """What serves the API, with one large answer to everything."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(b"content-length", str(ANSWER_BYTES).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": bytes(ANSWER_BYTES)})

    waiting, listener = Waiting(8, clock), listen("api", "127.0.0.1", 0)
    async with served(answer, listener, drain_s=1, http=guarded(waiting), ws="none"):
        yield waiting, listener.getsockname()


async def _asked(address: tuple[str, int]) -> socket.socket:
    """A client with a question whose answer has begun."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    client.connect(address)
    client.setblocking(False)
    client.sendall(PROBE)
    assert await asyncio.get_running_loop().sock_recv(client, 1)
    return client


async def _take(client: socket.socket, most_bytes: int) -> int:
    """Read so much at the most; how much came before the end."""
    taken = 0
    async with asyncio.timeout(30):
        while taken < most_bytes:
            try:
                piece = await asyncio.get_running_loop().sock_recv(client, min(65_536, most_bytes - taken))
            except ConnectionError:
                break
            if not piece:
                break
            taken += len(piece)
    return taken
