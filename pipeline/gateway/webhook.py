"""The endpoint `/webhooks/{connection}`: an HTTP request becomes a delivery, and what came of it a status.

Plain ASGI, for speed. Order: known connection, size, signature over the raw bytes, reading, Kafka, answer.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping

import msgspec
from starlette.types import Message, Receive, Scope, Send

from pipeline.clock import Clock
from pipeline.errors import RefusedError, UnavailableError, UnreadableError
from pipeline.gateway import metrics
from pipeline.gateway.budget import Budget, Share
from pipeline.gateway.connections import Connections
from pipeline.gateway.intake import Intake, Receipt
from pipeline.gateway.leases import Leases
from pipeline.gateway.refusals import Refusals
from pipeline.sources.delivery import Answer, Connection, Delivery, join_headers
from pipeline.sources.registry import SOURCES
from pipeline.waiting import SENDER

logger = logging.getLogger("twoway.gateway")

PREFIX = "/webhooks/"
JSON = "application/json"
#: A sender that takes longer to write its body is cut off.
BODY_TIMEOUT_S = 20.0
RETRY_AFTER_S = "2"


class _Refusal(Exception):  # noqa: N818 - an answer, not an error
    """Ends a request with an answer other than the usual."""

    def __init__(self, status: int, error: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(error)
        self.answer = Answer(_line({"error": error}), status, JSON, headers or {})


class _Gone(Exception):  # noqa: N818 - not an error of ours
    """The sender hung up before its body was complete."""


class WebhookEndpoint:
    """Answers every request below `/webhooks/`."""

    def __init__(
        self, connections: Connections, intake: Intake, budget: Budget, body_limit_bytes: int, clock: Clock
    ) -> None:
        self._connections = connections
        self._intake = intake
        self._budget = budget
        self._body_limit_bytes = body_limit_bytes
        self._clock = clock
        self._leases = Leases()
        self._refusals = Refusals()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        name, _, tail = scope["path"].removeprefix(PREFIX).partition("/")
        connection = self._connections.get(name)
        try:
            answer = await self._answer(scope, receive, connection, tail)
        except _Refusal as refusal:
            answer = refusal.answer
        except _Gone:
            return
        except Exception:
            logger.exception("unexpected error with a delivery to connection %s", name)
            answer = Answer(_line({"error": "internal_error"}), 500, JSON)
        metrics.delivered(connection.platform if connection else "none", answer.status).inc()
        await _send(send, answer)

    async def _answer(self, scope: Scope, receive: Receive, connection: Connection | None, tail: str) -> Answer:
        if connection is None or (tail and not SOURCES[connection.platform].takes_tail):
            # Never what follows the name: with some platforms it is the secret.
            self._refusals.tell_unknown(scope["path"].removeprefix(PREFIX).partition("/")[0], self._clock())
            raise _Refusal(404, "unknown_connection")
        headers = join_headers((k.decode("latin-1"), v.decode("latin-1")) for k, v in scope["headers"])
        if scope["method"] != "POST":
            return self._handshake(scope, headers, connection)
        if headers.get("content-encoding", "identity") != "identity":
            raise _Refusal(415, "encoded_body", {"Accept-Encoding": "identity"})
        held = Share(self._budget)
        try:
            body = await self._read_body(receive, headers, held)
            delivery = Delivery(
                body,
                headers,
                path=_sent_path(scope),
                query=scope["query_string"].decode("latin-1"),
                tail=tail,
                received_ms=self._clock(),
            )
            answer = await self._take(delivery, connection)
        finally:
            held.give()
        if SENDER in scope:
            scope[SENDER].is_known = True
        return answer

    def _handshake(self, scope: Scope, headers: dict[str, str], connection: Connection) -> Answer:
        source = SOURCES[connection.platform]
        if scope["method"] not in source.handshakes:
            raise _Refusal(405, "method_not_allowed", {"Allow": ", ".join(sorted({"POST", *source.handshakes}))})
        query = scope["query_string"].decode("latin-1")
        request = Delivery(b"", headers, method=scope["method"], path=_sent_path(scope), query=query)
        try:
            answer = source.answer(request, connection)
        except RefusedError as error:
            metrics.REFUSALS.labels(connection.platform, error.reason).inc()
            raise self._refused(connection, error.reason, 404 if error.reason == "unknown_topic" else 403) from error
        if answer.lease is not None:
            self._leases.confirm(connection.name, connection.accounts, answer.lease, self._clock())
        return answer

    async def _take(self, delivery: Delivery, connection: Connection) -> Answer:
        started = time.perf_counter()
        try:
            receipt = await self._intake.take(delivery, connection)
        except RefusedError as error:
            raise self._refused(connection, error.reason, 401) from error
        except UnreadableError as error:
            status = 415 if error.reason == "unsupported_media_type" else 400
            raise self._refused(connection, error.reason, status) from error
        except UnavailableError as error:
            raise _busy() from error
        metrics.DELIVERY_SECONDS.observe(time.perf_counter() - started)
        return Answer(_body(receipt), 200, JSON)

    def _refused(self, connection: Connection, reason: str, status: int) -> _Refusal:
        self._refusals.tell(connection.name, reason, status, self._clock())
        return _Refusal(status, reason)

    async def _read_body(self, receive: Receive, headers: dict[str, str], held: Share) -> bytes:
        """The whole body. Its length is counted while it is read, whatever Content-Length says."""
        if "expect" in headers and _told_bytes(headers) > self._body_limit_bytes:
            raise _too_large()  # it waits for our word before it sends the body
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(BODY_TIMEOUT_S) as timeout:
                message = await receive()
                chunk = _chunk(message, held)
                if message.get("more_body"):
                    held.begin_reading(lambda: timeout.reschedule(loop.time()))
                    chunk = await self._read_on(receive, chunk, held)
                    held.end_reading()
        except TimeoutError as error:
            if held.gave_way:
                raise _busy({"Connection": "close"}) from error
            raise _Refusal(408, "body_too_slow", {"Connection": "close"}) from error
        if len(chunk) > self._body_limit_bytes:
            raise _too_large()
        return chunk

    async def _read_on(self, receive: Receive, first: bytes, held: Share) -> bytes:
        """The rest of the body. One that is too large is read to its end, or its sender would not see the answer."""
        chunks, size, more = [first], len(first), True
        while more:
            message = await receive()
            chunk = _chunk(message, held)
            more, size = message.get("more_body", False), size + len(chunk)
            chunks.append(chunk)
            if size > self._body_limit_bytes:
                chunks.clear()
                held.give()
        if size > self._body_limit_bytes:
            raise _too_large()
        return b"".join(chunks)


def _chunk(message: Message, held: Share) -> bytes:
    if message["type"] == "http.disconnect":
        raise _Gone
    chunk: bytes = message.get("body", b"")
    try:
        held.take(len(chunk))
    except UnavailableError as error:
        raise _busy() from error
    return chunk


def _sent_path(scope: Scope) -> str:
    """The path as it was sent: a signature over it does not fit the decoded one."""
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    return raw.partition(b"?")[0].decode("latin-1")


def _told_bytes(headers: Mapping[str, str]) -> int:
    told = headers.get("content-length", "")
    return int(told) if told.isascii() and told.isdigit() and len(told) < 20 else 0


def _too_large() -> _Refusal:
    return _Refusal(413, "body_too_large", {"Connection": "close"})


def _busy(headers: Mapping[str, str] | None = None) -> _Refusal:
    return _Refusal(503, "try_again", {"Retry-After": RETRY_AFTER_S, **(headers or {})})


def _body(receipt: Receipt) -> bytes:
    if not receipt.ignored and not receipt.rejected:
        return b'{"accepted":%d}\n' % receipt.accepted
    return _line({"accepted": receipt.accepted, "ignored": receipt.ignored, "rejected": receipt.rejected})


def _line(value: Mapping[str, object]) -> bytes:
    """Its JSON as a whole line: a terminal begins the next one below it."""
    return msgspec.json.encode(value) + b"\n"


async def _send(send: Send, answer: Answer) -> None:
    headers = [
        (b"content-type", answer.content_type.encode("latin-1")),
        (b"content-length", b"%d" % len(answer.body)),
        (b"x-content-type-options", b"nosniff"),
    ]
    headers += [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers.items()]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
