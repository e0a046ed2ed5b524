"""Series: which windows of one size a series shows, and its rows. Pure: "now" is an argument."""

from __future__ import annotations

from pipeline.counting.page import PageView
from pipeline.counting.rows import Counts
from pipeline.errors import QueryError
from pipeline.reading.answers import SeriesRow, row_of
from pipeline.windows import SIZES_MAX, Windows

#: The default settings keep at most 192 windows of a size; more rows than this are a download, not a series.
SERIES_MAX = 2_000
NOTHING: Counts = (0, 0, 0, 0, 0)


def size_number(windows: Windows, name: str) -> int:
    """The number of the size of this name; raises QueryError for a size that is not counted."""
    for number, size in enumerate(windows.sizes):
        if size.name == name:
            return number
    raise QueryError(f"window is {name!r}; expected one of {', '.join(size.name for size in windows.sizes)}")


def series_codes(windows: Windows, number: int, until_ms: int, limit: int) -> list[int]:
    """The codes of the `limit` windows that end with the one that holds `until_ms`, oldest first."""
    last = until_ms // windows.sizes[number].length_ms
    return [index * SIZES_MAX + number for index in range(max(0, last - limit + 1), last + 1)]


def series_rows(page: PageView, windows: Windows, codes: list[int], now_ms: int) -> list[SeriesRow]:
    """A row for each code from the first window of which the page knows; windows in which nothing stands are zeros."""
    known = [code for code in codes if _is_known(page, windows, code)]
    return [
        row_of(windows.window(code), page.rows.get(code, NOTHING), page.reply_times.get(code, ()), now_ms)
        for code in known
    ]


def _is_known(page: PageView, windows: Windows, code: int) -> bool:
    """Whether a window without a row is known to be empty: not before the first event, not past the retention."""
    if code in page.rows:
        return True
    begun = page.first_ms is not None and windows.end_ms(code) > page.first_ms
    return begun and windows.is_kept(code, page.as_of_ms)
