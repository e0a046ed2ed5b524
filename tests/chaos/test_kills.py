"""Two workers, killed again and again in the middle of a slice while the topic grows: not one row differs."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from itertools import count

import pytest

from pipeline.feeding.sender import open_sender
from pipeline.local.children import Child
from pipeline.settings import Settings
from tests.chaos.published import told_right
from tests.commands import TWOWAY, environment
from tests.integration.work import proven, some_interactions

pytestmark = pytest.mark.servers

KILLS = 5
#: Small slices and fetches: a kill at a random moment then lies between any two of the worker's steps.
SMALL = {"TWOWAY_SLICE_EVENTS": "40", "TWOWAY_FETCH_EVENTS": "400", "TWOWAY_PUBLISH_S": "0.3"}
SEED = 20_261_123


async def test_two_workers_killed_again_and_again_leave_every_row_right(
    settings: Settings, start_child: Callable[..., Child]
) -> None:
    """SIGKILL at random moments, partitions move and move back; in the end the oracle's rows, published too."""
    dice = random.Random(SEED)

    def start() -> Child:
        return start_child("worker", [*TWOWAY, "worker"], environment(settings, **SMALL))

    workers = [start(), start()]
    sent, kills = 0, 0
    async with open_sender(settings) as sender:
        for round_ in count():
            for one in some_interactions(1_000, first=sent, accounts=16):
                await sender.send(one)
            await sender.flush()
            sent += 1_000
            if round_ % 4 == 3:
                await asyncio.sleep(dice.uniform(0.5, 2.5))
                victim = dice.randrange(2)
                assert workers[victim].is_running(), workers[victim].tail()
                workers[victim].kill()
                assert workers[victim].exit_code == -9
                kills += 1
                workers[victim] = start()
            if kills == KILLS:
                break
    await proven(settings, sent)
    assert all(worker.is_running() for worker in workers)
    await told_right(settings)
