"""The texts of comments: how one stands in Redis, under which key, and which of two is the newer.

A value is 15 digits (the time of the record that brought the text, ms, so that the newest text wins in whatever order
they come) and the JSON of `schemas.unanswered.Unanswered`.
"""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from schemas.interaction import Interaction
from schemas.unanswered import LONGEST_EXCERPT, Unanswered, decode_unanswered, encode_unanswered

STAMP_DIGITS = 15
DAY_MS = 86_400_000
_days: dict[int, str] = {}
_DAYS_MOST = 10_000


def encode_text(interaction: Interaction, time_ms: int) -> bytes:
    """The value for a comment whose own time is `time_ms`. Without a text it is older than any with one."""
    text = interaction.text
    excerpt = Unanswered(
        platform=interaction.platform,
        account=interaction.account,
        post=interaction.post or "",
        id=interaction.id,
        actor=interaction.actor,
        parent=interaction.parent,
        time_ms=time_ms,
        text=text[:LONGEST_EXCERPT] if text else None,
    )
    return b"%015d%s" % (interaction.time_ms if text else 0, encode_unanswered(excerpt))


def decode_text(value: bytes) -> Unanswered:
    """The comment that a value is about. Raises msgspec.DecodeError."""
    return decode_unanswered(value[STAMP_DIGITS:])


def day_of(time_ms: int) -> str:
    """The UTC day of a moment, as it ends a key: `2026-11-23`."""
    number = time_ms // DAY_MS
    day = _days.get(number)
    if day is None:
        if len(_days) > _DAYS_MOST:
            _days.clear()
        day = _days[number] = datetime.fromtimestamp(number * 86_400, UTC).strftime("%Y-%m-%d")
    return day


def mark_of(comment: int) -> str:
    """The hash of a comment's id as it stands in keys and fields: 16 hex digits."""
    return f"{comment:016x}"


def member_of(mark: str, encoded_post: str) -> str:
    """A waiting comment in the sorted set `unanswered`."""
    return f"{mark}:{encoded_post}"


def text_of(blob: bytes) -> msgspec.Raw:
    """Bytes as a msgpack string of any content: Lua's cmsgpack cannot read msgpack's `bin`."""
    return msgspec.Raw(b"\xdb" + len(blob).to_bytes(4, "big") + blob)
