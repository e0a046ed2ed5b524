"""What a status on Mastodon is to a brand: its own post, a comment, a share, or none of these."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from pipeline.errors import UnreadableError
from pipeline.sources.context import Context
from pipeline.sources.fields import as_table, ident, listed, need, table, text
from pipeline.sources.markup import plain_text
from pipeline.sources.outcomes import Ignored, Reason
from pipeline.sources.times import from_iso
from schemas.interaction import Action, Interaction, Kind, Media

MEDIA: dict[str, Media] = {"image": "image", "video": "video", "gifv": "video", "audio": "audio"}


class Told(NamedTuple):
    """A status, what happened to it, and when that was told. `streamed`: it stood in a timeline, not in a webhook."""

    status: Mapping[str, Any]
    action: Action
    sent_ms: int | None
    streamed: bool = False


class Meaning(NamedTuple):
    """What a status is: whose post it is about, and the comment that it answers."""

    kind: Kind
    account: str
    post: str
    parent: str | None = None
    object_id: str | None = None


def is_reply(status: Mapping[str, Any]) -> bool:
    """Whether the status answers another one, and so is a comment and no post."""
    return ident(status, "in_reply_to_id") is not None


def status_references(status: Mapping[str, Any]) -> list[str | None]:
    """The ids of which the directory must be asked: what is answered."""
    return [ident(status, "in_reply_to_id")]


def read_status(told: Told, context: Context) -> Interaction | Ignored:
    """What the status is to the connection's accounts."""
    status = told.status
    author = ident(table(status, "account"), "id")
    if author is None:
        raise UnreadableError("missing_field", "expected the id of a status' author under account.id")
    if text(status, "visibility") == "direct":  # a private message: nobody's business here, least of all its text
        return Ignored("unsupported_item")
    meaning = _meaning(told, author, context)
    if not isinstance(meaning, Meaning):
        return Ignored(meaning)
    if told.action == "add":
        time = context.clock((from_iso(status.get("created_at")), "platform"))
    else:
        time = context.clock((from_iso(status.get("edited_at")), "platform"), (told.sent_ms, "delivery"))
    words = [text(status, "spoiler_text"), plain_text(text(status, "content"))]
    return context.counted(
        "mastodon",
        meaning.account,
        meaning.kind,
        told.action,
        post=meaning.post,
        object_id=meaning.object_id or need(status, "id"),
        actor=author,
        own=meaning.kind == "post",
        parent=meaning.parent,
        time=time,
        text="\n".join(word for word in words if word),
        url=text(status, "url") or text(status, "uri"),
        media=_media(status),
    )


def _meaning(told: Told, author: str, context: Context) -> Meaning | Reason:
    status, accounts = told.status, context.connection.accounts
    boosted = table(status, "reblog")
    if boosted:
        return _boost(told, boosted, author, context)
    answered = ident(status, "in_reply_to_id")
    if answered is not None:
        known = context.look_up(answered)
        if known is not None and known.account in accounts:
            if known.is_elsewhere(answered):
                return "outbound" if context.connection.is_brand(known.account, author) else "mention"
            return Meaning("comment", known.account, known.post, None if known.kind == "post" else answered)
        to = ident(status, "in_reply_to_account_id")
        # Nothing is known of what it answers: a status of the brand, so it is taken for a post.
        return Meaning("comment", to, answered) if to in accounts and to is not None else _elsewhere(status, context)
    quoted = table(table(status, "quote"), "quoted_status")
    quoted_author = ident(table(quoted, "account"), "id")
    if quoted_author is not None and quoted_author in accounts and quoted_author != author:
        return "reaction_on_comment" if is_reply(quoted) else Meaning("share", quoted_author, need(quoted, "id"))
    return Meaning("post", author, need(status, "id")) if author in accounts else _elsewhere(status, context)


def _boost(told: Told, boosted: Mapping[str, Any], author: str, context: Context) -> Meaning | Reason:
    account = ident(table(boosted, "account"), "id")
    if account is None or account not in context.connection.accounts:
        return _elsewhere(told.status, context)
    if is_reply(boosted):
        return "reaction_on_comment"
    post = need(boosted, "id")
    # The same boost also comes as a notification, which does not know the boost's own id.
    object_id = f"{post}/boost/{context.pseudonym('mastodon', author)}" if told.streamed else None
    return Meaning("share", account, post, object_id=object_id)


def _elsewhere(status: Mapping[str, Any], context: Context) -> Reason:
    """Why a status that is about no post of ours counts for nothing."""
    connection, author = context.connection, ident(table(status, "account"), "id")
    if author in connection.accounts or author in connection.brand_actors:
        return "outbound"
    named = {ident(as_table(mention), "id") for mention in listed(status, "mentions")}
    return "mention" if named & connection.accounts else "not_ours"


def _media(status: Mapping[str, Any]) -> Media | None:
    """What the status shows; None where it is text alone."""
    attached = listed(status, "media_attachments")
    if len(attached) > 1:
        return "album"
    if attached:
        return MEDIA.get(text(as_table(attached[0]), "type") or "", "other")
    if table(status, "poll"):
        return "poll"
    return "link" if table(status, "card") else None
