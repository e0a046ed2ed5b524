"""A peer's rows in Redis against the oracle, row by row."""

from __future__ import annotations

from collections.abc import Mapping

import redis

from bench.peers.rows import PREFIX
from pipeline.proving.oracle import Oracle, PageName
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
