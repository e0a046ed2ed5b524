"""Rows: the counts of one window of a page, packed into one integer, and their text in Redis.

`likes,comments,shares,replies,posts` in the order of `schemas.engagement.COLUMNS`. Packed, column k takes the 64 bits
from 64*k on: adding a slice's change to a row is one addition, and a dictionary of integers is invisible to the
garbage collector, which cost 40 % when rows were lists.
"""

from __future__ import annotations

from math import sqrt
from struct import Struct

from schemas.engagement import COLUMNS

BITS = 64
ONE = tuple(1 << (BITS * k) for k in range(len(COLUMNS)))
_BYTES = 8 * len(COLUMNS)
#: Through bytes: 0.1 us for all columns; five shifts and masks take four times that.
_columns = Struct(f"<{len(COLUMNS)}Q").unpack
#: Texts of rows that are remembered: most windows hold one of a few small rows.
_TEXTS_MOST = 200_000

Counts = tuple[int, int, int, int, int]


def unpack(row: int) -> Counts:
    """The packed row's likes, comments, shares, replies, posts."""
    return _columns(row.to_bytes(_BYTES, "little"))


def pack(counts: Counts) -> int:
    """The packed row of these counts."""
    return sum(count << (BITS * k) for k, count in enumerate(counts))


class RowTexts(dict[int, str]):
    """Packed row -> its text as a window's field in Redis shows it: `12,3,0,1,0`."""

    def __missing__(self, row: int) -> str:
        if len(self) > _TEXTS_MOST:
            self.clear()
        text = self[row] = "%d,%d,%d,%d,%d" % unpack(row)  # noqa: UP031 - twice as fast as an f-string of five
        return text


def encode_row(row: int) -> str:
    """The row as a window's field in Redis shows it."""
    return ",".join(map(str, unpack(row)))


def decode_row(text: str) -> int:
    """The packed row of a window's field; columns that are not there yet are 0, later ones are passed over."""
    parts = [int(part) for part in text.split(",")[: len(COLUMNS)]]
    return sum(count << (BITS * k) for k, count in enumerate(parts))


def comment_to_like(likes: int, comments: int) -> float | None:
    """Comments a like: how much people talk and not only like. None without likes."""
    return comments / likes if likes else None


def conversation_share(likes: int, comments: int, shares: int) -> float | None:
    """Comments among all that an audience did, 0 to 1. None when it did nothing."""
    total = likes + comments + shares
    return comments / total if total else None


def conversation_rank(likes: int, comments: int, shares: int) -> float:
    """The lower end of the 95 % Wilson interval of the conversation share: 2 of 3 does not outrank 900 of 4,000.

    E. B. Wilson, "Probable inference, the law of succession, and statistical inference", J. Am. Stat. Assoc. 22 (1927).
    """
    n = likes + comments + shares
    if n == 0:
        return 0.0
    z = 1.959963984540054
    p = comments / n
    centre = p + z * z / (2 * n)
    return max(0.0, (centre - z * sqrt((p * (1 - p) + z * z / (4 * n)) / n)) / (1 + z * z / n))
