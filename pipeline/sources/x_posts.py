"""What a post on X is to a brand: its own post, a comment, a share, or none of these.

Both APIs are brought into one form first. A post of the Account Activity API carries the posts it refers to; one of the
X Activity API only their ids, so the type of the event and the directory say whose they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from pipeline.errors import UnreadableError
from pipeline.sources.context import Context
from pipeline.sources.fields import as_table, ident, listed, table, text
from pipeline.sources.outcomes import Ignored
from pipeline.sources.times import from_iso, from_milliseconds, from_x
from schemas.interaction import Interaction, Kind, Media

MEDIA: dict[str, Media] = {"photo": "image", "video": "video", "animated_gif": "video"}


class Post(NamedTuple):
    """A post: who wrote it, and the posts that it answers, repeats or quotes. `root`: the first of its conversation."""

    id: str | None
    author: str | None
    time_ms: int | None
    text: str | None
    reply_to: str | None
    reply_to_author: str | None
    root: str | None
    repost: str | None
    repost_author: str | None
    quote: str | None
    quote_author: str | None
    #: Whether the repeated or quoted post came along and answers another one.
    shares_reply: bool
    media: Media | None


def timeline_post(value: Mapping[str, Any]) -> Post:
    """A post of the Account Activity API (v1.1). The number `id` is not exact: only `id_str` is."""
    repost, quote = table(value, "retweeted_status"), table(value, "quoted_status")
    return Post(
        id=ident(value, "id_str", "id"),
        author=ident(table(value, "user"), "id_str", "id"),
        time_ms=from_milliseconds(value.get("timestamp_ms")) or from_x(value.get("created_at")),
        text=text(table(value, "extended_tweet"), "full_text") or text(value, "full_text") or text(value, "text"),
        reply_to=ident(value, "in_reply_to_status_id_str", "in_reply_to_status_id"),
        reply_to_author=ident(value, "in_reply_to_user_id_str", "in_reply_to_user_id"),
        root=None,
        repost=ident(repost, "id_str", "id"),
        repost_author=ident(table(repost, "user"), "id_str", "id"),
        quote=ident(value, "quoted_status_id_str", "quoted_status_id") or ident(quote, "id_str", "id"),
        quote_author=ident(table(quote, "user"), "id_str", "id"),
        shares_reply=_answers(repost or quote),
        media=_timeline_media(value),
    )


def activity_post(value: Mapping[str, Any], envelope: Mapping[str, Any]) -> Post:
    """A post of the X Activity API; its envelope holds the posts and media that came along."""
    posts = included(envelope)
    referred = {text(r, "type"): ident(r, "id") for r in map(as_table, listed(value, "referenced_tweets"))}
    repost, quote = referred.get("retweeted"), referred.get("quoted")
    reply_to = ident(value, "in_reply_to_tweet_id") or referred.get("replied_to")
    return Post(
        id=ident(value, "id"),
        author=ident(value, "author_id"),
        time_ms=from_iso(value.get("created_at")),
        text=text(table(value, "note_tweet"), "text") or text(value, "text"),
        reply_to=reply_to,
        reply_to_author=ident(value, "in_reply_to_user_id") or _author(posts, reply_to),
        root=ident(value, "conversation_id"),
        repost=repost,
        repost_author=_author(posts, repost),
        quote=quote,
        quote_author=_author(posts, quote),
        shares_reply=_continues(posts, repost or quote),
        media=_activity_media(value, envelope),
    )


def included(envelope: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The posts that came along with an event of the X Activity API, by id. Some are wrapped in `data` once more."""
    includes = table(table(envelope, "data"), "includes")
    found = [table(post, "data") or post for post in map(as_table, listed(includes, "tweets"))]
    return {post_id: post for post in found if (post_id := ident(post, "id")) is not None}


def read_post(post: Post, account: str, event: str, context: Context) -> Interaction | Ignored:
    """What the post is to the account. A repost is tested first: the repost of a quote looks like both."""
    if post.id is None or post.author is None:
        raise UnreadableError("missing_field", "expected the ids of a post and its author")
    own = context.connection.is_brand(account, post.author)
    meaning = _meaning(post, account, event, own, context)
    if isinstance(meaning, Ignored):
        return meaning
    kind, about, parent = meaning
    return context.counted(
        "x",
        account,
        kind,
        "add",
        post=about,
        object_id=post.id,
        actor=post.author,
        parent=parent,
        time=context.clock((post.time_ms, "platform")),
        text=post.text,
        media=post.media,
    )


