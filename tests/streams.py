"""Servers of streams inside the test's loop: a Jetstream (both versions) and a Mastodon instance.

They stand for what lies outside. Both keep a log, give it from where they are asked to, and do on command what real
ones do to a listener: break off, repeat, hold back, forget.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.server import Server, ServerConnection, broadcast, serve
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

PATH_1, PATH_2 = "/subscribe", "/xrpc/network.bsky.jetstream.subscribeEvents"
TOKEN = "the-access-token"


@dataclass
class Served:
    """What both servers have: where they are, who is connected, and what is to happen to the next ones."""

    server: Server | None = None
    #: So many frames after the beginning of a connection it breaks off; one number a connection, in turn.
    breaks: list[int] = field(default_factory=list)
    connected: int = 0
    open: set[ServerConnection] = field(default_factory=set)
    news: asyncio.Condition = field(default_factory=asyncio.Condition)
    wakers: list[asyncio.Future[None]] = field(default_factory=list)

    @property
    def port(self) -> int:
        assert self.server is not None
        return int(next(iter(self.server.sockets)).getsockname()[1])

    async def tell(self) -> None:
        """Wake those who wait for the log."""
        async with self.news:
            self.news.notify_all()

    def break_off(self) -> None:
        """Every connection ends at once, without a word."""
        for connection in self.open:
            connection.transport.abort()


@dataclass
class Jetstream(Served):
    """Frame number n of the log has the seq n + 1. `held`: frames from here on are not sent yet."""

    log: list[dict[str, Any]] = field(default_factory=list)
    held: int = 10**9
    #: Seconds between two frames: how fast the network is.
    pace_s: float = 0.0
    #: Everything before this seq is forgotten.
    floor: int = 1
    #: How many frames before the cursor are sent again as well.
    repeats: int = 0
    #: Sent before anything else, such as a frame that no listener can take.
    first: list[str] = field(default_factory=list)
    #: Sent instead of anything else, after which the connection ends.
    last_word: str = ""
    queries: list[dict[str, list[str]]] = field(default_factory=list)

    def url(self, path: str = PATH_1) -> str:
        return f"ws://127.0.0.1:{self.port}{path}"

    async def add(self, *frames: dict[str, Any]) -> None:
        """Append to the log."""
        self.log += frames
        await self.tell()

    async def release(self) -> None:
        """Send what was held back."""
        self.held = 10**9
        await self.tell()

    def refuse(self, _: ServerConnection, request: Request) -> Response | None:
        """Version 2 refuses a number that it no longer has, and the parameters of version 1."""
        parts = urlsplit(request.path)
        query = parse_qs(parts.query)
        self.queries.append(query)
        if parts.path == PATH_1:
            return None
        if parts.path != PATH_2 or "wantedCollections" in query:
            return _answer(HTTPStatus.BAD_REQUEST, {"error": "InvalidRequest", "message": "no"})
        cursor = int(query.get("cursor", ["0"])[0])
        if "cursor" in query and cursor < 10**15 and cursor < self.floor:
            return _answer(HTTPStatus.BAD_REQUEST, {"error": "CursorTooOld", "message": f"floor is {self.floor}"})
        return None

    async def serve(self, connection: ServerConnection) -> None:
        """One subscriber."""
        assert connection.request is not None
        parts = urlsplit(connection.request.path)
        query, version_2 = parse_qs(parts.query), parts.path == PATH_2
        at, clamped = self._start(query.get("cursor"))
        limit = self.breaks.pop(0) if self.breaks else None
        self.connected += 1
        self.open.add(connection)
        leaving = asyncio.create_task(connection.wait_closed())
        leaving.add_done_callback(lambda _: self.wakers.append(asyncio.ensure_future(self.tell())))
        try:
            for text in self.first:
                await connection.send(text)
            if version_2 and clamped:
                info = {"$type": "network.bsky.jetstream.subscribeEvents#info", "name": "OutdatedCursor"}
                await connection.send(json.dumps({"$type": "message", "payload": info}))
            if self.last_word:
                await connection.send(self.last_word)
                return
            sent = 0
            while limit is None or sent < limit:
                async with self.news:
                    await self.news.wait_for(lambda: leaving.done() or at < min(len(self.log), self.held))  # noqa: B023
                if leaving.done():
                    return
                if self.pace_s:
                    await asyncio.sleep(self.pace_s)
                frame = self.log[at]
                await connection.send(json.dumps(_second(frame, at + 1) if version_2 else frame, separators=(",", ":")))
                at, sent = at + 1, sent + 1
            connection.transport.abort()
        finally:
            self.open.discard(connection)
            leaving.cancel()

    def _start(self, cursor: list[str] | None) -> tuple[int, bool]:
        """The index of the first frame, and whether it is a later one than was asked for."""
        if cursor is None:
            return len(self.log), False
        asked = int(cursor[0])
        if asked < 10**15:
            index = asked - 1 if asked <= len(self.log) else len(self.log)
        else:
            index = next((n for n, frame in enumerate(self.log) if frame["time_us"] >= asked), len(self.log))
        oldest = self.floor - 1
        forgotten = [frame for frame in self.log[:oldest] if frame["time_us"] >= asked]
        return max(index - self.repeats, oldest, 0), bool(forgotten) and asked >= 10**15


def _second(frame: dict[str, Any], seq: int) -> dict[str, Any]:
    """A frame of version 1 as version 2 writes it."""
    moment = datetime.fromtimestamp(frame["time_us"] / 1e6, UTC)
    kind = frame["kind"]
    body = frame[kind] if kind == "commit" else {kind: frame[kind]}
    time = moment.isoformat(timespec="microseconds").replace("+00:00", "Z")
    head = {"$type": f"network.bsky.jetstream.subscribeEvents#{kind}", "seq": seq, "did": frame["did"], "time": time}
    return {"$type": "message", "payload": {**head, **body}}


@dataclass
class Mastodon(Served):
    """An instance with one account. Ids of notifications and of statuses grow with their number."""

    account: str = "14715"
    notifications: list[dict[str, Any]] = field(default_factory=list)
    statuses: list[dict[str, Any]] = field(default_factory=list)
    #: How many more requests of lists are answered with 429.
    limited: int = 0
    asked: list[str] = field(default_factory=list)
    streamed: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def notify(self, notification: dict[str, Any], *, lost: bool = False) -> None:
        """A notification: in the list for good, and, unless it gets lost, once in every open stream."""
        self.notifications.append(notification)
        if not lost:
            await self.stream("notification", notification)

    async def publish(self, status: dict[str, Any], *, lost: bool = False) -> None:
        """A status of the account."""
        self.statuses.append(status)
        if not lost:
            await self.stream("update", status)

    async def stream(self, event: str, payload: Any) -> None:
        """An event to whoever listens now. Nothing is kept for later."""
        text = payload if isinstance(payload, str) else json.dumps(payload)
        frame = json.dumps({"stream": ["user"], "event": event, "payload": text})
        broadcast(self.open, frame)

    def answer(self, _: ServerConnection, request: Request) -> Response | None:
        """The REST API; None for the stream, which goes on as WebSocket."""
        parts = urlsplit(request.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return _answer(HTTPStatus.UNAUTHORIZED, {"error": "The access token is invalid"})
        if parts.path == "/api/v1/streaming":
            return None
        self.asked.append(request.path)
        if parts.path != "/api/v2/instance" and self.limited > 0:
            self.limited -= 1
            return _answer(HTTPStatus.TOO_MANY_REQUESTS, {"error": "Too many requests"}, {"Retry-After": "1"})
        urls = {"streaming": f"ws://127.0.0.1:{self.port}"}
        answers = {
            "/api/v2/instance": {"domain": "mastodon.example", "configuration": {"urls": urls}},
            "/api/v1/notifications": _page(self.notifications, query, 80),
            f"/api/v1/accounts/{self.account}/statuses": _page(self.statuses, query, 40),
        }
        if parts.path not in answers:
            return _answer(HTTPStatus.NOT_FOUND, {"error": "Record not found"})
        return _answer(HTTPStatus.OK, answers[parts.path])

    async def serve(self, connection: ServerConnection) -> None:
        """One listener: everything from now on."""
        self.connected += 1
        self.open.add(connection)
        try:
            await connection.wait_closed()
        finally:
            self.open.discard(connection)


def _page(elements: list[dict[str, Any]], query: dict[str, str], most: int) -> list[dict[str, Any]]:
    """The elements next after `min_id`, or the newest; the newest first."""
    limit = min(int(query.get("limit", most)), most)
    if "min_id" in query:
        return [each for each in elements if int(each["id"]) > int(query["min_id"])][:limit][::-1]
    return elements[::-1][:limit]


def _answer(status: HTTPStatus, body: Any, more: dict[str, str] | None = None) -> Response:
    content = json.dumps(body).encode()
    headers = Headers({"Content-Type": "application/json", "Content-Length": str(len(content)), **(more or {})})
    return Response(status.value, status.phrase, headers, content)


@asynccontextmanager
async def jetstream(**given: Any) -> AsyncIterator[Jetstream]:
    """A Jetstream on a free port of this machine."""
    fake = Jetstream(**given)
    async with serve(fake.serve, "127.0.0.1", 0, process_request=fake.refuse, compression=None) as fake.server:
        yield fake


@asynccontextmanager
async def mastodon(**given: Any) -> AsyncIterator[Mastodon]:
    """An instance on a free port of this machine."""
    fake = Mastodon(**given)
    async with serve(fake.serve, "127.0.0.1", 0, process_request=fake.answer, compression=None) as fake.server:
        yield fake
