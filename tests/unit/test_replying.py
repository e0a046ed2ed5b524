"""How an account answers: rates and times of one window, and of several together."""

from __future__ import annotations

import pytest

from pipeline.counting.page import PageView, view_page
from pipeline.reading.answers import numbers_of
from pipeline.reading.rankings import check_sort, rank
from pipeline.reading.replying import reply_rank, replying, together
from pipeline.reading.series import series_codes, series_rows
from pipeline.windows import Windows
from tests.factories import NOON_MS

WINDOWS = Windows.parse("1m:3h,1h:8d,1d:90d")


def page(post: str = "p1", platform: str = "facebook", **fields: str) -> PageView:
    """A post's page with these fields."""
    hash_ = {"account": "acme", "first_ms": str(NOON_MS), "last_ms": str(NOON_MS), **fields}
    return view_page("post", platform, post, hash_, WINDOWS)


def test_rate_median_and_p90_follow_from_the_buckets() -> None:
    """Two within 15 s, one within 30 s, one within a minute: the median is the end of the first bucket."""
    found = replying(10, (2, 1, 1))
    assert (found.answered, found.reply_rate, found.reply_median_ms, found.reply_p90_ms) == (4, 0.4, 15_000, 60_000)


def test_without_comments_there_is_no_rate_and_without_answers_no_time() -> None:
    """Zero would say that nobody was answered."""
    assert replying(0, ()).reply_rate is None
    unheard = replying(3, ())
    assert (unheard.reply_rate, unheard.reply_median_ms, unheard.reply_p90_ms) == (0.0, None, None)


def test_windows_together_are_the_sum_of_their_buckets() -> None:
    """The median of both is not the mean of their medians."""
    rows = {"1m:2026-11-23T09:24": "0,3,0,1,0,1,1", "1m:2026-11-23T09:26": "0,2,0,2,0,2,0,0,0,0,2"}
    codes = series_codes(WINDOWS, 0, NOON_MS + 120_000, 3)
    series = series_rows(page(**rows, last_ms=str(NOON_MS + 120_000)), WINDOWS, codes, NOON_MS)
    assert [row.answered for row in series] == [1, 0, 2]
    assert [row.reply_median_ms for row in series] == [15_000, None, 300_000]
    both = together(series)
    assert both == replying(5, (1, 0, 0, 0, 2))
    assert both.reply_median_ms == 300_000


def test_numbers_tell_the_unanswered_from_the_answered() -> None:
    """Of the counted comments."""
    found = numbers_of(page(comments="5", answered="2", reply_times="0,1,1"))
    assert (found.answered, found.unanswered, found.reply_rate, found.reply_times) == (2, 3, 0.4, (0, 1, 1))
    assert found.reply_median_ms == 30_000


def test_polled_comments_neither_wait_nor_are_answered() -> None:
    """A platform whose comments are only polled says nothing of replies: the rate is unknown, not zero."""
    found = numbers_of(page(platform="tiktok", **{"polled:comments": f"50,{NOON_MS}"}))
    assert (found.comments, found.unanswered, found.reply_rate) == (50, 0, None)


def test_one_of_one_does_not_outrank_98_of_100() -> None:
    """Rankings go by the lower Wilson bound; without comments a post stands last."""
    assert reply_rank(1, 1) == pytest.approx(0.2065, abs=1e-4)
    small, large, mute, silent = (
        numbers_of(page(post, **fields))
        for post, fields in {
            "small": {"comments": "1", "answered": "1", "reply_times": "1"},
            "large": {"comments": "100", "answered": "98", "reply_times": "98"},
            "mute": {"comments": "70"},
            "silent": {"likes": "9"},
        }.items()
    )
    items = [silent, mute, small, large]
    assert [item.id for item in rank(items, check_sort("reply_rate"), 9)] == ["large", "small", "mute", "silent"]
    assert [item.id for item in rank(items, check_sort("unanswered"), 9)] == ["mute", "large", "small", "silent"]
