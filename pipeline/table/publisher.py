"""The publisher of one partition: at most once in `publish_s`, the rows that changed and the windows that closed, then
the marks.

1. Collect, with nothing in flight: changed rows and due windows, as of the slots' versions. No await on Kafka here.
2. Send and wait for all acknowledgements. A crash here: the input was not acknowledged, so it is read again and its
   pages are published again; due windows still stand in `open`.
3. Write `open` (next closing times) and every slot's offsets, what is applied and what is published. A crash here:
   finals are sent twice, which is harmless.
4. Only then the input is acknowledged: Kafka's committed offset means "published up to".
"""

from __future__ import annotations

import asyncio
from time import perf_counter

from pipeline import metrics
from pipeline.counting.live import LivePage
from pipeline.crash_points import crash_points
from pipeline.errors import FencedError
from pipeline.publishing.outlet import Outlet
from pipeline.publishing.queue import Queue, Waiting
from pipeline.settings import Settings
from pipeline.store.directory import write_directory
from pipeline.store.script import Changing
from pipeline.store.shelf import Shelf
from pipeline.table.former import FormerSlots
from pipeline.table.progress import Progress
from pipeline.table.publication import Closes, Collector, Publication
from pipeline.table.telling import Telling
from pipeline.table.watching import Round, Watching
from pipeline.table.writer import Writer

DAY_MS = 86_400_000


class Publisher:
    """Publishes what is noted here: in `changed` the pages with rows to tell, by their keys; in `queue` the comments
    whose waiting changed."""

    def __init__(
        self, settings: Settings, outlet: Outlet, shelf: Shelf, writer: Writer, former: FormerSlots, progress: Progress
    ) -> None:
        self.redis, self.keys, self.clock = redis, keys, clock = writer.redis, writer.keys, writer.clock
        self.shelf = shelf
        self.writer = writer
        self.former = former
        self.progress = progress
        self.crash = crash_points(settings.crash_at)
        self.changed: dict[str, LivePage] = {}
        self.queue = Queue(redis, keys)
        self.collector = Collector(settings, redis, keys, shelf)
        self.watching = Watching(settings, redis, keys, shelf)
        self.telling = Telling(settings, outlet, writer.partition, self.queue)
        self._publishing = asyncio.Lock()
        self._day = clock() // DAY_MS

    async def open(self) -> None:
        """Go on where the former owner was; call it after the marks were read."""
        marks = self.writer.marks
        # Never ahead of the clock: another owner's may have been.
        self.progress.told_ms = min(self.clock(), max(mark.watermark_ms for mark in marks.values()))
        await self.watching.open({slot: min(self.clock(), mark.watermark_ms) for slot, mark in marks.items()})

    async def publish(self) -> int:
        """Publish what changed; gives the offset up to which everything is applied and published."""
        progress, writer = self.progress, self.writer
        async with self._publishing:
            began = perf_counter()
            async with writer.lock:
                await writer.settle()
                steady_ms, published_to = progress.steady(), progress.position
                # To be judged is what we have counted ourselves: of a slot that fell back rows are still to come.
                judged_ms = progress.watermark_ms()
                at_ms = max(judged_ms, min(progress.told_ms, self.clock()))
                changed, self.changed = self.changed, {}
                waiting = self.queue.take()
                self.shelf.held = frozenset(changed)
                publication = Publication()
                try:
                    await self.collector.collect(publication, changed.values(), writer.marks, at_ms)
                    watched = await self.watching.look(
                        changed.values(), waiting.values(), judged_ms, catching_up=progress.is_catching_up
                    )
                except BaseException:
                    # Who stops publishes once more, and would acknowledge what nobody was told.
                    self._give_back(publication, changed, waiting)
                    raise
            self.crash.reach("before-rows")
            try:
                await self.telling.rows_and_queue(publication, waiting)
            except BaseException:
                self._give_back(publication, changed, waiting)
                raise
            finally:
                self.shelf.held = frozenset()
            try:
                async with writer.lock:
                    await writer.settle()
                    await self._write(publication.open, watched, progress.position, published_to, at_ms)
                    self.crash.reach("after-marks")
                    await self._forget_yesterday()
                    self.shelf.shrink()
            except FencedError:
                await self.telling.correct(waiting)
                raise
            await self._send_alerts()
            self.crash.reach("after-publication")
            progress.published_to = published_to
            progress.last_published_ms = steady_ms
            metrics.PUBLISH_SECONDS.observe(perf_counter() - began)
            return published_to

    def _give_back(self, publication: Publication, changed: dict[str, LivePage], waiting: dict[str, Waiting]) -> None:
        """What could not be told is still to be told."""
        publication.give_back()
        self.queue.give_back(waiting)
        self.changed = changed | self.changed

    async def _write(
        self, open_: list[Closes], watched: Round, next_offset: int, published_to: int, at_ms: int
    ) -> None:
        """Every slot's offsets, the watermark, the next closing times, and what the rules said."""
        progress, writer = self.progress, self.writer
        changes = Changing(writer.script)
        for slot, reference, closes_ms, due in open_:
            if closes_ms is None:
                changes.of(slot).closed(reference)
            else:
                changes.of(slot).close_at(reference, closes_ms, earlier_only=not due)
        self.watching.write(watched, changes.of)
        behind = [s for s, mark in writer.marks.items() if s in changes or mark.is_behind(next_offset, published_to)]
        if behind:
            told_ms = progress.told_ms = max(progress.told_ms, at_ms)
            calls = [writer.advance(slot, next_offset, changes.get(slot), published_to, told_ms) for slot in behind]
            if self.crash.is_due("between-marks"):
                await writer.run(calls[: len(calls) // 2])
                self.crash.die("between-marks")
            await writer.run(calls)
        else:
            # Nothing to write, so no script would find out that Redis fell back: a replica that was behind took over.
            await writer.check()
        await self.former.advance(next_offset)
        self.watching.done(watched)

    async def _forget_yesterday(self) -> None:
        """Once a day: pages are loaded anew, which renews their lifetime, so that none has run out in Redis meanwhile.
        Those that cannot be let go now (changed, not yet published) are renewed as they are."""
        today = self.clock() // DAY_MS
        if today != self._day:
            self._day = today
            self.shelf.let_go_all()
            for page in self.shelf.pages.values():
                page.renewed = page.engaged_renewed = False
            ttl_s = self.writer.script.ttl_s
            await write_directory(self.redis, self.keys, self.shelf.pages.values(), ttl_s, self.clock)

    async def _send_alerts(self) -> None:
        """Alerts that are written go out, also those that another owner left behind; then they are no longer kept."""
        outbox = self.watching.outbox
        if not outbox:
            return
        await self.telling.alerts(outbox)
        self.crash.reach("after-alerts")
        writer = self.writer
        async with writer.lock:
            await writer.settle()
            changes = Changing(writer.script)
            self.watching.write_sent(outbox, changes.of)
            await writer.run([writer.advance(slot, 0, change) for slot, change in changes.items()])
            self.watching.sent(outbox)
