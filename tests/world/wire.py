"""A worker's line to the outside: where it dies, loses an answer, is cut off in the middle, or stands still.

Between two calls to the outside a worker changes only its own memory, so a fault at a call stands for a fault at any
place since the call before.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any, Literal

import redis
from redis.client import Pipeline

#: What happens to a call: it is not made, a part of it is done, all of it is done; and then the worker dies, gets an
#: error, or waits until it is let go (what was not done is done then).
Reach = Literal["none", "part", "all"]
End = Literal["death", "error", "stall"]
#: Does a part of a call, from one share of it to another: 0 to 1 is all of it.
Do = Callable[[float, float], Any]


class DeathError(Exception):
    """The worker is dead."""


@dataclass
class Fault:
    """At the call with this number from now."""

    calls: int
    reach: Reach
    end: End


class Wire:
    """Every call of one worker goes through it."""

    def __init__(self) -> None:
        self.dead = False
        self.fault: Fault | None = None
        #: Calls that stand still.
        self.stalled: list[asyncio.Future[None]] = []
        #: Set whenever a call stands still: whoever drives the worker need not wait for it.
        self.standing = asyncio.Event()
        #: What happened, for the test that each fault did.
        self.happened: list[tuple[Reach, End]] = []

    async def call(self, do: Do, error: Exception) -> Any:
        """Make a call, or let happen to it what is to happen. Raises DeathError, or the error."""
        if self.dead:
            raise DeathError
        fault = self.fault
        if fault is None or fault.calls > 0:
            if fault is not None:
                fault.calls -= 1
            return do(0, 1)
        self.fault = None
        self.happened.append((fault.reach, fault.end))
        share = {"none": 0.0, "part": 0.5, "all": 1.0}[fault.reach]
        answer = do(0, share)
        if fault.end == "stall":
            await self._stand()
            if share == 1:
                return answer
            rest = do(share, 1)
            return answer + rest if isinstance(answer, list) else rest
        if fault.end == "death":
            self.dead = True
            raise DeathError
        raise error

    def let_go(self) -> None:
        """What stands still goes on."""
        for one in self.stalled:
            if not one.done():  # the worker may have waited long enough and have given it up
                one.set_result(None)
        self.stalled.clear()

    def die(self) -> None:
        """From now on nothing of this worker reaches the outside."""
        self.dead = True
        self.let_go()

    async def _stand(self) -> None:
        future = asyncio.get_running_loop().create_future()
        self.stalled.append(future)
        self.standing.set()
        await future
        if self.dead:
            raise DeathError


class WiredRedis:
    """redis-py's plain client in the shape of its asyncio one. A call is done at once: the order is the schedule's."""

    def __init__(self, client: redis.Redis, wire: Wire) -> None:
        self._client = client
        self._wire = wire

    def pipeline(self, transaction: bool = True) -> WiredPipeline:
        made = WiredPipeline(self._client.connection_pool, self._client.response_callbacks, transaction, None)
        made.wire = self._wire
        return made

    def __getattr__(self, name: str) -> Any:
        command = getattr(self._client, name)

        async def call(*args: Any, **options: Any) -> Any:
            return await self._wire.call(lambda _, to: command(*args, **options) if to == 1 else None, away())

        return call

    async def scan_iter(self, *args: Any, **options: Any) -> AsyncIterator[Any]:
        for key in await self._wire.call(lambda *_: list(self._client.scan_iter(*args, **options)), away()):
            yield key

    async def hscan_iter(self, *args: Any, **options: Any) -> AsyncIterator[Any]:
        for pair in await self._wire.call(lambda *_: list(self._client.hscan_iter(*args, **options)), away()):
            yield pair


class WiredPipeline(Pipeline):
    """A pipeline of which a part may be done: the connection broke in the middle."""

    wire: Wire

    async def execute(self, raise_on_error: bool = True) -> list[Any]:
        stack = list(self.command_stack)
        whole = super().execute

        def do(begin: float, end: float) -> list[Any]:
            self.command_stack = stack[round(len(stack) * begin) : round(len(stack) * end)]
            answers: list[Any] = whole(raise_on_error) if self.command_stack else []
            return answers

        try:
            answers: list[Any] = await self.wire.call(do, away())
        finally:
            self.command_stack = []
        return answers


def away() -> Exception:
    """What a client says of a Redis that it cannot reach."""
    return redis.ConnectionError("the connection broke")
