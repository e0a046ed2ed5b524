"""Rows: packed and unpacked, shown and read, and the ratios that come of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.counting.changes import ratio_text
from pipeline.counting.rows import (
    ONE,
    RowTexts,
    comment_to_like,
    conversation_rank,
    conversation_share,
    decode_row,
    encode_row,
    pack,
    unpack,
)

COUNT = st.integers(0, 2**40)
COUNTS = st.tuples(COUNT, COUNT, COUNT, COUNT, COUNT)


@given(COUNTS)
def test_a_row_comes_back_from_its_packed_form_and_from_its_text(counts: tuple[int, int, int, int, int]) -> None:
    """Up to a million million of each."""
    row = pack(counts)
    assert unpack(row) == counts
    assert decode_row(encode_row(row)) == row
    assert RowTexts()[row] == encode_row(row)


def test_adding_one_of_a_column_and_taking_it_back_leaves_the_others_alone() -> None:
    """A change is one addition; columns never run into each other."""
    row = pack((3, 0, 2, 0, 1))
    assert unpack(row + ONE[1]) == (3, 1, 2, 0, 1)
    assert unpack(row + ONE[1] - ONE[0]) == (2, 1, 2, 0, 1)


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
