"""Drives the tables of a topic whose partitions are increased on the way, over logs that the test holds.

Tables, scripts and Redis are the real ones. An owner may go on with the number of partitions that it has learned, as a
worker does whose metadata is old, and a Redis of several nodes may fall back in some slots and not in others.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import count

from redis.asyncio import Redis

from pipeline.errors import FencedError
from pipeline.proving.compare import Difference, compare_page
from pipeline.proving.oracle import Oracle
from pipeline.proving.snapshot import SnapshotReader
from pipeline.publishing.outlet import Outlet
from pipeline.publishing.record_batch import Batches
from pipeline.settings import Settings
from pipeline.slots import slot_of
from pipeline.store.keys import Keys
from pipeline.table.batch import Batch
from pipeline.table.table import Table
from schemas.engagement import Engagement, decode_engagement
from schemas.interaction import Interaction, decode_interaction, encode_interaction
from schemas.topics import ACCOUNTS, INTERACTIONS, POSTS, UNANSWERED
from tests.driver import RECEIVED_MS
from tests.outgoing import read_back
from tests.redises import open_redis

FIRST = 4


@dataclass(frozen=True)
class Kept:
    """A record of a log."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None


class Logs(Outlet):
    """Kafka in memory: the logs of `interactions`, and what was published, by topic and key."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.interactions: defaultdict[int, list[Kept]] = defaultdict(list)
        self.published: defaultdict[str, dict[bytes, list[bytes | None]]] = defaultdict(lambda: defaultdict(list))

    async def send(self, topic: str, partition: int, records: Batches, *, exactly_there: bool = False) -> int:
        for key, value, timestamp_ms in read_back(records):
            if topic == self.settings.topic(INTERACTIONS.name):
                self.append(partition, key, value, timestamp_ms)
            else:
                self.published[topic][key or b""].append(value)
        return len(records)

    def append(self, partition: int, key: bytes | None, value: bytes | None, timestamp_ms: int = RECEIVED_MS) -> None:
        log = self.interactions[partition]
        log.append(Kept(len(log), timestamp_ms, key, value))


class Growing:
    """The topic, the owners of its partitions, and the oracle's word on what must be in Redis."""

    def __init__(self, settings: Settings, redis: Redis) -> None:
        self.settings = settings
        self.redis = redis
        self.decoding = open_redis(settings, decode=True)
        self.logs = Logs(settings)
        self.partitions = FIRST
        self.committed: dict[int, int] = {}
        self.owners: dict[int, Table] = {}
        self.sent: list[Interaction] = []
        self._ticks = count(RECEIVED_MS)

    def write(self, interaction: Interaction, partitions: int) -> None:
        """As a producer does that knows of so many partitions."""
        partition = slot_of(interaction.platform, interaction.account) % partitions
        self.sent.append(interaction)
        self.logs.append(partition, interaction.key.encode(), encode_interaction(interaction))

    async def open(self, partition: int) -> Table:
        """The partition's next owner, who knows how many there are now."""
        table = Table(
            partition, self.partitions, self.settings, self.redis, self.logs, self._ticks.__next__, self._ticks.__next__
        )
        await table.open(self.committed.get(partition))
        self.owners[partition] = table
        return table

    async def take(self, partition: int, number: int) -> None:
        """Let the partition's owner count up to so many records."""
        table = self.owners.get(partition) or await self.open(partition)
        log, position = self.logs.interactions[partition], table.progress.position
        records = log[position : position + number]
        try:
            if records:
                await table.take(Batch(partition, records, len(log)))
                await table.writer.settle()
        except FencedError:
            await self.open(partition)

    async def publish(self, partition: int) -> None:
        """Let the partition's owner publish, and commit what is published."""
        table = self.owners.get(partition) or await self.open(partition)
        try:
            self.committed[partition] = await table.publish()
        except FencedError:
            await self.open(partition)

    async def finish(self) -> None:
        """Owners that know of all partitions go on until all is counted, sent on, published, and nobody is fenced."""
        for partition in self._used:
            owner = self.owners.get(partition)
            if owner is None or owner.partitions != self.partitions:
                await self.open(partition)
        before = None
        while before != (before := {p: self.owners[p].progress.position for p in self._used}) or self._is_behind():
            for partition in self._used:
                await self.take(partition, 1_000_000)
                await self.publish(partition)

    def _is_behind(self) -> bool:
        return any(
            p not in self.owners or self.owners[p].progress.position < len(self.logs.interactions[p])
            for p in self._used
        )

    @property
    def _used(self) -> list[int]:
        return sorted(self.logs.interactions)

    async def differences(self) -> list[Difference]:
        """Every row in Redis that is not as the oracle counts what was sent."""
        oracle = Oracle(self.settings.windows, self.settings.future_limit_s * 1000, self.settings.engaged_windows)
        for one in self.sent:
            oracle.take(encode_interaction(one), RECEIVED_MS)
        reader = SnapshotReader(self.decoding, Keys(self.settings.key_prefix), self.settings.engaged_windows)
        out = []
        for name, page in oracle.pages():
            found = (await reader.take(name.slot, {name: oracle.engaged_codes(name)})).pages[name]
            engaged = self.settings.engaged_windows
            out += compare_page(name, page, found, self.settings.windows, engaged=engaged, hll_least=0)[1]
        return out

    def newest_rows(self) -> dict[bytes, Engagement]:
        """Of every published row the one with the highest revision."""
        rows = {}
        for topic in (POSTS, ACCOUNTS):
            for key, values in self.logs.published[self.settings.topic(topic.name)].items():
                rows[key] = max((decode_engagement(value) for value in values if value), key=lambda row: row.revision)
        return rows

    def newest_waiting(self) -> set[str]:
        """The keys of published comments whose newest record is no tombstone."""
        topic = self.logs.published[self.settings.topic(UNANSWERED.name)]
        return {key.decode() for key, values in topic.items() if values[-1] is not None}

    def misplaced(self) -> int:
        """Records that lie in a partition which does not own their slot."""
        return sum(
            slot_of(one.platform, one.account) % self.partitions != partition
            for partition, log in self.logs.interactions.items()
            for one in (decode_interaction(record.value or b"") for record in log)
        )
