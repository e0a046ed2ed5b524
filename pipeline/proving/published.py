"""What subscribers were told, against Redis: the newest revision of every row, and the queue of unanswered comments.

Only where nothing is counted any more: rows are published up to a second after they stand in Redis.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass

import redis.asyncio

from pipeline.proving.compare import ZEROS, canonical_row, row_of_all_time
from pipeline.proving.expected import PageName
from pipeline.proving.snapshot import WAITS, SnapshotReader
from pipeline.scan import open_scan
from pipeline.settings import Settings
from pipeline.slots import slot_of
from pipeline.store.connect import connect_redis
from pipeline.store.keys import Keys, decode_id
from pipeline.windows import ALL, ALL_NAME
from schemas.engagement import COLUMNS, Engagement, decode_engagement
from schemas.topics import ACCOUNTS, POSTS, UNANSWERED
from schemas.unanswered import unanswered_key

TIMEOUT_S = 60.0
#: A page's name and a row's field, such as `1d:2026-11-23` or `all`.
_Row = tuple[PageName, str]


@dataclass(frozen=True)
class Told:
    """`compared`: rows and waiting comments. `wrong`: what was told and what Redis says, one line each."""

    compared: int
    wrong: tuple[str, ...]


async def compare_published(settings: Settings) -> Told:
    """Compare everything that was published with Redis. Raises UnavailableError without Kafka."""
    rows = await _newest_rows(settings)
    waiting = await _newest_waiting(settings)
    client = connect_redis(settings, timeout_s=TIMEOUT_S, decode=True)
    try:
        pages = await _pages(settings, client)
    finally:
        await client.aclose()
    wrong = [*_wrong_rows(settings, rows, pages), *_wrong_queue(waiting, pages)]
    return Told(len(rows) + len(waiting), tuple(wrong))


async def _newest_rows(settings: Settings) -> dict[_Row, tuple[int, str]]:
    """Row -> revision and counts."""
    newest: dict[_Row, tuple[int, str]] = {}
    for topic in (POSTS, ACCOUNTS):
        async for _, value in _records(settings, topic.name):
            if value is not None:
                row = decode_engagement(value)
                key = _name_of(settings, row)
                counts = canonical_row(",".join(map(str, (*_counts(row), row.answered, *row.reply_times))))
                newest[key] = max(newest.get(key, (-1, "")), (row.revision, counts))
    return newest


async def _newest_waiting(settings: Settings) -> set[str]:
    """The keys whose last record is no tombstone."""
    newest = {key: value async for key, value in _records(settings, UNANSWERED.name)}
    return {key for key, value in newest.items() if value is not None}


async def _records(settings: Settings, topic: str) -> AsyncIterator[tuple[str, bytes | None]]:
    async with open_scan(settings, topic) as scan:
        scan.start_at(await scan.beginnings())
        async for records in scan.read_to(await scan.ends()):
            for record in records:
                yield record.key.decode(), record.value


async def _pages(settings: Settings, client: redis.asyncio.Redis) -> dict[PageName, Mapping[str, str]]:
    reader = SnapshotReader(client, Keys(settings.key_prefix), settings.engaged_windows)
    pages: dict[PageName, Mapping[str, str]] = {}
    for slot, names in (await reader.names()).items():
        pages |= (await reader.take(slot, dict.fromkeys(names, ()))).pages
    return pages


def _name_of(settings: Settings, row: Engagement) -> _Row:
    name = PageName(slot_of(row.platform, row.account), row.entity, row.platform, row.id)
    if row.start_ms is None:
        return name, ALL_NAME
    number = [size.name for size in settings.windows.sizes].index(row.window)
    return name, settings.windows.field(settings.windows.codes(row.start_ms)[number])


def _counts(row: Engagement) -> tuple[int, ...]:
    return tuple(getattr(row, column) for column in COLUMNS)


def _wrong_rows(
    settings: Settings, rows: Mapping[_Row, tuple[int, str]], pages: Mapping[PageName, Mapping[str, str]]
) -> Iterator[str]:
    windows = settings.windows
    for (name, field), (_, told) in rows.items():
        page = pages.get(name, {})
        has = row_of_all_time(page) if field == ALL_NAME else canonical_row(page.get(field, ZEROS))
        code = ALL if field == ALL_NAME else windows.code(field)
        is_kept = field in page or code is None or windows.is_kept(code, int(page.get("last_ms", 0)))
        if told != has and is_kept:
            yield f"{name.entity} {name.platform}:{name.id} {field}: published {told}, in Redis {has}"
    for name, page in pages.items():
        for field, text in page.items():
            is_row = field.partition(":")[0] in {size.name for size in windows.sizes}
            if is_row and (name, field) not in rows and canonical_row(text) != ZEROS:
                yield f"{name.entity} {name.platform}:{name.id} {field}: never published, in Redis {text}"


def _wrong_queue(waiting: set[str], pages: Mapping[PageName, Mapping[str, str]]) -> Iterator[str]:
    there = set()
    for name, page in pages.items():
        for field in page:
            if field.startswith(WAITS):
                mark, _, post = field.removeprefix(WAITS).partition(":")
                there.add(unanswered_key(name.platform, decode_id(post), mark))
    for key in sorted(waiting ^ there):
        yield f"comment {key}: " + ("published, waits no more" if key in waiting else "waits, never published")
