"""A page's hash against the oracle's page: what counts as equal and what as different."""

from __future__ import annotations

from pipeline.proving.compare import compare_page
from pipeline.proving.expected import ExpectedPage, PageName
from pipeline.windows import ALL, Windows
from tests.factories import NOON_MS

WINDOWS = Windows.parse("1m:3h,1h:8d")
NAME = PageName(7, "post", "facebook", "p1")
CODES = WINDOWS.codes(NOON_MS)
PAGE = ExpectedPage(
    {CODES[0]: (3, 1, 0, 0, 0), CODES[1]: (3, 1, 0, 0, 0), ALL: (3, 1, 0, 0, 0)},
    {"likes": (40, NOON_MS)},
    "a1",
    NOON_MS,
    NOON_MS,
)
HASH = {
    "likes": "3",
    "comments": "1",
    "comment_to_like": "0.333333",
    "account": "a1",
    "first_ms": str(NOON_MS),
    "last_ms": str(NOON_MS),
    "polled:likes": f"40,{NOON_MS}",
    "1m:2026-11-23T09:24": "3,1,0,0,0",
    "1h:2026-11-23T09": "3,1,0,0,0",
}


def differing(found: dict[str, str], page: ExpectedPage = PAGE) -> list[str]:
    """The rows that differ."""
    return [difference.row for difference in compare_page(NAME, page, found, WINDOWS)[1]]


def test_equal_page_has_no_differences() -> None:
    """All time, two windows, first and last time, account, ratio, labels and one polled number: nine rows."""
    assert compare_page(NAME, PAGE, HASH, WINDOWS) == (9, [])


def test_each_wrong_field_is_named() -> None:
    for field, row in {
        "likes": "all",
        "1m:2026-11-23T09:24": "1m:2026-11-23T09:24",
        "account": "account",
        "first_ms": "first_ms",
        "last_ms": "last_ms",
        "comment_to_like": "comment_to_like",
        "polled:likes": "polled:likes",
    }.items():
        assert differing({**HASH, field: "9"}) == [row]


def test_missing_page_differs() -> None:
    assert "all" in differing({})


def test_row_of_zeros_equals_an_absent_one() -> None:
    assert differing({**HASH, "1m:2026-11-23T09:20": "0,0,0,0,0"}) == []
    assert differing({**HASH, "1m:2026-11-23T09:20": "0,1,0,0,0"}) == ["1m:2026-11-23T09:20"]


def test_row_past_its_retention_may_be_gone_but_not_wrong() -> None:
    later = NOON_MS + 4 * 3_600_000
    page = ExpectedPage(PAGE.rows, PAGE.polled, "a1", NOON_MS, later)
    found = {**HASH, "last_ms": str(later)}
    assert differing(found, page) == []
    assert differing({**found, "1m:2026-11-23T09:24": "9,1,0,0,0"}, page) == ["1m:2026-11-23T09:24"]
    found.pop("1m:2026-11-23T09:24")
    assert differing(found, page) == []


def test_later_columns_and_fields_are_passed_over() -> None:
    assert differing({**HASH, "1h:2026-11-23T09": "3,1,0,0,0" + ",0" * 22 + ",77", "mood": "good"}) == []


def test_unexpected_polled_number_and_unreadable_window_differ() -> None:
    assert differing({**HASH, "polled:shares": "1,1", "1m:never": "1,0,0,0,0"}) == ["1m:never", "polled:shares"]
