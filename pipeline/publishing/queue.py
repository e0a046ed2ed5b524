"""The queue of unanswered comments on its way to `engagement.unanswered`: an upsert or a tombstone a comment.

What is published is read back from Redis, so that it is what the newest text is and nothing that was erased meanwhile.
"""

from __future__ import annotations

from typing import NamedTuple

from redis.asyncio import Redis

from pipeline.counting.live import LivePage
from pipeline.store.keys import Keys
from pipeline.store.round_trip import round_trip
from pipeline.store.texts import STAMP_DIGITS, day_of
from schemas.unanswered import unanswered_key


class Waiting(NamedTuple):
    """A comment of a post; `waits_ms` is its own time if it waits for a reply, else None."""

    slot: int
    platform: str
    account: str
    mark: str
    waits_ms: int | None


class Queue:
    """Comments whose waiting changed since the last publication, by their key in the topic."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self.redis = redis
        self.keys = keys
        self._changed: dict[str, Waiting] = {}

    def put(self, post: LivePage, mark: str, waits_ms: int | None) -> None:
        """The comment of this mark waits, or does not wait any more: the last word counts."""
        key = unanswered_key(post.platform, post.id, mark)
        self._changed[key] = Waiting(post.slot, post.platform, post.account, mark, waits_ms)

    def take(self) -> dict[str, Waiting]:
        """What changed since the last call."""
        changed, self._changed = self._changed, {}
        return changed

    def give_back(self, changed: dict[str, Waiting]) -> None:
        """It could not be published: unless there is newer word, it still is to be."""
        self._changed = changed | self._changed

    async def records(self, changed: dict[str, Waiting]) -> list[tuple[bytes, bytes | None]]:
        """Key and value of each; a tombstone where the comment does not wait, or its text was kept too long ago."""
        wanted: dict[str, list[tuple[str, str]]] = {}
        for key, one in changed.items():
            if one.waits_ms is not None:
                texts = self.keys.texts(one.slot, one.platform, one.account, day_of(one.waits_ms))
                wanted.setdefault(texts, []).append((key, one.mark))
        pipe = self.redis.pipeline(transaction=False)
        for texts, comments in wanted.items():
            pipe.hmget(texts, [mark for _, mark in comments])
        values: dict[str, bytes | None] = {}
        for comments, found in zip(wanted.values(), await round_trip(pipe) if wanted else (), strict=True):
            for (key, _), value in zip(comments, found, strict=True):
                values[key] = value and value[STAMP_DIGITS:]
        return [(key.encode(), values.get(key)) for key in changed]
