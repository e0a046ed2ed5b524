"""What belongs to a page runs out in Redis with it, and never before or after it."""

from __future__ import annotations

import re

import pytest

from pipeline.errors import FencedError
from pipeline.slots import slot_of
from pipeline.store.keys import Keys
from tests.driver import Driver, accounts_of
from tests.factories import NOON_MS, make_interaction

pytestmark = pytest.mark.servers

(BRAND,) = accounts_of(0, 1)
SLOT = slot_of("facebook", BRAND)
POST = f"{BRAND}_1"


def like(number: int, **changes: object) -> object:
    return make_interaction(**({"account": BRAND, "post": POST, "actor": f"u{number}"} | changes))


def comment(comment_id: str, **changes: object) -> object:
    return make_interaction(**({"account": BRAND, "post": POST, "kind": "comment", "id": comment_id} | changes))


def totals(**numbers: int) -> object:
    return make_interaction(account=BRAND, post=POST, kind="totals", id=POST, actor=None, **numbers)


def keys_of(driver: Driver) -> dict[str, str]:
    """What belongs to the post and to its account."""
    keys, place = Keys(driver.settings.key_prefix), (SLOT, "facebook", POST)
    return {
        "post": keys.post(*place),
        "members": keys.members(*place),
        "threads": keys.threads(*place),
        "engaged-post": keys.engaged_post(*place),
        "account": keys.account(SLOT, "facebook", BRAND),
        "engaged": keys.engaged(SLOT, "facebook", BRAND, "all"),
        "unanswered": keys.unanswered(SLOT, "facebook", BRAND),
    }


async def lifetimes(driver: Driver) -> dict[str, int]:
    """Whole days that each is still to live; -1: for ever."""
    left = {name: await driver.redis.ttl(key) for name, key in keys_of(driver).items()}
    return {name: -1 if seconds == -1 else round(seconds / 86_400) for name, seconds in left.items() if seconds != -2}


async def likes(driver: Driver) -> bytes | None:
    found: bytes | None = await driver.redis.hget(keys_of(driver)["post"], "likes")
    return found


async def test_members_that_are_written_anew_run_out_with_their_page(driver: Driver) -> None:
    """They stood for ever, and a page that began anew after its end took their likes for known."""
    for i in range(40):
        driver.write(like(1, action="add" if i % 2 == 0 else "remove", time_ms=NOON_MS - 1000 + i))
        await driver.take()
    assert await lifetimes(driver) == {"post": 91, "members": 91, "engaged-post": 91, "account": 91, "engaged": 91}


async def test_what_begins_later_on_a_day_than_its_page_runs_out_with_it(driver: Driver) -> None:
    """Members behind totals, actors behind a like of nobody, links behind members; their account not before them."""
    driver.write(totals(likes=3))
    await driver.take()
    for some in ([like(1, actor=None)], [like(2)], [comment("c1"), comment("c2", parent="c1")]):
        await driver.age(0.2)
        driver.write(*some)
        await driver.take()
        left = {await driver.redis.ttl(key) for key in keys_of(driver).values()} - {-2}
        assert {round(ttl_s / 3_600) for ttl_s in left} <= {91 * 24}
    assert len(await lifetimes(driver)) == len(keys_of(driver))


async def test_who_was_engaged_is_known_as_long_as_the_page_lives_of_polls_and_removals_alone(driver: Driver) -> None:
    """After 91 days the page said 2 likes of nobody."""
    driver.write(like(1), like(2), like(3), comment("c1"))
    await driver.take()
    for number in range(4):
        await driver.publish()
        await driver.age(30)
        await driver.publish()
        driver.write(totals(likes=3) if number % 2 else like(3, action="remove", time_ms=NOON_MS + number))
        await driver.take()
    assert await lifetimes(driver) == {name: 91 for name in keys_of(driver) if name != "threads"}
    of_windows = re.compile(r"engaged \d+")  # they run out with their windows
    assert [one for one in await driver.differences() if not of_windows.match(one.row)] == []


async def test_a_page_that_begins_anew_knows_nothing_of_what_was_left_under_its_keys(driver: Driver) -> None:
    """Releases up to 0.3.0 left members that run out never: repeats were not counted, and removals gave less than 0."""
    driver.write(like(1), like(2))
    await driver.take()
    await driver.publish()
    stale = await driver.redis.get(keys_of(driver)["members"])
    for first in (like(1), totals(likes=7)):
        await driver.age(92)
        await driver.redis.set(keys_of(driver)["members"], stale)
        await driver.publish()
        driver.write(first)
        await driver.take()
        await driver.publish()
        await driver.open()
        driver.write(like(1), like(2, action="remove", time_ms=NOON_MS + 1))
        await driver.take()
        assert await likes(driver) == b"1"


async def test_a_page_that_ran_out_since_it_was_read_is_begun_anew(driver: Driver) -> None:
    """It was read to be published again, and lay in memory when its lifetime was over."""
    driver.write(like(1), like(2), like(3))
    await driver.take()
    await driver.open()
    await driver.take()
    await driver.age(92)
    driver.write(like(3), like(4))
    with pytest.raises(FencedError, match="has lost a page since it was read: its lifetime was over"):
        await driver.take()
    await driver.open()
    await driver.take()
    assert await likes(driver) == b"2"
    assert await driver.redis.hget(keys_of(driver)["post"], "account") == BRAND.encode()
