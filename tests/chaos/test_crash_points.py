"""A worker dies at each named point of its way, under load, beside one that goes on: not one row differs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from pipeline.clock import wall_clock
from pipeline.crash_points import DYING, POINTS, Point
from pipeline.feeding.sender import open_sender
from pipeline.local.children import Child
from pipeline.proving.verify import verify
from pipeline.settings import Settings
from pipeline.slots import SLOTS, slot_of
from pipeline.store.keys import Keys
from schemas.interaction import encode_interaction
from schemas.topics import INTERACTIONS
from tests.chaos.published import told_right
from tests.commands import TWOWAY, environment
from tests.factories import make_interaction
from tests.integration.work import some_interactions
from tests.redises import open_blocking
from tests.said import said
from tests.topics import write_topic
from tests.waiting import DEADLINE_S

pytestmark = pytest.mark.servers

ACCOUNTS = 16
ROUND = 400
#: Small slices, and rules that have something to say, so that a worker comes to every point soon.
BUSY = {
    "TWOWAY_SLICE_EVENTS": "40",
    "TWOWAY_FETCH_EVENTS": "200",
    "TWOWAY_PUBLISH_S": "0.3",
    "TWOWAY_ALERT_WINDOW": "1m",
    "TWOWAY_ALERT_RATIOED": "0.01",
    "TWOWAY_ALERT_RATIOED_COMMENTS": "1",
    "TWOWAY_ALERT_LEAST_SAMPLE": "1",
    "TWOWAY_GRACE_S": "0",
}
#: Points that a worker comes to once in its life or seldom: there the first hit counts.
SELDOM = {
    "before-open",
    "after-open",
    "after-seek",
    "after-directory",
    "after-alerts",
    "before-reopen",
    "after-reopen",
    "after-reseek",
}
#: Points on the way back after another writer was there.
ON_THE_WAY_BACK = {"before-reopen", "after-reopen", "after-reseek"}


@pytest.mark.prove
@pytest.mark.parametrize("point", POINTS)
async def test_a_worker_killed_at_a_point_leaves_every_row_right(
    settings: Settings, start_child: Callable[..., Child], point: Point
) -> None:
    """Killed there, started again, drained: rows, queue and what subscribers were told are right."""
    start_child("worker", [*TWOWAY, "worker"], environment(settings, **BUSY))
    await kill_at(settings, start_child, [point])


async def test_workers_killed_between_two_scripts_and_between_two_topics_leave_every_row_right(
    settings: Settings, start_child: Callable[..., Child]
) -> None:
    """Where half of a slice is counted, and where posts are published and their accounts are not."""
    await kill_at(settings, start_child, ["between-scripts", "between-rows"])


async def kill_at(settings: Settings, start_child: Callable[..., Child], points: list[Point]) -> None:
    """Have a worker die at each point under load, start one without, and prove."""

    def start(**more: str) -> Child:
        return start_child("worker", [*TWOWAY, "worker"], environment(settings, **BUSY, **more))

    doomed = {point: start(TWOWAY_CRASH_AT=f"{point}:{1 if point in SELDOM else 3}") for point in points}
    sent = 0
    async with asyncio.timeout(2 * DEADLINE_S), open_sender(settings) as sender:
        while any(worker.is_running() for worker in doomed.values()):
            for one in some_interactions(ROUND, first=sent, accounts=ACCOUNTS):
                await sender.send(one)
            await sender.flush()
            await asyncio.to_thread(write_what_goes_aside, settings, sent)
            sent += ROUND
            if ON_THE_WAY_BACK.intersection(points):
                write_as_another(settings)
            await asyncio.sleep(0.3)
    for point, worker in doomed.items():
        assert (worker.exit_code, f"{DYING} {point}" in said(worker)) == (-9, True), worker.why()
    again = start()
    report = await verify(settings, wait_s=DEADLINE_S)
    assert (report.holds, report.not_applied) == (True, 0), report
    assert report.interactions >= sent
    await told_right(settings)
    assert again.is_running(), again.why()


def write_what_goes_aside(settings: Settings, number: int) -> None:
    """A record that is none, and one where it does not belong, into each partition."""
    like = make_interaction(account="a1", post="a1_1", actor=f"aside{number}", time_ms=wall_clock())
    wrong = (slot_of("facebook", "a1") + 1) % settings.partitions
    write_topic(settings, INTERACTIONS, wrong, [encode_interaction(like)])
    for partition in range(settings.partitions):
        write_topic(settings, INTERACTIONS, partition, [b"{not json"])


def write_as_another(settings: Settings) -> None:
    """What another writer leaves behind: a higher version in every slot that was counted."""
    keys = Keys(settings.key_prefix)
    with open_blocking(settings) as client:
        for slot in range(SLOTS):
            if client.hexists(keys.applied[slot], "version"):
                client.hincrby(keys.applied[slot], "version", 1)
