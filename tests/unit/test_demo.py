"""The demo's own part of the end: every task stops."""

from __future__ import annotations

import asyncio

import pytest

from pipeline.local.demo import end_tasks


async def test_task_that_loses_a_cancellation_is_ended_all_the_same() -> None:
    """As one does that writes to Redis at that moment; else the demo would play on after its time."""
    lost = 0

    async def play() -> None:
        nonlocal lost
        while True:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                if lost:
                    raise
                lost += 1

    tasks = [asyncio.create_task(play()), asyncio.create_task(asyncio.sleep(0))]
    await asyncio.sleep(0)
    async with asyncio.timeout(5):
        await end_tasks(tasks)
    assert lost == 1
    assert tasks[0].cancelled()


async def test_ending_tasks_can_be_cancelled_itself() -> None:
    """The second Ctrl-C ends everything at once."""

    async def stay() -> None:
        while True:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                if done.is_set():
                    raise

    done = asyncio.Event()
    staying = asyncio.create_task(stay())
    await asyncio.sleep(0)
    ending = asyncio.create_task(end_tasks([staying]))
    await asyncio.sleep(0)
    ending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await ending
    done.set()
    await end_tasks([staying])
