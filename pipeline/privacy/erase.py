"""Erasing actors: their texts go from Redis at once, and from the topic of unanswered comments by tombstones.

1. Every slot is told the names, so that no worker keeps a text of theirs from now on (`apply.lua` looks there), nor
   when it reads the old interactions again.
2. Every text that is there is looked at, and what is theirs is rewritten without text and actor.
3. Subscribers get a tombstone for each comment, and behind it, if it still waits, the comment without text and actor.

Counts stay: they are sizes of sets of hashes.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass

import msgspec
from msgspec.structs import replace
from redis.asyncio import Redis

from pipeline.publishing.outlet import Outlet
from pipeline.publishing.record_batch import Batches
from pipeline.settings import Settings
from pipeline.slots import SLOTS, slot_of
from pipeline.store.keys import Keys, encode_id
from pipeline.store.texts import STAMP_DIGITS, decode_text
from pipeline.store.walk import every_key
from schemas.erasure import Erasure
from schemas.topics import UNANSWERED
from schemas.unanswered import encode_unanswered, unanswered_key

SCAN_COUNT = 1_000
#: Characters that mean something in a SCAN pattern.
_GLOB = re.compile(r"([*?\[\]\\^])")
#: A comment that was removed meanwhile must not come back as an empty shell.
_REWRITE = "if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 1 then redis.call('HSET', KEYS[1], ARGV[1], ARGV[2]) end"


@dataclass
class Erased:
    """What was found of the actors: comments whose texts went, and how many of these still wait for a reply."""

    texts: int = 0
    waiting: int = 0


class Eraser:
    """Erases actors of one installation. `partitions`: those of `interactions`."""

    def __init__(self, settings: Settings, redis: Redis, outlet: Outlet, partitions: int) -> None:
        self._redis = redis
        self._outlet = outlet
        self._partitions = partitions
        self._keys = Keys(settings.key_prefix)
        self._topic = settings.topic(UNANSWERED.name)

    async def erase(self, erasures: Collection[Erasure]) -> Erased:
        """Raises RedisError and KafkaError; asked again it goes on where it stopped."""
        names = {erasure.key for erasure in erasures}
        if not names:
            return Erased()
        pipe = self._redis.pipeline(transaction=False)
        for slot in range(SLOTS):
            pipe.sadd(self._keys.erased[slot], *names)
        await pipe.execute()
        done = Erased()
        prefix = _GLOB.sub(r"\\\1", self._keys.prefix)
        for platform in {erasure.platform for erasure in erasures}:
            pattern = f"{prefix}:{{*}}:texts:{platform}:*"
            async for key in every_key(self._redis, pattern, SCAN_COUNT, "hash"):
                await self._erase_in(key, names, done)
        return done

    async def _erase_in(self, key: bytes, names: Collection[str], done: Erased) -> None:
        """The texts of one account and day."""
        records: dict[int, Batches] = defaultdict(Batches)
        async for mark, value in self._redis.hscan_iter(key, count=SCAN_COUNT):
            try:
                text = decode_text(value)
            except msgspec.DecodeError:  # of a later version
                continue
            if text.actor is None or f"{text.platform}:{text.actor}" not in names:
                continue
            plain = encode_unanswered(replace(text, text=None, actor=None))
            await self._redis.eval(_REWRITE, 1, key, mark, value[:STAMP_DIGITS] + plain)
            slot = slot_of(text.platform, text.account)
            queue = self._keys.unanswered(slot, text.platform, text.account)
            waits = await self._redis.zscore(queue, f"{mark.decode()}:{encode_id(text.post)}")
            done.texts += 1
            done.waiting += waits is not None
            topic_key = unanswered_key(text.platform, text.post, mark.decode()).encode()
            queued = records[slot % self._partitions]
            queued.append(topic_key, None)
            if waits is not None:
                queued.append(topic_key, plain)
        for partition, some in records.items():
            await self._outlet.send(self._topic, partition, some)
