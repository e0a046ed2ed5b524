"""Who was engaged, on its way to `engage.lua`: 8 bytes an actor, whatever the id is.

A HyperLogLog hashes what is added to it anyway. The hash that is sent is made with the event, in a third of the bytes
of a pseudonym, and Redis writes each of them three times to its append-only file.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from pipeline.counting.live import ACTOR_BYTES

#: Actors of one call: half a millisecond of Redis, for queries wait behind it; and a command of a script takes 8,000
#: arguments at the most.
AT_ONCE = 500
_pack = msgspec.msgpack.Encoder().encode

#: Keys and lifetimes in s of the HyperLogLogs of an account: key, lifetime, key, ...
Sets = tuple[str | int, ...]


class Engaged:
    """The actors of one slot's slice; of some actors `ACTOR_BYTES` each."""

    __slots__ = ("by_account", "of_account", "posts")

    def __init__(self) -> None:
        #: A post's set, the lifetime in s that it gets (0: it has one), and who was engaged.
        self.posts: list[tuple[str, int, bytes]] = []
        #: An account's sets -> who was engaged, post by post.
        self.by_account: dict[Sets, list[bytes]] = {}
        #: Platform, account and window number -> its sets.
        self.of_account: dict[tuple[str, str, int], Sets] = {}

    def packed(self) -> Iterator[bytes]:
        """ARGV[1] of each call."""
        room, posts, accounts = AT_ONCE, [], []  # type: int, list[object], list[object]
        for key, ttl_s, actors in self.posts:
            for some in _shares(actors):
                posts += (key, ttl_s, _array(some))
                room -= len(some) // ACTOR_BYTES
                if room <= 0:
                    yield _pack((posts, ()))
                    room, posts = AT_ONCE, []
        for sets, parts in self.by_account.items():
            for some in _shares(b"".join(parts)):
                accounts += (sets, _array(some))
                room -= len(some) // ACTOR_BYTES * (len(sets) // 2)
                if room <= 0:
                    yield _pack((posts, accounts))
                    room, posts, accounts = AT_ONCE, [], []
        if posts or accounts:
            yield _pack((posts, accounts))


def _shares(actors: bytes) -> Iterator[bytes]:
    """The same actors, `AT_ONCE` of them at the most together."""
    most = AT_ONCE * ACTOR_BYTES
    return (actors[start : start + most] for start in range(0, len(actors), most))


def _array(actors: bytes) -> msgspec.Raw:
    """The actors, each a msgpack string already, as a msgpack array."""
    return msgspec.Raw(b"\xdd" + (len(actors) // ACTOR_BYTES).to_bytes(4, "big") + actors)
