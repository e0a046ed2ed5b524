"""The shelf: the pages of one partition that are in memory, least recently used first, and their loading.

Misses of a slice are loaded together, in two pipelined round trips. What is dirty (changed, not yet published) or held
(being published) is never let go: a page loaded anew must never stand beside a changed one.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping

from msgspec import MsgspecError
from redis.asyncio import Redis

from pipeline.counting.live import LivePage
from pipeline.counting.page import PageParts, parse_page
from pipeline.errors import StateError
from pipeline.store.keys import Keys
from pipeline.store.round_trip import round_trip
from pipeline.windows import Windows

#: Pages that are loaded together: a round trip has its time, whatever number of new pages a slice brings.
AT_ONCE = 10_000


class Shelf:
    """Pages by key: an account's is `platform:account`, a post's `slot|platform:post`."""

    def __init__(self, keys: Keys, windows: Windows, most_entries: int) -> None:
        self.keys = keys
        self.windows = windows
        self.most_entries = most_entries
        #: What it may keep in any case. Beyond it, what the shelves beside it leave: `others` is what they hold.
        self.share = most_entries * 9 // 10
        self.others: Callable[[], int] = lambda: 0
        self.pages: dict[str, LivePage] = {}
        self.entries = 0
        #: Keys of pages that are being published.
        self.held: frozenset[str] = frozenset()

    def account(self, platform: str, account: str, slot: int) -> LivePage:
        """An empty page for an account that is not in memory; still to be loaded."""
        key = f"{platform}:{account}"
        page = self.pages[key] = LivePage("account", platform, account, slot, key)
        return page

    def post(self, key: str, platform: str, post: str, slot: int) -> LivePage:
        """An empty page for a post that is not in memory; still to be loaded."""
        page = self.pages[key] = LivePage("post", platform, post, slot, key)
        return page

    async def load(self, redis: Redis, pages: list[LivePage]) -> None:
        """Fill these pages from Redis: their hashes in one round trip, and in a second one what else those posts have
        that are there at all; `AT_ONCE` of them at a time. Whoever writes in between makes our next script a fenced
        one. Raises StateError where a page cannot be read."""
        for start in range(0, len(pages), AT_ONCE):
            await self._load(redis, pages[start : start + AT_ONCE])

    async def _load(self, redis: Redis, pages: list[LivePage]) -> None:
        pipe = redis.pipeline(transaction=False)
        for page in pages:
            pipe.execute_command("HGETALL", self.keys.page(page.slot, page.reference))
        hashes = await round_trip(pipe)
        there = [page for page, found in zip(pages, hashes, strict=True) if found and page.entity == "post"]
        for page in there:
            place = (page.slot, page.platform, page.id)
            pipe.execute_command("MGET", self.keys.members(*place), self.keys.threads(*place))
        blobs = dict(zip(there, await round_trip(pipe) if there else (), strict=True))
        for page, found in zip(pages, hashes, strict=True):
            members, links = blobs.get(page, (None, None))
            page.fill(self._parse(page, found), members, links, exists=bool(found))

    def _parse(self, page: LivePage, found: Mapping[bytes, bytes]) -> PageParts:
        try:
            return parse_page({name.decode(): text.decode() for name, text in found.items()}, self.windows)
        except (ValueError, struct.error, MsgspecError) as error:
            raise StateError(
                f"{self.keys.page(page.slot, page.reference)} cannot be read ({error}); expected the fields of "
                "docs/redis.md: restore it, or count anew into an empty Redis or another TWOWAY_KEY_PREFIX"
            ) from error

    def settle(self, touched: list[LivePage]) -> None:
        """After a slice: the touched pages are the most recently used."""
        pages = self.pages
        for page in touched:
            del pages[page.key]
            pages[page.key] = page
            weight = len(page.members) + len(page.rows) + (len(page.threads.links) if page.threads else 0)
            self.entries += weight - page.weight
            page.weight = weight
        self.shrink()

    def shrink(self) -> None:
        """Let go of the oldest over the limit: what is dirty goes after its publication."""
        if self.entries > self.share and self.entries + self.others() > self.most_entries:
            # Down to nine tenths, so that the walk over the pages is rare.
            self._let_go(max(self.share, self.most_entries * 9 // 10 - self.others()))

    def let_go_all(self) -> None:
        """Let go of every page that can be let go."""
        self._let_go(-1)

    def _let_go(self, goal: int) -> None:
        """Drop pages, least recently used first, until no more than `goal` entries are left."""
        for key, page in list(self.pages.items()):
            if self.entries <= goal:
                return
            if not page.dirty and not page.touched and key not in self.held:
                del self.pages[key]
                self.entries -= page.weight
