"""Explains a row: reads the slot's partition of `interactions` two or three times, then `interactions.rejected`.

Redis is looked at first, page and applied offset in one transaction; what lies behind that offset is only `waiting`.
So the sums of the rest must be the row's, while traffic flows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from redis.exceptions import RedisError

from pipeline.access.redis import redis_away
from pipeline.errors import QueryError, UnavailableError
from pipeline.explaining.answer import Explanation
from pipeline.explaining.engaged import EngagedActors, engaged_code
from pipeline.explaining.gate import Gate, Taken, Target
from pipeline.explaining.objects import ANSWERED
from pipeline.explaining.polled import PolledTotals
from pipeline.explaining.rejections import Rejections
from pipeline.explaining.replies import Answers, Links, Replies
from pipeline.explaining.sorting import Decisions, Relevant, Sorter, check_number
from pipeline.explaining.verdicts import Evidence, column_sums, reply_times_sum
from pipeline.proving.expected import PageName
from pipeline.proving.snapshot import Snapshot, SnapshotReader
from pipeline.reading import Reader
from pipeline.scan import TopicScan, open_scan
from pipeline.settings import Settings
from pipeline.store.connect import connect_redis
from pipeline.store.keys import Keys
from pipeline.windows import ALL, Windows
from schemas.engagement import Entity
from schemas.topics import INTERACTIONS, REJECTED

LIMIT = 10
LIMIT_MAX = 10_000

#: Called with the records read so far and those there are to read.
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Question:
    """Which page, which of its windows (`all`, or the name of a row such as `1h:2026-11-23T09`), and how many
    interactions of each outcome and column are listed. `account` None: the post's account is looked up."""

    entity: Entity
    platform: str
    id: str
    account: str | None = None
    window: str = "all"
    limit: int = LIMIT


async def explain(settings: Settings, question: Question, progress: Progress | None = None) -> Explanation:
    """Raises NotFoundError for a page that Redis does not know, QueryError for a window that is none and for more
    objects than fit into memory, UnavailableError without Kafka or Redis."""
    code = window_code(settings.windows, question.window)
    if not 0 <= question.limit <= LIMIT_MAX:
        raise QueryError(f"limit is {question.limit}; expected 0 to {LIMIT_MAX}")
    target = await _target(settings, question, code)
    actors_code = engaged_code(settings.engaged_windows, question.entity, question.window)
    snapshot = await _snapshot(settings, target, actors_code)
    async with open_scan(settings, INTERACTIONS.name) as scan:
        readings = _Readings(settings, target, snapshot.applied, scan, progress)
        await readings.open()
        found = await readings.run(question.limit)
    rejections = Rejections(target, question.limit)
    await _read_rejected(settings, rejections)
    (page,) = snapshot.pages.values()
    evidence = Evidence(bool(readings.cut), found.decisions.first_ms)
    sorter = found.sorter
    standing = {**sorter.counts["standing"], ANSWERED: found.answers.count}
    return Explanation(
        entity=target.entity,
        platform=target.platform,
        id=target.id,
        account=target.account,
        window=question.window,
        start_ms=target.window.start_ms,
        end_ms=target.window.end_ms,
        columns=column_sums(standing, page, code, settings.windows, evidence),
        reply_times=reply_times_sum(found.answers.times, page, code, settings.windows, evidence),
        engaged=None
        if actors_code is None
        else found.engaged.beside(page, actors_code, settings.engaged_windows, evidence),
        polled=found.polled.beside(page, target.platform, target.id, settings.windows, evidence) if code == ALL else [],
        counts={outcome: dict(columns) for outcome, columns in sorter.counts.items() if columns},
        late=sorter.late,
        interactions=found.answers.beside(sorter.listed()),
        rejected=dict(rejections.reasons),
        rejected_records=rejections.listed(),
        begins=readings.cut,
        read=readings.read,
    )


def window_code(windows: Windows, name: str) -> int:
    """The code of `all`, or of a row's name as a page has it. Raises QueryError."""
    if name == "all":
        return ALL
    try:
        code = windows.code(name)
    except (ValueError, OverflowError):
        code = None
    if code is None:
        names = [f"{size.name}:..." for size in windows.sizes]
        raise QueryError(
            f"window is {name[:100]!r}; expected all, or a size and its start in UTC such as '1m:2026-11-23T09:24', "
            f"'1h:2026-11-23T09' or '1d:2026-11-23', of {', '.join(names)}"
        )
    return code


