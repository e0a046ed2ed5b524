"""What a note is to a brand: its own post, a comment, a quote that shares a post, or none of these."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.sources.activitypub_objects import (
    Activity,
    Meaning,
    account_of,
    address,
    is_brand,
    own_id,
    target,
    type_of,
)
from pipeline.sources.context import Context
from pipeline.sources.fields import as_table, listed, table, text
from pipeline.sources.markup import plain_text
from pipeline.sources.outcomes import Ignored, Reason
from pipeline.sources.times import from_iso
from schemas.interaction import Action, Interaction, Media, TimeFrom

PUBLIC = frozenset({"https://www.w3.org/ns/activitystreams#Public", "as:Public", "Public"})
WRITINGS = frozenset({"Note", "Article", "Page", "Question", "Image", "Video", "Audio", "Event"})
ACTORS = frozenset({"Person", "Service", "Application", "Organization", "Group"})
#: What is quoted: Mastodon's and GoToSocial's name, then those in use before.
QUOTES = ("quote", "quoteUri", "quoteUrl", "_misskey_quote")
MEDIA: dict[str, Media] = {"image": "image", "video": "video", "audio": "audio", "page": "link", "text": "link"}


def read_created(activity: Activity, context: Context) -> Interaction | Ignored:
    """A new note, at its own time."""
    note = table(activity.body, "object")
    published = from_iso(note.get("published")) or from_iso(activity.body.get("published"))
    return _read(note, "add", (published, "platform"), activity, context)


def read_updated(activity: Activity, context: Context) -> Interaction | Ignored:
    """An edited note. Without a time of the edit it is none: votes of a poll, counters."""
    note = table(activity.body, "object")
    if type_of(note) in ACTORS:
        return Ignored("identity")
    updated = from_iso(note.get("updated"))
    if updated is None:
        return Ignored("unsupported_item")
    return _read(note, "edit", (updated, "platform"), activity, context)


def _read(
    note: Mapping[str, Any], action: Action, time: tuple[int | None, TimeFrom], activity: Activity, context: Context
) -> Interaction | Ignored:
    actor = activity.actor
    if type_of(note) not in WRITINGS or _is_vote(note) or _is_private(activity.body, note, context):
        return Ignored("unsupported_item")
    if (address(note.get("attributedTo")) or actor) != actor:
        return Ignored("not_ours")
    object_id = own_id(note, actor)
    meaning = _meaning(note, actor, object_id, context)
    if not isinstance(meaning, Meaning):
        return Ignored(meaning)
    words = [text(note, "name"), plain_text(text(note, "summary")), plain_text(text(note, "content"))]
    return context.counted(
        "activitypub",
        meaning.account,
        meaning.kind,
        action,
        post=meaning.post,
        object_id=object_id,
        actor=actor,
        own=meaning.kind == "post",
        parent=meaning.parent,
        time=context.clock(time, (activity.sent_ms, "delivery")),
        text="\n".join(word for word in words if word),
        url=text(note, "url"),
        media=_media(note),
    )


def _meaning(note: Mapping[str, Any], actor: str, object_id: str, context: Context) -> Meaning | Reason:
    answered = address(note.get("inReplyTo"))
    if answered is not None:
        known = context.look_up(answered)
        if known is not None and known.account in context.connection.accounts:
            return Meaning("comment", known.account, known.post, None if known.kind == "post" else answered)
        account = account_of(answered, context)
        return _elsewhere(actor, context) if account is None else Meaning("comment", account, answered)
    if actor in context.connection.accounts:
        return Meaning("post", actor, object_id)
    quoted = next((uri for uri in (address(note.get(name)) for name in QUOTES) if uri is not None), None)
    found = target(quoted, actor, context)
    if isinstance(found, Meaning):
        return Meaning("share", found.account, found.post)
    return found if found == "reaction_on_comment" else _elsewhere(actor, context)


def _elsewhere(actor: str, context: Context) -> Reason:
    """Why a note that is about no post of ours counts for nothing: an inbox gets it because it names the brand."""
    return "outbound" if is_brand(actor, context) else "mention"


def _is_vote(note: Mapping[str, Any]) -> bool:
    """A vote in a poll is a note too: with a `name`, and without anything written."""
    return type_of(note) == "Note" and text(note, "name") is not None and text(note, "content") is None


def _is_private(body: Mapping[str, Any], note: Mapping[str, Any], context: Context) -> bool:
    """A direct message: addressed to nobody but those whom it names. Not ours to count, least of all to keep."""
    to = {uri for thing in (body, note) for key in ("to", "cc") for uri in _addresses(thing.get(key))}
    named = {text(as_table(tag), "href") for tag in listed(note, "tag")}
    return bool(to) and not to & PUBLIC and to <= (named | context.connection.accounts)


def _addresses(value: Any) -> list[str | None]:
    return [address(entry) for entry in (value if isinstance(value, list) else [value]) if entry is not None]


def _media(note: Mapping[str, Any]) -> Media | None:
    """What the note shows; None where it is text alone."""
    if type_of(note) == "Question":
        return "poll"
    attached = [as_table(entry) for entry in listed(note, "attachment")]
    if len(attached) > 1:
        return "album"
    if not attached:
        return MEDIA.get(type_of(note).lower()) if type_of(note) != "Page" else None
    kind = (text(attached[0], "mediaType") or "").partition("/")[0] or type_of(attached[0]).lower()
    return MEDIA.get(kind, "other")
