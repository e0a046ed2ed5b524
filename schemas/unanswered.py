"""The record of `engagement.unanswered`: an audience comment that still waits for the account's reply.

An upsert by key; no value (a tombstone) says that it was answered, removed, erased, or is no audience comment any more.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from schemas.interaction import Account, Id, Platform, TimeMs

#: Characters of a comment that are kept.
LONGEST_EXCERPT = 280


class Unanswered(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A comment, when it was written (its own event time) and the beginning of its text.

    `text` and `actor` are null where the platform gave none, or after they were erased; `parent`: the comment that it
    replies to, null for one on the post itself.
    """

    platform: Platform
    account: Account
    post: Id
    id: Id
    actor: Id | None
    parent: Id | None
    time_ms: TimeMs
    text: Annotated[str, Meta(max_length=LONGEST_EXCERPT)] | None


decode_unanswered = msgspec.json.Decoder(Unanswered).decode
encode_unanswered = msgspec.json.Encoder().encode


def unanswered_key(platform: str, post: str, mark: str) -> str:
    """The record key `<platform>:<post>|<16 hex digits>`; the digits are the hash of the comment's id (docs/redis.md).

    Not the id itself: a tombstone must find its key also when the comment's text and id are gone.
    """
    return f"{platform}:{post}|{mark}"
