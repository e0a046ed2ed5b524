"""The engagement table of one partition: exact rows in Redis, and the rows that changed in the aggregate topics.

A slice is folded in memory while the one before it is being applied (`writer.py`). What it changed is noted for the
publisher. After a FencedError whoever drives the table opens a new one and seeks to the position that `open` gives.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from time import perf_counter

from redis.asyncio import Redis

from pipeline import metrics
from pipeline.clock import Clock, steady_clock
from pipeline.counting.changes import take_changes
from pipeline.counting.comments import CommentChange, touched_comments, waits_ms
from pipeline.counting.fold import Fold, Folded, Placed
from pipeline.counting.live import LivePage
from pipeline.counting.members import hash_id, is_only_state
from pipeline.crash_points import crash_points
from pipeline.publishing.outlet import Outlet
from pipeline.settings import Settings
from pipeline.store.directory import CLAIM, write_directory
from pipeline.store.keys import Keys
from pipeline.store.script import Call, SlotChange
from pipeline.store.shelf import Shelf
from pipeline.store.texts import mark_of
from pipeline.table.batch import Batch, Record
from pipeline.table.former import FormerSlots
from pipeline.table.intake import Intake, Refusal, place, take_in
from pipeline.table.progress import Progress
from pipeline.table.publisher import Publisher
from pipeline.table.side import SideWay
from pipeline.table.writer import Writer


class Table:
    """Takes batches of one partition in order, and publishes what they changed."""

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
        self.crash = crash_points(settings.crash_at)
        self.keys = keys = Keys(settings.key_prefix)
        self.windows = settings.windows
        self.progress = Progress(settings, clock, steady)
        self.shelf = Shelf(keys, settings.windows, settings.cache_entries)
        self.fold = Fold(settings.windows, settings.engaged_windows.finest_ms)
        self.writer = Writer(settings, redis, keys, partition, partitions, clock)
        self.former = FormerSlots(redis, keys, partition, partitions)
        self.side = SideWay(settings, outlet, partition, partitions, clock)
        self.publisher = Publisher(settings, outlet, self.shelf, self.writer, self.former, self.progress)

    async def open(self, committed: int | None) -> int:
        """Read the marks; gives the position to seek to: the smallest of Kafka's committed offset (published up to), of
        what the slots say of the same, and of their applied offsets (counted up to). Raises StateError for a layout or
        windows that are not ours."""
        self.crash.reach("before-open")
        await self.writer.script.load()
        await CLAIM.load(self.redis)
        await self.writer.open()
        await self.former.open(committed or 0)
        await self.publisher.open()
        published_to = min(mark.published for mark in self.writer.marks.values())
        position = min(committed or 0, published_to, self.applied_to)
        self.progress.position = self.progress.published_to = position
        self.crash.reach("after-open")
        return position

    @property
    def applied_to(self) -> int:
        """The smallest applied offset of the slots, and of former slots the smallest that is settled."""
        applied = self.writer.applied_to
        return applied if self.former.offset is None else min(applied, self.former.offset)

    async def take(self, batch: Batch) -> None:
        """Count a batch. When it returns, its last slice may still be on its way to Redis: `publish` waits for it."""
        async with self.writer.lock:
            size = self.settings.slice_events
            for start in range(0, len(batch.records), size):
                await self._take_slice(batch.records[start : start + size])
            self.progress.taken(batch.highwater)

    async def publish(self) -> int:
        """Publish what changed; gives the offset up to which everything is applied and published."""
        return await self.publisher.publish()

    async def close(self) -> None:
        """Let a slice on its way arrive or fail; nothing is published any more."""
        await self.writer.close()

    async def _take_slice(self, records: Sequence[Record]) -> None:
        began = perf_counter()
        future_limit_ms = self.settings.future_limit_s * 1000
        intake = take_in(records, self.shelf, self.writer.marks, future_limit_ms, copies_come=self.former.has_grown)
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
        await self.writer.settle()
        self.writer.send(self._apply(intake, folded, refusals, calls, records))
        self.progress.position = records[-1].offset + 1
        # Let the task send its scripts before the next slice takes the processor.
        await asyncio.sleep(0)

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
                self.publisher.queue.put(post, mark_of(comment), waits_ms(post, comment))
        codes = self.windows.codes(interaction.time_ms)
        for page in (account, post):
            # What is not in Redis any more cannot be told again: it was lost since, as the next script finds.
            if page is not None and not page.new:
                page.dirty = page.dirty | {code: None for code in (codes if only else page.rows) if code in page.rows}
                self.publisher.changed[page.key] = page

    def _calls(self, folded: Folded, next_offset: int) -> list[Call]:
        """One call for each slot with a change. The other slots' offsets follow at the next publication: until then
        they are merely read again after a crash, for nothing of theirs lies in between."""
        progress, script, changed = self.progress, self.writer.script, self.publisher.changed
        changes: dict[int, SlotChange] = {}
        for page in folded.touched:
            progress.newest_event_ms = max(progress.newest_event_ms, page.last_ms)
            change = changes.get(page.slot)
            if change is None:
                change = changes[page.slot] = script.change(page.slot)
            script.add_page(change, page, take_changes(page, self.windows))
            if page.dirty:
                changed[page.key] = page
        for account, comments in self._by_account(folded.comments).items():
            change = changes.setdefault(account.slot, script.change(account.slot))
            script.talk.add_comments(change, account, comments)
        return [self.writer.advance(slot, next_offset, change) for slot, change in changes.items()]

    def _by_account(self, comments: list[CommentChange]) -> dict[LivePage, list[CommentChange]]:
        """The comments of each account's page; from now on they are to be published as they are."""
        by_account: dict[LivePage, list[CommentChange]] = {}
        for one in comments:
            post = one.post
            account = self.shelf.pages[f"{post.platform}:{post.account}"]
            by_account.setdefault(account, []).append(one)
            self.publisher.queue.put(post, one.mark, one.waits_ms)
        return by_account

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
            await write_directory(self.redis, self.keys, intake.missing, self.writer.script.ttl_s, self.clock)
            self.crash.reach("after-directory")
        began = perf_counter()
        self.crash.reach("before-scripts")
        if self.crash.is_due("after-engaged"):
            await self.writer.script.run(self.partition, calls, only_engaged=True)
            self.crash.die("after-engaged")
        if self.crash.is_due("between-scripts"):
            await self.writer.run(calls[: len(calls) // 2])
            self.crash.die("between-scripts")
        await self.writer.run(calls)
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
