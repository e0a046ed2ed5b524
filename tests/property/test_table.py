"""Crashes, zombies, other retention and a Redis that went back in time, at any step: it ends with the oracle's rows.

The table, the script, Redis and Kafka are the real ones; only the log is the test's.
"""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import replace

from hypothesis import HealthCheck, example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from pipeline.errors import FencedError, StateError
from pipeline.publishing.outlet import Outlet
from pipeline.settings import Settings
from pipeline.windows import Windows
from schemas.interaction import Interaction
from tests.driver import Driver
from tests.factories import NOON_MS, make_interaction
from tests.property.strategies import ACCOUNTS, logs
from tests.redises import open_redis

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("take"), st.integers(1, 15)),
        st.tuples(
            st.sampled_from(["publish", "crash", "zombie", "save", "go back", "empty", "shorter", "longer"]), st.just(0)
        ),
    ),
    max_size=12,
)
#: The minute of the first like is kept for three hours, and not for one.
LET_GO = [
    make_interaction(account=ACCOUNTS[0], id=f"l{minutes}", time_ms=NOON_MS - minutes * 60_000) for minutes in (90, 0)
]
RETENTIONS = {"longer": Windows.parse("1m:3h,1h:8d,1d:90d"), "shorter": Windows.parse("1m:1h,1h:2d,1d:30d")}


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
    """Do the steps; whoever is fenced or finds Redis changed starts again, as `Tables.recover` does. Who is refused
    with longer retention comes back with the shorter one."""
    zombie = driver.table
    for step, number in steps:
        try:
            if step in RETENTIONS:
                await start(driver, step)
            elif step == "take":
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
        except (FencedError, StateError):
            await start(driver)
    await start(driver)
    await driver.take()
    await driver.publish()


async def start(driver: Driver, retention: str = "") -> None:
    if retention:
        driver.settings = replace(driver.settings, windows=RETENTIONS[retention])
    try:
        await driver.open()
    except StateError:
        assert driver.settings.windows is not RETENTIONS["shorter"]
        await start(driver, "shorter")


@given(log=logs(), steps=STEPS)
@example(log=LET_GO, steps=[("take", 1), ("shorter", 0), ("take", 2), ("longer", 0)])
@hypothesis_settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_redis_ends_with_the_oracles_rows_after_any_crash_zombie_or_rollback(
    settings: Settings, log: list[Interaction], steps: list[tuple[str, int]]
) -> None:
    """At whatever step a worker dies, comes back as a zombie or with other retention, or Redis loses its newest
    writes."""

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
