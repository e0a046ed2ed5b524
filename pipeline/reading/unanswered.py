"""The queue of an account: the audience's comments that still wait for its reply, oldest first, as it stands in Redis.

A page of it is what follows a cursor: the time and the name of the comment that was given last. Comments that are
answered or removed meanwhile are no longer given, those that stay are each given once, and new ones come at the end.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from pipeline.errors import QueryError, StateError
from pipeline.reading.lookups import redis_answers
from pipeline.store.keys import Keys, decode_id
from pipeline.store.texts import DAY_MS, day_of, decode_text
from schemas.interaction import END, LAST_TIME_MS, LONGEST_ID, Account, Count, Id, Platform, TimeMs
from schemas.unanswered import LONGEST_EXCERPT, Unanswered

#: Comments that one question gives: about 400 KB.
WAITING_MAX = 1_000
#: The longest id as it stands in a key: four bytes a character, each percent-encoded.
_ENCODED_MOST = 12 * LONGEST_ID
_cursor = re.compile(rf"([0-9]{{1,15}}):([0-9a-f]{{16}}:[!-~]{{1,{_ENCODED_MOST}}})").fullmatch


class WaitingComment(msgspec.Struct, frozen=True, kw_only=True):
    """A comment that waits for a reply. `waits_ms`: for how long by now.

    `mark`: the hash of its id, which also ends its key in `engagement.unanswered`. `id`, `actor`, `parent` and `text`
    are null where the text is gone from Redis; `actor` and `text` also where there was none, or it was erased.
    """

    post: Id
    mark: Annotated[str, Meta(pattern=rf"^[0-9a-f]{{16}}{END}")]
    id: Id | None
    actor: Id | None
    parent: Id | None
    time_ms: TimeMs
    waits_ms: Count
    text: Annotated[str, Meta(max_length=LONGEST_EXCERPT)] | None


class UnansweredQueue(msgspec.Struct, frozen=True, kw_only=True):
    """A page of an account's queue, oldest first.

    `waiting`: how many comments wait altogether, `oldest_ms` when the oldest of them was written. `next`: what to give
    as `after` for those that follow; null at the end of the queue. Comments of more than `kept_days` days ago are left
    out: their texts are gone. `now_ms`: when was asked.
    """

    platform: Platform
    account: Account
    waiting: Count
    oldest_ms: TimeMs | None
    oldest_waits_ms: Count | None
    comments: list[WaitingComment]
    next: str | None
    kept_days: Count
    now_ms: TimeMs


@dataclass(frozen=True, order=True)
class _Place:
    """A comment's place in the set: by time, then by the member's bytes, as Redis orders them."""

    time_ms: int
    member: str

    def __str__(self) -> str:
        return f"{self.time_ms}:{self.member}"


class Waiting:
    """Reads queues. Raises QueryError for a cursor that is none, and what Lookups raises."""

    def __init__(self, redis: Any, keys: Keys, text_ttl_days: int) -> None:
        self._redis = redis
        self._keys = keys
        self._kept_days = text_ttl_days

    async def page(self, platform: str, account: str, limit: int, after: str | None, now_ms: int) -> UnansweredQueue:
        """The `limit` comments that follow the cursor `after`; from the oldest on without one."""
        slot = self._keys.slot(platform, account)
        key = self._keys.unanswered(slot, platform, account)
        since_ms = max(0, now_ms - self._kept_days * DAY_MS)
        cursor = _parse(after)
        if cursor is not None and cursor.time_ms < since_ms:
            cursor = None
        pipe = self._redis.pipeline(transaction=False)
        pipe.zcount(key, since_ms, "+inf")
        pipe.zrange(key, since_ms, "+inf", byscore=True, offset=0, num=1, withscores=True)
        with redis_answers(self._redis):
            waiting, oldest = await pipe.execute()
            # One more than asked for: whether there are others behind.
            places = await self._places(key, since_ms, cursor, limit + 1)
            texts = await self._texts(slot, platform, account, places[:limit])
        oldest_ms = int(oldest[0][1]) if oldest else None
        return UnansweredQueue(
            platform=platform,
            account=account,
            waiting=waiting,
            oldest_ms=oldest_ms,
            oldest_waits_ms=None if oldest_ms is None else max(0, now_ms - oldest_ms),
            comments=[_comment(place, texts[place], now_ms) for place in places[:limit]],
            next=str(places[limit - 1]) if len(places) > limit else None,
            kept_days=self._kept_days,
            now_ms=now_ms,
        )

    async def _places(self, key: str, since_ms: int, cursor: _Place | None, number: int) -> list[_Place]:
        if cursor is None:
            return _found(
                await self._redis.zrange(key, since_ms, "+inf", byscore=True, offset=0, num=number, withscores=True)
            )
        rank = await self._redis.zrank(key, cursor.member)
        if rank is not None:
            found = _found(await self._redis.zrange(key, rank, rank + number, withscores=True))
            # The set may have changed between the two: only if the cursor is still there nothing is passed over.
            if found and found[0] == cursor:
                return found[1:]
        # The comment was answered meanwhile: what follows it is among those of the same millisecond, or later.
        pipe = self._redis.pipeline(transaction=True)
        pipe.zrange(key, cursor.time_ms, cursor.time_ms, byscore=True, withscores=True)
        pipe.zrange(key, f"({cursor.time_ms}", "+inf", byscore=True, offset=0, num=number, withscores=True)
        beside, later = map(_found, await pipe.execute())
        return ([place for place in beside if place > cursor] + later)[:number]

    async def _texts(
        self, slot: int, platform: str, account: str, places: Sequence[_Place]
    ) -> dict[_Place, Unanswered | None]:
        """What is kept of each of these comments: a command for each day on which one was written."""
        days: dict[str, list[_Place]] = {}
        for place in places:
            days.setdefault(day_of(place.time_ms), []).append(place)
        keys = [self._keys.texts(slot, platform, account, day) for day in days]
        pipe = self._redis.pipeline(transaction=False)
        for key, group in zip(keys, days.values(), strict=True):
            pipe.hmget(key, [place.member[:16] for place in group])
        kept: dict[_Place, Unanswered | None] = {}
        for key, group, values in zip(keys, days.values(), await pipe.execute() if keys else (), strict=True):
            for place, value in zip(group, values, strict=True):
                kept[place] = None if value is None else _read(value, key)
        return kept


def _parse(after: str | None) -> _Place | None:
    if after is None:
        return None
    found = _cursor(after)
    if found is None or int(found[1]) > LAST_TIME_MS:
        raise QueryError(f"after is {after[:100]!r}; expected `next` of an answer before")
    return _Place(int(found[1]), found[2])


def _found(members: Sequence[tuple[str, float]]) -> list[_Place]:
    return [_Place(int(score), member) for member, score in members]


def _read(value: str, key: str) -> Unanswered:
    try:
        return decode_text(value.encode())
    except msgspec.MsgspecError as error:
        raise StateError(f"a text in {key} cannot be read; expected what docs/redis.md describes") from error


def _comment(place: _Place, kept: Unanswered | None, now_ms: int) -> WaitingComment:
    mark, _, post = place.member.partition(":")
    return WaitingComment(
        post=decode_id(post),
        mark=mark,
        id=kept.id if kept else None,
        actor=kept.actor if kept else None,
        parent=kept.parent if kept else None,
        time_ms=place.time_ms,
        waits_ms=max(0, now_ms - place.time_ms),
        text=kept.text if kept else None,
    )
