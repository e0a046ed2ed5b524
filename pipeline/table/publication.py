"""One publication: what is to be sent and then written, and how it is collected. The order of the steps is the
publisher's."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from redis.asyncio import Redis

from pipeline.counting.live import LivePage
from pipeline.publishing.closing import Closing
from pipeline.publishing.record_batch import Batches
from pipeline.publishing.updates import Updates
from pipeline.settings import Settings
from pipeline.store.checkpoint import Mark
from pipeline.store.keys import Keys
from pipeline.store.round_trip import round_trip
from pipeline.store.shelf import Shelf
from pipeline.table.pages import page_of

#: Due pages taken from one slot at a time: what is left is due again a second later.
DUE_AT_ONCE = 500
#: What `open` has to say of a page: slot, reference, closes_ms or None, whether it was due.
Closes = tuple[int, str, int | None, bool]


@dataclass
class Publication:
    """What is to be sent, by entity, and what `open` has to say then."""

    posts: Batches = field(default_factory=Batches)
    accounts: Batches = field(default_factory=Batches)
    open: list[Closes] = field(default_factory=list)
    pages: list[tuple[LivePage, dict[int, None]]] = field(default_factory=list)

    def give_back(self) -> None:
        """It could not be sent: its rows are to be published again; `open` does not know when their windows close."""
        for page, codes in self.pages:
            page.dirty = codes | page.dirty
            page.closes_ms = 0


class Collector:
    """Collects publications of one partition's pages."""

    def __init__(self, settings: Settings, redis: Redis, keys: Keys, shelf: Shelf) -> None:
        self.updates = Updates(settings.windows)
        self.closing = Closing(settings.windows, settings.grace_s * 1000)
        self.redis = redis
        self.keys = keys
        self.shelf = shelf

    async def collect(
        self, publication: Publication, dirty: Iterable[LivePage], marks: dict[int, Mark], watermark_ms: int
    ) -> None:
        """Rows changed since the last publication, and rows of windows that the watermark has passed. Pages whose rows
        are in the publication are no longer dirty, also where it breaks off."""
        due = await self._due(marks, watermark_ms)
        for page in dirty:
            since_ms = due.pop(page.reference, (0, page))[0]
            self._add(publication, page, page.dirty, marks[page.slot].version, watermark_ms, since_ms)
            page.dirty = {}
        for since_ms, page in due.values():
            self._add(publication, page, {}, marks[page.slot].version, watermark_ms, since_ms)

    def _add(
        self, out: Publication, page: LivePage, codes: dict[int, None], version: int, watermark_ms: int, due_ms: int
    ) -> None:
        """One page: `due_ms` is since when its windows wait to be closed, 0 where none is known to."""
        closed, soonest_ms = self.closing.sort_out(codes, watermark_ms)
        if due_ms:
            closed |= self.closing.closed_between(page, due_ms, watermark_ms)
            soonest_ms = self.closing.next_close_ms(page, watermark_ms)
        records = out.posts if page.entity == "post" else out.accounts
        self.updates.of_page(page, codes.keys() | closed, version, closed, records)
        if codes:
            out.pages.append((page, codes))
        if due_ms or (soonest_ms is not None and not watermark_ms < page.closes_ms <= soonest_ms):
            out.open.append((page.slot, page.reference, soonest_ms, bool(due_ms)))
            page.closes_ms = soonest_ms or 0

    async def _due(self, marks: dict[int, Mark], watermark_ms: int) -> dict[str, tuple[int, LivePage]]:
        """Pages with a window that waits to be closed: reference -> (since when, page)."""
        pipe = self.redis.pipeline(transaction=False)
        for slot in marks:
            pipe.zrange(
                self.keys.open[slot], "-inf", watermark_ms, byscore=True, offset=0, num=DUE_AT_ONCE, withscores=True
            )
        due: dict[str, tuple[int, LivePage]] = {}
        missing = []
        for slot, answer in zip(marks, await round_trip(pipe), strict=True):
            for name, score in answer:
                page = page_of(self.shelf, slot, name.decode())
                due[page.reference] = (max(1, int(score)), page)
                if not page.loaded:
                    missing.append(page)
        if missing:
            await self.shelf.load(self.redis, missing)
        return due
