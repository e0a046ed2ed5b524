"""Workers come and go every few seconds for a minute: partitions move all the time, and every row stays right."""

from __future__ import annotations

import asyncio
import random
import signal
import sys
import time
from collections.abc import Callable

import pytest

from pipeline.faults.pulse import Pulse
from pipeline.feeding.sender import open_sender
from pipeline.local.children import Child
from pipeline.local.demo import end_tasks
from pipeline.proving.verify import verify
from pipeline.settings import Settings
from tests.chaos.published import told_right
from tests.chaos.test_crash_points import BUSY
from tests.commands import TWOWAY, environment
from tests.groups import Hands
from tests.integration.work import some_interactions
from tests.waiting import DEADLINE_S

pytestmark = [pytest.mark.servers, pytest.mark.prove]

STORM_S = 60.0
GAP_S = (1.5, 4.0)
WORKERS_MOST = 4
ROUND = 200
ROUND_S = 0.25
SEED = 20_261_124
#: A killed worker's partitions stand still for its session of six seconds, and several may be killed in a row.
LONGEST_S = 45.0
#: Of workers, and of partitions' owners: less than half of what two busy cores see (18 and 21).
CHANGES_LEAST = 8
#: How a worker ends that is asked to; by the signal itself where it had not come so far as to listen to it.
LEFT = {0, -signal.SIGTERM}


async def test_a_minute_of_workers_coming_and_going_leaves_every_row_right(
    settings: Settings, start_child: Callable[..., Child], capsys: pytest.CaptureFixture[str]
) -> None:
    """Some leave by SIGTERM, some by SIGKILL; one at least is always there."""
    dice = random.Random(SEED)
    pulse = Pulse(settings)
    hands = Hands(settings)
    looking = [asyncio.create_task(one.run()) for one in (pulse, hands)]

    def start() -> Child:
        return start_child("worker", [*TWOWAY, "worker"], environment(settings, **BUSY))

    workers, changes, sent = [start()], 0, 0
    until = time.monotonic() + STORM_S
    next_change = time.monotonic() + GAP_S[1]
    async with open_sender(settings) as sender:
        while time.monotonic() < until:
            for one in some_interactions(ROUND, first=sent, accounts=16):
                await sender.send(one)
            await sender.flush()
            sent += ROUND
            await asyncio.sleep(ROUND_S)
            if time.monotonic() < next_change:
                continue
            next_change = time.monotonic() + dice.uniform(*GAP_S)
            changes += 1
            if len(workers) == 1 or (len(workers) < WORKERS_MOST and dice.random() < 0.5):
                workers.append(start())
                continue
            gone = workers.pop(dice.randrange(len(workers)))
            assert gone.is_running(), gone.why()
            if dice.random() < 0.5:
                gone.kill()
                assert gone.exit_code == -9
            else:
                await asyncio.to_thread(gone.stop)
                assert gone.exit_code in LEFT, gone.why()
    report = await verify(settings, wait_s=DEADLINE_S)
    assert not any(task.done() for task in looking)
    await end_tasks(looking)
    assert (report.holds, report.not_applied, report.interactions) == (True, 0, sent), report
    await told_right(settings)
    assert all(worker.is_running() for worker in workers), workers[0].tail()
    with capsys.disabled():
        told = f"{changes} changes of workers, {hands.changes} of a partition's owner, {sent:,} interactions, "
        sys.stdout.write(f"\n{told}{pulse.longest_s:.1f} s without progress at most\n")
    assert changes >= CHANGES_LEAST
    assert hands.changes >= CHANGES_LEAST
    assert all(len(members) > 1 for members in hands.of.values()), hands.of
    assert pulse.longest_s < LONGEST_S
