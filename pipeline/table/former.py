"""Former slots: those that lay in a partition before partitions were added. Their records in it are sent on.

A slot has one owner, who counts; what it left in its former partition reaches that owner as copies in the new one. A
copy carries no key: then its rows are published again although it may change nothing, because the original may have
been counted before the slot moved and never been published.

1. Copies are sent and acknowledged before the slice's scripts (`side.py`). A crash here: they are sent again.
2. With a publication the trail says that everything before its offset is sent on. It is compared with what Redis holds:
   where Redis fell back to before the slot moved, what it had counted is still in the old partition and nowhere else.
"""

from __future__ import annotations

from redis.asyncio import Redis

from pipeline.store.keys import Keys
from pipeline.store.trails import SEND_ON, Trail, advance_trails, read_trails
from pipeline.table.batch import Record


class FormerSlots:
    """The former slots of one partition, and how far each is sent on."""

    def __init__(self, redis: Redis, keys: Keys, partition: int, partitions: int) -> None:
        self.redis = redis
        self.keys = keys
        self.partition = partition
        self.partitions = partitions
        self.trails: dict[int, Trail] = {}
        #: Whether slots of this partition had another one before: only then copies can come.
        self.has_grown = False
        self._published_to = 0

    async def open(self, published_to: int) -> None:
        """Read the trails. What was counted below `published_to` was published by the slots' former owner as well."""
        found = await read_trails(self.redis, self.keys, self.partition, self.partitions)
        self.trails, self.has_grown = found.former, found.has_grown
        self._published_to = published_to
        if self.trails:
            await SEND_ON.load(self.redis)

    @property
    def offset(self) -> int | None:
        """Where this partition has to be read from for its former slots; None where it has none."""
        return min((trail.offset for trail in self.trails.values()), default=None)

    def still_to_send(self, misplaced: list[tuple[int, Record]]) -> list[tuple[int, Record]]:
        """Those that are not settled: neither counted and published where they lie, nor sent on."""
        if not self.trails:
            return misplaced
        return [pair for pair in misplaced if not self._is_settled(*pair)]

    async def advance(self, offset: int) -> None:
        """Everything before this offset is sent on. Raises FencedError."""
        if self.trails:
            self.trails = await advance_trails(self.redis, self.keys, self.partition, self.trails, offset)

    def _is_settled(self, slot: int, record: Record) -> bool:
        trail = self.trails.get(slot)
        return trail is not None and record.offset < min(trail.offset, self._published_to)
