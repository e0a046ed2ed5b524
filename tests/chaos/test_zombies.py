"""A worker that was taken for dead wakes up in the middle of what it did: it is fenced, and every row stays right."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import pytest

from pipeline.faults.waiting import is_stopped
from pipeline.feeding.sender import open_sender
from pipeline.local.children import Child
from pipeline.proving.verify import verify
from pipeline.settings import Settings
from pipeline.transport.app import SESSION_S
from schemas.topics import INTERACTIONS
from tests.chaos.published import told_right
from tests.chaos.test_crash_points import BUSY
from tests.commands import TWOWAY, environment
from tests.groups import open_admin, owners
from tests.integration.work import farthest_now, some_interactions
from tests.topics import ends
from tests.waiting import DEADLINE_S, wait_until_async

pytestmark = [pytest.mark.servers, pytest.mark.prove]

ACCOUNTS = 16
ROUND = 2_000
TIMES = 3


async def test_a_worker_frozen_past_its_session_and_woken_again_counts_nothing_twice(
    settings: Settings, start_child: Callable[..., Child]
) -> None:
    """While it sleeps the other one counts what comes in its partitions, and goes on while it wakes. Three times, in
    turn."""
    workers = [start_child("worker", [*TWOWAY, "worker"], environment(settings, **BUSY)) for _ in range(2)]
    sent = 0
    async with open_sender(settings) as sender:

        async def send() -> None:
            nonlocal sent
            for one in some_interactions(ROUND, first=sent, accounts=ACCOUNTS):
                await sender.send(one)
            await sender.flush()
            sent += ROUND

        await send()
        assert (await verify(settings, wait_s=DEADLINE_S)).holds
        for number in range(TIMES):
            zombie = workers[number % 2]
            shared = await shared_by(settings, 2)
            await send()
            zombie.pause()  # with slices of that round still to count
            await wait_until_async(lambda zombie=zombie: is_stopped(zombie))
            awake_s, before = time.monotonic() + SESSION_S, ends(settings, INTERACTIONS)
            await send()
            (heir,) = set((await shared_by(settings, 1)).values())
            await wait_until_async(lambda: all_is_counted(settings))
            counted = await farthest_now(settings)
            taken_over = {partition for partition, member in shared.items() if member != heir}
            assert 0 < len(taken_over) < len(shared)
            assert all(counted[partition] > before[partition] for partition in taken_over), (counted, before)
            await wait_until_async(lambda awake_s=awake_s: time.monotonic() > awake_s)
            assert is_stopped(zombie)
            waking = asyncio.create_task(send())
            zombie.resume()
            await waking
    report = await verify(settings, wait_s=DEADLINE_S)
    assert (report.holds, report.not_applied) == (True, 0), report
    assert report.interactions == sent
    await told_right(settings)
    assert all(worker.is_running() for worker in workers), workers[0].tail()


async def all_is_counted(settings: Settings) -> bool:
    """Whether somebody counted everything that lies in the topic."""
    return (await verify(settings, wait_s=1)).not_applied == 0


async def shared_by(settings: Settings, workers: int) -> dict[int, str]:
    """Partition -> member, once so many have them all."""
    with open_admin(settings) as admin:

        async def shared() -> dict[int, str]:
            found = await asyncio.to_thread(owners, admin, settings)
            return found if len(found) == settings.partitions and len(set(found.values())) == workers else {}

        found: dict[int, str] = await wait_until_async(shared)
        return found
