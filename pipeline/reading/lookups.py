"""Redis as the read side sees it: pages by entity and id, many in one pipelined round trip.

Every command is on a single key, so the same pipelines also work through a Redis Cluster client.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from redis.exceptions import BusyLoadingError, ClusterDownError, NoPermissionError, RedisError, TryAgainError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from pipeline.access.redis import redis_away, why_redis
from pipeline.counting.page import POLLED, PageView, view_page
from pipeline.errors import StateError, UnavailableError
from pipeline.store.keys import Keys, decode_id
from pipeline.windows import Windows
from schemas.engagement import COLUMNS, Entity

#: The fields of a page that hold its numbers for all time; a page has some hundred rows besides.
SUMMARY = (
    *COLUMNS,
    "answered",
    "reply_times",
    "account",
    "first_ms",
    "last_ms",
    *(f"polled:{name}" for name in POLLED),
)
#: Commands in one round trip: short enough that other clients of Redis are served in between.
PIPELINE_COMMANDS = 500


@dataclass(frozen=True)
class PageRef:
    """A page: whose it is and which account's slot it lies in."""

    entity: Entity
    platform: str
    id: str
    account: str


class Lookups:
    """Reads pages, post lists and directory entries. Raises UnavailableError while Redis does not answer."""

    def __init__(self, redis: Any, keys: Keys, windows: Windows) -> None:
        self._redis = redis
        self._keys = keys
        self._windows = windows

    async def page(self, ref: PageRef, fields: Sequence[str] = SUMMARY) -> PageView | None:
        """These fields of a page; None where there is no such page."""
        return (await self.pages([ref], fields))[0]

    async def pages(self, refs: Sequence[PageRef], fields: Sequence[str] = SUMMARY) -> list[PageView | None]:
        """These fields of each page, in order; None where there is no such page."""
        views: list[PageView | None] = []
        for start in range(0, len(refs), PIPELINE_COMMANDS):
            batch = refs[start : start + PIPELINE_COMMANDS]
            rows = await self._pipelined([("hmget", self._page_key(ref), fields) for ref in batch])
            views += [self._view(ref, fields, row) for ref, row in zip(batch, rows, strict=True)]
        return views

    async def owner(self, platform: str, post: str) -> str | None:
        """The account of a post, from the directory."""
        found: list[str | None] = await self._pipelined([("get", self._keys.post_entry(platform, post))])
        return found[0]

    async def newest_posts(self, accounts: Sequence[PageRef], each: int) -> tuple[list[PageRef], int]:
        """The `each` most recently active posts of these accounts, and how many posts they have altogether."""
        keys = [self._keys.posts(self._keys.slot(ref.platform, ref.id), ref.platform, ref.id) for ref in accounts]
        totals = await self._pipelined([("zcard", key) for key in keys])
        newest = await self._pipelined([("zrevrange", key, 0, each - 1) for key in keys])
        refs = [
            PageRef("post", ref.platform, decode_id(post), ref.id)
            for ref, posts in zip(accounts, newest, strict=True)
            for post in posts
        ]
        return refs, sum(totals)

    async def ping(self) -> None:
        """Return if Redis answers."""
        with redis_answers(self._redis):
            await self._redis.ping()

    async def close(self) -> None:
        """Give the connections back."""
        await self._redis.aclose()

    def _page_key(self, ref: PageRef) -> str:
        slot = self._keys.slot(ref.platform, ref.account)
        build = self._keys.account if ref.entity == "account" else self._keys.post
        return build(slot, ref.platform, ref.id)

    def _view(self, ref: PageRef, fields: Sequence[str], row: Sequence[str | None]) -> PageView | None:
        hash_ = {name: text for name, text in zip(fields, row, strict=True) if text is not None}
        return view_page(ref.entity, ref.platform, ref.id, hash_, self._windows) if hash_ else None

    async def _pipelined(self, commands: Sequence[tuple[Any, ...]]) -> list[Any]:
        answers: list[Any] = []
        for start in range(0, len(commands), PIPELINE_COMMANDS):
            pipeline = self._redis.pipeline(transaction=False)
            for name, *arguments in commands[start : start + PIPELINE_COMMANDS]:
                getattr(pipeline, name)(*arguments)
            with redis_answers(self._redis):
                answers += await pipeline.execute()
        return answers


@contextmanager
def redis_answers(client: Any) -> Iterator[None]:
    """Redis' own errors as ours: UnavailableError where waiting may help, StateError where it will not."""
    try:
        yield
    except (RedisConnectionError, RedisTimeoutError, BusyLoadingError, ClusterDownError, TryAgainError) as error:
        raise UnavailableError(redis_away(client, error)) from error
    except NoPermissionError as error:
        raise UnavailableError(f"Redis refused a question: {why_redis(error)}") from error
    except RedisError as error:
        raise StateError(
            f"Redis refused a question ({type(error).__name__}); expected the layout of docs/redis.md"
        ) from error
