"""Threads: who replied to whom below a post, and which audience comments the account has answered. Pure.

A comment is answered by a standing reply of the account that names it as its parent, or names a reply further down its
thread. What is answered, and how soon, is a function of the post's set and its links alone: recomputed for the comments
that a slice may have touched, and the difference to what they counted before goes into the rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from struct import iter_unpack, pack

from pipeline.counting.members import CLASS_BITS, COMMENT, REMOVED, REPLY, counted_at_ms
from pipeline.counting.object_set import ObjectSet
from pipeline.counting.rows import bucket_of

#: The post's set: hash of an object -> its state.
States = ObjectSet | dict[int, int]
#: What an answered comment counts as: its own time, and the bucket of its reply's.
Answer = tuple[int, int]
#: How far up a thread a reply answers; no platform shows more levels, and nobody can make a chain that costs more.
DEEPEST = 100


def is_standing(state: int, kind: int) -> bool:
    """Whether the object stands and is of this class."""
    return not state & REMOVED and state & CLASS_BITS == kind


class Threads:
    """The links of one post's comments. All of it is derived from `links` and the post's members."""

    __slots__ = ("appended", "below", "counted", "links", "stored")

    def __init__(self) -> None:
        #: Hash of a comment -> hash of the one that it replies to. Where records disagree the greater hash holds.
        self.links: dict[int, int] = {}
        #: Hash of a comment -> the account's own replies in its thread, whether they stand or not.
        self.below: dict[int, set[int]] = {}
        #: What an answered comment counts as now: its own time and its reply's bucket.
        self.counted: dict[int, Answer] = {}
        #: Links not yet in Redis: hash, hash, ...
        self.appended: list[int] = []
        #: Whether Redis holds links of the post.
        self.stored = False

    @classmethod
    def load(cls, blob: bytes, members: States) -> Threads:
        """From what Redis holds, which the rows count already."""
        threads = cls()
        threads.links = dict(iter_unpack("<QQ", blob))
        threads.stored = True
        threads._rebuild(members)
        for comment in threads.below:
            threads.settle(comment, members)
        return threads

    def link(self, child: int, parent: int, members: States) -> Iterable[int]:
        """Learn of a link; gives the comments whose answers it may change."""
        before = self.links.get(child)
        if before is not None and before >= parent:
            return ()
        self.links[child] = parent
        self.appended += (child, parent)
        if before is None:
            touched: set[int] = set()
            for reply in (child, *self.below.get(child, ())):
                touched.update(self.attach(reply, members))
            return touched
        touched = set(self.below)
        self._rebuild(members)
        return touched.union(self.below)

    def attach(self, reply: int, members: States) -> Iterable[int]:
        """If this is a reply of the account: every comment above it, which now knows of it."""
        if members.get(reply, 0) & CLASS_BITS != REPLY or reply not in self.links:
            return ()
        above = list(self.above(reply))
        for comment in above:
            self.below.setdefault(comment, set()).add(reply)
        return above

    def above(self, child: int) -> Iterator[int]:
        """What a comment replies to, and what that replies to, up to `DEEPEST` levels; a circle ends where it began."""
        links, seen = self.links, {child}
        at = links.get(child)
        while at is not None and at not in seen and len(seen) <= DEEPEST:
            yield at
            seen.add(at)
            at = links.get(at)

    def settle(self, comment: int, members: States) -> tuple[Answer | None, Answer | None]:
        """What an object counts as an answered comment, before and now: (its own time, bucket), or None."""
        before, now = self.counted.get(comment), None
        state = members.get(comment)
        replies = self.below.get(comment)
        if replies and state is not None and is_standing(state, COMMENT):
            times = [counted_at_ms(members[r]) for r in replies if is_standing(members[r], REPLY)]
            if times:
                time_ms = counted_at_ms(state)
                now = (time_ms, bucket_of(min(times) - time_ms))
        if now is None:
            self.counted.pop(comment, None)
        else:
            self.counted[comment] = now
        return before, now

    def take_appended(self) -> bytes:
        """The new links as bytes to append to those in Redis; the newest of a hash is the greatest."""
        appended, self.appended, self.stored = self.appended, [], True
        return pack(f"<{len(appended)}Q", *appended)

    def _rebuild(self, members: States) -> None:
        self.below = {}
        for child in self.links:
            self.attach(child, members)