async def _target(settings: Settings, question: Question, code: int) -> Target:
    async with Reader.connect(settings) as reader:
        if question.entity == "account":
            item = await reader.account(question.platform, question.id)
        else:
            item = await reader.post(question.platform, question.id, question.account)
    owner = item.account or question.account or question.id
    if question.account not in {None, owner}:
        raise QueryError(f"account is {question.account!r}; expected {owner!r}, which the post was counted for")
    return Target(question.entity, question.platform, question.id, owner, settings.windows.window(code))


async def _snapshot(settings: Settings, target: Target, actors_code: int | None) -> Snapshot:
    client = connect_redis(settings, timeout_s=60, decode=True, retries=True)
    try:
        name = PageName(target.slot, target.entity, target.platform, target.id)
        reader = SnapshotReader(client, Keys(settings.key_prefix), settings.engaged_windows)
        return await reader.take(target.slot, {name: () if actors_code is None else (actors_code,)})
    except RedisError as error:
        raise UnavailableError(redis_away(client, error)) from error
    finally:
        await client.aclose()


@dataclass(frozen=True)
class _Found:
    """What the readings gave."""

    decisions: Decisions
    sorter: Sorter
    answers: Answers
    engaged: EngagedActors
    polled: PolledTotals


class _Readings:
    """Reads the partitions that hold or held the slot, as often as it takes, up to where they ended at the start."""

    def __init__(
        self,
        settings: Settings,
        target: Target,
        applied: Mapping[int, int],
        scan: TopicScan,
        progress: Progress | None,
    ) -> None:
        self._target = target
        self._applied = applied
        self._scan = scan
        self._progress = progress
        self._future_limit_ms = settings.future_limit_s * 1000
        self._finest_kept_ms = settings.windows.sizes[0].kept_ms
        self._home = target.slot % len(scan.partitions)
        self._total = 0
        self.read = 0
        #: Partition -> first offset that is left, where older ones are deleted.
        self.cut: dict[int, int] = {}

    async def open(self) -> None:
        """Look up where to begin and to end."""
        # Before partitions were added, other ones held the slot; its applied offsets name them.
        mine = {self._home, *(partition for partition in self._applied if partition in self._scan.partitions)}
        self._scan.only(mine)
        self._begins = {p: offset for p, offset in (await self._scan.beginnings()).items() if p in mine}
        self._ends = {p: offset for p, offset in (await self._scan.ends()).items() if p in mine}
        self.cut = {partition: offset for partition, offset in self._begins.items() if offset}

    async def run(self, limit: int) -> _Found:
        """All readings."""
        relevant = Relevant(self._target)
        start_ms = self._target.window.start_ms
        self._total = 2 * self._length(self._begins)
        if start_ms is not None:
            # What happened in a window cannot have been received earlier than the future allows.
            since = await self._scan.offsets_since(max(0, start_ms - self._future_limit_ms))
            begins = {partition: max(begin, since[partition]) for partition, begin in self._begins.items()}
            self._total += self._length(begins)
            await self._read(begins, relevant.take)
        decisions, links = Decisions(relevant.keys), Links(relevant.posts)
        await self._read(self._begins, decisions.take, links.take)
        sorter, replies = Sorter(self._target, decisions, self._finest_kept_ms, limit), Replies(links)
        engaged, polled = EngagedActors(self._target), PolledTotals(self._target)
        await self._read(self._begins, sorter.take, replies.take, engaged.take, polled.take)
        return _Found(decisions, sorter, Answers(self._target, decisions, replies), engaged, polled)

    async def _read(self, begins: Mapping[int, int], *takers: Callable[[Taken], None]) -> None:
        gate = Gate(self._target, self._applied, self._home, self._future_limit_ms)
        self._scan.start_at(begins)
        async for records in self._scan.read_to(self._ends):
            for record in records:
                if record.offset >= self._ends.get(record.partition, 0):
                    continue
                self.read += 1
                taken = gate.take(record)
                if taken is not None:
                    for take in takers:
                        take(taken)
            check_number(gate.remembered)
            if self._progress:
                self._progress(self.read, self._total)

    def _length(self, begins: Mapping[int, int]) -> int:
        return sum(self._ends[partition] - begin for partition, begin in begins.items())


async def _read_rejected(settings: Settings, rejections: Rejections) -> None:
    async with open_scan(settings, REJECTED.name) as scan:
        ends = await scan.ends()
        scan.start_at(await scan.beginnings())
        async for records in scan.read_to(ends):
            for record in records:
                rejections.take(record.value)
