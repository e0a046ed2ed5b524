"""Erasing actors: their texts go from Redis at once, and from the topic of unanswered comments by tombstones.

1. Every slot is told the names, so that no worker keeps a text of theirs from now on (`apply.lua` looks there), nor
   when it reads the old interactions again.
2. Every text that is there is looked at, and what is theirs is rewritten without text and actor; with the same write it
   is noted that subscribers are to be told.
3. Subscribers get a tombstone for each comment, and behind it, if it still waits, the comment without text and actor.
   Then the note goes: whoever dies before leaves it to the others.
4. Where it was asked for in the topic, that it is done.

Counts stay: they are sizes of sets of hashes.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Iterator, Mapping
from dataclasses import dataclass

import msgspec
from msgspec.structs import replace
from redis.asyncio import Redis

from pipeline.errors import UnavailableError
from pipeline.privacy.writes import ERASE, GoneError, Write, Writes, places_of
from pipeline.publishing.outlet import Outlet
from pipeline.publishing.record_batch import Batches
from pipeline.settings import Settings
from pipeline.slots import SLOTS, slot_of
from pipeline.store.keys import Keys, encode_id
from pipeline.store.round_trip import round_trip
from pipeline.store.texts import STAMP_DIGITS, decode_text
from pipeline.store.walk import every_key
from schemas.erasure import Erasure
from schemas.topics import UNANSWERED
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
    """What was found of the actors: comments whose texts went, and how many of these still wait for a reply."""

    texts: int = 0
    waiting: int = 0


@dataclass
class State:
    """What Redis says of erasures: by partition of `interactions.erased` the offset up to which all is erased, and
    whether subscribers are still to be told of something."""

    done: dict[int, int]
    due: bool


class Eraser:
    """Erases actors of one installation. `partitions`: those of `interactions`."""

    def __init__(self, settings: Settings, redis: Redis, outlet: Outlet, partitions: int) -> None:
        self._redis = redis
        self._outlet = outlet
        self._partitions = partitions
        self._keys = Keys(settings.key_prefix)
        self._topic = settings.topic(UNANSWERED.name)

    async def state(self) -> State:
        """Raises RedisError."""
        found = await self._places()
        done = [{int(name): int(value) for name, value in hash_.items() if name.isdigit()} for hash_ in found.values()]
        return State(
            {partition: min(hash_.get(partition, 0) for hash_ in done) for partition in done[0]},
            any(not name.isdigit() for hash_ in found.values() for name in hash_),
        )

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

    async def tell(self) -> int:
        """Tell subscribers what is due; gives how many of these comments wait. Raises RedisError and KafkaError."""
        waiting = 0
        for place, hash_ in (await self._places()).items():
            due = {name: record for name, record in hash_.items() if not name.isdigit()}
            if due:
                waiting += await self._tell(due)
                await self._redis.hdel(place, *due)
        return waiting

    async def _erase(self, names: Collection[str], ends: Mapping[int, int] | None) -> Erased:
        writes, done = Writes(self._redis, self._keys), Erased()
        await ERASE.load(self._redis)
        if names:
            await writes.write(self._names(names))
            async for one in self._texts(names):
                await writes.write([one])
                done.texts += 1
        done.waiting = await self.tell()
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

    async def _tell(self, due: Mapping[bytes, bytes]) -> int:
        """Each by its key in the topic. Of one whose waiting changed meanwhile the partition's owner tells as well, and
        what we said may come behind it: it is said again."""
        before: dict[bytes, bool] = {}
        waits = await self._waits(due)
        while changed := [key for key in due if waits[key] != before.get(key)]:
            records: dict[int, Batches] = defaultdict(Batches)
            for key in changed:
                one = decode_unanswered(due[key])
                queued = records[slot_of(one.platform, one.account) % self._partitions]
                queued.append(key, None)
                if waits[key]:
                    queued.append(key, due[key])
            for partition, some in records.items():
                await self._outlet.send(self._topic, partition, some)
            before, waits = waits, await self._waits(due)
        return sum(waits.values())

    async def _waits(self, due: Mapping[bytes, bytes]) -> dict[bytes, bool]:
        pipe = self._redis.pipeline(transaction=False)
        for key, record in due.items():
            one, mark = decode_unanswered(record), key.rpartition(b"|")[2].decode()
            queue = self._keys.unanswered(slot_of(one.platform, one.account), one.platform, one.account)
            pipe.zscore(queue, f"{mark}:{encode_id(one.post)}")
        return {key: score is not None for key, score in zip(due, await round_trip(pipe), strict=True)}

    async def _places(self) -> dict[str, dict[bytes, bytes]]:
        """What stands at each place."""
        places = places_of(self._redis, self._keys)
        pipe = self._redis.pipeline(transaction=False)
        for place in places:
            pipe.hgetall(place)
        return dict(zip(places, await round_trip(pipe), strict=True))
