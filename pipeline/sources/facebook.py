"""Facebook Pages: the field `feed` of Meta's envelope. Reactions, comments and the Page's own posts.

A share of the Page's post by somebody else is not in any delivery; a `share` here is a link post of the Page itself.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

from pipeline.errors import UnreadableError
from pipeline.sources.context import Context
from pipeline.sources.fields import ident, listed, need, table, text
from pipeline.sources.meta import Change, MetaSource
from pipeline.sources.outcomes import Ignored
from pipeline.sources.times import from_seconds
from schemas.interaction import Action, Interaction, Media, TimeFrom

VERBS: dict[str, Action] = {
    "add": "add",
    "edit": "edit",
    "edited": "edit",
    "update": "edit",
    "remove": "remove",
    "delete": "remove",
}
#: By the `item` of a post. A status shows whatever its `photos` are; what was shared is not told.
MEDIA: dict[str, Media] = {"photo": "image", "video": "video", "link": "link"}
MODERATION = frozenset({"hide", "unhide"})
#: The words and times that tell reactions apart have some twenty characters.
LONGEST_WORD = 64


class Facebook(MetaSource):
    """Reads what happens on a Page."""

    name = "facebook"
    subject = "page"

    def read_change(
        self, change: Change, account: str, value: Mapping[str, Any], context: Context
    ) -> Interaction | Ignored:
        item = text(value, "item")
        if change.field == "mention" or item == "mention":
            return Ignored("mention")
        if change.field != "feed":
            return Ignored("unsupported_item")
        reader = READERS.get(item or "")
        return Ignored("unsupported_item") if reader is None else reader(change, account, value, context)


def _reaction(change: Change, account: str, value: Mapping[str, Any], context: Context) -> Interaction | Ignored:
    if ident(value, "comment_id"):
        return Ignored("reaction_on_comment")
    action = _action(value)
    if action is None:
        return _uncounted(value)
    post, actor, object_id = need(value, "post_id"), _actor(value), None
    if actor is None:
        if action == "remove":
            return Ignored("unresolvable_removal")
        if action == "edit":  # without its actor it cannot stand in for the add that it changes
            return Ignored("unsupported_item")
        object_id = f"{post}/{_fingerprint(value)}"
    return context.counted(
        "facebook",
        account,
        "like",
        action,
        post=post,
        object_id=object_id,
        actor=actor,
        # A changed or undone reaction has its own created_time.
        time=context.clock((from_seconds(value.get("created_time")), "platform")),
        reaction=None if action == "remove" else text(value, "reaction_type"),
    )


def _comment(change: Change, account: str, value: Mapping[str, Any], context: Context) -> Interaction | Ignored:
    action = _action(value)
    if action is None:
        return _uncounted(value)
    post = ident(value, "post_id") or need(table(value, "post"), "id")
    parent = ident(value, "parent_id")
    return context.counted(
        "facebook",
        account,
        "comment",
        action,
        post=post,
        object_id=need(value, "comment_id"),
        actor=_actor(value),
        parent=None if parent in (post, post.partition("_")[2]) else parent,
        time=_time(action, change, value, context),
        text=text(value, "message"),
    )


def _legacy_like(change: Change, account: str, value: Mapping[str, Any], context: Context) -> Ignored:
    """The same click also arrives as a reaction."""
    if ident(value, "comment_id"):
        return Ignored("reaction_on_comment")
    return Ignored("legacy_duplicate" if ident(value, "post_id") else "page_like")


def _post(change: Change, account: str, value: Mapping[str, Any], context: Context) -> Interaction | Ignored:
    action = _action(value)
    if action is None:
        return _uncounted(value)
    actor = _actor(value)
    if not context.connection.is_brand(account, actor):
        return Ignored("visitor_post")
    return context.counted(
        "facebook",
        account,
        "post",
        action,
        post=need(value, "post_id"),
        actor=actor,
        own=True,
        time=_time(action, change, value, context),
        text=text(value, "message"),
        url=text(value, "permalink_url") or text(table(value, "post"), "permalink_url"),
        media=_media(value),
    )


def _action(value: Mapping[str, Any]) -> Action | None:
    return VERBS.get(text(value, "verb") or "")


def _media(value: Mapping[str, Any]) -> Media | None:
    photos = len(listed(value, "photos") or listed(value, "photo_ids"))
    return ("album" if photos > 1 else "image") if photos else MEDIA.get(text(value, "item") or "")


def _actor(value: Mapping[str, Any]) -> str | None:
    """`from.id`; older deliveries have `sender_id`. Missing where the app may not read who it was."""
    return ident(table(value, "from"), "id") or ident(value, "sender_id")


def _time(action: Action, change: Change, value: Mapping[str, Any], context: Context) -> tuple[int, TimeFrom]:
    """created_time stays the time of creation: of an edit or a removal only the time of sending is known."""
    created_ms, sent_ms = from_seconds(value.get("created_time")), change.sent_ms
    if action == "add":
        return context.clock((created_ms, "platform"), (sent_ms, "delivery"))
    return context.clock((sent_ms, "delivery"), (created_ms, "platform"))


def _uncounted(value: Mapping[str, Any]) -> Ignored:
    verb = text(value, "verb")
    if verb is None:
        raise UnreadableError("missing_field", "expected a verb under verb")
    return Ignored("moderation" if verb in MODERATION else "unsupported_item")


def _fingerprint(value: Mapping[str, Any]) -> str:
    """Tells reactions without an actor apart: by time and word, never by the time of sending, which a retry changes."""
    content = f"{_word(value, 'created_time')}|{_word(value, 'reaction_type')}"
    return hashlib.blake2b(content.encode(), digest_size=16).hexdigest()


def _word(value: Mapping[str, Any], key: str) -> str | None:
    """The string or number under a key; None for a structure, which may take long to be written out."""
    found = value.get(key)
    said = str(found) if isinstance(found, float) else ident(value, key)
    return None if said is None else said[:LONGEST_WORD]


#: By the `item` of a change. Those read by `_post` are posts in the Page's feed.
READERS: dict[str, Callable[[Change, str, Mapping[str, Any], Context], Interaction | Ignored]] = {
    "reaction": _reaction,
    "comment": _comment,
    "like": _legacy_like,
    "status": _post,
    "post": _post,
    "photo": _post,
    "video": _post,
    "share": _post,
    "link": _post,
    "note": _post,
}
