"""Erasing actors: their texts go from Redis at once, and from the topic of unanswered comments by tombstones.

1. Every slot is told the names, so that no worker keeps a text of theirs from now on (`apply.lua` looks there), nor
   when it reads the old interactions again.
2. Every text that is there is looked at, and what is theirs is rewritten without text and actor; with the same write it
   is noted that subscribers are to be told.
3. Subscribers are told of each of these comments (`due.py`). Then the note goes: whoever dies before leaves it to the
   others.
4. The topic itself is read, for it may hold texts that Redis has forgotten (`told.py`): they are noted and told of
   likewise. Who told a text and has not seen the names since did so before they were written: it is read here.
5. Where it was asked for in the topic, that it is done.

Counts stay: they are sizes of sets of hashes.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Collection, Iterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass

import msgspec
from msgspec.structs import replace
from redis.asyncio import Redis

from pipeline.errors import UnavailableError
from pipeline.privacy.due import Due, State
from pipeline.privacy.told import Found, Told
from pipeline.privacy.writes import ERASE, GoneError, Write, Writes
from pipeline.settings import Settings
from pipeline.slots import SLOTS, slot_of
from pipeline.store.keys import Keys
from pipeline.store.texts import STAMP_DIGITS, decode_text
from pipeline.store.walk import every_key
from schemas.erasure import Erasure
from schemas.unanswered import decode_unanswered, encode_unanswered, unanswered_key

SCAN_COUNT = 1_000
#: Names that one script takes: Lua's `unpack` takes 8,000 at the most, and Redis does nothing else meanwhile.
NAMES_AT_ONCE = 1_000
#: An erasure begins anew so often where Redis falls back meanwhile.
ATTEMPTS = 3
#: Characters that mean something in a SCAN pattern.
_GLOB = re.compile(r"([*?\[\]\\^])")


@dataclass
class Erased:
    """What was found of the actors: comments whose texts went from Redis, others that only subscribers had been `told`
    of, and how many of all these still wait for a reply."""

    texts: int = 0
    told: int = 0
    waiting: int = 0


class Eraser:
    """Erases actors of one installation."""

    def __init__(self, settings: Settings, redis: Redis, due: Due, told: Told) -> None:
        self._redis = redis
        self._due = due
        self._told = told
        self._keys = Keys(settings.key_prefix)

    async def state(self) -> State:
        """Raises RedisError."""
        return await self._due.state()

    async def tell(self) -> int:
        """Tell subscribers what others left; gives how many of these wait. Raises RedisError and KafkaError."""
        return await self._due.tell()

    async def erase(self, erasures: Collection[Erasure], ends: Mapping[int, int] | None = None) -> Erased:
        """Erase, and write down that everything in `interactions.erased` up to `ends` (by partition) is erased.

        Raises RedisError, KafkaError, and UnavailableError where Redis falls back again and again; asked again it goes
        on where it stopped."""
        names = {erasure.key for erasure in erasures}
        for _ in range(ATTEMPTS):
            try:
                return await self._erase(names, ends)
            except GoneError:
                continue
        raise UnavailableError(
            f"Redis fell back {ATTEMPTS} times while actors were erased; expected it to keep a write"
        )

    async def _erase(self, names: Collection[str], ends: Mapping[int, int] | None) -> Erased:
        writes, done = Writes(self._redis, self._keys), Erased()
        await ERASE.load(self._redis)
        if names:
            await writes.write(self._names(names))
            async for one in self._texts(names):
                await writes.write([one])
                done.texts += 1
        done.waiting = await self._due.tell()
        if names:
            async with aclosing(self._told.of(names)) as found:
                async for some in found:
                    done.told += len(some.told)
                    await writes.write(await self._notes(some))
                    done.waiting += await self._due.tell()
        if ends is not None:
            await writes.finish(dict(ends))
        return done

    def _names(self, names: Collection[str]) -> Iterator[Write]:
        """What every slot is told."""
        listed, erased = list(names), self._keys.erased
        for first in range(0, len(listed), NAMES_AT_ONCE):
            share = tuple(listed[first : first + NAMES_AT_ONCE])
            yield from (Write(slot, erased[slot], "names", share) for slot in range(SLOTS))

    async def _texts(self, names: Collection[str]) -> AsyncIterator[Write]:
        """What is to be written of each text of theirs."""
        prefix = _GLOB.sub(r"\\\1", self._keys.prefix)
        for platform in {name.partition(":")[0] for name in names}:
            async for key in every_key(self._redis, f"{prefix}:{{*}}:texts:{platform}:*", SCAN_COUNT, "hash"):
                async for mark, value in self._redis.hscan_iter(key, count=SCAN_COUNT):
                    try:
                        text = decode_text(value)
                    except msgspec.DecodeError:  # of a later version
                        continue
                    if text.actor is None or f"{text.platform}:{text.actor}" not in names:
                        continue
                    plain = encode_unanswered(replace(text, text=None, actor=None))
                    topic_key = unanswered_key(text.platform, text.post, mark.decode())
                    arguments = (mark, value[:STAMP_DIGITS] + plain, topic_key, plain)
                    yield Write(slot_of(text.platform, text.account), key, "text", arguments)

    async def _notes(self, found: Found) -> list[Write]:
        """What is to be noted of comments that the topic holds."""
        untold = {key: found.over[key] for key, waits in (await self._due.waits(found.over)).items() if waits}
        notes = []
        for key, record in (found.told | untold).items():
            one = decode_unanswered(record)
            notes.append(Write(slot_of(one.platform, one.account), None, "due", (key, record)))
        return notes
