"""Window sizes that are changed over rows that were counted with others: what goes on, and what is refused."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from pipeline.errors import FencedError, StateError
from pipeline.slots import slot_of
from pipeline.store.keys import Keys
from pipeline.windows import Windows
from tests.driver import Driver, accounts_of
from tests.factories import NOON_MS, make_interaction

pytestmark = pytest.mark.servers

(BRAND,) = accounts_of(0, 1)
SLOT = slot_of("facebook", BRAND)
HOUR_MS = 3_600_000
DESCRIPTION = ("layout", "windows", "engaged_windows")


def like(number: int, **changes: object) -> object:
    return make_interaction(**({"account": BRAND, "post": f"{BRAND}_1", "actor": f"u{number}"} | changes))


def configure(driver: Driver, windows: str = "1m:3h,1h:8d,1d:90d", engaged: str = "1d:90d") -> None:
    """From its next start on."""
    parsed = {"windows": Windows.parse(windows), "engaged_windows": Windows.parse(engaged)}
    driver.settings = replace(driver.settings, **parsed)


async def description(driver: Driver) -> list[bytes | None]:
    applied = Keys(driver.settings.key_prefix).applied[SLOT]
    found: list[bytes | None] = await driver.redis.hmget(applied, *DESCRIPTION)
    return found


async def test_a_slot_says_what_it_was_counted_with(driver: Driver) -> None:
    """Beside its layout, in one form for the same times."""
    configure(driver, "1m:180m,1h:192h,1d:90d")
    await driver.open()
    driver.write(like(1))
    await driver.take()
    assert await description(driver) == [b"3", b"1m:3h,1h:8d,1d:90d", b"1d:90d"]


@pytest.mark.parametrize(
    ("windows", "engaged"),
    [
        ("1m:7d,1h:8d,1d:90d", "1d:90d"),
        ("1m:3h,1h:8d,1d:91d", "1d:90d"),
        ("10s:1h,1m:3h,1h:8d,1d:90d", "1d:90d"),
        ("1m:3h,1h:8d,1d:90d,7d:90d", "1d:90d"),
        ("1h:8d,1d:90d", "1d:90d"),
        ("60s:3h,1h:8d,1d:90d", "1d:90d"),
        ("1m:3h,1h:8d,1d:90d", "1d:180d"),
        ("1m:3h,1h:8d,1d:90d", "1h:2d,1d:90d"),
    ],
)
async def test_sizes_that_were_not_counted_or_kept_stop_the_worker(driver: Driver, windows: str, engaged: str) -> None:
    """A removal from a row that was gone put -1 into it, which nobody could read; a row of a new size began at once."""
    driver.write(like(1, time_ms=NOON_MS - 6 * HOUR_MS), like(2))
    await driver.take()
    before = await description(driver)
    configure(driver, windows, engaged)
    expected = (
        rf"is counted with {'windows' if engaged == '1d:90d' else 'engaged_windows'} 1.*; expected the same sizes"
    )
    with pytest.raises(StateError, match=expected):
        await driver.open()
    assert await description(driver) == before


async def test_rows_may_be_kept_for_less_long_and_then_no_longer_than_that(driver: Driver) -> None:
    """What is left is right; what was let go is not counted upon when somebody changes his mind."""
    driver.write(like(1, time_ms=NOON_MS - 2 * HOUR_MS), like(2))
    await driver.take()
    await driver.publish()
    configure(driver, "1m:1h,1h:8d,1d:30d", "1d:30d")
    await driver.open()
    driver.write(like(3), like(1, action="remove"))
    await driver.take()
    assert await driver.differences() == []
    assert await description(driver) == [b"3", b"1m:1h,1h:8d,1d:30d", b"1d:30d"]
    configure(driver)
    with pytest.raises(StateError, match="TWOWAY_WINDOWS is 1m:3h,1h:8d,1d:90d; expected the same sizes, none kept"):
        await driver.open()


async def test_a_worker_with_the_former_times_is_fenced_and_refused(driver: Driver) -> None:
    """Both read the slot while rows were kept for long; the second one lets some go."""
    driver.write(like(1))
    await driver.take()
    await driver.publish()
    await driver.open()
    former = driver.table
    configure(driver, "1m:1h,1h:8d,1d:90d")
    await driver.open()
    driver.write(like(2))
    await driver.take()
    driver.table = former
    with pytest.raises(FencedError):
        await driver.publish()
    configure(driver)
    with pytest.raises(StateError, match="expected the same sizes, none kept for longer"):
        await driver.open()


async def test_a_slot_of_an_older_release_takes_over_the_present_sizes(driver: Driver) -> None:
    """With its first publication, also where nothing arrives."""
    driver.write(like(1))
    await driver.take()
    await driver.publish()
    applied = Keys(driver.settings.key_prefix).applied[SLOT]
    await driver.redis.hdel(applied, "windows", "engaged_windows")
    await driver.open()
    await driver.publish()
    assert await description(driver) == [b"3", b"1m:3h,1h:8d,1d:90d", b"1d:90d"]
    assert await driver.differences() == []


async def test_a_page_that_cannot_be_read_stops_the_worker_and_is_named(driver: Driver) -> None:
    """Such as older releases wrote where a row was below 0."""
    driver.write(like(1))
    await driver.take()
    key = Keys(driver.settings.key_prefix).post(SLOT, "facebook", f"{BRAND}_1")
    await driver.redis.hset(key, "1d:2026-11-23", "/,0,0,0,0")
    await driver.open()
    driver.write(like(2))
    with pytest.raises(StateError, match=rf"{re.escape(key)} cannot be read .*; expected the fields of docs/redis.md"):
        await driver.take()
