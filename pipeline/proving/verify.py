"""The proof: counts `interactions` again from its beginning and compares every row with Redis, while traffic flows.

A slot's pages and its applied offset are read in one transaction, and the oracle counts exactly the records before that
offset. A page that appears between the listing of the keys and that transaction was not looked at: such a slot is read
again, and so is one that differs, because only a second look with every name known proves a difference.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from redis.exceptions import RedisError

from pipeline.access.redis import redis_away
from pipeline.errors import StateError, UnavailableError
from pipeline.proving.compare import Difference, compare_page, unknown_page
from pipeline.proving.expected import ExpectedPage, PageName
from pipeline.proving.ledger import Ledger
from pipeline.proving.snapshot import Reach, Snapshot, SnapshotReader
from pipeline.scan import TopicScan, open_scan
from pipeline.settings import Settings
from pipeline.slots import SLOTS
from pipeline.store.connect import connect_redis
from pipeline.store.keys import Keys
from schemas.topics import INTERACTIONS

#: A slot in which pages appear all the time settles in two or three.
ROUNDS = 6
DIFFERENCES_SHOWN = 20
WAIT_S = 15.0
_POLL_S = 0.1

#: Called with the records read so far and those there are to read.
Progress = Callable[[int, int], None]


@dataclass
class Report:
    """What the proof saw. `rejected`: reason -> records that count nowhere. `not_applied`: records that lay in the
    topic when the proof began and that the workers still had not counted when it had waited and looked at every page;
    they are not compared, so nothing is proven of them. `unsettled`: pages that could not be looked at. `differences`
    holds the first ones."""

    interactions: int = 0
    rejected: dict[str, int] = field(default_factory=dict)
    not_applied: int = 0
    pages_compared: int = 0
    rows_compared: int = 0
    rows_different: int = 0
    pages_unknown: int = 0
    unsettled: int = 0
    seconds: float = 0.0
    differences: list[Difference] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        """Whether everything that lay in the topic is counted, and every row of it is right."""
        return not self.differs and self.not_applied == 0

    @property
    def differs(self) -> bool:
        """Whether a row that was counted is wrong, or a page could not be looked at. Neither this nor `holds`: what was
        compared is right, and the rest is not counted yet."""
        return self.rows_different > 0 or self.unsettled > 0


@dataclass
class _Result:
    """One slot's comparison."""

    pages: int = 0
    rows: int = 0
    unseen: int = 0
    unknown: int = 0
    differences: list[Difference] = field(default_factory=list)

    @property
    def settled(self) -> bool:
        return not self.differences and not self.unseen


async def verify(
    settings: Settings, progress: Progress | None = None, wait_s: float = WAIT_S, shown: int = DIFFERENCES_SHOWN
) -> Report:
    """Compare every row in Redis with the topic.

    Waits up to `wait_s` for the workers to count what lies in the topic now. Raises StateError where the topic no
    longer holds every record that was counted, UnavailableError without Kafka or Redis.
    """
    began = time.monotonic()
    client = connect_redis(settings, timeout_s=60, decode=True, retries=True)
    try:
        async with open_scan(settings, INTERACTIONS.name) as scan:
            proof = _Proof(
                settings, scan, SnapshotReader(client, Keys(settings.key_prefix), settings.engaged_windows), progress
            )
            report = await proof.run(wait_s, shown)
    except RedisError as error:
        raise UnavailableError(redis_away(client, error)) from error
    finally:
        await client.aclose()
    report.seconds = round(time.monotonic() - began, 3)
    return report


