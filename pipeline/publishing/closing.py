"""Which windows of a page are closed, which are still open, and when the next one closes. Pure.

A window closes when the watermark passes its end plus the grace. The row of all time never closes.
"""

from __future__ import annotations

from collections.abc import Iterable

from pipeline.counting.live import LivePage
from pipeline.windows import ALL, SIZES_MAX, Windows


def watermark_ms(newest_event_ms: int, now_ms: int, *, quiet: bool) -> int:
    """Event time of the partition, never ahead of the wall clock; the wall clock itself where nothing arrives."""
    return now_ms if quiet else min(newest_event_ms, now_ms)


class Closing:
    """The arithmetic of closing for the window sizes in force."""

    def __init__(self, windows: Windows, grace_ms: int) -> None:
        self.windows = windows
        self.grace_ms = grace_ms

    def sort_out(self, codes: Iterable[int], watermark_ms: int) -> tuple[set[int], int | None]:
        """Those of the codes whose windows are closed, and when the first of the others closes."""
        sizes = self.windows.sizes
        passed = [(watermark_ms - self.grace_ms) // size.length_ms for size in sizes]
        closed: set[int] = set()
        soonest_ms = None
        for code in codes:
            if code == ALL:
                continue
            index, number = divmod(code, SIZES_MAX)
            if index < passed[number]:
                closed.add(code)
                continue
            closes_ms = (index + 1) * sizes[number].length_ms + self.grace_ms
            if soonest_ms is None or closes_ms < soonest_ms:
                soonest_ms = closes_ms
        return closed, soonest_ms

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
                closes_ms = self.windows.end_ms(code) + self.grace_ms
                if closes_ms > watermark_ms and (soonest is None or closes_ms < soonest):
                    soonest = closes_ms
        return soonest

    def _present(self, page: LivePage, number: int, first: int, last: int) -> Iterable[int]:
        """The codes of one size with an index from first to last that the page has rows of."""
        rows = page.rows
        if last - first < len(rows):
            return [code for i in range(first, last + 1) if (code := i * SIZES_MAX + number) in rows]
        return [c for c in rows if c != ALL and c % SIZES_MAX == number and first <= c // SIZES_MAX <= last]
