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


class Engagement(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One row: what stands in one window of one post or account.

    `comment_to_like` = comments / likes, null when there are no likes; `conversation_share` = comments / (likes +
    comments + shares), null when all are 0. `start_ms`/`end_ms` are null for the window `all`.
    `revision` grows with every change and once more when the window closes (`final`).
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
