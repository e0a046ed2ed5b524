"""Series: which windows they show, and that a zero never stands for what is not known."""

from __future__ import annotations

import pytest

from pipeline.counting.page import PageView, view_page
from pipeline.errors import QueryError
from pipeline.reading.series import series_codes, series_rows, size_number
from pipeline.windows import Windows
from tests.factories import NOON_MS

WINDOWS = Windows.parse("1m:3h,1h:8d,1d:90d")
MINUTE_MS = 60_000


def page(rows: dict[str, str], first_ms: int = NOON_MS, last_ms: int = NOON_MS) -> PageView:
    """An account's page with these window fields."""
    return view_page(
        "account", "facebook", "acme", {"first_ms": str(first_ms), "last_ms": str(last_ms)} | rows, WINDOWS
    )


def test_gaps_are_zeros_in_the_order_of_time() -> None:
    """A window without a row between two with rows is there, and empty."""
    view = page({"1m:2026-11-23T09:24": "4,2,0,0,0", "1m:2026-11-23T09:26": "0,3,0,0,0"})
    codes = series_codes(WINDOWS, 0, NOON_MS + 2 * MINUTE_MS, 3)
    rows = series_rows(view, WINDOWS, codes, NOON_MS + 2 * MINUTE_MS + 1)
    assert [(row.start_ms, row.likes, row.comments) for row in rows] == [
        (1_795_425_840_000, 4, 2),
        (1_795_425_900_000, 0, 0),
        (1_795_425_960_000, 0, 3),
    ]


def test_a_ratio_without_likes_is_none() -> None:
    """Comments without likes have no ratio, but a share."""
    view = page({"1m:2026-11-23T09:24": "0,3,1,0,0"})
    (row,) = series_rows(view, WINDOWS, series_codes(WINDOWS, 0, NOON_MS, 1), NOON_MS)
    assert row.comment_to_like is None
    assert row.conversation_share == 0.75


def test_only_the_window_that_has_not_ended_is_partial() -> None:
    """The moment a window ends it is whole."""
    view = page({})
    codes = series_codes(WINDOWS, 0, NOON_MS + MINUTE_MS, 2)
    assert [row.partial for row in series_rows(view, WINDOWS, codes, NOON_MS + MINUTE_MS)] == [False, True]


def test_series_begins_with_the_window_of_the_first_event() -> None:
    """Before the first event nothing is known, so nothing is shown."""
    codes = series_codes(WINDOWS, 0, NOON_MS + MINUTE_MS, 60)
    assert [row.start_ms for row in series_rows(page({}), WINDOWS, codes, NOON_MS)] == [NOON_MS, NOON_MS + MINUTE_MS]


def test_rows_past_their_retention_are_not_shown_as_zeros() -> None:
    """Minutes are kept for 3 h: of those before, Redis knows nothing any more, even where a row lingers."""
    view = page({"1m:2026-11-23T05:00": "9,9,9,9,9"}, first_ms=NOON_MS - 86_400_000)
    rows = series_rows(view, WINDOWS, series_codes(WINDOWS, 0, NOON_MS, 600), NOON_MS)
    assert len(rows) == 181
    assert {row.likes for row in rows} == {0}


def test_a_size_that_is_not_counted_is_refused_with_those_that_are() -> None:
    """The message names the value and the expectation."""
    with pytest.raises(QueryError, match="window is '5m'; expected one of 1m, 1h, 1d"):
        size_number(WINDOWS, "5m")
