"""The queue of unanswered comments on its way to `engagement.unanswered`: an upsert or a tombstone a comment.

What is published is read back from Redis, so that it is what the newest text is and nothing that was erased meanwhile.
"""

from __future__ import annotations

from typing import NamedTuple

from msgspec.structs import replace
from redis.asyncio import Redis

from pipeline.counting.live import LivePage
from pipeline.store.keys import Keys
from pipeline.store.round_trip import round_trip
from pipeline.store.texts import STAMP_DIGITS, day_of, member_of
from schemas.unanswered import Unanswered, decode_unanswered, encode_unanswered, unanswered_key

#: Key and value of a record; None is a tombstone.
Told = tuple[bytes, bytes | None]


class Waiting(NamedTuple):
    """A comment of a post (its id as in keys); `waits_ms` is its own time if it waits for a reply, else None."""

    slot: int
    platform: str
    account: str
    post: str
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
        self._changed[key] = Waiting(post.slot, post.platform, post.account, post.encoded_id, mark, waits_ms)

    def take(self) -> dict[str, Waiting]:
        """What changed since the last call."""
        changed, self._changed = self._changed, {}
        return changed

    def give_back(self, changed: dict[str, Waiting]) -> None:
        """It could not be published: unless there is newer word, it still is to be."""
        self._changed = changed | self._changed

    async def records(self, changed: dict[str, Waiting]) -> list[Told]:
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

    async def untrue(self, told: dict[str, Waiting]) -> dict[str, Waiting]:
        """Those of which Redis says otherwise by now, and what it says."""
        pipe = self.redis.pipeline(transaction=False)
        for one in told.values():
            pipe.zscore(self.keys.unanswered(one.slot, one.platform, one.account), member_of(one.mark, one.post))
        scores = await round_trip(pipe) if told else ()
        return {
            key: one._replace(waits_ms=None if score is None else int(score))
            for (key, one), score in zip(told.items(), scores, strict=True)
            if (score is None) != (one.waits_ms is None)
        }

    async def overtaken(self, changed: dict[str, Waiting], told: list[Told]) -> list[Told]:
        """Of what was told just now what an erasure has overtaken: it had told subscribers before, so their last word
        would be the text. An erasure names the actor, rewrites and tells, in this order: who is not named yet is told
        of after us."""
        slots = list({changed[key.decode()].slot for key, value in told if value is not None})
        if not slots:
            return []
        pipe = self.redis.pipeline(transaction=False)
        for slot in slots:
            pipe.exists(self.keys.erased[slot])
        kept_out = {slot for slot, there in zip(slots, await round_trip(pipe), strict=True) if there}
        pipe = self.redis.pipeline(transaction=False)
        said: list[tuple[bytes, Unanswered]] = []
        for key, value in told:
            slot = changed[key.decode()].slot
            if value is not None and slot in kept_out and (one := decode_unanswered(value)).actor is not None:
                said.append((key, one))
                pipe.sismember(self.keys.erased[slot], f"{one.platform}:{one.actor}")
        out: list[Told] = []
        for (key, one), is_erased in zip(said, await round_trip(pipe) if said else (), strict=True):
            if is_erased:
                out += ((key, None), (key, encode_unanswered(replace(one, text=None, actor=None))))
        return out
