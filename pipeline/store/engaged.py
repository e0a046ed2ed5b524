"""Who was engaged, on its way to `engage.lua`: each actor travels once, whatever number of sets it belongs to."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

#: Actors of one call: a millisecond or two of Redis, and a command of a script takes 8,000 arguments at the most.
AT_ONCE = 2_000
_pack = msgspec.msgpack.Encoder().encode

#: Keys and lifetimes in s of the HyperLogLogs of an account: key, lifetime, key, ...
Sets = tuple[str | int, ...]


class Engaged:
    """The actors of one slot's slice."""

    __slots__ = ("of_account", "posts")

    def __init__(self) -> None:
        #: A post's set, its account's sets, and who was engaged.
        self.posts: list[tuple[str, Sets, list[str]]] = []
        #: Platform, account and window number -> its sets.
        self.of_account: dict[tuple[str, str, int], Sets] = {}

    def packed(self, post_ttl_s: int) -> Iterator[bytes]:
        """ARGV[1] of each call."""
        sets: dict[Sets, int] = {}
        posts: list[str | int | list[str]] = []
        size = 0
        for key, of_account, actors in self.posts:
            for start in range(0, len(actors), AT_ONCE):
                some = actors[start : start + AT_ONCE] if len(actors) > AT_ONCE else actors
                # Lua counts from 1.
                posts += (key, sets.setdefault(of_account, len(sets) + 1), some)
                size += len(some)
                if size >= AT_ONCE:
                    yield _pack((post_ttl_s, list(sets), posts))
                    sets, posts, size = {}, [], 0
        if posts:
            yield _pack((post_ttl_s, list(sets), posts))
