"""YouTube over WebSub: an Atom feed whenever a channel publishes a video, or changes its title or description.

Nothing else: no likes, no comments, no views. A subscription is a lease that the channel's owner must renew.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit
from xml.etree.ElementTree import Element, ParseError, tostring

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from pipeline.errors import RefusedError, UnreadableError
from pipeline.sources.context import Context
from pipeline.sources.delivery import Answer, Connection, Delivery, Lease
from pipeline.sources.outcomes import Ignored
from pipeline.sources.source import Source
from pipeline.sources.times import from_iso
from schemas.interaction import Interaction

ATOM = "{http://www.w3.org/2005/Atom}"
YOUTUBE = "{http://www.youtube.com/xml/schemas/2015}"
TOMBSTONE = "{http://purl.org/atompub/tombstones/1.0}"
#: Notifications come before the entry is complete, and `updated` moves with every step of that: it is still the upload.
UPLOAD_MS = 3_600_000
#: YouTube has used both paths.
TOPIC_HOSTS = frozenset({"www.youtube.com", "youtube.com"})
TOPIC_PATHS = frozenset({"/xml/feeds/videos.xml", "/feeds/videos.xml"})
#: A feed has five; what is kept of an entry is written by a function that calls itself for every level.
MOST_LEVELS = 32
#: A notification has one entry, of a title and some addresses.
LONGEST_FEED = 256_000
#: Real challenges are some twenty digits.
LONGEST_CHALLENGE = 512
#: Google's hub gives ten days at the most. More can only be said by somebody else, and would hide a lapse.
LONGEST_LEASE_S = 30 * 86_400

_VIDEO = re.compile(r"^yt:video:(.+)$")
_CHANNEL = re.compile(r"/channel/([^/?#]+)/?$")


class YouTube(Source):
    """Reads what a channel publishes."""

    name = "youtube"
    schemes = ("websub",)
    handshakes = frozenset({"GET"})

    def check_accounts(self, accounts: frozenset[str]) -> str | None:
        return None if accounts else "channel ids: the hub asks whether it is this connection that subscribes to them"

    def handshake(self, request: Delivery, connection: Connection) -> Answer:
        """Echo the challenge for a channel of ours, or for the end of a subscription to one that is not ours.

        Anybody may ask the hub to end a subscription in our name: a channel of the connection is never given up.
        """
        asked = dict(reversed(parse_qsl(request.query, keep_blank_values=True)))
        mode, topic = asked.get("hub.mode"), _channel_of(asked.get("hub.topic", ""))
        if mode == "denied":  # the hub tells that there is no subscription; nothing is asked
            return Answer()
        expected = connection.verify_token.reveal()
        if expected and not hmac.compare_digest(expected.encode(), asked.get("hub.verify_token", "").encode()):
            raise RefusedError("wrong_token")
        if mode not in {"subscribe", "unsubscribe"}:
            raise RefusedError("wrong_mode")
        if topic is None or (topic in connection.accounts) != (mode == "subscribe"):
            raise RefusedError("unknown_topic")
        challenge = asked.get("hub.challenge", "")
        if not 1 <= len(challenge) <= LONGEST_CHALLENGE:
            raise RefusedError("missing_challenge" if not challenge else "malformed_challenge")
        seconds = _lease_s(asked.get("hub.lease_seconds", ""))
        lease = Lease(topic, seconds) if mode == "subscribe" and seconds is not None else None
        return Answer(challenge.encode(), lease=lease)

    def parse(self, delivery: Delivery) -> Element:
        """The feed. No document type and no entities: a feed needs neither, and an attack is made of them."""
        if len(delivery.body) > LONGEST_FEED:
            raise UnreadableError("too_large", f"{len(delivery.body)} bytes; expected at most {LONGEST_FEED}")
        try:
            feed: Element = fromstring(delivery.body, forbid_dtd=True)
        except (ParseError, DefusedXmlException, ValueError, LookupError) as error:
            raise UnreadableError(
                "not_xml", f"expected XML without a document type ({type(error).__name__})"
            ) from error
        if feed.tag != f"{ATOM}feed":
            raise UnreadableError("not_an_envelope", "expected an Atom feed")
        if _is_deeper(feed, MOST_LEVELS):
            raise UnreadableError("not_an_envelope", f"expected at most {MOST_LEVELS} levels of elements")
        return feed

    def items(self, parsed: Element) -> Iterator[Element]:
        return (child for child in parsed if child.tag in {f"{ATOM}entry", f"{TOMBSTONE}deleted-entry"})

    def read(self, item: Element, context: Context) -> Interaction | Ignored:
        return _entry(item, context) if item.tag == f"{ATOM}entry" else _deleted(item, context)

    def wrap(self, item: Element) -> Any:
        """A feed with this entry alone; its bytes, because a delivery of YouTube is no JSON."""
        feed = Element(f"{ATOM}feed")
        feed.append(item)
        return tostring(feed, encoding="utf-8", xml_declaration=True)


def _entry(entry: Element, context: Context) -> Interaction | Ignored:
    video, channel = entry.findtext(f"{YOUTUBE}videoId"), entry.findtext(f"{YOUTUBE}channelId")
    if not video or not channel:
        raise UnreadableError("missing_field", "expected yt:videoId and yt:channelId")
    if not context.connection.serves(channel):
        return Ignored("not_ours")
    published, updated = (from_iso(entry.findtext(f"{ATOM}{name}")) for name in ("published", "updated"))
    edited = published is not None and updated is not None and updated - published > UPLOAD_MS
    links = entry.findall(f"{ATOM}link")
    return context.counted(
        "youtube",
        channel,
        "post",
        "edit" if edited else "add",
        post=video,
        actor=channel,
        own=True,
        time=context.clock((updated, "platform") if edited else (published, "platform"), (updated, "platform")),
        text=entry.findtext(f"{ATOM}title"),
        url=next((link.get("href") for link in links if link.get("rel") == "alternate"), None),
    )


def _deleted(entry: Element, context: Context) -> Interaction | Ignored:
    """A tombstone (RFC 6721): the video in `ref`, the channel at the end of the author's address."""
    found = _VIDEO.match(entry.get("ref", ""))
    if not found:
        raise UnreadableError("missing_field", "expected yt:video:<id> under ref")
    author = _CHANNEL.search(entry.findtext(f"{TOMBSTONE}by/{ATOM}uri") or entry.findtext(f"{TOMBSTONE}by/uri") or "")
    channel = author[1] if author else context.only_account()
    if not context.connection.serves(channel):
        return Ignored("not_ours")
    return context.counted(
        "youtube",
        channel,
        "post",
        "remove",
        post=found[1],
        actor=channel,
        own=True,
        time=context.clock((from_iso(entry.get("when")), "platform")),
    )


def _is_deeper(feed: Element, levels: int) -> bool:
    level = [feed]
    for _ in range(levels):
        level = [child for element in level for child in element]
    return bool(level)


def _channel_of(topic: str) -> str | None:
    """The channel of a feed's address, None for any other address."""
    try:
        parts = urlsplit(topic)
    except ValueError:
        return None
    if parts.scheme not in {"https", "http"} or parts.netloc not in TOPIC_HOSTS or parts.path not in TOPIC_PATHS:
        return None
    channels = parse_qs(parts.query).get("channel_id", [])
    return channels[0] if len(channels) == 1 else None


def _lease_s(told: str) -> int | None:
    if not told.isascii() or not told.isdigit() or len(told) > 12:
        return None
    return min(int(told), LONGEST_LEASE_S)
