"""A message of Telegram: its ids, what it shows, who wrote it and when, and the channel post behind a copy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.errors import UnreadableError
from pipeline.sources.context import Context
from pipeline.sources.fields import ident, table, text
from pipeline.sources.outcomes import Known
from pipeline.sources.times import from_seconds
from schemas.interaction import Action, Media, TimeFrom

#: By the field that holds it; where several are there, the first one is meant (an animation is also a document).
MEDIA: dict[str, Media] = {
    "photo": "image",
    "video": "video",
    "animation": "video",
    "video_note": "video",
    "audio": "audio",
    "voice": "audio",
    "poll": "poll",
    "document": "other",
    "sticker": "other",
    "story": "other",
    "paid_media": "other",
    "location": "other",
    "venue": "other",
    "contact": "other",
    "dice": "other",
    "game": "other",
    "checklist": "other",
    "giveaway": "other",
}


def message_id(message: Mapping[str, Any]) -> str:
    """`<chat>/<message>`: numbers are unique within a chat. Raises UnreadableError."""
    chat, number = ident(table(message, "chat"), "id"), ident(message, "message_id")
    if chat is None or number is None:
        raise UnreadableError("missing_field", "expected ids under chat.id and message_id")
    return f"{chat}/{number}"


def answered_id(message: Mapping[str, Any]) -> str | None:
    """The message that this one answers, which lies in the same chat."""
    return _beside(message, ident(table(message, "reply_to_message"), "message_id"))


def thread_id(message: Mapping[str, Any]) -> str | None:
    """The message that this one's thread begins with."""
    return _beside(message, ident(message, "message_thread_id"))


def original(message: Mapping[str, Any]) -> Known | None:
    """The channel post that the message is Telegram's own copy of; None where it is no such copy."""
    if message.get("is_automatic_forward") is not True:
        return None
    origin = table(message, "forward_origin")
    channel, number = ident(table(origin, "chat"), "id"), ident(origin, "message_id")
    if channel is None:  # before version 7.0 of the Bot API
        channel, number = ident(table(message, "forward_from_chat"), "id"), ident(message, "forward_from_message_id")
    return None if channel is None or number is None else Known(channel, f"{channel}/{number}", "post")


def is_content(message: Mapping[str, Any]) -> bool:
    """Whether somebody said or showed something: other messages tell of a new title, a member, a pinned message."""
    return words(message) is not None or any(key in message for key in MEDIA)


def words(message: Mapping[str, Any]) -> str | None:
    """The text, or what is written under the media."""
    return text(message, "text") or text(message, "caption")


def media(message: Mapping[str, Any]) -> Media | None:
    """What the message shows besides its text."""
    if "media_group_id" in message:
        return "album"
    shown = next((kind for key, kind in MEDIA.items() if key in message), None)
    preview = table(message, "link_preview_options")
    return "link" if shown is None and text(preview, "url") and preview.get("is_disabled") is not True else shown


def author(message: Mapping[str, Any]) -> str | None:
    """The chat in whose name it was written, or the person."""
    return ident(table(message, "sender_chat"), "id") or ident(table(message, "from"), "id")


def written(message: Mapping[str, Any], action: Action, context: Context) -> tuple[int, TimeFrom]:
    """When it was sent, or edited."""
    return context.clock((from_seconds(message.get("edit_date" if action == "edit" else "date")), "platform"))


def _beside(message: Mapping[str, Any], number: str | None) -> str | None:
    chat = ident(table(message, "chat"), "id")
    return None if chat is None or number is None else f"{chat}/{number}"
