"""The read side: every question about posts and accounts, asked of Redis, answered with typed results.

The API, the command line and the Python client all ask here; there is no second query.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from copy import copy
from dataclasses import replace
from typing import Any, Self

from pipeline.access.grants import EVERYTHING, Grant
from pipeline.clock import Clock, wall_clock
from pipeline.counting.page import PageView
from pipeline.errors import QueryError
from pipeline.insights import Insights, analyse
from pipeline.reading.alerts import ALERTS_MAX, AlertBook, Alerts, check_which
from pipeline.reading.answers import Numbers, Ranking, Series, Sort, numbers_of
from pipeline.reading.directory import AccountRef, Directory
from pipeline.reading.insights import POSTS_MOST, read_facts
from pipeline.reading.lookups import SUMMARY, Lookups, PageRef
from pipeline.reading.origins import untold
from pipeline.reading.rankings import check_limit, check_platform, check_sort, rank
from pipeline.reading.replying import together
from pipeline.reading.scope import Scope, account_page
from pipeline.reading.series import NOTHING, SERIES_MAX, series_codes, series_rows, size_number
from pipeline.reading.unanswered import WAITING_MAX, UnansweredQueue, Waiting
from pipeline.reading.voices import Voices
from pipeline.settings import Settings
from pipeline.store.connect import connect_redis
from pipeline.store.keys import Keys
from pipeline.windows import ALL
from schemas.engagement import Entity

#: Pages that one question compares at the most (about 0.3 s): of an account's posts the most recently active ones.
CONSIDERED_MAX = 5_000


class Reader:
    """Answers questions from Redis. `async with Reader.connect(settings) as reader: await reader.account(...)`.

    Raises NotFoundError where nothing was ever counted, QueryError for a question that cannot be answered as it is
    asked, ForbiddenError for what is beyond its grant, and UnavailableError while Redis does not answer.
    """

    def __init__(self, redis: Any, keys: Keys, settings: Settings, clock: Clock = wall_clock) -> None:
        self.windows = settings.windows
        self._clock = clock
        self._lookups = Lookups(redis, keys, settings.windows)
        self._voices = Voices(redis, keys, settings.engaged_windows)
        self._waiting = Waiting(redis, keys, settings.text_ttl_days)
        self._alerts = AlertBook(redis, keys)
        self._directory = Directory(redis, keys, clock)
        self._scope = Scope(EVERYTHING, self._lookups, self._directory)

    @classmethod
    def connect(cls, settings: Settings, clock: Clock = wall_clock) -> Self:
        """A reader of the Redis that the settings name. It connects with the first question."""
        client = connect_redis(settings, timeout_s=5, decode=True, retries=True)
        return cls(client, Keys(settings.key_prefix), settings, clock)

    def within(self, grant: Grant) -> Self:
        """The same reader for somebody who may read this only: other accounts are forbidden where they are named, left
        out of lists, and appear in no hint. A post of somebody else is unknown, as one that does not exist."""
        confined = copy(self)
        confined._scope = replace(self._scope, grant=grant)
        return confined

    @property
    def grant(self) -> Grant:
        """What may be read."""
        return self._scope.grant

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Give the connections back."""
        await self._lookups.close()

    async def ping(self) -> None:
        """Return if Redis answers."""
        await self._lookups.ping()

    async def account(self, platform: str, account: str) -> Numbers:
        """The account's numbers."""
        return numbers_of(await self._scope.page("account", platform, account, account, SUMMARY))

    async def post(self, platform: str, post: str, account: str | None = None) -> Numbers:
        """The post's numbers; without its account, the directory names it."""
        owner = account or await self._scope.owner(platform, post)
        return numbers_of(await self._scope.page("post", platform, post, owner, SUMMARY))

    async def posts(self, platform: str, account: str, sort: str = "recent", limit: int = 20) -> Ranking:
        """The account's posts, best first, among the CONSIDERED_MAX most recently active."""
        by, count = check_sort(sort), check_limit(limit)
        summary = await self.account(platform, account)
        each = count if by == "recent" else CONSIDERED_MAX
        refs, total = await self._lookups.newest_posts([account_page(AccountRef(platform, account))], each)
        items = await self._numbers(refs)
        return Ranking(
            entity="post",
            sort=by,
            items=rank(items, by, count),
            considered=total if by == "recent" else len(items),
            complete=by == "recent" or len(refs) == total,
            as_of_ms=summary.as_of_ms,
        )

    async def accounts(self, sort: str = "conversation", limit: int = 20, platform: str | None = None) -> Ranking:
        """All accounts (of a platform), best first; empty while nothing was counted at all."""
        by, count = check_sort(sort), check_limit(limit)
        refs = await self._scope.known_of(platform)
        items = await self._numbers([account_page(ref) for ref in refs[:CONSIDERED_MAX]])
        complete = self._directory.complete and len(refs) <= CONSIDERED_MAX
        return _ranking("account", items, by, count, complete=complete)

    async def top_posts(self, sort: str = "conversation", limit: int = 20, platform: str | None = None) -> Ranking:
        """The posts of all accounts (of a platform), best first; of each account an equal share of CONSIDERED_MAX."""
        by, count = check_sort(sort), check_limit(limit)
        accounts = (await self._scope.known_of(platform))[:CONSIDERED_MAX]
        each = CONSIDERED_MAX // max(1, len(accounts))
        refs, total = await self._lookups.newest_posts([account_page(ref) for ref in accounts], each)
        complete = self._directory.complete and len(accounts) < CONSIDERED_MAX and len(refs) == total
        return _ranking("post", await self._numbers(refs), by, count, complete=complete)

    async def series(
        self,
        entity: Entity,
        platform: str,
        entity_id: str,
        window: str = "1m",
        limit: int = 60,
        *,
        account: str | None = None,
        until_ms: int | None = None,
    ) -> Series:
        """The last `limit` windows of a size, up to the one that holds `until_ms` (now)."""
        codes = self._codes(window, limit, until_ms)
        owner = entity_id if entity == "account" else account or await self._scope.owner(platform, entity_id)
        page = await self._scope.page(entity, platform, entity_id, owner, self._fields(codes))
        return self._series(page, codes, window)

    async def series_of(self, items: Sequence[Numbers], window: str = "1m", limit: int = 30) -> list[Series]:
        """The series of these posts and accounts, in their order, read together; no rows where a page has expired."""
        for item in items:
            self.grant.require(item.platform, item.account)
        codes = self._codes(window, limit, None)
        refs = [PageRef(item.entity, item.platform, item.id, item.account) for item in items]
        pages = await self._lookups.pages(refs, self._fields(codes))
        return [
            self._series(page or _expired(item), codes if page else [], window)
            for item, page in zip(items, pages, strict=True)
        ]

    async def unanswered(
        self, platform: str, account: str, limit: int = 50, after: str | None = None
    ) -> UnansweredQueue:
        """The account's comments that wait for a reply, oldest first: the `limit` that follow the cursor `after`."""
        count = check_limit(limit, WAITING_MAX)
        await self._scope.page("account", platform, account, account, SUMMARY)
        return await self._waiting.page(platform, account, count, after, self._clock())

    async def alerts(
        self, platform: str | None = None, account: str | None = None, state: str = "all", limit: int = 100
    ) -> Alerts:
        """Alerts that stand or cleared within a week, newest first: of an account and its posts, of a platform, or of
        all. `state`: all, standing or cleared."""
        which, count = check_which(state), check_limit(limit, ALERTS_MAX)
        if platform is not None:
            check_platform(platform)
        elif account is not None:
            raise QueryError(f"account is {account[:100]!r} without a platform; expected both")
        if platform is not None and account is not None:
            self.grant.require(platform, account)
        found = await self._alerts.read(platform, account, which, count, self._clock(), self.grant)
        if not found.known and platform is not None:  # or of what nothing was ever counted?
            if account is not None:
                await self._scope.page("account", platform, account, account, SUMMARY)
            else:
                await self._scope.known_of(platform)
        return found

    async def insights(self, platform: str, account: str, posts: int = POSTS_MOST) -> Insights:
        """What makes the account's audience talk and who stays silent, over its `posts` most recently active posts."""
        count = check_limit(posts, POSTS_MOST)
        page = await self._scope.page("account", platform, account, account, SUMMARY)
        facts = await read_facts(self._lookups, self._voices, page, count, self._clock())
        # Seconds of computing for the largest accounts: other questions are answered meanwhile.
        return await asyncio.to_thread(analyse, facts)

    def _codes(self, window: str, limit: int, until_ms: int | None) -> list[int]:
        number, count = size_number(self.windows, window), check_limit(limit, SERIES_MAX)
        return series_codes(self.windows, number, self._clock() if until_ms is None else until_ms, count)

    def _fields(self, codes: list[int]) -> tuple[str, ...]:
        return (*SUMMARY, *map(self.windows.field, codes))

    def _series(self, page: PageView, codes: list[int], window: str) -> Series:
        rows = series_rows(page, self.windows, codes, self._clock())
        return Series(
            entity="account" if page.entity == "account" else "post",
            platform=page.platform,
            id=page.id,
            account=page.account,
            window=window,
            rows=rows,
            unknown=untold(page),
            replying=together(rows),
            as_of_ms=page.as_of_ms,
            source=page.source,
        )

    async def _numbers(self, refs: Sequence[PageRef]) -> list[Numbers]:
        """The numbers of these pages; those that have expired meanwhile are left out."""
        return [numbers_of(page) for page in await self._lookups.pages(refs) if page is not None]


def _expired(item: Numbers) -> PageView:
    return PageView(item.entity, item.platform, item.id, item.account, {ALL: NOTHING}, {}, None, item.as_of_ms)


def _ranking(entity: Entity, items: list[Numbers], sort: Sort, limit: int, *, complete: bool) -> Ranking:
    return Ranking(
        entity=entity,
        sort=sort,
        items=rank(items, sort, limit),
        considered=len(items),
        complete=complete,
        as_of_ms=max((item.as_of_ms for item in items), default=0),
    )
