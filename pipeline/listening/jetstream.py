"""Jetstream's wire in both versions: addresses, positions, and what a frame says about itself. No connection.

Version 2 is told by its path. Positions of version 2 are sequence numbers of one server; times hold on every server.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NamedTuple
from urllib.parse import urlencode, urlsplit, urlunsplit

import msgspec

from pipeline.errors import SettingsError
from pipeline.sources.bluesky_events import COLLECTIONS

#: One of the four public servers; https://github.com/bluesky-social/jetstream names them.
PUBLIC_URL = "wss://jetstream2.us-east.bsky.network/subscribe"
PATH_1, PATH_2 = "/subscribe", "/xrpc/network.bsky.jetstream.subscribeEvents"
#: The server leaves larger frames out. A post has at most 3,000 bytes of text.
FRAME_BYTES = 262_144
#: Times of one server may be out of order by a little; those of two servers differ by how far each was behind.
REWIND_US = 5_000_000
REWIND_ELSEWHERE_US = 60_000_000
#: The smallest number that both versions read as a time: before everything, so it means "from the oldest".
OLDEST_US = 10**15
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Position(NamedTuple):
    """How far a stream is read: time of the newest frame, and its number where its server gives one."""

    server: str
    time_us: int
    seq: int | None = None

    def fields(self) -> dict[str, str]:
        """As it is kept in Redis."""
        shown = {"server": self.server, "time_us": str(self.time_us)}
        return shown if self.seq is None else {**shown, "seq": str(self.seq)}


def position_of(fields: Mapping[str, str]) -> Position | None:
    """What Redis holds; None where it is nothing of ours."""
    time_us, seq = fields.get("time_us", ""), fields.get("seq", "")
    if not (time_us.isascii() and time_us.isdigit()):
        return None
    return Position(fields.get("server", ""), int(time_us), int(seq) if seq.isascii() and seq.isdigit() else None)


class Endpoint(NamedTuple):
    """Where a stream is had."""

    url: str
    server: str
    version: int

    def address(self, cursor: int | None) -> str:
        """The whole address of a subscription that begins at the cursor, or with what comes next."""
        given: list[tuple[str, str | int]] = [("maxMessageSizeBytes", FRAME_BYTES)]
        if self.version == 1:
            given += [("wantedCollections", name) for name in COLLECTIONS]
        else:
            given += [("kinds", "commit"), ("kinds", "account"), *(("collections", name) for name in COLLECTIONS)]
        if cursor is not None:
            given.append(("cursor", cursor))
        return f"{self.url}?{urlencode(given)}"

    def cursor(self, position: Position | None) -> int | None:
        """Where to begin, inclusive: a number on the server that gave it, else a time before the position's."""
        if position is None:
            return None
        at_home = position.server == self.server
        if self.version == 2 and at_home and position.seq is not None:
            return position.seq
        return max(OLDEST_US, position.time_us - (REWIND_US if at_home else REWIND_ELSEWHERE_US))


def endpoint_of(url: str) -> Endpoint:
    """The endpoint of `wss://host`, `wss://host/subscribe` or one with the path of version 2. Raises SettingsError."""
    shown = url.rpartition("@")[2]  # what stands before it may be a password
    expected = f"expected wss://HOST{PATH_1} or wss://HOST{PATH_2}"
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise SettingsError(f"url is {shown!r}; {expected}") from error
    path = parts.path.rstrip("/") or PATH_1
    if parts.scheme not in {"ws", "wss"} or not parts.hostname or path not in {PATH_1, PATH_2} or parts.query:
        raise SettingsError(f"url is {shown!r}; {expected}")
    whole = urlunsplit((parts.scheme, parts.netloc, path, "", ""))
    return Endpoint(whole, parts.netloc.rpartition("@")[2], 2 if path == PATH_2 else 1)


class _Commit(msgspec.Struct, gc=False):
    operation: str = ""
    collection: str = ""
    rkey: str = ""


class _Account(msgspec.Struct, gc=False):
    status: str | None = None


class _Payload(msgspec.Struct, gc=False):
    type: str = msgspec.field(name="$type", default="")
    did: str = ""
    seq: int | None = None
    time: str = ""
    operation: str = ""
    collection: str = ""
    rkey: str = ""
    account: _Account | None = None
    name: str = ""
    message: str = ""


class _Frame(msgspec.Struct, gc=False):
    did: str = ""
    time_us: int | None = None
    commit: _Commit | None = None
    account: _Account | None = None
    payload: _Payload | None = None
    error: str = ""
    message: str = ""


class Head(NamedTuple):
    """What is asked of a frame before it is read. `address`: the at-URI of a commit. `said`: the server's own words."""

    did: str = ""
    time_us: int | None = None
    seq: int | None = None
    operation: str = ""
    address: str = ""
    status: str = ""
    said: str = ""
    detail: str = ""


def head_of(raw: bytes) -> Head | None:
    """The head of a frame, None where it is none. The record in it is passed over: 2 us whatever its size."""
    try:
        frame = _decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if frame.payload is None:
        body = frame.commit or _Commit()
        address, status = _address(frame.did, body.collection, body.rkey), frame.account and frame.account.status
        return Head(frame.did, frame.time_us, None, body.operation, address, status or "", frame.error, frame.message)
    told = frame.payload
    address, status = _address(told.did, told.collection, told.rkey), told.account and told.account.status
    return Head(
        told.did, _microseconds(told.time), told.seq, told.operation, address, status or "", told.name, told.message
    )


_decode = msgspec.json.Decoder(_Frame).decode


def _address(did: str, collection: str, rkey: str) -> str:
    return f"at://{did}/{collection}/{rkey}" if did and collection and rkey else ""


def _microseconds(text: str) -> int | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    passed = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - _EPOCH
    return (passed.days * 86_400 + passed.seconds) * 1_000_000 + passed.microseconds
