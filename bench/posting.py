"""Sends signed webhooks to a gateway as fast as it answers, over a fixed number of open connections.

python -m bench.posting PORT KIND COUNT CONNECTIONS ; prints one line of JSON. All requests are built and signed before
the clock starts; each connection sends its next request when it has the answer to the last.
"""

from __future__ import annotations

import asyncio
import hmac
import sys
import time
from base64 import b64encode
from collections import Counter, deque
from collections.abc import Callable
from functools import partial
from typing import cast

import orjson
import uvloop

SECRET = "bench-secret-bench-secret"  # noqa: S105 - signs nothing but this
BATCH = 1_000
ACCOUNTS = 50
WARM = 0.1


def main() -> None:
    port, kind, count, connections = int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    requests = deque(KINDS[kind](number) for number in range(count))
    sys.stdout.buffer.write(orjson.dumps(uvloop.run(post_all(port, requests, connections))) + b"\n")


async def post_all(port: int, requests: deque[bytes], connections: int) -> dict[str, object]:
    """Figures of sending all requests; the first tenth warms up and is not in them."""
    warm = deque(requests.popleft() for _ in range(int(len(requests) * WARM)))
    statuses: Counter[int] = Counter()
    await _post(port, warm, connections, [], statuses)
    measured, took_s = len(requests), list[float]()
    began = time.perf_counter()
    await _post(port, requests, connections, took_s, statuses)
    seconds = time.perf_counter() - began
    took_s.sort()
    return {
        "requests": measured,
        "seconds": seconds,
        "p50_ms": took_s[len(took_s) // 2] * 1000,
        "p99_ms": took_s[len(took_s) * 99 // 100] * 1000,
        "max_ms": took_s[-1] * 1000,
        "statuses": {str(status): number for status, number in statuses.items()},
    }


async def _post(port: int, requests: deque[bytes], connections: int, took_s: list[float], seen: Counter[int]) -> None:
    loop = asyncio.get_running_loop()
    waiting = []
    for _ in range(connections):
        done: asyncio.Future[None] = loop.create_future()
        await loop.create_connection(partial(_Poster, requests, took_s, seen, done), "127.0.0.1", port)
        waiting.append(done)
    await asyncio.gather(*waiting)


class _Poster(asyncio.Protocol):
    """One connection. Answers are short and have a Content-Length: they are told apart by their end."""

    def __init__(
        self, requests: deque[bytes], took_s: list[float], seen: Counter[int], done: asyncio.Future[None]
    ) -> None:
        self._requests, self._took_s, self._seen, self._done = requests, took_s, seen, done
        self._got = b""
        self._sent_s = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._next()

    def data_received(self, data: bytes) -> None:
        self._got += data
        head, found, body = self._got.partition(b"\r\n\r\n")
        if not found or len(body) < int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]):
            return
        self._took_s.append(time.perf_counter() - self._sent_s)
        self._seen[int(head[9:12])] += 1
        self._got = b""
        self._next()

    def connection_lost(self, error: Exception | None) -> None:
        if not self._done.done():
            self._done.set_exception(error or ConnectionError("the gateway hung up"))

    def _next(self) -> None:
        if not self._requests:
            self._done.set_result(None)
            self._transport.close()
            return
        self._sent_s = time.perf_counter()
        self._transport.write(self._requests.popleft())


def single(number: int) -> bytes:
    """The request of one interaction."""
    return _facebook([_change(number)], number % ACCOUNTS)


def probe(number: int) -> bytes:
    """The request of one like of a post that nobody else touches."""
    change = _change(5 * number + 1, probe_post(number))
    return _facebook([change], number % ACCOUNTS)


def probe_post(number: int) -> str:
    """The post of that like."""
    return f"{probe_account(number)}_{10**9 + number}"


def probe_account(number: int) -> str:
    """The account of that post."""
    return str(10**12 + number % ACCOUNTS)


def _batch(number: int) -> bytes:
    return _facebook([_change(number * BATCH + i) for i in range(BATCH)], number % ACCOUNTS)


def _facebook(changes: list[dict[str, object]], account: int) -> bytes:
    entry = {"id": str(10**12 + account), "time": 1_784_900_000, "changes": changes}
    body = orjson.dumps({"object": "page", "entry": [entry]})
    return _request(
        "facebook", body, f"X-Hub-Signature-256: sha256={hmac.digest(SECRET.encode(), body, 'sha256').hex()}"
    )


def _change(number: int, post: str | None = None) -> dict[str, object]:
    post = post or f"1234567890321_{number % 997}"
    value: dict[str, object] = {
        "from": {"id": str(35 * 10**14 + number), "name": "Test User"},
        "post_id": post,
        "created_time": 1_784_899_000 + number % 900,
        "parent_id": post,
        "verb": "add",
    }
    if number % 5:
        value |= {"item": "reaction", "reaction_type": "love"}
    else:
        value |= {"item": "comment", "comment_id": f"{number % 997}_{number}", "message": "What does it cost, please?"}
    return {"field": "feed", "value": value}


def _reply(number: int) -> bytes:
    """A reply on X: one look-up in the directory and one entry written to it."""
    event = {
        "created_at": "Fri Jul 24 10:00:00 +0000 2026",
        "id_str": str(2 * 10**18 + number),
        "text": "@examplebrand Great post",
        "in_reply_to_status_id_str": str(10**18 + number % 997),
        "in_reply_to_user_id_str": "2244994945",
        "user": {"id_str": str(783_214_001 + number)},
        "timestamp_ms": str(1_784_899_000_000 + number),
    }
    body = orjson.dumps({"for_user_id": "2244994945", "tweet_create_events": [event]})
    signature = b64encode(hmac.digest(SECRET.encode(), body, "sha256")).decode()
    return _request("x", body, f"x-twitter-webhooks-signature: sha256={signature}")


def _request(connection: str, body: bytes, signature: str) -> bytes:
    lines = [
        f"POST /webhooks/{connection} HTTP/1.1",
        "Host: gateway.example",
        "Accept: */*",
        "User-Agent: bench",
        "Content-Type: application/json",
        signature,
        f"Content-Length: {len(body)}",
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


KINDS: dict[str, Callable[[int], bytes]] = {"single": single, "batch": _batch, "reply": _reply}

if __name__ == "__main__":
    main()
