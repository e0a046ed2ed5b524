"""What subscribers of `engagement.unanswered` are still to be told of erased actors' comments, and telling them.

It stands in Redis (`erasures`), so whoever dies before it is told leaves it to the others. Beside it stands how far
erasures are done.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

from redis.asyncio import Redis

from pipeline.privacy.writes import places_of
from pipeline.publishing.outlet import Outlet
from pipeline.publishing.record_batch import Batches
from pipeline.settings import Settings
from pipeline.slots import slot_of
from pipeline.store.keys import Keys, encode_id
from pipeline.store.round_trip import round_trip
from schemas.topics import ERASED, UNANSWERED
from schemas.unanswered import decode_unanswered

#: Comments that are told of together.
SHARE = 1_000
#: Fields of `erasures` that are no comment: partitions of `interactions.erased`.
PARTITIONS = tuple(str(partition) for partition in range(ERASED.partitions or 1))


@dataclass
class State:
    """What Redis says of erasures: by partition of `interactions.erased` the offset up to which all is erased, and
    whether subscribers are still to be told of something."""

    done: dict[int, int]
    due: bool


class Due:
    """Tells it. `partitions`: those of `interactions`."""

    def __init__(self, settings: Settings, redis: Redis, outlet: Outlet, partitions: int) -> None:
        self._redis = redis
        self._outlet = outlet
        self._partitions = partitions
        self._keys = Keys(settings.key_prefix)
        self._topic = settings.topic(UNANSWERED.name)

    async def state(self) -> State:
        """Raises RedisError."""
        places = await self._places()
        done = [place for place, _ in places.values()]
        return State(
            {partition: min(one.get(partition, 0) for one in done) for partition in done[0]},
            any(due for _, due in places.values()),
        )

    async def tell(self) -> int:
        """Tell subscribers what is due; gives how many of these comments wait. Raises RedisError and KafkaError."""
        waiting = 0
        for place, (_, due) in (await self._places()).items():
            if due:
                async for share in self._shares(place):
                    waiting += await self._tell(share)
                    await self._redis.hdel(place, *share)
        return waiting

    async def waits(self, due: Mapping[bytes, bytes]) -> dict[bytes, bool]:
        """Of comments (their keys in the topic and their records) whether they wait for a reply."""
        pipe = self._redis.pipeline(transaction=False)
        for key, record in due.items():
            one, mark = decode_unanswered(record), key.rpartition(b"|")[2].decode()
            queue = self._keys.unanswered(slot_of(one.platform, one.account), one.platform, one.account)
            pipe.zscore(queue, f"{mark}:{encode_id(one.post)}")
        return {key: score is not None for key, score in zip(due, await round_trip(pipe), strict=True)}

    async def _tell(self, due: Mapping[bytes, bytes]) -> int:
        """Each by its key in the topic: a tombstone, and behind it, if it still waits, the comment without text and
        actor. Of one whose waiting changed meanwhile the partition's owner tells as well, and what we said may come
        behind it: it is said again."""
        before: dict[bytes, bool] = {}
        waits = await self.waits(due)
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
            before, waits = waits, await self.waits(due)
        return sum(waits.values())

    async def _shares(self, place: str) -> AsyncIterator[dict[bytes, bytes]]:
        """What is due at a place, some at a time."""
        share: dict[bytes, bytes] = {}
        async for name, record in self._redis.hscan_iter(place, count=SHARE):
            if not name.isdigit():
                share[name] = record
            if len(share) >= SHARE:
                yield share
                share = {}
        if share:
            yield share

    async def _places(self) -> dict[str, tuple[dict[int, int], bool]]:
        """By place how far erasures are done, and whether something is due."""
        places = places_of(self._redis, self._keys)
        pipe = self._redis.pipeline(transaction=False)
        for place in places:
            pipe.hmget(place, PARTITIONS)
            pipe.hlen(place)
        answers = iter(await round_trip(pipe))
        found = {}
        for place, values, fields in zip(places, answers, answers, strict=True):
            done = {int(name): int(value) for name, value in zip(PARTITIONS, values, strict=True) if value is not None}
            found[place] = done, fields > len(done)
        return found
