"""Months pass, pages run out and begin anew: each is at any time what its own life has brought, or gone as a whole.

A life is the oracle's: records of a page that had run out before count as those of another post, or account.
"""

from __future__ import annotations

import asyncio
import re
import uuid
from dataclasses import replace

import msgspec
from hypothesis import HealthCheck, example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from pipeline.proving.compare import compare_page
from pipeline.proving.expected import PageName
from pipeline.proving.oracle import Oracle
from pipeline.proving.snapshot import WAITS, SnapshotReader
from pipeline.publishing.outlet import Outlet
from pipeline.settings import Settings
from pipeline.slots import slot_of
from pipeline.store.keys import Keys
from pipeline.windows import ALL
from schemas.interaction import Interaction
from tests.driver import RECEIVED_MS, Driver
from tests.factories import NOON_MS, make_interaction
from tests.property.strategies import ACCOUNTS, interactions
from tests.redises import open_redis

#: A page lives for 91 days, counted from the first event of the day of its last one: whatever is added up of these, and
#: of a dozen of the first, is months away from that or in the same place.
DAYS = (0.3, 40, 100)
DEAD_AFTER = 86
POST = f"{ACCOUNTS[0]}/p1"

Step = list[Interaction] | float | None


def toggles(times: int) -> list[Interaction]:
    """Somebody likes and likes no more."""
    like = make_interaction(account=ACCOUNTS[0], post=POST, id=f"{POST}#0")
    actions = ("add", "remove")
    return [msgspec.structs.replace(like, action=actions[n % 2], time_ms=NOON_MS + n) for n in range(times)]


#: What is said, days that pass, None: a crash.
STEPS: st.SearchStrategy[list[Step]] = st.lists(
    st.one_of(
        st.lists(interactions(), min_size=1, max_size=6),
        st.integers(1, 40).map(toggles),
        st.sampled_from(DAYS),
        st.none(),
    ),
    max_size=12,
)
TOTALS = make_interaction(account=ACCOUNTS[0], post=POST, kind="totals", id=POST, actor=None, likes=3)


class Lives:
    """Which life of its page a record belongs to, and the oracle's word on each of them."""

    def __init__(self, settings: Settings) -> None:
        self.oracle = Oracle(settings.windows, settings.future_limit_s * 1000, settings.engaged_windows)
        self.today = 0.0
        #: Entity, id -> the day of its last event, and how many lives it had before.
        self.lives: dict[tuple[str, str], tuple[float, int]] = {}
        self.slots: dict[tuple[str, str], int] = {}

    def take(self, one: Interaction) -> None:
        slot = slot_of(one.platform, one.account)
        account = self._live("account", one.account, slot)
        post = None if one.post is None else self._live("post", one.post, slot)
        self.oracle.take_decoded(msgspec.structs.replace(one, account=account, post=post), RECEIVED_MS, slot)

    def _live(self, entity: str, id_: str, slot: int) -> str:
        last, life = self.lives.get((entity, id_), (self.today, 0))
        life += self.today - last > DEAD_AFTER
        self.lives[entity, id_], self.slots[entity, id_] = (self.today, life), slot
        return f"{id_}@{life}"

    def now(self) -> dict[PageName, PageName | None]:
        """Each page that there was, and the oracle's name of its present life."""
        return {
            PageName(self.slots[entity, id_], entity, "facebook", id_): None
            if self.today - last > DEAD_AFTER
            else PageName(self.slots[entity, id_], entity, "facebook", f"{id_}@{life}")
            for (entity, id_), (last, life) in self.lives.items()
        }


async def wrong(driver: Driver, lives: Lives) -> list[object]:
    """Rows and engaged actors of all time that are not those of the present lives."""
    reader = SnapshotReader(driver.decoding, Keys(driver.settings.key_prefix), driver.settings.engaged_windows)
    expected, out = dict(lives.oracle.pages()), list[object]()
    for name, life in lives.now().items():
        found = (await reader.take(name.slot, {name: [ALL]})).pages[name]
        found = {field: text for field, text in found.items() if not field.startswith(WAITS)}
        if life is None:
            out += [(name, "gone", found)] if found else []
            continue
        account = expected[life].account and expected[life].account.rpartition("@")[0]
        page = replace(expected[life], account=account, waiting={})
        out += compare_page(
            name, page, found, driver.settings.windows, engaged=driver.settings.engaged_windows, hll_least=0
        )[1]
    return out


@given(steps=STEPS)
@example(steps=[toggles(31), 100, [TOTALS], None, toggles(1), None, toggles(2)])
@example(steps=[[TOTALS], 0.3, toggles(3), 40, 40, toggles(1), 0.3, toggles(2)])
@example(steps=[toggles(1), 40, [TOTALS], 40, [TOTALS], 40, [TOTALS]])
@hypothesis_settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_page_is_what_its_own_life_has_brought_or_gone_as_a_whole(settings: Settings, steps: list[Step]) -> None:
    """Whatever part of it is made when, written anew, or loaded from Redis in between."""

    async def run() -> None:
        own = replace(settings, key_prefix=f"x{uuid.uuid4().hex[:10]}", slice_events=7)
        redis, outlet = open_redis(own), Outlet(own)
        driver, lives = Driver(own, redis, outlet), Lives(own)
        try:
            await driver.open()
            for step in steps:
                if step is None:
                    await driver.open()
                elif isinstance(step, list):
                    driver.write(*step)
                    for one in step:
                        lives.take(one)
                else:
                    await driver.publish()
                    await driver.age(step)
                    lives.today += step
                    await driver.publish()
                await driver.take()
                assert await wrong(driver, lives) == []
            key = re.compile(r":\{\d+\}:(post|account|members|threads|posts|engaged|engaged-post|unanswered|texts):")
            async for name in redis.scan_iter(match=f"{own.key_prefix}:*"):
                assert await redis.ttl(name) != -1 or not key.search(name.decode()), name
        finally:
            await outlet.stop()
            await driver.decoding.aclose()
            await redis.aclose()

    asyncio.run(run())