def _meaning(
    post: Post, account: str, event: str, own: bool, context: Context
) -> tuple[Kind, str, str | None] | Ignored:
    """The kind, the post that it is about, and the comment that it answers."""
    if post.repost is not None:
        if _is_ours(post.repost_author, account, event == "post.repost.create", own):
            return _share(post, post.repost, context)
        return Ignored("outbound" if own else "mention")
    answered = _answered(post, account, event, own, context)
    if answered is not None:
        return "comment", *answered
    quoted = post.quote if post.author != account else None
    if quoted is not None and _is_ours(post.quote_author, account, event == "post.quote.create", own):
        return _share(post, quoted, context)
    if own and post.reply_to is None:
        return "post", post.id or "", None
    return Ignored("outbound" if own else "mention")


def _share(post: Post, shared: str, context: Context) -> tuple[Kind, str, None] | Ignored:
    """A share of a post; what is done to the brand's replies is done to no post."""
    known = context.look_up(shared)
    if post.shares_reply or (known is not None and known.kind == "comment"):
        return Ignored("reaction_on_comment")
    return "share", shared, None


def _is_ours(author: str | None, account: str, told: bool, own: bool) -> bool:
    """Whether the shared post is the account's: by its author, else because events about others tell only of ours."""
    return author == account if author is not None else told and not own


def _answered(post: Post, account: str, event: str, own: bool, context: Context) -> tuple[str, str | None] | None:
    """The post and the comment that a reply belongs to; None where it answers nothing of the account's."""
    if post.reply_to is None:
        return None
    known = context.look_up(post.reply_to)
    if known is not None and known.account == account and not known.is_elsewhere(post.reply_to):
        # The brand's own quote was taken for a share before it was taken for a post.
        if known.kind == "share" and post.reply_to_author == account:
            return post.reply_to, None
        return known.post, None if known.kind == "post" else post.reply_to
    told = event == "post.reply.create" and not own and post.reply_to_author is None
    if known is None and (post.reply_to_author == account or told):
        return post.reply_to, None
    root = context.look_up(post.root)
    if root is not None and root.account == account:
        return root.post, post.reply_to
    return None


def _answers(status: Mapping[str, Any]) -> bool:
    """Whether a post of the Account Activity API that came along is a reply."""
    return ident(status, "in_reply_to_status_id_str", "in_reply_to_status_id") is not None


def _continues(posts: Mapping[str, Mapping[str, Any]], post: str | None) -> bool:
    """The same of the X Activity API: whether it is not the first post of its conversation."""
    return post is not None and ident(posts.get(post, {}), "conversation_id") not in (None, post)


def _author(posts: Mapping[str, Mapping[str, Any]], post: str | None) -> str | None:
    return ident(posts.get(post, {}), "author_id") if post is not None else None


def _timeline_media(value: Mapping[str, Any]) -> Media | None:
    """Of a long post they stand in its whole form."""
    whole = table(value, "extended_tweet")
    for holder in (whole, value):
        for key in ("extended_entities", "entities"):
            shown = [text(as_table(one), "type") for one in listed(table(holder, key), "media")]
            if shown:
                return _one_of(shown)
    linked = listed(table(whole, "entities"), "urls") or listed(table(value, "entities"), "urls")
    return "link" if linked and not value.get("is_quote_status") else None


def _activity_media(value: Mapping[str, Any], envelope: Mapping[str, Any]) -> Media | None:
    """The payload has the keys of its media; what they are came along, or is not known. A quote is an address too."""
    attached = table(value, "attachments")
    if listed(attached, "poll_ids"):
        return "poll"
    keys = listed(attached, "media_keys")
    came = map(as_table, listed(table(table(envelope, "data"), "includes"), "media"))
    kinds = {text(media, "media_key"): text(media, "type") for media in came}
    if keys:
        return _one_of([kinds.get(key) if isinstance(key, str) else None for key in keys])
    quotes = any(text(as_table(other), "type") == "quoted" for other in listed(value, "referenced_tweets"))
    return "link" if listed(table(value, "entities"), "urls") and not quotes else None


def _one_of(shown: list[str | None]) -> Media:
    return "album" if len(shown) > 1 else MEDIA.get(shown[0] or "", "other")
