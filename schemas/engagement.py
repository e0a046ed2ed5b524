"""The aggregate record of `engagement.posts` and `engagement.accounts`: one row of a post or an account.

An upsert: the same value twice is harmless, the highest `revision` of a key wins.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from schemas.interaction import END, Account, Count, Id, Platform, TimeMs

Entity = Literal["post", "account"]
Source = Literal["events", "totals", "both"]

#: The counts of a row, in the order in which a window's field in Redis lists them. New ones are added at the end.
COLUMNS = ("likes", "comments", "shares", "replies", "posts")

#: Upper ends, in seconds, of the buckets of the time from an audience comment to the first reply of the account; one
#: more bucket takes what is longer. They are the same everywhere and for good, so that counts add up over windows.
REPLY_TIMES_S = (
    15, 30, 60, 120, 300, 600, 900, 1_800, 2_700, 3_600, 5_400, 7_200, 10_800, 14_400, 21_600, 28_800, 43_200,
    86_400, 172_800, 604_800,
)  # fmt: skip
REPLY_BUCKETS = len(REPLY_TIMES_S) + 1
#: A median or p90 in the last bucket, which has no upper end: longer than a week, and nothing more is known.
REPLY_LONGER_MS = REPLY_TIMES_S[-1] * 1000 + 1


class Engagement(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One row: what stands in one window of one post or account.

    `comment_to_like` = comments / likes, null when there are no likes; `conversation_share` = comments / (likes +
    comments + shares), null when all are 0. All counts are from events: where a platform sends no likes or
    no shares these are 0, and the share is too high by them. `start_ms`/`end_ms` are null for the window `all`.
    `answered`: those of `comments` to which the account itself replied, directly or further down the thread;
    `reply_rate` = answered / comments, null without comments. `reply_times`: how many of them got their first reply
    within each bucket (upper ends in s: 15, 30, 60, 120, 300, 600, 900, 1800, 2700, 3600, 5400, 7200, 10800, 14400,
    21600, 28800, 43200, 86400, 172800, 604800, longer), zeros at the end left out; add them up over windows.
    `reply_median_ms` and `reply_p90_ms`: the upper end of the bucket in which half and nine tenths of the answered are
    reached, so that at least so many got their reply within it; 604800001 stands for longer than a week, null for no
    answer at all. All five are left out of rows without comments.
    `revision` grows with every change and once more when the window closes (`final`). `source` is that of the post or
    account and not of the window: `both` where totals were polled besides.
    """

    entity: Entity
    platform: Platform
    account: Account
    id: Id
    window: Annotated[str, Meta(pattern=rf"^([1-9][0-9]*[smhd]|all){END}")]
    start_ms: TimeMs | None
    end_ms: TimeMs | None
    likes: Count
    comments: Count
    shares: Count
    replies: Count
    posts: Count
    comment_to_like: float | None
    conversation_share: float | None
    answered: Count = 0
    reply_rate: float | None = None
    reply_times: tuple[Count, ...] = ()
    reply_median_ms: Count | None = None
    reply_p90_ms: Count | None = None
    revision: Count
    final: bool
    as_of_ms: TimeMs
    source: Source


decode_engagement = msgspec.json.Decoder(Engagement).decode
encode_engagement = msgspec.json.Encoder().encode


def engagement_key(platform: str, entity_id: str, window: str, start_ms: int | None) -> str:
    """The record key `<platform>:<id>|<window>|<window start, Unix ms>`; `|all|` ends it for the window of all time.

    An id may hold `|`: read a key from its right end.
    """
    return f"{platform}:{entity_id}|{window}|{'' if start_ms is None else start_ms}"
