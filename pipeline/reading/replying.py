"""How an account answers its audience: what follows from comments and the reply times of the answered ones. Pure.

Medians cannot be added up, buckets can: several windows together are the sum of their comments and of their buckets.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import zip_longest
from typing import Annotated, Protocol

import msgspec
from msgspec import Meta

from pipeline.counting.rows import conversation_rank, reply_quantile_ms
from schemas.interaction import Count

Share = Annotated[float, Meta(ge=0, le=1)]


class Replying(msgspec.Struct, frozen=True, kw_only=True):
    """Of `comments` by the audience, `answered` got a reply of the account, directly or further down their thread.

    `reply_rate` = answered / comments, null without comments. `reply_times`: how many got their first reply within each
    bucket of schemas.engagement.REPLY_TIMES_S, zeros at the end left out; `reply_median_ms` and `reply_p90_ms`: the
    upper end of the bucket within which half and nine tenths of the answered got it, 604800001 for longer than a week,
    null without any.
    """

    comments: Count
    answered: Count
    reply_rate: Share | None
    reply_times: tuple[Count, ...]
    reply_median_ms: Count | None
    reply_p90_ms: Count | None


class Answered(Protocol):
    """Whatever knows its comments and the reply times of those that were answered: a window's row."""

    @property
    def comments(self) -> int: ...

    @property
    def reply_times(self) -> tuple[int, ...]: ...


def replying(comments: int, reply_times: tuple[int, ...]) -> Replying:
    """What follows from counted comments and their reply times."""
    answered = sum(reply_times)
    return Replying(
        comments=comments,
        answered=answered,
        reply_rate=answered / comments if comments else None,
        reply_times=reply_times,
        reply_median_ms=reply_quantile_ms(reply_times, 0.5),
        reply_p90_ms=reply_quantile_ms(reply_times, 0.9),
    )


def together(rows: Iterable[Answered]) -> Replying:
    """Several windows as if they were one."""
    given = list(rows)
    times = tuple(map(sum, zip_longest(*(row.reply_times for row in given), fillvalue=0)))
    return replying(sum(row.comments for row in given), times)


def reply_rank(comments: int, answered: int) -> float:
    """The lower end of the 95 % Wilson interval of the reply rate: one of one does not outrank 98 of 100."""
    return conversation_rank(comments - answered, answered, 0)
