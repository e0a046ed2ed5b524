"""The most expensive bodies that were found, by what they are made of: the platform, and a body of some n bytes."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

ATOM = b'<feed xmlns="http://www.w3.org/2005/Atom">'
FORM = b"hook=comment_post&comment_post_ID=1&comment_ID=1&comment_content="
#: Who sends the activities.
ACTOR = "https://costly.example/users/a"
#: Beyond 64 bits: an item with such a number is written again in another way.
LONG = 2**70
#: A number as small as there is one: some programs read it a hundred times slower than others.
TINY = b"1e-323,"
#: One that takes long to be written as well.
HARD = b"2.2250738585072014e-308,"


def _x(events: bytes) -> bytes:
    return b'{"for_user_id":"1","tweet_delete_events":[' + events + b"{}]}"


def _frames(value: bytes) -> bytes:
    return b'{"kind":"commit","a":[' + value + b"0]}"


def _names(n: int) -> bytes:
    return b",".join(b'"%x":0' % number for number in range(n // 10))


def _deep(n: int) -> bytes:
    return (b'{"a":' * 30 + b"0" + b"}" * 30 + b",") * (n // 182)


def _status(content: str) -> bytes:
    payload = {"id": "9", "account": {"id": "1"}, "content": content}
    return json.dumps({"event": "update", "payload": json.dumps(payload)}).encode()


def _opened(number: int) -> str:
    """So many formatting tags that stay open, no two alike."""
    return "<p>" + "".join(f"<b {name:x}>" for name in range(number))


def _attributes(number: int) -> str:
    """So many names of attributes."""
    return " ".join(f"{name:x}" for name in range(number))


def _reaction(time: bytes) -> bytes:
    """Of which nobody knows the actor: it is told from others by its time."""
    value = b'{"item":"reaction","verb":"add","post_id":"1_2","created_time":' + time + b"}"
    return b'{"object":"page","entry":[{"id":"1","changes":[{"field":"feed","value":' + value + b"}]}]}"


def _event(attributes: bytes) -> bytes:
    return b'{"specversion":"1.0",' + attributes + b"}"


def _comment(more: bytes) -> bytes:
    """Of which nobody knows the post: it is kept."""
    value = b'{"item":"comment","verb":"add","more":[' + more + b"%d]}" % LONG
    return b'{"object":"page","entry":[{"id":"1","changes":[{"field":"feed","value":' + value + b"}]}]}"


def _like(n: int) -> bytes:
    did = b'"did":"did:plc:a","commit":{"operation":"create","collection":"app.bsky.feed.like","rkey":"1",'
    return b'{"kind":"commit",' + did + b'"record":{"subject":{"uri":"' + b"/ab" * (n // 3) + b'"}}}}'


def _activity(more: bytes) -> bytes:
    return b'{"type":"Like","actor":"%s","more":[%s0]}' % (ACTOR.encode(), more)


Maker = Callable[[int], bytes]
COSTLY: Mapping[str, tuple[str, Maker]] = {
    "empty events": ("x", lambda n: _x(b"{}," * (n // 3))),
    "deep events": ("x", lambda n: _x(_deep(n))),
    "times": ("x", lambda n: b'{"for_user_id":"1","tweet_create_events":[{"created_at":"Mon' + b" " * n + b'"}]}'),
    "empty values": ("threads", lambda n: b'{"values":[' + b"{}," * (n // 3) + b"{}]}"),
    "names beside values": (
        "threads",
        lambda n: b"{" + _names(n // 2) + b',"values":[' + b"{}," * (n // 6) + b"{}]}",
    ),
    "no values": ("linkedin", lambda n: b'{"notifications":[' + b"0," * (n // 2) + b"0]}"),
    "no events": ("cloudevents", lambda n: b"[" + b"0," * (n // 2) + b"{}]"),
    "frames": ("bluesky", lambda n: b"[" + b"{}," * (n // 3) + b"{}]"),
    "lists": ("bluesky", lambda n: _frames(b"[]," * (n // 3))),
    "texts": ("bluesky", lambda n: _frames('"éb",'.encode() * (n // 6))),
    "tiny numbers": ("bluesky", lambda n: _frames(TINY * (n // len(TINY)))),
    "long numbers": ("bluesky", lambda n: _frames((b"9" * 4_000 + b",") * (n // 4_001))),
    "surrogates": ("bluesky", lambda n: b'{"a":"' + rb"\ud800" * (n // 6) + b'"}'),
    "one surrogate": ("bluesky", lambda n: b'{"a":"' + b"x" * n + rb'\ud800"}'),
    "line breaks and a surrogate": ("bluesky", lambda n: b'{"a":"' + rb"\n" * (n // 2) + rb'\ud800"}'),
    "an address": ("bluesky", _like),
    "deep markup": ("mastodon", lambda n: _status("<div>" * (n // 5))),
    "open formatting": ("mastodon", lambda n: _status(_opened(1_000) + "<p>x" * (n // 4 - 2_500))),
    "open formatting with attributes": (
        "mastodon",
        lambda n: _status(f"<p><b {_attributes(1_500)}>" + "<p>x" * (n // 4 - 2_500)),
    ),
    "closed formatting": ("wordpress", lambda n: FORM + b"%3Cb%3E%3Cp%3E%3C/b%3E" * (n // 22)),
    "a table": ("mastodon", lambda n: _status("<table>x" * (n // 8))),
    "nested lists": ("mastodon", lambda n: _status("<ul><li>" * (n // 8))),
    "hard numbers for a time": ("facebook", lambda n: _reaction(b"[" + HARD * (n // len(HARD) - 8) + b"0]")),
    "a type of dots": ("cloudevents", lambda n: _event(b'"type":"' + b"." * (n - 40) + b'"')),
    "a signed type of dots": ("standardwebhooks", lambda n: _event(b'"type":"' + b"." * (n - 40) + b'"')),
    "a source of slashes": (
        "cloudevents",
        lambda n: _event(b'"type":"interaction.like.added","source":"' + b"/" * (n - 90) + b'"'),
    ),
    "kept numbers": ("facebook", lambda n: _comment(b"0.12345678,0.1," * (n // 15))),
    "kept letters": ("facebook", lambda n: _comment(b'"' + "é".encode() * (n // 2) + b'",')),
    "escapes": ("wordpress", lambda n: FORM + b"%3Cp%3E" * (n // 7)),
    "fields": ("wordpress", lambda n: b"hook=comment_post" + (b"&a=" + b"%C3%A9" * (n // 2_440)) * 400),
    "entries": ("youtube", lambda n: ATOM + b"<entry/>" * (n // 8) + b"</feed>"),
    "an activity of tiny numbers": ("activitypub", lambda n: _activity(TINY * (n // len(TINY)))),
    "a deep activity": ("activitypub", lambda n: _activity(_deep(n))),
    "an activity of surrogates": ("activitypub", lambda n: _activity(b'"' + rb"\ud800" * (n // 6) + b'",')),
}
