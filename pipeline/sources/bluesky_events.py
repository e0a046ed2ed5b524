"""What a frame of Jetstream and a record in it say: the event, the addresses in it, what a post shows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from pipeline.sources.fields import as_table, listed, table, text
from pipeline.sources.times import from_iso, from_milliseconds
from schemas.interaction import Media

LIKE = "app.bsky.feed.like"
POST = "app.bsky.feed.post"
REPOST = "app.bsky.feed.repost"
#: All that is counted. Whoever listens asks for these alone.
COLLECTIONS = (LIKE, POST, REPOST)

#: The forms of an embed -> what the post shows. `images` is told apart by their number.
EMBEDS: dict[str, Media] = {
    "app.bsky.embed.images": "image",
    "app.bsky.embed.video": "video",
    "app.bsky.embed.external": "link",
}
_MESSAGE = "network.bsky.jetstream.subscribeEvents#"


class Event(NamedTuple):
    """One frame in one form. `kind` is `commit`, `identity`, `account` or whatever else the server said."""

    kind: str
    did: str | None
    time_ms: int | None
    body: Mapping[str, Any]
    frame: Any


class Subject(NamedTuple):
    """An at-URI taken apart."""

    uri: str
    did: str
    collection: str


def event_of(frame: Mapping[str, Any]) -> Event:
    """The frame in one form, whichever version of Jetstream wrote it."""
    payload = frame.get("payload")
    if isinstance(payload, dict):
        kind = (text(payload, "$type") or "").removeprefix(_MESSAGE)
        body = payload if kind == "commit" else table(payload, kind)
        return Event(kind, text(payload, "did"), from_iso(payload.get("time")), body, frame)
    kind, time_us = text(frame, "kind") or "", frame.get("time_us")
    time_ms = from_milliseconds(time_us // 1000) if isinstance(time_us, int) else None
    return Event(kind, text(frame, "did"), time_ms, table(frame, kind), frame)


def address_of(event: Event) -> str | None:
    """The at-URI of the record that the event is about."""
    collection, rkey = text(event.body, "collection"), text(event.body, "rkey")
    if event.did is None or collection is None or rkey is None:
        return None
    return f"at://{event.did}/{collection}/{rkey}"


def subject_of(reference: Mapping[str, Any]) -> Subject | None:
    """The post that a reference (`{"uri", "cid"}`) leads to; None where it leads to anything else."""
    uri = text(reference, "uri") or ""
    parts = uri.split("/", 5)
    if len(parts) != 5 or parts[:2] != ["at:", ""] or not parts[2].startswith("did:") or not parts[4]:
        return None
    return Subject(uri, parts[2], parts[3])


def quoted_in(record: Mapping[str, Any]) -> Mapping[str, Any]:
    """The reference of a quote: alone, or beside pictures (`recordWithMedia`), where it lies one deeper."""
    inner = table(table(record, "embed"), "record")
    return table(inner, "record") or inner


def named_in(record: Mapping[str, Any]) -> Iterator[str | None]:
    """The accounts that the text names."""
    for facet in map(as_table, listed(record, "facets")):
        for feature in map(as_table, listed(facet, "features")):
            yield text(feature, "did")


def media_of(record: Mapping[str, Any]) -> Media | None:
    """What the post shows beside its text; None where that is nothing that we know."""
    embed = table(record, "embed")
    shown = table(embed, "media") or embed
    media = EMBEDS.get(text(shown, "$type") or "")
    return "album" if media == "image" and len(listed(shown, "images")) > 1 else media


def web_page(uri: str) -> str | None:
    """Where people read the post; likes and reposts have no page."""
    _, _, did, collection, rkey = uri.split("/", 4)
    return f"https://bsky.app/profile/{did}/post/{rkey}" if collection == POST else None
