"""Which windows of a page are closed, which are still open, and when the next one closes. Pure.

A window closes when the watermark passes its end plus the grace. The row of all time never closes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from pipeline.counting.live import NEVER_MS, LivePage
from pipeline.windows import ALL, SIZES_MAX, Windows

#: Windows of which it is remembered when they close.
_WINDOWS_MOST = 65_536


def watermark_ms(newest_event_ms: int, now_ms: int, *, quiet: bool) -> int:
    """Event time of the partition, never ahead of the wall clock; the wall clock itself where nothing arrives."""
    return now_ms if quiet else min(newest_event_ms, now_ms)


class Closing:
    """The arithmetic of closing for the window sizes in force."""

    def __init__(self, windows: Windows, grace_ms: int) -> None:
        self.windows = windows
        self.grace_ms = grace_ms
        self._closes_ms = _ClosesMs(windows, grace_ms)

    def sort_out(self, codes: Collection[int], watermark_ms: int) -> tuple[set[int], int | None]:
        """Those of the codes whose windows are closed, and when the first of the others closes."""
        closes_ms = self._closes_ms
        open_ms = [at_ms for code in codes if (at_ms := closes_ms[code]) > watermark_ms]
        closed: set[int] = set()
        if len(open_ms) < len(codes):
            closed = {code for code in codes if closes_ms[code] <= watermark_ms}
        soonest_ms = min(open_ms, default=NEVER_MS)
        return closed, None if soonest_ms == NEVER_MS else soonest_ms

    def closed_between(self, page: LivePage, since_ms: int, until_ms: int) -> set[int]:
        """The codes of the page's rows whose windows close in [since_ms, until_ms]."""
        found: set[int] = set()
        for number, size in enumerate(self.windows.sizes):
            first = -((self.grace_ms - since_ms) // size.length_ms) - 1
            last = (until_ms - self.grace_ms) // size.length_ms - 1
            found.update(self._present(page, number, first, last))
        return found

    def next_close_ms(self, page: LivePage, watermark_ms: int) -> int | None:
        """When the first of the page's open windows closes; None where none is open."""
        soonest = None
        for number, size in enumerate(self.windows.sizes):
            first = (watermark_ms - self.grace_ms) // size.length_ms
            last = page.last_ms // size.length_ms
            for code in self._present(page, number, first, last):
                closes_ms = self._closes_ms[code]
                if closes_ms > watermark_ms and (soonest is None or closes_ms < soonest):
                    soonest = closes_ms
        return soonest

    def _present(self, page: LivePage, number: int, first: int, last: int) -> Iterable[int]:
        """The codes of one size with an index from first to last that the page has rows of."""
        rows = page.rows
        if last - first < len(rows):
            return [code for i in range(first, last + 1) if (code := i * SIZES_MAX + number) in rows]
        return [c for c in rows if c != ALL and c % SIZES_MAX == number and first <= c // SIZES_MAX <= last]


class _ClosesMs(dict[int, int]):
    """Window code -> when it closes. Remembered, for the windows of all pages are the same few."""

    def __init__(self, windows: Windows, grace_ms: int) -> None:
        super().__init__({ALL: NEVER_MS})
        self._windows, self._grace_ms = windows, grace_ms

    def __missing__(self, code: int) -> int:
        if len(self) > _WINDOWS_MOST:
            self.clear()
            self[ALL] = NEVER_MS
        closes_ms = self[code] = self._windows.end_ms(code) + self._grace_ms
        return closes_ms
