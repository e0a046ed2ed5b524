"""When windows close: by event time, by the wall clock where it is quiet, never twice forgotten."""

from __future__ import annotations

from pipeline.counting.live import LivePage
from pipeline.publishing.closing import Closing, watermark_ms
from pipeline.windows import Windows
from tests.factories import NOON_MS

WINDOWS = Windows.parse("1m:3h,1h:8d,1d:90d")
GRACE_MS = 30_000
CLOSING = Closing(WINDOWS, GRACE_MS)
MINUTE_CLOSES_MS = NOON_MS + 60_000 + GRACE_MS
HOUR_CLOSES_MS = NOON_MS - NOON_MS % 3_600_000 + 3_600_000 + GRACE_MS


def page_with_an_event_at(*times_ms: int) -> LivePage:
    page = LivePage("post", "facebook", "p1", 0, "0|facebook:p1")
    for time_ms in times_ms:
        for code in WINDOWS.codes(time_ms):
            page.rows[code] = 1
        page.last_ms = max(page.last_ms, time_ms)
    return page


def test_a_busy_partition_goes_by_event_time_and_never_ahead_of_the_clock() -> None:
    """An event from the future closes nothing early."""
    assert watermark_ms(NOON_MS, NOON_MS + 5, quiet=False) == NOON_MS
    assert watermark_ms(NOON_MS + 9_000, NOON_MS, quiet=False) == NOON_MS
    assert watermark_ms(NOON_MS, NOON_MS + 5, quiet=True) == NOON_MS + 5


def test_a_window_closes_when_the_watermark_reaches_its_end_and_the_grace() -> None:
    """Not a millisecond before."""
    minute, *_ = WINDOWS.codes(NOON_MS)
    assert CLOSING.sort_out(WINDOWS.codes(NOON_MS), MINUTE_CLOSES_MS - 1) == (set(), MINUTE_CLOSES_MS)
    assert CLOSING.sort_out(WINDOWS.codes(NOON_MS), MINUTE_CLOSES_MS) == ({minute}, HOUR_CLOSES_MS)


def test_all_time_never_closes() -> None:
    """Its row is never final."""
    closed, soonest_ms = CLOSING.sort_out(WINDOWS.codes(NOON_MS), NOON_MS + 400 * 86_400_000)
    assert closed == set(WINDOWS.codes(NOON_MS)[:-1])
    assert soonest_ms is None


def test_windows_that_closed_since_a_moment_are_found_on_the_page() -> None:
    """What a restarted worker has to publish: only rows that the page has, only those due since then."""
    page = page_with_an_event_at(NOON_MS, NOON_MS + 120_000)
    first, third = WINDOWS.codes(NOON_MS)[0], WINDOWS.codes(NOON_MS + 120_000)[0]
    until_ms = MINUTE_CLOSES_MS + 120_000
    assert CLOSING.closed_between(page, MINUTE_CLOSES_MS, until_ms) == {first, third}
    assert CLOSING.closed_between(page, MINUTE_CLOSES_MS + 1, until_ms) == {third}
    assert CLOSING.closed_between(page, 1, until_ms - 1) == {first}


def test_the_next_closing_time_is_that_of_the_first_open_window() -> None:
    """Minute, then hour, then day, then none."""
    page = page_with_an_event_at(NOON_MS)
    day_closes_ms = NOON_MS - NOON_MS % 86_400_000 + 86_400_000 + GRACE_MS
    assert CLOSING.next_close_ms(page, NOON_MS) == MINUTE_CLOSES_MS
    assert CLOSING.next_close_ms(page, MINUTE_CLOSES_MS) == HOUR_CLOSES_MS
    assert CLOSING.next_close_ms(page, HOUR_CLOSES_MS) == day_closes_ms
    assert CLOSING.next_close_ms(page, day_closes_ms) is None
