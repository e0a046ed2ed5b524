"""Drives a table over a partition's log that the test holds, with the real Redis and the real Kafka behind it.

It stands where Faust stands: fetches from the position that the table gives, and forgets everything at a crash.
"""

from __future__ import annotations

from dataclasses import dataclass

from redis.asyncio import Redis

from pipeline.proving.compare import Difference, compare_page, unknown_page
from pipeline.proving.expected import PageName
from pipeline.proving.oracle import Oracle
from pipeline.proving.snapshot import SnapshotReader
from pipeline.publishing.outlet import Outlet
from pipeline.settings import Settings
from pipeline.slots import slot_of
from pipeline.store.keys import Keys
from pipeline.table.batch import Batch
from pipeline.table.table import Table
from schemas.interaction import Interaction, encode_interaction
from tests.factories import NOON_MS
from tests.redises import open_redis

PARTITION = 0
PARTITIONS = 4
#: When every record of a test was received, and what a table's clock shows.
RECEIVED_MS = NOON_MS + 60_000
DAY_MS = 86_400_000


def accounts_of(partition: int, number: int) -> list[str]:
    """Names of accounts on facebook whose slots lie in this partition of four."""
    names = (f"brand{i}" for i in range(10_000))
    return [name for name in names if slot_of("facebook", name) % PARTITIONS == partition][:number]


@dataclass(frozen=True)
class LogRecord:
    """A record of the test's log."""

    offset: int
    timestamp: int
    value: bytes | None


class Driver:
    """A log, a table over it, and the oracle's word on what the table must have written."""

    def __init__(self, settings: Settings, redis: Redis, outlet: Outlet) -> None:
        self.settings = settings
        self.redis = redis
        self.decoding = open_redis(settings, decode=True)
        self.outlet = outlet
        self.log: list[LogRecord] = []
        self.committed = 0
        self.now_ms = RECEIVED_MS
        self.table = self.new_table()

    def new_table(self) -> Table:
        """A table as another worker would make it."""
        clock = self._now
        return Table(PARTITION, PARTITIONS, self.settings, self.redis, self.outlet, clock, clock)

    def _now(self) -> int:
        return self.now_ms

    def write(self, *interactions: Interaction | bytes | None) -> None:
        """Append to the log."""
        for one in interactions:
            value = encode_interaction(one) if isinstance(one, Interaction) else one
            self.log.append(LogRecord(len(self.log), RECEIVED_MS, value))

    async def open(self) -> None:
        """Start, or start again after a crash: nothing but what Redis and the commit say is remembered."""
        self.table = self.new_table()
        await self.table.open(self.committed)

    async def take(self, number: int = 1_000_000) -> None:
        """Fetch up to so many records and have them applied."""
        position = self.table.progress.position
        records = self.log[position : position + number]
        if records:
            await self.table.take(Batch(PARTITION, records, len(self.log)))
            await self.table.writer.settle()

    async def publish(self) -> None:
        """Publish, and commit what is published, as the acknowledgements do."""
        self.committed = await self.table.publish()

    async def age(self, days: float) -> None:
        """So many days pass, in Redis and on the table's clock."""
        keys = [key async for key in self.redis.scan_iter(match=f"{self.settings.key_prefix}:*")]
        asking, ageing = (self.redis.pipeline(transaction=False) for _ in range(2))
        for key in keys:
            asking.pttl(key)
        for key, left_ms in zip(keys, await asking.execute(), strict=True):
            if left_ms > 0:
                ageing.pexpire(key, left_ms - int(days * DAY_MS))
        await ageing.execute()
        self.now_ms += int(days * DAY_MS)

    async def lose_everything(self) -> None:
        """Redis is emptied of this installation; the table does not know."""
        async for key in self.redis.scan_iter(match=f"{self.settings.key_prefix}:*"):
            await self.redis.delete(key)

    async def differences(self) -> list[Difference]:
        """Every row in Redis that is not as the oracle counts the whole log."""
        oracle = self._oracle()
        expected = dict(oracle.pages())
        reader = SnapshotReader(self.decoding, Keys(self.settings.key_prefix), self.settings.engaged_windows)
        found: dict[PageName, dict[str, str]] = {}
        names = await reader.names()
        for name in expected:
            names.setdefault(name.slot, set()).add(name)
        for slot, some in names.items():
            found |= (await reader.take(slot, {name: oracle.engaged_codes(name) for name in some})).pages
        out = [unknown_page(name, page) for name, page in found.items() if page and name not in expected]
        for name, page in expected.items():
            out += compare_page(
                name,
                page,
                found.get(name, {}),
                self.settings.windows,
                engaged=self.settings.engaged_windows,
                hll_least=0,
            )[1]
        return out

    def _oracle(self) -> Oracle:
        oracle = Oracle(self.settings.windows, self.settings.future_limit_s * 1000, self.settings.engaged_windows)
        for record in self.log:
            oracle.take(record.value, record.timestamp)
        return oracle
