"""Which frames of the whole network concern the brand's accounts: decided over the bytes, before anything is decoded.

Jetstream filters by who acts; a like of the brand is an act of somebody else, so every like of the network arrives. A
frame is kept when an account's DID stands in it, wherever: reading decides what it means. What carries no DID of ours
and still may count is told apart: removals (they carry only the address of what is gone) and deleted accounts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import NamedTuple

from pipeline.listening.jetstream import Head, head_of

#: Begins the words `"delete"` of an operation and `"deleted"` of an account's status.
_DELETE = b'"delete'
_DID = b'"did"'
_dids = re.compile(rb"did:[a-z0-9]+:[A-Za-z0-9._:%-]+").findall


class Kept(NamedTuple):
    """A frame that is kept. `removes`: the address that the directory must know for it to mean anything."""

    raw: bytes
    removes: str | None = None


class Sifted(NamedTuple):
    """What is left of a round, in its order; and what the server said about the stream itself."""

    kept: list[Kept]
    said: list[Head]


class Filter:
    """Sifts frames for some accounts (DIDs, at least one)."""

    def __init__(self, accounts: Iterable[str]) -> None:
        names = [account.encode() for account in accounts]
        self.concerns: Callable[[bytes], bool] = _search_one(*names) if len(names) == 1 else _search_all(names)

    def sift(self, frames: Iterable[bytes]) -> Sifted:
        """Keep what may count."""
        concerns, kept, said = self.concerns, list[Kept](), list[Head]()
        for raw in frames:
            if concerns(raw):
                kept.append(Kept(raw))
            elif _DELETE in raw:
                found = _gone(raw)
                if found is not None:
                    kept.append(found)
            elif _DID not in raw:
                head = head_of(raw)
                if head is not None and head.said:
                    said.append(head)
        return Sifted(kept, said)


def _search_one(name: bytes) -> Callable[[bytes], bool]:
    """A plain search: for one account it takes a third of the time of finding every DID."""
    return lambda raw: name in raw


def _search_all(names: list[bytes]) -> Callable[[bytes], bool]:
    wanted = frozenset(names)
    return lambda raw: not wanted.isdisjoint(_dids(raw))


def _gone(raw: bytes) -> Kept | None:
    """A removal or a deleted account; None where only the word stands somewhere in it."""
    head = head_of(raw)
    if head is None:
        return None
    if head.operation == "delete" and head.address:
        return Kept(raw, head.address)
    return Kept(raw) if head.status == "deleted" else None
