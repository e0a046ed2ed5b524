"""Rows: the counts of one window of a page, packed into one integer, and their text in Redis.

`likes,comments,shares,replies,posts` in the order of `schemas.engagement.COLUMNS`; a row with answered comments goes on
with `,answered` and how many of them got their reply within each bucket of `REPLY_TIMES_S`, zeros at the end left out.
Packed, column k takes the 64 bits from 64*k on, the buckets those behind: so Python reads a row out of `row_table.pyx`.
A count below 0, which only a fault can leave, is as any other: it takes nothing from the columns beside it.
"""

from __future__ import annotations

from bisect import bisect_left
from itertools import accumulate
from math import sqrt
from struct import Struct

from schemas.engagement import COLUMNS, REPLY_BUCKETS, REPLY_LONGER_MS, REPLY_TIMES_S

BITS = 64
#: One answered comment, by the bucket of its reply's time.
ANSWERED_IN = tuple(1 << (BITS * (len(COLUMNS) + bucket)) for bucket in range(REPLY_BUCKETS))
_BYTES = 8 * len(COLUMNS)
_MASK, _HALF = (1 << BITS) - 1, 1 << (BITS - 1)
_ANSWERS_BIT = BITS * len(COLUMNS)
#: A row that is greater, or below 0, holds answered comments.
COUNTS = (1 << _ANSWERS_BIT) - 1
#: Through bytes: 0.1 us for all columns; five shifts and masks take four times that.
_bytes_of = Struct(f"<{len(COLUMNS)}q")
_columns = _bytes_of.unpack
#: Texts of rows that are remembered: most windows hold one of a few small rows.
_TEXTS_MOST = 200_000

Counts = tuple[int, int, int, int, int]


def unpack(row: int) -> Counts:
    """The packed row's likes, comments, shares, replies, posts."""
    return _columns((row if 0 <= row <= COUNTS else row & COUNTS).to_bytes(_BYTES, "little"))


def reply_times(row: int) -> tuple[int, ...]:
    """How many comments got their first reply within each bucket, zeros at the end left out."""
    answers, times = row >> _ANSWERS_BIT, []
    while answers:
        # Differences are added as they are, so one below 0 has borrowed of the bucket behind it.
        time = (answers + _HALF & _MASK) - _HALF
        times.append(time)
        answers = (answers - time) >> BITS
    return tuple(times)


def bucket_of(delay_ms: int) -> int:
    """The bucket of a time from comment to reply; a reply that is dated before its comment came at once."""
    return bisect_left(REPLY_TIMES_S, -(-max(0, delay_ms) // 1000))


def reply_quantile_ms(times: tuple[int, ...], share: float) -> int | None:
    """A time within which at least this share of the answered comments got their first reply; None without any.

    It is the upper end of the bucket in which the share is reached: right for one reply as for a million, where
    anything between the ends of a bucket would be a guess. REPLY_LONGER_MS in the last bucket, which has no end.
    """
    if not times:
        return None
    bucket = bisect_left(list(accumulate(times)), share * sum(times))
    return REPLY_LONGER_MS if bucket == len(REPLY_TIMES_S) else REPLY_TIMES_S[bucket] * 1000


def pack(counts: Counts, times: tuple[int, ...] = ()) -> int:
    """The packed row of these counts and reply times."""
    row = int.from_bytes(_bytes_of.pack(*counts), "little")
    return row + sum(time << (BITS * k) for k, time in enumerate(times, len(COLUMNS))) if times else row


class RowTexts(dict[int, str]):
    """Packed row -> its text as a window's field in Redis shows it: `12,3,0,1,0`, or `12,3,0,1,0,2,0,0,1,1`."""

    def __missing__(self, row: int) -> str:
        if len(self) > _TEXTS_MOST:
            self.clear()
        text = self[row] = "%d,%d,%d,%d,%d" % unpack(row)  # noqa: UP031 - twice as fast as an f-string of five
        if not 0 <= row <= COUNTS:
            times = reply_times(row)
            text = self[row] = f"{text},{sum(times)},{','.join(map(str, times))}"
        return text


def decode_row(text: str) -> int:
    """The packed row of a window's field; columns that are not there yet are 0, later ones are passed over. Raises
    ValueError."""
    parts = [int(part) for part in text.split(",")[: len(COLUMNS) + 1 + REPLY_BUCKETS]]
    while len(parts) < len(COLUMNS):
        parts.append(0)
    likes, comments, shares, replies, posts = parts[: len(COLUMNS)]
    return pack((likes, comments, shares, replies, posts), tuple(parts[len(COLUMNS) + 1 :]))


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
