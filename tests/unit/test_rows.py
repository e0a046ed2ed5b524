"""Rows: packed and unpacked, shown and read, and the ratios that come of them."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.counting.changes import ratio_text
from pipeline.counting.rows import (
    ANSWERED_IN,
    RowTexts,
    bucket_of,
    comment_to_like,
    conversation_rank,
    conversation_share,
    decode_row,
    pack,
    reply_quantile_ms,
    reply_times,
    unpack,
)
from schemas.engagement import REPLY_BUCKETS, REPLY_LONGER_MS, REPLY_TIMES_S

COUNT = st.integers(-(2**40), 2**40)
TIMES = st.lists(COUNT, max_size=REPLY_BUCKETS).map(tuple)
COUNTS = st.tuples(COUNT, COUNT, COUNT, COUNT, COUNT)


@given(COUNTS, TIMES)
def test_a_row_comes_back_from_its_packed_form_and_from_its_text(
    counts: tuple[int, int, int, int, int], times: tuple[int, ...]
) -> None:
    """Up to a million million of each, also below 0: no column runs into another."""
    row = pack(counts, times)
    assert unpack(row) == counts
    assert list(reply_times(row)) == without_zeros(times)
    assert decode_row(RowTexts()[row]) == row


def without_zeros(times: tuple[int, ...]) -> list[int]:
    """Zeros at the end left out."""
    return list(times[: max((k + 1 for k, time in enumerate(times) if time), default=0)])


def test_adding_one_of_a_column_and_taking_it_back_leaves_the_others_alone() -> None:
    """A change is one addition; columns never run into each other."""
    row = pack((3, 0, 2, 0, 1))
    like, comment = pack((1, 0, 0, 0, 0)), pack((0, 1, 0, 0, 0))
    assert unpack(row + comment) == (3, 1, 2, 0, 1)
    assert unpack(row + comment - like) == (2, 1, 2, 0, 1)


def test_a_text_with_fewer_or_more_columns_is_read() -> None:
    """Columns are only ever added at the end."""
    assert unpack(decode_row("4,3")) == (4, 3, 0, 0, 0)
    assert unpack(decode_row("4,3,2,1,0,99")) == (4, 3, 2, 1, 0)


def test_without_likes_there_is_no_ratio_but_a_share_of_the_conversation() -> None:
    """No division by zero, no zero that means "unknown"."""
    assert (comment_to_like(0, 5), conversation_share(0, 5, 0)) == (None, 1.0)
    assert (comment_to_like(4, 2), conversation_share(4, 2, 2)) == (0.5, 0.25)
    assert conversation_share(0, 0, 0) is None
    assert (ratio_text(0, 5), ratio_text(3, 1)) == ("null", "0.333333")


def test_two_comments_of_three_do_not_outrank_nine_hundred_of_four_thousand() -> None:
    """The lower end of Wilson's interval; figures from the formula, worked out by hand."""
    assert conversation_rank(1, 2, 0) == pytest.approx(0.2077, abs=5e-5)
    assert conversation_rank(3_100, 900, 0) == pytest.approx(0.2123, abs=5e-5)
    assert conversation_rank(0, 0, 0) == 0.0


def test_a_reply_falls_into_the_bucket_whose_end_it_does_not_pass() -> None:
    """15 s are within 15 s; one dated before its comment came at once; a week and a second is beyond the last end."""
    assert [bucket_of(ms) for ms in (-5, 0, 15_000, 15_001, 604_800_000, 604_801_000)] == [0, 0, 0, 1, 19, 20]


def test_an_answer_that_is_taken_from_nothing_is_one_below_0() -> None:
    """Differences of answers are added packed: the bucket behind is as it was."""
    row = pack((0, 2, 0, 0, 0), (0, 0, 4)) - ANSWERED_IN[1]
    assert unpack(row) == (0, 2, 0, 0, 0)
    assert reply_times(row) == (0, -1, 4)
    assert reply_times(-ANSWERED_IN[0]) == (-1,)
    assert RowTexts()[row] == "0,2,0,0,0,3,0,-1,4"


def test_reply_times_are_packed_behind_the_counts_and_written_behind_them() -> None:
    """A row without answers is as long as ever; zeros at the end are left out."""
    row = pack((1, 2, 0, 1, 0), (0, 3, 0, 1))
    assert unpack(row) == (1, 2, 0, 1, 0)
    assert reply_times(row) == (0, 3, 0, 1)
    assert RowTexts()[row] == "1,2,0,1,0,4,0,3,0,1"
    assert decode_row(RowTexts()[row]) == row
    assert RowTexts()[row - ANSWERED_IN[3]] == "1,2,0,1,0,3,0,3"
    assert RowTexts()[pack((1, 2, 0, 1, 0))] == "1,2,0,1,0"


def test_a_quantile_of_reply_times_is_the_end_of_its_bucket() -> None:
    """A single reply after 10 s came within 15 s; nine of ten need the bucket of the ninth, not of the tenth."""
    assert reply_quantile_ms((1,), 0.5) == reply_quantile_ms((1,), 0.9) == 15_000
    assert reply_quantile_ms((0, 0, 4), 0.5) == 60_000
    assert reply_quantile_ms((2, 0, 2), 0.5) == 15_000
    assert reply_quantile_ms((2, 0, 3), 0.5) == 60_000
    assert reply_quantile_ms((9, 1), 0.9) == 15_000
    assert reply_quantile_ms((89, 11), 0.9) == 30_000
    assert reply_quantile_ms((), 0.5) is None


def test_a_time_beyond_the_last_bucket_is_longer_than_a_week() -> None:
    """A week itself is the end of the bucket before it."""
    assert reply_quantile_ms((*[0] * 19, 1), 0.9) == 604_800_000
    assert reply_quantile_ms((*[0] * 20, 1), 0.9) == REPLY_LONGER_MS == 604_800_001


@given(st.lists(st.integers(0, 700_000), min_size=1, max_size=40), st.sampled_from([0.5, 0.9]))
def test_at_least_the_share_replied_within_its_quantile(delays_s: list[int], share: float) -> None:
    """And fewer within the end of any bucket before."""
    times = tuple(Counter(bucket_of(s * 1000) for s in delays_s)[b] for b in range(REPLY_BUCKETS))
    quantile_ms = reply_quantile_ms(times, share)
    assert quantile_ms is not None
    within = [sum(s * 1000 <= end_s * 1000 for s in delays_s) for end_s in REPLY_TIMES_S if end_s * 1000 < quantile_ms]
    assert all(number < share * len(delays_s) for number in within)
    assert quantile_ms == REPLY_LONGER_MS or sum(s * 1000 <= quantile_ms for s in delays_s) >= share * len(delays_s)
