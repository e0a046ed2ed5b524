"""One slot is lost or falls back, as with a node of a cluster: its alerts are those of a worker that never failed.

What the other slots have been judged up to says nothing of it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from pipeline.errors import FencedError
from pipeline.publishing.outlet import Outlet
from pipeline.settings import Settings
from pipeline.slots import slot_of
from schemas.alert import decode_alert
from schemas.interaction import Interaction
from schemas.topics import ALERTS
from tests.driver import PARTITION, Driver, accounts_of
from tests.factories import NOON_MS, make_interaction
from tests.gateways import records
from tests.property.test_alerts import MINUTE_MS, settle, small, states
from tests.property.test_table import Redo
from tests.redises import open_redis

pytestmark = pytest.mark.servers

BRAND, *_OTHERS = accounts_of(PARTITION, 20)
SLOT = slot_of("facebook", BRAND)
OTHER = next(account for account in _OTHERS if slot_of("facebook", account) != SLOT)


def minute(account: str, number: int, likes: int, comments: int) -> list[Interaction]:
    return [
        make_interaction(
            account=account, post=f"{account}_1", kind=kind, id=f"{account}/{number}/{i}",
            time_ms=NOON_MS + number * MINUTE_MS + i * 100,
        )
        for i, kind in enumerate(["like"] * likes + ["comment"] * comments)
    ]  # fmt: skip


async def attempt(driver: Driver, what: Callable[[], Awaitable[None]]) -> None:
    """Whoever finds that Redis fell back starts again, as `Tables.recover` does."""
    try:
        await what()
    except FencedError:
        await driver.open()


@pytest.mark.parametrize("lost", ["emptied", "fell back", "fell back, and published before it was counted anew"])
async def test_a_slot_that_is_lost_by_itself_is_judged_as_if_it_never_was(settings: Settings, lost: str) -> None:
    """No second alert for the same cause, and none that is judged on half of the rows."""
    settings = small(settings, "ratio_shift")
    outlet = Outlet(settings)
    driver = Driver(settings, open_redis(settings), outlet)
    await driver.open()
    redo = Redo(driver.redis, f"{settings.key_prefix}:{{{SLOT}}}")
    for number in range(-12, 1):
        likes, comments = (1, 6) if number >= -3 else (6, 1)
        driver.write(*minute(BRAND, number, likes, comments), *minute(OTHER, number, 6, 1))
        await driver.take()
        await driver.publish()
        if number == -5:
            await redo.save()
    before, told = await states(driver), ids(settings)
    assert told, "nothing was said, so nothing can be said twice"
    await (redo.empty() if lost == "emptied" else redo.go_back())
    await attempt(driver, driver.publish)
    if lost.endswith("anew"):
        await attempt(driver, driver.publish)
    for _ in range(4):
        await attempt(driver, driver.take)
        await attempt(driver, driver.publish)
    await settle(driver)
    assert await driver.differences() == []
    assert {cause.split("-")[0] for cause in ids(settings)} == {cause.split("-")[0] for cause in told}
    assert (await states(driver)).keys() == before.keys()
    await outlet.stop()
    await driver.decoding.aclose()
    await driver.redis.aclose()


def ids(settings: Settings) -> set[str]:
    """Of every alert that was told."""
    return {decode_alert(record.value).id for record in records(settings, ALERTS.name)}
