"""The engagement table of one partition: exact rows in Redis, and the rows that changed in the aggregate topics.

A slice is folded in memory while the one before it is being applied. One atomic script a slot compares the mark that we
believe in with the one in force; where they differ another writer was there (or Redis is another one): FencedError.
Whoever drives the table then opens a new one and seeks to the position that `open` gives.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Any

from redis.asyncio import Redis

from pipeline import metrics
from pipeline.clock import Clock, steady_clock
from pipeline.counting.changes import take_changes
from pipeline.counting.comments import CommentChange, touched_comments, waits_ms
from pipeline.counting.fold import Fold, Folded, Placed
from pipeline.counting.live import LivePage
from pipeline.counting.members import hash_id, is_only_state
from pipeline.crash_points import crash_points
from pipeline.errors import FencedError
from pipeline.publishing.closing import watermark_ms
from pipeline.publishing.outlet import Outlet
from pipeline.publishing.queue import Queue, Waiting
from pipeline.settings import Settings
from pipeline.store.checkpoint import Mark, check_marks, read_marks
from pipeline.store.directory import CLAIM, write_directory
from pipeline.store.keys import Keys
from pipeline.store.script import Call, Changing, Script, SlotChange
from pipeline.store.shelf import Shelf
from pipeline.store.texts import mark_of
from pipeline.table.batch import Batch, Record
from pipeline.table.former import FormerSlots
from pipeline.table.intake import Intake, Refusal, place, take_in
from pipeline.table.publication import Closes, Collector, Publication
from pipeline.table.side import SideWay
from pipeline.table.telling import Telling
from pipeline.table.watching import Round, Watching

DAY_MS = 86_400_000
#: A partition without a record for so long is quiet: its windows close by the wall clock.
QUIET_MS = 2_000
#: The same where Kafka said that there is more: offsets that no record has (markers of transactions) never come.
STALLED_MS = 60_000


class Table:
    """Takes batches of one partition in order. `position` is the next offset to take; `published_to` where to go back
    to after a loss of memory: everything below it is applied and published."""

    def __init__(
        self,
        partition: int,
        partitions: int,
        settings: Settings,
        redis: Redis,
        outlet: Outlet,
        clock: Clock,
        steady: Clock = steady_clock,
    ) -> None:
        self.partition = partition
        self.partitions = partitions
        self.settings = settings
        self.redis = redis
        self.outlet = outlet
        self.clock = clock
        self.steady = steady
        self.crash = crash_points(settings.crash_at)
        self.keys = Keys(settings.key_prefix)
        self.windows = settings.windows
        self.shelf = Shelf(self.keys, settings.windows, settings.cache_entries)
        self.fold = Fold(settings.windows, settings.engaged_windows.finest_ms)
        self.script = Script(redis, self.keys, settings)
        self.former = FormerSlots(redis, self.keys, partition, partitions)
        self.side = SideWay(settings, outlet, partition, partitions, clock)
        self.collector = Collector(settings, redis, self.keys, self.shelf)
        self.watching = Watching(settings, redis, self.keys, self.shelf)
        self.marks: dict[int, Mark] = {}
        self.position = 0
        self.published_to = 0
        self.lag = 0
        self.newest_event_ms = 0
        #: Of the newest publication, also a former owner's: what was told as final stays so.
        self.told_ms = 0
        # Of the steady clock: an hour that the wall clock is set back is no hour without publications.
        self.last_taken_ms = self.last_published_ms = steady()
        self.lock = asyncio.Lock()
        self._publishing = asyncio.Lock()
        self._pending: asyncio.Task[None] | None = None
        self._dirty: dict[str, LivePage] = {}
        self.queue = Queue(redis, self.keys)
        self.telling = Telling(settings, outlet, partition, self.queue)
        self._day = clock() // DAY_MS

    async def open(self, committed: int | None) -> int:
        """Read the marks; gives the position to seek to: the smallest of Kafka's committed offset (published up to), of
        what the slots say of the same, and of their applied offsets (counted up to). Raises StateError for a layout or
        windows that are not ours."""
        self.crash.reach("before-open")
        await self.script.load()
        await CLAIM.load(self.redis)
        self.marks = await read_marks(self.redis, self.keys, self.script.retention, self.partition, self.partitions)
        await self._claim()
        await self.former.open(committed or 0)
        # Never ahead of the clock: another owner's may have been.
        self.told_ms = min(self.clock(), max(mark.watermark_ms for mark in self.marks.values()))
        await self.watching.open({slot: min(self.clock(), mark.watermark_ms) for slot, mark in self.marks.items()})
        published_to = min(mark.published for mark in self.marks.values())
        self.position = self.published_to = min(committed or 0, published_to, self.applied_to)
        self.crash.reach("after-open")
        return self.position

    async def _claim(self) -> None:
        """A version of our own, in every slot in which something was counted: whoever wrote there before is fenced. And
        what we tell before we count beats what was told in a life of Redis that is lost, of which this one knows
        nothing."""
        await self._run([self._advance(slot, 0, None) for slot, mark in self.marks.items() if mark.version])

    @property
    def applied_to(self) -> int:
        """The smallest applied offset of the slots, and of former slots the smallest that is settled."""
        applied = min(mark.offset for mark in self.marks.values())
        return applied if self.former.offset is None else min(applied, self.former.offset)

    async def take(self, batch: Batch) -> None:
        """Count a batch. When it returns, its last slice may still be on its way to Redis: `publish` waits for it."""
        async with self.lock:
            size = self.settings.slice_events
            for start in range(0, len(batch.records), size):
                await self._take_slice(batch.records[start : start + size])
            self.last_taken_ms = self.steady()
            self.lag = max(0, batch.highwater - self.position)

    async def publish(self) -> int:
        """Publish what changed; gives the offset up to which everything is applied and published."""
        async with self._publishing:
            began = perf_counter()
            async with self.lock:
                await self.settle()
                steady_ms, published_to = self.steady(), self.position
                # To be judged is what we have counted ourselves: of a slot that fell back rows are still to come.
                judged_ms = watermark_ms(self.newest_event_ms, self.clock(), quiet=self._is_quiet())
                at_ms = max(judged_ms, min(self.told_ms, self.clock()))
                dirty, self._dirty = self._dirty, {}
                waiting = self.queue.take()
                self.shelf.held = frozenset(dirty)
                publication = Publication()
                try:
                    await self.collector.collect(publication, dirty.values(), self.marks, at_ms)
                    watched = await self.watching.look(
                        dirty.values(), waiting.values(), judged_ms, catching_up=self.lag > self.settings.fetch_events
                    )
                except BaseException:
                    # Who stops publishes once more, and would acknowledge what nobody was told.
                    self._give_back(publication, dirty, waiting)
                    raise
            self.crash.reach("before-rows")
            try:
                await self.telling.rows_and_queue(publication, waiting)
            except BaseException:
                self._give_back(publication, dirty, waiting)
                raise
            finally:
                self.shelf.held = frozenset()
            try:
                async with self.lock:
                    await self.settle()
                    await self._write(publication.open, watched, self.position, published_to, at_ms)
                    self.crash.reach("after-marks")
                    await self._forget_yesterday()
                    self.shelf.shrink()
            except FencedError:
                await self.telling.correct(waiting)
                raise
            await self._send_alerts()
            self.crash.reach("after-publication")
            self.published_to = published_to
            self.last_published_ms = steady_ms
            metrics.PUBLISH_SECONDS.observe(perf_counter() - began)
            return published_to

    def _give_back(self, publication: Publication, dirty: dict[str, LivePage], waiting: dict[str, Waiting]) -> None:
        """What could not be told is still to be told."""
        publication.give_back()
        self.queue.give_back(waiting)
        self._dirty = dirty | self._dirty

    async def close(self) -> None:
        """Let a slice on its way arrive or fail; nothing is published any more."""
        if self._pending is not None:
            await asyncio.wait([self._pending])

    async def _take_slice(self, records: Sequence[Record]) -> None:
        began = perf_counter()
        future_limit_ms = self.settings.future_limit_s * 1000
        intake = take_in(records, self.shelf, self.marks, future_limit_ms, copies_come=self.former.has_grown)
        intake.misplaced = self.former.still_to_send(intake.misplaced)
        self.crash.reach("after-decode")
        if intake.missing:
            await self.shelf.load(self.redis, intake.missing)
        self.crash.reach("after-load")
        for placed in (*intake.replayed, *intake.copies):
            self._publish_again(placed)
        folded = self.fold.fold(
            intake.placed, intake.plain, intake.places, lambda position: place(records[position], self.shelf)
        )
        refusals = intake.refusals
        others_posts = [intake.records[i] for i in folded.refused] + [records[i] for i in folded.refused_plain]
        refusals += [Refusal(record, "post_of_another_account") for record in others_posts]
        self.shelf.settle(folded.touched)
        calls = self._calls(folded, records[-1].offset + 1)
        metrics.FOLD_SECONDS.observe(perf_counter() - began)
        self.crash.reach("after-fold")
        await self.settle()
        self._pending = asyncio.create_task(self._apply(intake, folded, refusals, calls, records))
        # A table that is given up meanwhile settles no more, and its error, which nobody saw, would end the worker when
        # the collector comes. Whoever goes on begins where Redis is, and comes to the same error if it is one of ours.
        self._pending.add_done_callback(lambda task: task.cancelled() or task.exception())
        self.position = records[-1].offset + 1
        # Let the task send its scripts before the next slice takes the processor.
        await asyncio.sleep(0)

    def _calls(self, folded: Folded, next_offset: int) -> list[Call]:
        """One call for each slot with a change. The other slots' offsets follow at the next publication: until then
        they are merely read again after a crash, for nothing of theirs lies in between."""
        changes: dict[int, SlotChange] = {}
        for page in folded.touched:
            self.newest_event_ms = max(self.newest_event_ms, page.last_ms)
            change = changes.get(page.slot)
            if change is None:
                change = changes[page.slot] = self.script.change(page.slot)
            self.script.add_page(change, page, take_changes(page, self.windows))
            if page.dirty:
                self._dirty[page.key] = page
        for account, comments in self._by_account(folded.comments).items():
            change = changes.setdefault(account.slot, self.script.change(account.slot))
            self.script.talk.add_comments(change, account, comments)
        return [self._advance(slot, next_offset, change) for slot, change in changes.items()]

    def _by_account(self, comments: list[CommentChange]) -> dict[LivePage, list[CommentChange]]:
        """The comments of each account's page; from now on they are to be published as they are."""
        by_account: dict[LivePage, list[CommentChange]] = {}
        for one in comments:
            post = one.post
            account = self.shelf.pages[f"{post.platform}:{post.account}"]
            by_account.setdefault(account, []).append(one)
            self.queue.put(post, one.mark, one.waits_ms)
        return by_account

    def _advance(
        self, slot: int, next_offset: int, change: SlotChange | None, published_to: int = 0, told_ms: int = 0
    ) -> Call:
        believed = self.marks[slot]
        following = Mark(
            max(next_offset, believed.offset),
            max(believed.version + 1, self.clock()),
            published=max(published_to, believed.published),
            watermark_ms=told_ms or believed.watermark_ms,
        )
        self.marks[slot] = following
        return Call(slot, believed, following, change)

    async def _apply(
        self, intake: Intake, folded: Folded, refusals: list[Refusal], calls: list[Call], records: Sequence[Record]
    ) -> None:
        """1. Refused and misplaced records go their way. 2. The directory. 3. The scripts. A crash after 1 or 2 repeats
        them, harmlessly; after 3 the slice is counted and its records are below the applied offset."""
        if refusals or intake.misplaced:
            self.crash.reach("before-refusals")
            await self.side.send(refusals, intake.misplaced)
            self.crash.reach("after-refusals")
        if intake.missing:
            await write_directory(self.redis, self.keys, intake.missing, self.script.ttl_s, self.clock)
            self.crash.reach("after-directory")
        began = perf_counter()
        self.crash.reach("before-scripts")
        if self.crash.is_due("after-engaged"):
            await self.script.run(self.partition, calls, only_engaged=True)
            self.crash.die("after-engaged")
        if self.crash.is_due("between-scripts"):
            await self._run(calls[: len(calls) // 2])
            self.crash.die("between-scripts")
        await self._run(calls)
        self.crash.reach("after-scripts")
        now_ms = self.clock()
        metrics.APPLY_SECONDS.observe(perf_counter() - began)
        metrics.SLICE_EVENTS.observe(len(records))
        metrics.FRESH_RECEIVED_SECONDS.observe(max(0, now_ms - records[0].timestamp) / 1000)
        if intake.last_ms:
            metrics.FRESH_EVENT_SECONDS.observe(max(0, now_ms - intake.last_ms) / 1000)
        for outcome, number in (
            ("applied", folded.applied), ("unchanged", folded.unchanged), ("late", folded.late),
            ("replayed", len(intake.replayed)),
        ):  # fmt: skip
            metrics.INTERACTIONS.labels(outcome).inc(number)
        metrics.PAGES.labels("loaded").inc(len(intake.missing))
        metrics.PAGES.labels("cached").inc(len(folded.touched))

    async def _run(self, calls: list[Call]) -> None:
        answers: list[Any] = await self.script.run(self.partition, calls)
        for call, answer in zip(calls, answers, strict=True):
            if answer != 1:
                metrics.FENCES.inc()
                raise FencedError(f"slot {call.slot} of partition {self.partition} {call.why_fenced(answer)}")

    async def settle(self) -> None:
        """Wait for the slice on its way; raises what became of it, to everybody who asks: what is in memory from then
        on is not in Redis, and must not be published by who waited for the lock meanwhile."""
        if self._pending is not None:
            await self._pending
            self._pending = None

    @property
    def has_failed(self) -> bool:
        """Whether the slice that was on its way did not arrive: the table is to be recovered."""
        return self._pending is not None and self._pending.done() and self._pending.exception() is not None

    def _publish_again(self, placed: Placed) -> None:
        """A record that was applied before a restart, perhaps not published: mark the rows that it can have changed.

        Where a state of its page was ever overwritten it may have moved a count out of a window that we cannot name any
        more: then all rows of the page."""
        interaction, account, post = placed
        replies = interaction.kind == "comment" and (interaction.own or interaction.parent is not None)
        only = (
            post is not None
            and interaction.kind != "totals"
            and not replies  # it may have changed the rows of those that it replies to
            and is_only_state(post.members, post.entries, interaction)
        )
        # A record of another kind may have replaced a comment of its id, or a reply: known only where nothing ever was.
        if post is not None and (interaction.kind == "comment" or (interaction.kind != "totals" and not only)):
            for comment in touched_comments(post, hash_id(interaction.id)):
                self.queue.put(post, mark_of(comment), waits_ms(post, comment))
        codes = self.windows.codes(interaction.time_ms)
        for page in (account, post):
            # What is not in Redis any more cannot be told again: it was lost since, as the next script finds.
            if page is not None and not page.new:
                page.dirty = page.dirty | {code: None for code in (codes if only else page.rows) if code in page.rows}
                self._dirty[page.key] = page

    async def _send_alerts(self) -> None:
        """Alerts that are written go out, also those that another owner left behind; then they are no longer kept."""
        outbox = self.watching.outbox
        if not outbox:
            return
        await self.telling.alerts(outbox)
        self.crash.reach("after-alerts")
        async with self.lock:
            await self.settle()
            changes = Changing(self.script)
            self.watching.write_sent(outbox, changes.of)
            await self._run([self._advance(slot, 0, change) for slot, change in changes.items()])
            self.watching.sent(outbox)

    async def _write(
        self, open_: list[Closes], watched: Round, next_offset: int, published_to: int, at_ms: int
    ) -> None:
        """Every slot's offsets, the watermark, the next closing times, and what the rules said."""
        changes = Changing(self.script)
        for slot, reference, closes_ms, due in open_:
            if closes_ms is None:
                changes.of(slot).closed(reference)
            else:
                changes.of(slot).close_at(reference, closes_ms, earlier_only=not due)
        self.watching.write(watched, changes.of)
        behind = [s for s, mark in self.marks.items() if s in changes or mark.is_behind(next_offset, published_to)]
        if behind:
            self.told_ms = max(self.told_ms, at_ms)
            calls = [self._advance(slot, next_offset, changes.get(slot), published_to, self.told_ms) for slot in behind]
            if self.crash.is_due("between-marks"):
                await self._run(calls[: len(calls) // 2])
                self.crash.die("between-marks")
            await self._run(calls)
        else:
            # Nothing to write, so no script would find out that Redis fell back: a replica that was behind took over.
            retention = self.script.retention
            await check_marks(self.redis, self.keys, retention, self.partition, self.partitions, self.marks)
        await self.former.advance(next_offset)
        self.watching.done(watched)

    def _is_quiet(self) -> bool:
        """Whether nothing arrives any more, so that time passes by the clock. Where there is more to read and it does
        not come (Kafka is away, or was a moment ago) the clock knows nothing."""
        return self.steady() - self.last_taken_ms > (STALLED_MS if self.lag else QUIET_MS)

    async def _forget_yesterday(self) -> None:
        """Once a day: pages are loaded anew, which renews their lifetime, so that none has run out in Redis meanwhile.
        Those that cannot be let go now (changed, not yet published) are renewed as they are."""
        today = self.clock() // DAY_MS
        if today != self._day:
            self._day = today
            self.shelf.let_go_all()
            for page in self.shelf.pages.values():
                page.renewed = page.engaged_renewed = False
            await write_directory(self.redis, self.keys, self.shelf.pages.values(), self.script.ttl_s, self.clock)


#: Makes a table for a partition.
TableMaker = Callable[[int], Table]
