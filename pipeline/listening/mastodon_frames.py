"""Frames of Mastodon's stream: which concern the account, and how an element of a list becomes one.

The stream of a user is the home timeline as well: what everybody writes whom the brand follows.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import msgspec

#: An element of the list of the same name comes again there.
NOTIFICATION, STATUS = "notification", "status"
#: The event under which a streamed element of a list comes.
EVENTS = {NOTIFICATION: "notification", STATUS: "update"}
_KINDS = {event: kind for kind, event in EVENTS.items()}
LONGEST_REFUSAL = 200


class Kept(NamedTuple):
    """A frame that is kept. `removes`: the status that the directory must know for it to mean anything; `item`: kind
    and id of the element that it is in a list."""

    raw: bytes
    removes: str | None = None
    item: tuple[str, str] | None = None


class Sifted(NamedTuple):
    """What is left of a round; ids of the statuses in it; and what the server refused, if it did."""

    kept: list[Kept]
    new: frozenset[str]
    refusal: str | None


class _Frame(msgspec.Struct):
    event: str = ""
    payload: str | int | None = None
    error: str = ""


class _Status(msgspec.Struct):
    id: str = ""


class _Payload(msgspec.Struct):
    id: str = ""
    status: _Status | None = None


class Sifter:
    """Sifts frames for one account."""

    def __init__(self, account: str) -> None:
        self._account = f'"{account}"'.encode()
        self._escaped = f'\\"{account}\\"'.encode()

    def sift(self, frames: Iterable[bytes]) -> Sifted:
        """Keep notifications, removals, and statuses in which the account's id stands."""
        kept, new, refusal = list[Kept](), set[str](), None
        for raw in frames:
            frame = _read(raw)
            if frame is None:
                kept.append(Kept(raw))  # kept as rejected, with its bytes
            elif frame.error:
                refusal = frame.error[:LONGEST_REFUSAL]
            elif frame.event == "delete":
                kept.append(Kept(raw, removes=str(frame.payload)))
            elif frame.event == "notification" or self._account in raw or self._escaped in raw:
                payload = _told(frame)
                new |= {payload.id, payload.status.id if payload.status else payload.id}
                kind = _KINDS.get(frame.event)
                kept.append(Kept(raw, item=(kind, payload.id) if kind and payload.id else None))
        return Sifted(kept, frozenset(new), refusal)


def frame_of(kind: str, element: str) -> bytes:
    """The frame in which the stream would have brought this element (its JSON) of a list."""
    return msgspec.json.encode({"stream": ["user"], "event": EVENTS[kind], "payload": element})


def _read(raw: bytes) -> _Frame | None:
    try:
        return _decode_frame(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _told(frame: _Frame) -> _Payload:
    try:
        return _decode_payload(str(frame.payload))
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return _Payload()


_decode_frame = msgspec.json.Decoder(_Frame).decode
_decode_payload = msgspec.json.Decoder(_Payload).decode