class _Proof:
    """One run of the proof."""

    def __init__(
        self, settings: Settings, scan: TopicScan, reader: SnapshotReader, progress: Progress | None = None
    ) -> None:
        self._settings = settings
        self._scan = scan
        self._reader = reader
        self._progress = progress
        self._ledger = Ledger(settings, len(scan.partitions))

    async def run(self, wait_s: float, shown: int) -> Report:
        ends = await self._scan.ends()
        await self._start()
        await self._read_to(ends)
        await self._wait(ends, wait_s)
        if self._ledger.has_misplaced and not self._ledger.waiting_before(ends):
            # They are sent on by now: their copies lie behind those ends.
            ends = await self._scan.ends()
            await self._read_to(ends)
            await self._wait(ends, wait_s)
        results: dict[int, _Result] = {}
        for _ in range(ROUNDS):
            unsettled = [slot for slot in range(SLOTS) if slot not in results or not results[slot].settled]
            if not unsettled:
                break
            results |= await self._round(unsettled)
        # Asked now: what was counted while the pages were looked at was compared with them.
        return self._report(results, self._ledger.waiting_before(ends), shown)

    async def _start(self) -> None:
        reach = await self._reader.reach()
        beginnings = await self._scan.beginnings()
        ends = await self._scan.ends()  # asked after `reach`: workers go on meanwhile
        for partition in self._scan.partitions:
            counted = max(slot.applied.get(partition, 0) for slot in reach.values())
            where = f"{self._scan.topic}[{partition}]"
            if counted and beginnings[partition]:
                raise StateError(
                    f"{where} begins at offset {beginnings[partition]}: Kafka deleted what was counted before, "
                    "so the topic no longer proves the numbers in Redis"
                )
            if counted > ends[partition]:
                raise StateError(f"Redis counted {where} up to offset {counted}, but it ends at {ends[partition]}")
        self._advance(reach)
        self._scan.start_at(beginnings)

    async def _read_to(self, targets: dict[int, int]) -> None:
        total = sum(targets.values())
        async for records in self._scan.read_to(targets):
            self._ledger.take(records)
            if self._progress:
                self._progress(self._ledger.read, max(total, self._ledger.read))

    async def _wait(self, ends: dict[int, int], wait_s: float) -> None:
        """Wait until what lay in the topic is counted; looks at least once, as reading takes longer than counting."""
        deadline = time.monotonic() + wait_s
        self._advance(await self._reader.reach())
        while self._ledger.waiting_before(ends) and time.monotonic() < deadline:
            await asyncio.sleep(_POLL_S)
            self._advance(await self._reader.reach())

    def _advance(self, reach: Mapping[int, Reach]) -> None:
        for slot, reached in reach.items():
            self._ledger.advance(slot, reached.applied, reached.sent)

    async def _round(self, slots: list[int]) -> dict[int, _Result]:
        names = await self._reader.names()
        for name in self._ledger.oracle.names():
            names[name.slot].add(name)
        snapshots = {}
        targets = dict.fromkeys(self._scan.partitions, 0)
        for slot in slots:
            wanted = {name: self._ledger.oracle.engaged_codes(name) for name in names[slot]}
            snapshot = snapshots[slot] = await self._reader.take(slot, wanted)
            self._ledger.advance(slot, snapshot.applied)
            for partition, offset in snapshot.applied.items():
                targets[partition] = max(targets.get(partition, 0), offset)
        await self._read_to({partition: targets[partition] for partition in self._scan.partitions})
        expected: defaultdict[int, dict[PageName, ExpectedPage]] = defaultdict(dict)
        for name, page in self._ledger.oracle.pages(snapshots.__contains__):
            expected[name.slot][name] = page
        return {slot: _compare(expected[slot], snapshots[slot], self._settings) for slot in slots}

    def _report(self, results: dict[int, _Result], not_applied: int, shown: int) -> Report:
        outcomes = dict(self._ledger.oracle.outcomes)
        accepted = outcomes.pop("accepted", 0)
        differences = [difference for result in results.values() for difference in result.differences]
        return Report(
            interactions=accepted + sum(outcomes.values()),
            rejected=outcomes,
            not_applied=not_applied,
            pages_compared=sum(result.pages for result in results.values()),
            rows_compared=sum(result.rows for result in results.values()),
            rows_different=len(differences),
            pages_unknown=sum(result.unknown for result in results.values()),
            unsettled=sum(result.unseen for result in results.values()),
            differences=differences[:shown],
        )


def _compare(expected: dict[PageName, ExpectedPage], snapshot: Snapshot, settings: Settings) -> _Result:
    result = _Result()
    for name, page in expected.items():
        if name not in snapshot.pages:
            result.unseen += 1
            continue
        compared, differences = compare_page(
            name,
            page,
            snapshot.pages[name],
            settings.windows,
            engaged=settings.engaged_windows,
            text_ttl_days=settings.text_ttl_days,
        )
        result.pages += 1
        result.rows += compared
        result.differences += differences
    for name, found in snapshot.pages.items():
        if found and name not in expected:
            result.unknown += 1
            result.rows += 1
            result.differences.append(unknown_page(name, found))
    return result
