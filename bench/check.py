"""The rows that a program left in Redis against the oracle, row by row."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import redis
from kafka import KafkaAdminClient, TopicPartition
from kafka.admin import OffsetSpec

from bench.measured import Measured
from bench.peers.rows import PREFIX
from bench.programs import ProgramError
from pipeline.proving.oracle import Oracle, PageName
from pipeline.proving.verify import verify
from pipeline.scan import open_scan
from pipeline.settings import Settings
from pipeline.windows import ALL, ALL_NAME
from schemas.topics import INTERACTIONS

PAGES_AT_ONCE = 500


async def count_again(settings: Settings, ends: Mapping[int, int]) -> dict[PageName, dict[str, str]]:
    """Every page's rows as they must be after the records before these offsets."""
    oracle = Oracle(settings.windows, settings.future_limit_s * 1000)
    async with open_scan(settings, INTERACTIONS.name) as scan:
        scan.start_at(dict.fromkeys(scan.partitions, 0))
        async for records in scan.read_to(ends):
            for record in records:
                if record.offset < ends.get(record.partition, 0):
                    oracle.take(record.value, record.timestamp)
    return {
        name: {
            ALL_NAME if code == ALL else settings.windows.field(code): ",".join(map(str, counts))
            for code, counts in page.rows.items()
        }
        for name, page in oracle.pages()
    }


def compare(client: redis.Redis, expected: Mapping[PageName, Mapping[str, str]]) -> tuple[int, int]:
    """Rows compared and rows different; a row too many is different too."""
    names = list(expected)
    rows = different = 0
    for start in range(0, len(names), PAGES_AT_ONCE):
        some = names[start : start + PAGES_AT_ONCE]
        pipe = client.pipeline(transaction=False)
        for name in some:
            pipe.hgetall(f"{PREFIX}:{name.entity}:{name.id}")
        for name, raw in zip(some, pipe.execute(), strict=True):
            found = {field.decode(): text.decode() for field, text in raw.items()}
            fields = found.keys() | expected[name].keys()
            rows += len(fields)
            different += sum(found.get(field) != expected[name].get(field) for field in fields)
    return rows, different


def topic_ends(settings: Settings) -> dict[int, int]:
    """Partition of `interactions` -> its end."""
    name = settings.topic(INTERACTIONS.name)
    with KafkaAdminClient(bootstrap_servers=list(settings.kafka_servers)) as admin:
        wanted = {TopicPartition(name, partition): OffsetSpec.LATEST for partition in range(settings.partitions)}
        return {tp.partition: found.offset for tp, found in admin.list_partition_offsets(wanted).items()}


class Checker:
    """Compares the rows of run after run; for peers the oracle counts the whole topic only once."""

    def __init__(self, settings: Settings, client: redis.Redis) -> None:
        self._settings, self._client = settings, client
        self._ends = topic_ends(settings)
        self._expected: dict[PageName, dict[str, str]] | None = None

    def check_ours(self, run: Measured) -> list[str]:
        """Compare what our workers left, as `twoway verify` does; some of the differences in words."""
        report = asyncio.run(verify(self._settings))
        run.rows, run.rows_different = report.rows_compared, report.rows_different + report.unsettled
        run.verify_seconds = report.seconds
        return [str(difference) for difference in report.differences]

    def check_peer(self, run: Measured) -> None:
        """Compare what a peer left. Raises ProgramError where it says that it counted something else."""
        ends = run.offsets or self._ends
        if sum(ends.values()) != run.events:
            raise ProgramError(f"{run.program} counted {run.events:,} records; expected {sum(ends.values()):,}")
        if ends != self._ends:
            run.rows, run.rows_different = compare(self._client, asyncio.run(count_again(self._settings, ends)))
            return
        if self._expected is None:
            self._expected = asyncio.run(count_again(self._settings, ends))
        run.rows, run.rows_different = compare(self._client, self._expected)
