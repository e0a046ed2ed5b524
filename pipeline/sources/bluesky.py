"""Bluesky: events of Jetstream, frames of version 1 (`kind`, `time_us`) and of version 2 (`payload`), one or a list.

Records name each other by at-URIs, `at://<did>/<collection>/<rkey>`: whose post is meant stands in the address itself.
A removal carries no record, so what each address was is remembered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from pipeline.errors import UnreadableError
from pipeline.sources.bluesky_events import (
    LIKE,
    POST,
    REPOST,
    Event,
    address_of,
    event_of,
    media_of,
    named_in,
    quoted_in,
    subject_of,
    web_page,
)
from pipeline.sources.context import Context
from pipeline.sources.delivery import Delivery
from pipeline.sources.fields import check_number, need, table, text
from pipeline.sources.outcomes import Ignored, Known
from pipeline.sources.source import Source
from schemas.interaction import Action, Interaction, Kind, Media

#: The server's word -> ours.
ACTIONS: dict[str, Action] = {"create": "add", "update": "edit", "delete": "remove"}


class Bluesky(Source):
    """Reads what happens to the posts of a Bluesky account.

    The stream is public, so a connection needs no secret; a frame that is posted needs one, as bearer token.
    """

    name = "bluesky"
    tells_erasures = True
    schemes = ("bearer",)
    needs_secret = False

    def parse(self, delivery: Delivery) -> list[Event]:
        body = super().parse(delivery)
        frames = body if isinstance(body, list) else [body]
        check_number(len(frames))
        if not all(isinstance(frame, dict) for frame in frames):
            raise UnreadableError("not_an_envelope", "expected a frame, or a list of frames")
        return [event_of(frame) for frame in frames]

    def references(self, parsed: list[Event]) -> Iterable[str]:
        """The address of what was removed, liked, reposted or quoted: the brand's replies are no posts."""
        wanted = set()
        for event in parsed:
            if event.kind == "commit":
                if event.body.get("operation") == "delete":
                    wanted.add(address_of(event))
                else:
                    record = table(event.body, "record")
                    wanted |= {text(table(record, "subject"), "uri"), text(quoted_in(record), "uri")}
        return [uri for uri in wanted if uri is not None]

    def items(self, parsed: list[Event]) -> Iterator[Event]:
        return iter(parsed)

    def read(self, item: Event, context: Context) -> Interaction | Ignored:
        if item.kind == "identity":
            return Ignored("identity")
        if item.kind == "account":
            return _account(item, context)
        if item.kind != "commit":
            return Ignored("unsupported_item")
        reader, action = READERS.get(text(item.body, "collection") or ""), text(item.body, "operation")
        if reader is None or action not in ACTIONS:
            return Ignored("unsupported_item")
        uri = address_of(item)
        if uri is None or item.did is None:
            raise UnreadableError("missing_field", "expected did, collection and rkey")
        return _removed(uri, item.did, item, context) if action == "delete" else reader(uri, item.did, item, context)

    def wrap(self, item: Event) -> Any:
        return item.frame

    def memories(self, item: Event, outcome: Interaction | Ignored) -> Iterable[tuple[str, Known]]:
        """Everything under its address. The brand's reply elsewhere is a comment on itself: a like of it is none of a
        post."""
        uri = address_of(item)
        if uri is None or item.did is None or item.body.get("operation") == "delete":
            return ()
        if isinstance(outcome, Ignored):
            elsewhere = outcome.reason == "outbound" and item.body.get("collection") == POST
            return ((uri, Known.elsewhere(item.did, uri)),) if elsewhere else ()
        assert outcome.post is not None
        return ((uri, Known(outcome.account, outcome.post, outcome.kind, outcome.actor)),)


