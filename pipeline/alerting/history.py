"""A page's rows of the window size that the rules look at, by window number (start / length)."""

from __future__ import annotations

from bisect import bisect_left
from functools import cached_property

from pipeline.counting.live import LivePage
from pipeline.counting.rows import Counts, reply_times, unpack
from pipeline.settings import Settings
from pipeline.windows import SIZES_MAX


class History:
    """What is known of a page's past; `length_ms` is that of a window, `grace_ms` how long after its end it closes."""

    def __init__(self, page: LivePage, settings: Settings) -> None:
        windows = settings.windows
        number = next(n for n, size in enumerate(windows.sizes) if size.name == settings.alert_window)
        self.window = settings.alert_window
        self.length_ms = windows.sizes[number].length_ms
        self.grace_ms = settings.grace_s * 1000
        self.most_windows = settings.alert_baseline_windows
        self.least_sample = settings.alert_least_sample
        self.first = page.first_ms // self.length_ms
        self._number = number
        self._page = page

    @cached_property
    def rows(self) -> dict[int, int]:
        """Window number -> packed row."""
        number = self._number
        return {c // SIZES_MAX: row for c, row in self._page.rows.items() if c >= 0 and c % SIZES_MAX == number}

    def closes_ms(self, index: int) -> int:
        """The watermark at which a window closes."""
        return (index + 1) * self.length_ms + self.grace_ms

    def counts(self, index: int) -> Counts:
        """A window's likes, comments, shares, replies, posts."""
        return unpack(self.rows.get(index, 0))

    def heard(self, index: int) -> int:
        """What the audience did in a window."""
        likes, comments, shares, *_ = self.counts(index)
        return likes + comments + shares

    @cached_property
    def active(self) -> list[int]:
        """The windows in which the audience did anything, in order."""
        return sorted(index for index in self.rows if self.heard(index) > 0)

    @cached_property
    def _shares(self) -> tuple[list[int], list[float]]:
        """Windows with enough in them for a ratio to say anything, and their conversation shares."""
        indices, shares = [], []
        for index in self.active:
            likes, comments, share_count, *_ = self.counts(index)
            total = likes + comments + share_count
            if total >= self.least_sample:
                indices.append(index)
                shares.append(comments / total)
        return indices, shares

    def shares_before(self, index: int) -> list[float]:
        """The conversation shares of the baseline of a window: of those before it, as far back as it reaches."""
        indices, shares = self._shares
        return shares[bisect_left(indices, index - self.most_windows) : bisect_left(indices, index)]

    def reply_rate_before(self, index: int) -> float | None:
        """The share of comments that the account answered over the baseline; None without comments."""
        rows = [row for i, row in self.rows.items() if index - self.most_windows <= i < index]
        comments = sum(unpack(row)[1] for row in rows)
        return sum(sum(reply_times(row)) for row in rows) / comments if comments > 0 else None
