"""Waiting for what a fault is to bring about, within a time; and whether a program stands still."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from pipeline.local.children import Child

POLL_S = 0.1

Found = TypeVar("Found")


async def wait_for(look: Callable[[], Awaitable[Found | None]], seconds: float) -> Found | None:
    """The first true value, None where there is none in time."""
    until = time.monotonic() + seconds
    while not (found := await look()):
        if time.monotonic() > until:
            return None
        await asyncio.sleep(POLL_S)
    return found


def is_stopped(child: Child) -> bool:
    """Whether a child stands still by SIGSTOP; where the system does not say, whether it is there."""
    try:
        with open(f"/proc/{child.pid}/stat", encoding="utf-8") as stat:  # noqa: PTH123 - no file of ours
            return stat.read().rpartition(")")[2].split()[0] == "T"
    except OSError:
        return child.is_running()