def _account(event: Event, context: Context) -> Ignored:
    """An account's state. Only `deleted` is for good; the other states (`takendown`, `suspended`, ...) may end."""
    if event.body.get("active") is not False or text(event.body, "status") != "deleted":
        return Ignored("unsupported_item")
    return Ignored("actor_erasure", None if event.did is None else context.pseudonym("bluesky", event.did))


def _response(uri: str, did: str, event: Event, context: Context) -> Interaction | Ignored:
    """A like or a repost."""
    subject = subject_of(table(table(event.body, "record"), "subject"))
    if subject is None:
        raise UnreadableError("missing_field", "expected an at-URI under record.subject.uri")
    if not context.connection.serves(subject.did):
        return Ignored("outbound" if _is_ours(did, context) else "not_ours")
    if subject.collection != POST:
        return Ignored("unsupported_item")
    if _is_reply(subject.uri, context):
        return Ignored("reaction_on_comment")
    kind: Kind = "like" if event.body.get("collection") == LIKE else "share"
    return _counted(kind, subject.did, subject.uri, uri, did, event, context)


def _posted(uri: str, did: str, event: Event, context: Context) -> Interaction | Ignored:
    """A post: a reply below a post of ours, a quote of one, or the brand's own."""
    record = table(event.body, "record")
    reply, connection = table(record, "reply"), context.connection
    root, parent = subject_of(table(reply, "root")), subject_of(table(reply, "parent"))
    if root is not None and connection.serves(root.did):
        answered = parent.uri if parent is not None and parent.uri != root.uri else None
        return _counted("comment", root.did, root.uri, uri, did, event, context, parent=answered)
    quoted = subject_of(quoted_in(record))
    if quoted is not None and quoted.collection == POST and connection.serves(quoted.did) and quoted.did != did:
        if _is_reply(quoted.uri, context):
            return Ignored("reaction_on_comment")
        return _counted("share", quoted.did, quoted.uri, uri, did, event, context)
    if not reply and connection.serves(did):
        return _counted("post", did, uri, uri, did, event, context, media=media_of(record))
    if _is_ours(did, context):
        return Ignored("outbound")
    named = {parent.did if parent else None, *named_in(record)}
    return Ignored("mention" if any(name is not None and connection.serves(name) for name in named) else "not_ours")


def _removed(uri: str, did: str, event: Event, context: Context) -> Interaction | Ignored:
    """Only who made a record can remove it, so `did` is the actor."""
    known = context.look_up(uri)
    if known is None:
        return Ignored("unresolvable_removal")
    if not context.connection.serves(known.account):
        return Ignored("not_ours")
    if known.is_elsewhere(uri):
        return Ignored("outbound")
    return context.counted(
        "bluesky",
        known.account,
        known.kind,
        "remove",
        post=known.post,
        object_id=uri,
        actor=did,
        own=known.kind == "post",
        time=context.clock((event.time_ms, "platform")),
    )


def _counted(
    kind: Kind,
    account: str,
    post: str,
    uri: str,
    did: str,
    event: Event,
    context: Context,
    parent: str | None = None,
    media: Media | None = None,
) -> Interaction:
    """The time is the server's: `createdAt` is the client's claim and may be anything."""
    return context.counted(
        "bluesky",
        account,
        kind,
        ACTIONS[need(event.body, "operation")],
        post=post,
        object_id=uri,
        actor=did,
        parent=parent,
        time=context.clock((event.time_ms, "platform")),
        text=text(table(event.body, "record"), "text"),
        url=web_page(uri),
        media=media,
    )


def _is_reply(uri: str, context: Context) -> bool:
    """Whether the brand's post is known to be a reply of its own, and so is no post."""
    known = context.look_up(uri)
    return known is not None and known.kind == "comment"


def _is_ours(did: str, context: Context) -> bool:
    connection = context.connection
    return did in connection.accounts or did in connection.brand_actors


READERS: dict[str, Callable[[str, str, Event, Context], Interaction | Ignored]] = {
    LIKE: _response,
    REPOST: _response,
    POST: _posted,
}
