"""Times that nobody expects: of 1970, of next year, around leap seconds and the change of the hour; and a worker whose
wall clock is set while it counts."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.clock import wall_clock
from pipeline.faults.shifted_clock import said as said_of_shift
from pipeline.faults.shifted_clock import write_shift
from pipeline.local.children import Child
from pipeline.settings import Settings
from pipeline.sources.times import from_iso
from schemas.rejected import decode_rejected
from schemas.topics import REJECTED
from tests.chaos.published import told_right
from tests.commands import TWOWAY, environment
from tests.factories import make_interaction
from tests.integration.work import page_of, proven, send, some_interactions
from tests.said import said
from tests.topics import read_topic
from tests.waiting import wait_until, wait_until_async

pytestmark = pytest.mark.servers

YEAR_MS = 366 * 86_400_000
HOURS_S = (3 * 3_600, -5 * 3_600, 0)
SHIFTED = [sys.executable, "-m", "pipeline.faults.shifted_clock"]


async def test_events_of_1970_count_and_those_of_next_year_are_kept_as_rejected(
    settings: Settings, start_child: Callable[..., Child]
) -> None:
    """The first milliseconds that there are land in their windows; what has not happened yet counts nowhere."""
    start_child("worker", [*TWOWAY, "worker"], environment(settings))
    next_year_ms = wall_clock() + YEAR_MS
    old = [make_interaction(post="old", actor=f"u{ms}", time_ms=ms) for ms in (0, 1, 59_999, 60_000)]
    ahead = make_interaction(post="old", actor="ahead", time_ms=next_year_ms)
    await send(settings, [*old, ahead, make_interaction(post="new", time_ms=wall_clock())])
    report = await proven(settings, 6)
    assert report.rejected == {"time_in_future": 1}
    page = page_of(settings, "a1", "old")
    first, second = (settings.windows.field(settings.windows.codes(ms)[0]) for ms in (0, 60_000))
    assert (page["likes"], page[first], page[second]) == ("4", "3,0,0,0,0", "1,0,0,0,0")
    (kept,) = [decode_rejected(value) for value in read_topic(settings, REJECTED)]
    assert kept.reason == "time_in_future"
    assert str(next_year_ms).encode() in kept.bytes


async def test_a_leap_second_and_the_hour_that_comes_twice_have_windows_of_their_own(
    settings: Settings, start_child: Callable[..., Child]
) -> None:
    """Windows are of UTC: the leap second belongs to the minute after it; the same local time, twice, to two hours."""
    start_child("worker", [*TWOWAY, "worker"], environment(settings))
    written = {
        "leap": "2016-12-31T23:59:60Z",
        "before": "2016-12-31T23:59:59Z",
        "summer": "2025-10-26T02:30:00+02:00",
        "winter": "2025-10-26T02:30:00+01:00",
    }
    times = {name: from_iso(text) for name, text in written.items()}
    assert times["leap"] == 1_483_228_800_000
    await send(settings, [make_interaction(post=name, time_ms=times[name]) for name in written])
    await proven(settings, 4)
    minutes = {name: settings.windows.field(settings.windows.codes(ms)[0]) for name, ms in times.items() if ms}
    assert len(set(minutes.values())) == 4
    for name, minute in minutes.items():
        assert page_of(settings, "a1", name)[minute] == "1,0,0,0,0"


async def test_a_worker_whose_wall_clock_jumps_counts_and_publishes_as_before(
    settings: Settings, start_child: Callable[..., Child], tmp_path: Path
) -> None:
    """Hours ahead, then hours back, while events come: the rows are those of the events' own times, told at once. The
    worker says of each time that it saw it."""
    ahead = tmp_path / "ahead"
    write_shift(ahead, 0)
    worker = start_child("worker", [*SHIFTED, str(ahead), "worker"], environment(settings))
    await send(settings, some_interactions(500))
    await proven(settings, 500)
    sent = 500
    for shift_s in HOURS_S:
        write_shift(ahead, shift_s)
        line = said_of_shift(worker.pid, shift_s)
        await wait_until_async(lambda line=line: line in said(worker))
        await send(settings, some_interactions(500, first=sent))
        sent += 500
        await proven(settings, sent)
        # Far below the hours that the clock was set back by.
        await told_right(settings)
    assert worker.is_running(), worker.tail()


def test_the_shifted_worker_sees_the_shift(tmp_path: Path, start_child: Callable[..., Child]) -> None:
    """Else the test before it would show nothing. It says so once, whoever asks for the time."""
    ahead = tmp_path / "ahead"
    write_shift(ahead, 7_200)
    shown = (
        f"from pipeline.faults.shifted_clock import *; use(Path({str(ahead)!r})); time.time(); print(time.time_ns())"
    )
    child = start_child("clock", [sys.executable, "-c", shown])
    wait_until(lambda: child.exit_code == 0)
    assert int(child.tail().split()[-1]) // 10**6 - wall_clock() > 7_000_000
    assert child.tail().count(said_of_shift(child.pid, 7_200)) == 1
