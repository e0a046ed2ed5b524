"""Sends signed webhooks at the moments of a fixed schedule, whatever the gateway does: an open loop.

python -m bench.pacing PORT RATE SECONDS CONNECTIONS FIRST ; prints one line of JSON. A webhook whose moment has come
and for which no connection is free waits, and its wait is part of its time. Every so many-th webhook likes a post of
its own (`probe_post`), so that its number can be seen to arrive; times are of the machine's monotonic clock.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections import Counter, deque
from functools import partial
from typing import cast

import orjson
import uvloop

from bench.posting import probe, single

#: One webhook in so many is watched.
PROBE_EVERY = 20
TICK_S = 0.001
#: Before the first moment, so that all connections are there.
LEAD_S = 0.5


def main() -> None:
    port, rate, seconds, connections, first = (int(argument) for argument in sys.argv[1:6])
    sender = Sender(rate, rate * seconds, first)
    sys.stdout.buffer.write(orjson.dumps(uvloop.run(sender.send(port, connections))) + b"\n")


class Sender:
    """`first`: the number of its first webhook; numbers are never used twice, so each webhook is a new interaction."""

    def __init__(self, rate: int, count: int, first: int) -> None:
        self._rate, self._count = rate, count
        self._requests = [_request(first + number) for number in range(count)]
        self._idle: deque[_Connection] = deque()
        self._due: deque[int] = deque()
        self._answered_s = [0.0] * count
        self._statuses: Counter[int] = Counter()
        self._left = count
        self._first = first

    async def send(self, port: int, connections: int) -> dict[str, object]:
        """Send all of them; gives when each probe should have been sent and when its answer came."""
        loop = asyncio.get_running_loop()
        self._done: asyncio.Future[None] = loop.create_future()
        for _ in range(connections):
            await loop.create_connection(partial(_Connection, self), "127.0.0.1", port)
        began = time.monotonic() + LEAD_S
        number = 0
        while number < self._count:
            while number < self._count and time.monotonic() >= began + number / self._rate:
                self._give(number)
                number += 1
            await asyncio.sleep(TICK_S)
        await self._done
        probes = [number for number in range(self._count) if (self._first + number) % PROBE_EVERY == 0]
        return {
            "intended": {str(self._first + number): began + number / self._rate for number in probes},
            "answered": {str(self._first + number): self._answered_s[number] for number in probes},
            "cpu_seconds": time.process_time(),
            "statuses": {str(status): number for status, number in self._statuses.items()},
        }

    def answered(self, connection: _Connection, number: int, status: int) -> None:
        """The connection is free again."""
        self._answered_s[number] = time.monotonic()
        self._statuses[status] += 1
        self._left -= 1
        if self._due:
            waiting = self._due.popleft()
            connection.send(waiting, self._requests[waiting])
        else:
            self._idle.append(connection)
        if not self._left:
            self._done.set_result(None)

    def connected(self, connection: _Connection) -> None:
        self._idle.append(connection)

    def lost(self, error: Exception | None) -> None:
        """The gateway hung up, which ends the measurement."""
        if not self._done.done():
            self._done.set_exception(error or ConnectionError("the gateway hung up"))

    def _give(self, number: int) -> None:
        if self._idle:
            self._idle.popleft().send(number, self._requests[number])
        else:
            self._due.append(number)


class _Connection(asyncio.Protocol):
    """One connection with one request under way at most."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender
        self._got = b""
        self._number = 0

    def send(self, number: int, request: bytes) -> None:
        self._number = number
        self._transport.write(request)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._sender.connected(self)

    def data_received(self, data: bytes) -> None:
        self._got += data
        head, found, body = self._got.partition(b"\r\n\r\n")
        if not found or len(body) < int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]):
            return
        self._got = b""
        self._sender.answered(self, self._number, int(head[9:12]))

    def connection_lost(self, error: Exception | None) -> None:
        self._sender.lost(error)


def _request(number: int) -> bytes:
    return probe(number) if number % PROBE_EVERY == 0 else single(number)


if __name__ == "__main__":
    main()
