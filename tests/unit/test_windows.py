"""Windows are arithmetic: which rows a moment falls into, what they are called, how long they are kept."""

from __future__ import annotations

import pytest

from pipeline.errors import SettingsError
from pipeline.windows import ALL, Window, Windows, parse_duration
from tests.factories import NOON_MS

WINDOWS = Windows.parse("1m:3h,1h:8d,1d:90d")


def test_a_moment_falls_into_one_window_of_each_size_and_into_all_time() -> None:
    """09:24 UTC: the minute, the hour and the day that begin at or before it."""
    names = [WINDOWS.field(code) for code in WINDOWS.codes(NOON_MS + 59_999)[:-1]]
    assert names == ["1m:2026-11-23T09:24", "1h:2026-11-23T09", "1d:2026-11-23"]
    assert WINDOWS.codes(NOON_MS)[-1] == ALL


def test_the_last_millisecond_belongs_to_its_window_and_the_next_one_to_the_next() -> None:
    """Windows are half open."""
    minute = WINDOWS.codes(NOON_MS)[0]
    assert WINDOWS.codes(NOON_MS + 59_999)[0] == minute
    assert WINDOWS.codes(NOON_MS + 60_000)[0] != minute
    assert WINDOWS.window(minute) == Window("1m", NOON_MS, NOON_MS + 60_000)


@pytest.mark.parametrize("time_ms", [0, 59_999, NOON_MS, 253_402_300_799_999])
def test_a_rows_name_and_its_code_say_the_same(time_ms: int) -> None:
    """From 1970 to the year 9999."""
    for code in WINDOWS.codes(time_ms)[:-1]:
        assert WINDOWS.code(WINDOWS.field(code)) == code


def test_a_row_is_kept_while_its_end_is_younger_than_the_retention() -> None:
    """Counted from the page's newest event, not from the wall clock: a replay of old events keeps the same rows."""
    minute = WINDOWS.codes(NOON_MS)[0]
    end_ms, three_hours = NOON_MS + 60_000, 3 * 3_600_000
    assert WINDOWS.is_kept(minute, end_ms + three_hours - 1)
    assert not WINDOWS.is_kept(minute, end_ms + three_hours)
    assert WINDOWS.is_kept(ALL, 253_402_300_799_999)


def test_fields_that_are_no_windows_have_no_code() -> None:
    """Plain fields, and rows of a size that is not counted here."""
    assert [WINDOWS.code(name) for name in ("likes", "polled:likes", "5m:2026-11-23T09:20")] == [None, None, None]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("5x:3h", "duration is '5x'; expected a number and a unit"),
        ("1m", "TWOWAY_WINDOWS is '1m'; expected pairs such as '1m:3h,1h:8d,1d:90d'"),
        ("1h:30m", "expected each kept at least for its own length"),
        ("1m:3h,90s:8d", "window sizes are 1m,90s; expected each to be a multiple of the one before"),
        ("1m:8d,1h:3h", "expected the other way round"),
        (",".join(f"{2**i}m:90d" for i in range(9)), "9 window sizes; expected 1 to 8"),
    ],
)
def test_windows_that_cannot_be_counted_are_refused_with_what_was_expected(text: str, says: str) -> None:
    """The message names thing, value and expectation."""
    with pytest.raises(SettingsError) as refused:
        Windows.parse(text)
    assert says in str(refused.value)


@pytest.mark.parametrize(
    ("text", "same"),
    [("1m:3h,1h:8d,1d:90d", "1m:3h,1h:8d,1d:90d"), (" 90s:5400s, 3m:90m", "90s:90m,3m:90m"), ("1h:24h", "1h:1d")],
)
def test_the_same_sizes_and_times_have_one_text(text: str, same: str) -> None:
    """It stands in Redis, and is read again."""
    assert Windows.parse(text).text == Windows.parse(same).text == same


@pytest.mark.parametrize(
    ("windows", "no_more"),
    [
        ("1m:3h,1h:8d,1d:90d", True), ("1m:2h,1h:8d,1d:30d", True), ("1m:4h,1h:8d,1d:90d", False),
        ("1m:2h,1h:9d,1d:90d", False), ("1m:3h,1h:8d", False), ("1m:3h,1h:8d,1d:90d,7d:90d", False),
        ("60s:3h,1h:8d,1d:90d", False),
    ],
)  # fmt: skip
def test_fewer_rows_are_kept_only_by_the_same_sizes_for_no_longer(windows: str, no_more: bool) -> None:
    """A size that is called otherwise has other fields in Redis."""
    assert Windows.parse(windows).keeps_no_more_than(WINDOWS) is no_more


def test_a_duration_is_a_number_and_a_unit() -> None:
    """In milliseconds."""
    assert [parse_duration(text) for text in ("90s", "5m", "2h", "1d")] == [90_000, 300_000, 7_200_000, 86_400_000]
