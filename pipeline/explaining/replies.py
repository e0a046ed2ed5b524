"""The account's replies to the comments of a page: which they answer, and by which record. Pure.

A comment is answered by a standing reply of the account anywhere below it in its thread (pipeline/counting/threads.py),
whenever that was written. So these readings look beyond the window: the first finds who replied to whom and what the
account wrote, the second decides what became of that.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from msgspec.structs import replace

from pipeline.counting.members import COMMENT, REPLY, counted_at_ms, hash_id
from pipeline.counting.rows import bucket_of
from pipeline.counting.threads import Threads, is_standing
from pipeline.explaining.answer import Listed
from pipeline.explaining.gate import Taken, Target
from pipeline.explaining.objects import key_of, object_key
from pipeline.explaining.sorting import Decisions, check_number, decided_by
from schemas.engagement import REPLY_BUCKETS, REPLY_TIMES_S

#: A standing reply: its time, ms, the position of its record, its state.
Reply = tuple[int, int, int]


class Links:
    """Who replied to whom, and what the account itself wrote, of the posts that matter: None for all."""

    def __init__(self, posts: set[int] | None) -> None:
        self._posts = posts
        #: Hash of a post -> its links.
        self.threads: defaultdict[int, Threads] = defaultdict(Threads)
        #: Hash of a post -> hashes of what was once said to be a comment of the account.
        self.own: defaultdict[int, set[int]] = defaultdict(set)
        self._found = 0

    def take(self, taken: Taken) -> None:
        """Note a comment that was counted. Raises QueryError when they are too many."""
        interaction = taken.interaction
        if interaction.kind != "comment" or not taken.is_applied:
            return
        post = taken.post
        if self._posts is not None and post not in self._posts:
            return
        comment, parent = hash_id(interaction.id), interaction.parent
        if interaction.own and comment not in self.own[post]:
            self.own[post].add(comment)
            self._found += 1
        if parent is not None and parent != interaction.id:
            links = self.threads[post].links
            self._found += comment not in links
            links[comment] = max(hash_id(parent), links.get(comment, 0))
        check_number(self._found)


class Replies:
    """What the account wrote, decided: takes the reading after that of the links."""

    def __init__(self, links: Links) -> None:
        self._links = links
        self._decisions = Decisions({object_key(post, one) for post, own in links.own.items() for one in own})
        self.take = self._decisions.take

    def first(self) -> dict[int, Reply]:
        """Object -> the earliest of the standing replies in its thread."""
        first: dict[int, Reply] = {}
        for post, own in self._links.own.items():
            threads = self._links.threads.get(post)
            for reply in own if threads else ():
                decided = self._decisions.of(object_key(post, reply))
                if threads is None or decided is None or not is_standing(decided[0], REPLY):
                    continue
                answer = counted_at_ms(decided[0]), decided[1], decided[0]
                for comment in threads.above(reply):
                    key = object_key(post, comment)
                    first[key] = min(answer, first.get(key, answer))
        return first


class Answers:
    """The window's answered comments. `count`: how many there are, as the row has them under `answered`."""

    def __init__(self, target: Target, decisions: Decisions, replies: Replies) -> None:
        self._first = replies.first()
        times = [0] * REPLY_BUCKETS
        for key, reply in self._first.items():
            asked_ms = _asked_ms(target, decisions, key)
            if asked_ms is not None:
                times[bucket_of(reply[0] - asked_ms)] += 1
        self.count = sum(times)
        #: The same by how long the first reply took: a number a bucket, zeros at the end left out.
        self.times = tuple(times[: max((n for n, count in enumerate(times, 1) if count), default=0)])

    def beside(self, listed: Iterable[Listed]) -> list[Listed]:
        """The same interactions, the standing comments with the record that answers them."""
        return [self._answered(one) if is_standing_comment(one) else one for one in listed]

    def _answered(self, one: Listed) -> Listed:
        found = self._first.get(key_of(one.post, one.id))
        if found is None:
            return one
        reply_ms = max(0, found[0] - one.time_ms)
        bucket = bucket_of(reply_ms)
        return replace(
            one,
            answered_by=decided_by(found[2], found[1]),
            reply_ms=reply_ms,
            reply_within_s=REPLY_TIMES_S[bucket] if bucket < len(REPLY_TIMES_S) else None,
        )


def is_standing_comment(one: Listed) -> bool:
    """Whether it is a comment of the audience that counts: it is answered, or it waits."""
    return one.outcome == "standing" and one.column == "comments"


def _asked_ms(target: Target, decisions: Decisions, key: int) -> int | None:
    """The own time of what has a reply, where that is a comment of the audience that stands in the window."""
    decided = decisions.of(key)
    if decided is None or not is_standing(decided[0], COMMENT):
        return None
    time_ms = counted_at_ms(decided[0])
    return time_ms if target.holds(time_ms) else None
