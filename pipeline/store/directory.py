"""The directory: where a reader starts who knows only an account or a post. Written before the page it leads to.

A crash between the two leaves an entry that leads to no page, and the next attempt writes both; never a page that
nothing leads to.
"""

from __future__ import annotations

from collections.abc import Iterable

from redis.asyncio import Redis

from pipeline.clock import Clock
from pipeline.counting.live import LivePage
from pipeline.store.keys import Keys
from pipeline.store.round_trip import round_trip

#: Commands of one round trip, which has its time.
AT_ONCE = 20_000


async def write_directory(redis: Redis, keys: Keys, pages: Iterable[LivePage], ttl_s: int, clock: Clock) -> None:
    """Enter these pages, or renew their entries' lifetime. Posts of which nothing was counted are left out."""
    pipe = redis.pipeline(transaction=False)
    for page in pages:
        if len(pipe) >= AT_ONCE:
            await round_trip(pipe)
        if page.entity == "account":
            key = keys.account_entry(page.platform, page.id)
            pipe.hset(key, mapping={"slot": page.slot, "platform": page.platform, "account": page.id})
            pipe.hsetnx(key, "first_seen_ms", str(clock()))
            pipe.expire(key, ttl_s)
        elif page.account:
            pipe.set(keys.post_entry(page.platform, page.id), page.account, ex=ttl_s)
    await round_trip(pipe)
