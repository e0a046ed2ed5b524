"""What a question is answered with: frozen, typed, and the same in Python, over HTTP and on the command line.

Every number says as of when it is and where it comes from: all together (`as_of_ms`, the newest event applied, and
`source`), and each (`origins`); a ratio names its denominator and is null where that is 0.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from pipeline.counting.page import PageView
from pipeline.counting.rows import Counts, comment_to_like, conversation_rank, conversation_share
from pipeline.reading.origins import Origin, origins_of
from pipeline.reading.replying import Replying, Share, replying
from pipeline.windows import ALL, Window
from schemas.engagement import Entity, Source
from schemas.interaction import LAST_TIME_MS, Account, Count, Id, Platform, TimeMs
from schemas.platforms import NUMBERS, Number

Sort = Literal["recent", "conversation", "comments", "likes", "ratio", "reply_rate", "unanswered"]
Ratio = Annotated[float, Meta(ge=0)] | None
#: The first moment after a window: of the last one of all it lies beyond the last moment.
_End = Annotated[int, Meta(ge=0, le=LAST_TIME_MS + 1)]


class Denominators(msgspec.Struct, frozen=True):
    """What the ratios divide by: the first two the comments, `reply_rate` those that were answered."""

    comment_to_like: Literal["likes"] = "likes"
    conversation_share: Literal["likes + comments + shares"] = "likes + comments + shares"
    reply_rate: Literal["comments, counted"] = "comments, counted"


class PolledTotal(msgspec.Struct, frozen=True):
    """A number that the platform itself gave when it was asked, and when."""

    value: Count
    as_of_ms: TimeMs


class Numbers(msgspec.Struct, frozen=True, kw_only=True):
    """The numbers of one post or account for all time.

    `likes`, `comments` and `shares` are counted from events; where the platform's events cannot deliver one of them, it
    is the platform's own total, if that was polled. `origins` says so of each, and how far counted and polled differ.
    Ratios are computed with these numbers.
    `conversation_rank` is the lower end of the 95 % Wilson interval of `conversation_share`: what rankings use.
    `polled` holds the platform's own totals, which may know of more than was ever delivered; `polled_comment_to_like`
    is their ratio, null unless both were polled and there are likes.
    Of the counted comments, `answered` got a reply of the account, `unanswered` did not; `reply_rate`, `reply_times`,
    `reply_median_ms` and `reply_p90_ms` are those of Replying.
    """

    entity: Entity
    platform: Platform
    id: Id
    account: Account
    likes: Count
    comments: Count
    shares: Count
    replies: Count
    posts: Count
    comment_to_like: Ratio
    conversation_share: Share | None
    conversation_rank: Share
    denominators: Denominators = Denominators()
    polled: dict[str, PolledTotal]
    polled_comment_to_like: Ratio
    origins: dict[Number, Origin]
    answered: Count
    unanswered: Count
    reply_rate: Share | None
    reply_times: tuple[Count, ...]
    reply_median_ms: Count | None
    reply_p90_ms: Count | None
    first_ms: TimeMs | None
    as_of_ms: TimeMs
    source: Source


class SeriesRow(msgspec.Struct, frozen=True, kw_only=True):
    """What stands in one window. `partial`: the window has not ended yet.

    `answered` to `reply_p90_ms` are those of Replying, about the comments that were written in the window.
    """

    start_ms: TimeMs
    end_ms: _End
    likes: Count
    comments: Count
    shares: Count
    replies: Count
    posts: Count
    comment_to_like: Ratio
    conversation_share: Share | None
    answered: Count
    reply_rate: Share | None
    reply_times: tuple[Count, ...]
    reply_median_ms: Count | None
    reply_p90_ms: Count | None
    partial: bool


class Series(msgspec.Struct, frozen=True, kw_only=True):
    """The windows of one size in the order of time, without gaps: a row of zeros is a window in which nothing stands.

    It begins no earlier than the first event and no earlier than rows are kept, so a zero never stands for "unknown",
    but for the numbers in `unknown`: the platform's events do not tell them, and polled totals belong to no window.
    `replying`: the comments of all rows together. `source`: that of the post or account, as in its Numbers.
    """

    entity: Entity
    platform: Platform
    id: Id
    account: Account
    window: str
    rows: list[SeriesRow]
    unknown: list[Number]
    replying: Replying
    denominators: Denominators = Denominators()
    as_of_ms: TimeMs
    source: Source


class Ranking(msgspec.Struct, frozen=True, kw_only=True):
    """Posts or accounts, best first. `considered`: how many were compared; `complete`: whether those were all.

    `series`: where it was asked for, the last windows of each item, in the order of the items.
    """

    entity: Entity
    sort: Sort
    items: list[Numbers]
    series: list[Series] | None = None
    considered: int
    complete: bool
    as_of_ms: TimeMs


def numbers_of(page: PageView) -> Numbers:
    """A page's numbers for all time."""
    *_, replies, posts = page.all_time
    origins = origins_of(page)
    likes, comments, shares = (origins[number].value for number in NUMBERS)
    polled = {name: PolledTotal(total.value, total.as_of_ms) for name, total in page.polled.items()}
    both = {"likes", "comments"} <= polled.keys()
    replied = replying(origins["comments"].counted, page.reply_times.get(ALL, ()))
    return Numbers(
        entity="account" if page.entity == "account" else "post",
        platform=page.platform,
        id=page.id,
        account=page.account,
        likes=likes,
        comments=comments,
        shares=shares,
        replies=replies,
        posts=posts,
        comment_to_like=comment_to_like(likes, comments),
        conversation_share=conversation_share(likes, comments, shares),
        conversation_rank=conversation_rank(likes, comments, shares),
        polled=polled,
        polled_comment_to_like=comment_to_like(polled["likes"].value, polled["comments"].value) if both else None,
        origins=origins,
        answered=replied.answered,
        unanswered=max(0, replied.comments - replied.answered),
        reply_rate=replied.reply_rate,
        reply_times=replied.reply_times,
        reply_median_ms=replied.reply_median_ms,
        reply_p90_ms=replied.reply_p90_ms,
        first_ms=page.first_ms,
        as_of_ms=page.as_of_ms,
        source=page.source,
    )


def row_of(window: Window, counts: Counts, reply_times: tuple[int, ...], now_ms: int) -> SeriesRow:
    """One window's row; raises ValueError for the window of all time, which belongs into no series."""
    if window.start_ms is None or window.end_ms is None:
        raise ValueError(f"window is {window.size!r}; expected one with a start and an end")
    likes, comments, shares, replies, posts = counts
    replied = replying(comments, reply_times)
    return SeriesRow(
        start_ms=window.start_ms,
        end_ms=window.end_ms,
        likes=likes,
        comments=comments,
        shares=shares,
        replies=replies,
        posts=posts,
        comment_to_like=comment_to_like(likes, comments),
        conversation_share=conversation_share(likes, comments, shares),
        answered=replied.answered,
        reply_rate=replied.reply_rate,
        reply_times=replied.reply_times,
        reply_median_ms=replied.reply_median_ms,
        reply_p90_ms=replied.reply_p90_ms,
        partial=window.end_ms > now_ms,
    )
