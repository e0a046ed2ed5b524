"""Waiting for a condition with a deadline: no test sleeps for luck."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import Any

POLL_S = 0.05


def wait_until(condition: Callable[[], Any], deadline_s: float = 20.0) -> Any:
    """The condition's first true value. Fails the test when it has none within the deadline."""
    until = time.monotonic() + deadline_s
    while not (value := condition()):
        assert time.monotonic() < until, f"still not so after {deadline_s:g} s; the last value was {value!r}"
        time.sleep(POLL_S)
    return value


async def wait_until_async(condition: Callable[[], Awaitable[Any] | Any], deadline_s: float = 20.0) -> Any:
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
