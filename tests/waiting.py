"""Waiting for a condition with a deadline: no test sleeps for luck."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import Any, Self

POLL_S = 0.05
#: No rule of ours: what never comes fails after this, also on a machine that does other things.
DEADLINE_S = 120.0


def wait_until(condition: Callable[[], Any], deadline_s: float = DEADLINE_S) -> Any:
    """The condition's first true value. Fails the test when it has none within the deadline."""
    until = time.monotonic() + deadline_s
    while not (value := condition()):
        assert time.monotonic() < until, f"still not so after {deadline_s:g} s; the last value was {value!r}"
        time.sleep(POLL_S)
    return value


async def wait_until_async(condition: Callable[[], Awaitable[Any] | Any], deadline_s: float = DEADLINE_S) -> Any:
    """The same in a running loop; the condition may be a coroutine function."""
    until = time.monotonic() + deadline_s
    while True:
        value = condition()
        if inspect.isawaitable(value):
            value = await value
        if value:
            return value
        assert time.monotonic() < until, f"still not so after {deadline_s:g} s; the last value was {value!r}"
        await asyncio.sleep(POLL_S)


class Loop:
    """The running loop, watched while the block runs: how late it woke its sleepers, in seconds, all in all.

    A machine that does other things makes answers later by this, and no rule of ours is broken by it.
    """

    def __init__(self) -> None:
        self._late_s = 0.0
        self._wakes_s = time.monotonic()

    @property
    def late_s(self) -> float:
        """Up to now, a sleeper that should be awake by now included."""
        return self._late_s + max(0.0, time.monotonic() - self._wakes_s)

    async def __aenter__(self) -> Self:
        self._watching = asyncio.create_task(self._watch())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._watching.cancel()

    async def _watch(self) -> None:
        while True:
            self._wakes_s = time.monotonic() + POLL_S
            await asyncio.sleep(POLL_S)
            self._late_s = self.late_s
