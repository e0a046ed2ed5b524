"""Crashes, zombies and a Redis that went back in time, at any step: Redis ends with the oracle's rows.

The table, the script, Redis and Kafka are the real ones; only the log is the test's.
"""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import replace

from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from pipeline.errors import FencedError
from pipeline.publishing.outlet import Outlet
from pipeline.settings import Settings
from schemas.interaction import Interaction
from tests.driver import Driver
from tests.property.strategies import logs
from tests.redises import open_redis

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("take"), st.integers(1, 15)),
        st.tuples(st.sampled_from(["publish", "crash", "zombie", "save", "go back", "empty"]), st.just(0)),
    ),
    max_size=12,
)


class Redo:
    """A copy of an installation's keys, to be put back later: a restored backup, a replica that was behind."""

    def __init__(self, redis: Redis, prefix: str) -> None:
        self.redis = redis
        self.prefix = prefix
        self.saved: dict[bytes, bytes] = {}

    async def save(self) -> None:
        self.saved = {key: await self.redis.dump(key) for key in await self._keys()}

    async def empty(self) -> None:
        if keys := await self._keys():
            await self.redis.delete(*keys)

    async def go_back(self) -> None:
        await self.empty()
        for key, value in self.saved.items():
            await self.redis.restore(key, 0, value)

    async def _keys(self) -> list[bytes]:
        return [key async for key in self.redis.scan_iter(match=f"{self.prefix}:*", count=1000)]


async def play(driver: Driver, redo: Redo, steps: list[tuple[str, int]]) -> None:
    """Do the steps; whoever is fenced or finds Redis changed starts again, as `Tables.recover` does."""
    zombie = driver.table
    for step, number in steps:
        try:
            if step == "take":
                await driver.take(number)
            elif step == "publish":
                await driver.publish()
            elif step == "crash":
                await driver.open()
            elif step == "zombie":
                zombie, driver.table = driver.table, zombie
            elif step == "save":
                await redo.save()
            elif step == "go back":
                await redo.go_back()
            elif step == "empty":
                await redo.empty()
        except FencedError:
            await driver.open()
    await driver.open()
    await driver.take()
    await driver.publish()


@given(log=logs(), steps=STEPS)
@hypothesis_settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_redis_ends_with_the_oracles_rows_after_any_crash_zombie_or_rollback(
    settings: Settings, log: list[Interaction], steps: list[tuple[str, int]]
) -> None:
    """At whatever step a worker dies, comes back as a zombie, or Redis loses its newest writes."""

    async def run() -> None:
        own = replace(settings, key_prefix=f"x{uuid.uuid4().hex[:10]}", slice_events=7)
        redis, outlet = open_redis(own), Outlet(own)
        driver = Driver(own, redis, outlet)
        try:
            driver.write(*log)
            await driver.open()
            await play(driver, Redo(redis, own.key_prefix), steps)
            assert await driver.differences() == []
        finally:
            await outlet.stop()
            await redis.aclose()

    asyncio.run(run())
