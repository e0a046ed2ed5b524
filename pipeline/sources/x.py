"""X: the Account Activity API (one list of events, being retired) and the X Activity API (one event, its successor).

Owns the envelopes, handshake, likes and deletions; what a post is to the brand is decided in `x_posts.py`.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

import msgspec

from pipeline.errors import RefusedError, UnreadableError
from pipeline.sources.context import Context
from pipeline.sources.delivery import Answer, Connection, Delivery
from pipeline.sources.fields import as_table, check_number, ident, need, table, text
from pipeline.sources.outcomes import Ignored, Known
from pipeline.sources.signatures import sign_challenge
from pipeline.sources.source import Source
from pipeline.sources.times import from_iso, from_milliseconds, from_x
from pipeline.sources.x_posts import Post, activity_post, included, read_post, timeline_post
from schemas.interaction import Interaction


class Event(NamedTuple):
    """One event. `name` is the list it stood in (`favorite_events`) or its type (`like.create`)."""

    account: str | None
    name: str
    value: Mapping[str, Any]
    envelope: Mapping[str, Any]


class X(Source):
    """Reads what happens to the posts of an X account."""

    name = "x"
    schemes = ("x",)
    handshakes = frozenset({"GET"})

    def handshake(self, request: Delivery, connection: Connection) -> Answer:
        """The challenge-response check: the HMAC of `crc_token` under the newest secret."""
        token = next((value for name, value in parse_qsl(request.query) if name == "crc_token"), None)
        if token is None:
            raise RefusedError("missing_challenge")
        if not connection.secrets or not connection.secrets[0]:
            raise RefusedError("no_secret")
        signed = b64encode(sign_challenge(token, connection.secrets[0].reveal())).decode()
        return Answer(msgspec.json.encode({"response_token": f"sha256={signed}"}), content_type="application/json")

    def parse(self, delivery: Delivery) -> list[Event]:
        body = super().parse(delivery)
        if not isinstance(body, dict):
            raise UnreadableError("not_an_envelope", "expected an object")
        if isinstance(body.get("data"), dict):
            return [_activity_event(body["data"])]
        check_number(sum(len(value) for value in body.values() if isinstance(value, list)))
        return list(_timeline_events(body))

    def references(self, parsed: list[Event]) -> Iterable[str]:
        wanted: set[str | None] = set()
        for event in parsed:
            reader = READERS.get(event.name)
            if reader is _delete:
                wanted.add(ident(_deleted(event), "id_str", "id"))
            elif reader is _created:
                post = _post(event)
                wanted |= {post.reply_to, post.root} if post.reply_to is not None else set()
                wanted.add(post.repost or post.quote)
        return [object_id for object_id in wanted if object_id is not None]

    def items(self, parsed: list[Event]) -> Iterator[Event]:
        return iter(parsed)

    def read(self, item: Event, context: Context) -> Interaction | Ignored:
        if item.name == "user_event":
            return Ignored("subscription_ended" if "revoke" in item.value else "unsupported_item")
        if item.account is None:
            raise UnreadableError("missing_field", "expected an id under for_user_id or filter.user_id")
        if not context.connection.serves(item.account):
            return Ignored("not_ours")
        reader = READERS.get(item.name)
        return Ignored("unsupported_item") if reader is None else reader(item.account, item, context)

    def wrap(self, item: Event) -> Any:
        return item.envelope

    def memories(self, item: Event, outcome: Interaction | Ignored) -> Iterable[tuple[str, Known]]:
        """Posts, comments and shares: a deletion and a brand's answer name nothing but their id. And the brand's
        replies elsewhere: what answers them answers no post."""
        if isinstance(outcome, Ignored):
            return _elsewhere(item) if outcome.reason == "outbound" and READERS[item.name] is _created else ()
        if outcome.kind == "like" or outcome.action != "add":
            return ()
        assert outcome.post is not None
        return ((outcome.id, Known(outcome.account, outcome.post, outcome.kind, outcome.actor)),)


def _elsewhere(event: Event) -> Iterator[tuple[str, Known]]:
    post = _post(event)
    if post.id is not None and event.account is not None and post.reply_to is not None and post.repost is None:
        yield post.id, Known.elsewhere(event.account, post.id)


def _timeline_events(body: Mapping[str, Any]) -> Iterator[Event]:
    account = ident(body, "for_user_id")
    head = {"for_user_id": body["for_user_id"]} if "for_user_id" in body else {}
    for name, value in body.items():
        if name == "user_event":
            yield Event(account, name, as_table(value), {name: value})
        elif name.endswith("_events") and isinstance(value, list):
            for event in value:
                yield Event(account, name, as_table(event), {**head, name: [event]})


def _activity_event(data: Mapping[str, Any]) -> Event:
    account = ident(table(data, "filter"), "user_id")
    return Event(account, text(data, "event_type") or "", table(data, "payload"), {"data": data})


def _post(event: Event) -> Post:
    if event.name == "tweet_create_events":
        return timeline_post(event.value)
    return activity_post(event.value, event.envelope)


def _favorite(account: str, event: Event, context: Context) -> Interaction | Ignored:
    value = event.value
    status = table(value, "favorited_status")
    author, actor = ident(table(status, "user"), "id_str", "id"), ident(table(value, "user"), "id_str", "id")
    if author is not None and author != account:
        return Ignored("outbound" if context.connection.is_brand(account, actor) else "not_ours")
    if ident(status, "in_reply_to_status_id_str", "in_reply_to_status_id"):
        return Ignored("reaction_on_comment")
    time_ms = from_milliseconds(value.get("timestamp_ms")) or from_x(value.get("created_at"))
    return context.counted(
        "x",
        account,
        "like",
        "add",
        post=need(status, "id_str", "id"),
        object_id=ident(value, "id"),
        actor=actor,
        time=context.clock((time_ms, "platform")),
    )


def _like(account: str, event: Event, context: Context) -> Interaction | Ignored:
    value, outbound = event.value, text(table(table(event.envelope, "data"), "filter"), "direction") == "outbound"
    author = ident(value, "liked_tweet_author_id", "tweet_author_id")
    if author is not None and author != account:
        return Ignored("outbound" if outbound else "not_ours")
    if author is None and outbound:
        return Ignored("outbound")
    post = need(value, "liked_tweet_id", "tweet_id")
    liked = included(event.envelope).get(post, {})
    if ident(liked, "conversation_id") not in (None, post):
        return Ignored("reaction_on_comment")
    time_ms = from_milliseconds(value.get("timestamp_ms")) or from_iso(value.get("created_at"))
    return context.counted(
        "x",
        account,
        "like",
        "add",
        post=post,
        object_id=ident(value, "id"),
        actor=account if outbound else None,
        time=context.clock((time_ms, "platform")),
    )


def _created(account: str, event: Event, context: Context) -> Interaction | Ignored:
    return read_post(_post(event), account, event.name, context)


def _delete(account: str, event: Event, context: Context) -> Interaction | Ignored:
    """A deletion says neither what was deleted nor whose post it belonged to: the directory does."""
    deleted = _deleted(event)
    object_id, actor = need(deleted, "id_str", "id"), ident(deleted, "user_id", "author_id")
    time = context.clock((from_milliseconds(event.value.get("timestamp_ms")), "platform"))
    return context.removed("x", object_id, time, actor=actor)


def _deleted(event: Event) -> Mapping[str, Any]:
    return table(event.value, "status") if event.name == "tweet_delete_events" else event.value


READERS: dict[str, Callable[[str, Event, Context], Interaction | Ignored]] = {
    "favorite_events": _favorite,
    "like.create": _like,
    "tweet_create_events": _created,
    "tweet_delete_events": _delete,
    "post.create": _created,
    "post.reply.create": _created,
    "post.quote.create": _created,
    "post.repost.create": _created,
    "post.mention.create": _created,
    "post.delete": _delete,
}
