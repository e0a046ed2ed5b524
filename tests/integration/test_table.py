"""What a table writes into Redis and publishes, step by step, on the real servers and the test's own log."""

from __future__ import annotations

import asyncio
import gc
import re
from dataclasses import replace

import pytest

from pipeline.errors import FencedError, StateError
from pipeline.publishing.outlet import Outlet
from pipeline.settings import Settings
from pipeline.slots import slot_of
from pipeline.store.keys import Keys
from pipeline.table.batch import Batch
from pipeline.windows import Windows
from schemas.engagement import Engagement, decode_engagement
from schemas.topics import ACCOUNTS, POSTS
from tests.driver import PARTITION, RECEIVED_MS, Driver, accounts_of
from tests.factories import NOON_MS, make_interaction
from tests.redises import open_redis
from tests.topics import read_topic

pytestmark = pytest.mark.servers

BRAND, OTHER = accounts_of(0, 2)
SLOT = slot_of("facebook", BRAND)
DAY_MS = 86_400_000


def like(number: int, **changes: object) -> object:
    return make_interaction(**({"account": BRAND, "post": f"{BRAND}_1", "actor": f"u{number}"} | changes))


def comment(comment_id: str, **changes: object) -> object:
    return make_interaction(**({"account": BRAND, "post": f"{BRAND}_1", "kind": "comment", "id": comment_id} | changes))


async def page(driver: Driver, post: str = f"{BRAND}_1") -> dict[str, str]:
    hash_ = await driver.redis.hgetall(Keys(driver.settings.key_prefix).post(SLOT, "facebook", post))
    return {name.decode(): text.decode() for name, text in hash_.items()}


def published(driver: Driver, window: str) -> list[Engagement]:
    """Updates of posts of one window size, in the order in which they were sent."""
    updates = [decode_engagement(value) for value in read_topic(driver.settings, POSTS)]
    return [update for update in updates if update.window == window]


async def test_a_removal_takes_its_count_back_from_the_window_that_counted_it(driver: Driver) -> None:
    """Not from the window in which it arrives."""
    driver.write(like(1, time_ms=NOON_MS - 600_000), like(2, time_ms=NOON_MS - 600_000))
    driver.write(like(1, action="remove", time_ms=NOON_MS))
    await driver.take()
    rows = {name: text for name, text in (await page(driver)).items() if name.startswith("1m:")}
    assert rows == {"1m:2026-11-23T09:14": "1,0,0,0,0"}
    assert await driver.differences() == []


async def test_a_late_event_lands_in_its_own_window_and_past_the_retention_only_in_what_is_kept(driver: Driver) -> None:
    """Four hours late: its minute is kept no more, its hour, its day and all time count it."""
    driver.write(like(1, time_ms=NOON_MS), like(2, time_ms=NOON_MS - 4 * 3_600_000))
    await driver.take()
    found = await page(driver)
    assert found["1h:2026-11-23T05"] == "1,0,0,0,0"
    assert (found["1d:2026-11-23"], found["likes"]) == ("2,0,0,0,0", "2")
    assert "1m:2026-11-23T05:24" not in found


async def test_a_post_with_events_of_the_first_millisecond_of_1970_alone_has_its_place_and_time(driver: Driver) -> None:
    """A time of 0 is a time: the page says when its newest event was, and the account's list has the post."""
    driver.write(like(1, time_ms=0))
    await driver.take()
    posts = Keys(driver.settings.key_prefix).posts(SLOT, "facebook", BRAND)
    assert (await page(driver))["last_ms"] == "0"
    assert await driver.redis.zrange(posts, 0, -1, withscores=True) == [(f"{BRAND}_1".encode(), 0.0)]
    assert await driver.differences() == []


async def test_rows_past_their_retention_are_removed_as_the_page_is_touched(driver: Driver) -> None:
    """Memory in Redis does not grow with the age of a post."""
    driver.write(like(1, time_ms=NOON_MS - 5 * 3_600_000))
    await driver.take()
    assert "1m:2026-11-23T04:24" in await page(driver)
    driver.write(like(2, time_ms=NOON_MS))
    await driver.take()
    assert "1m:2026-11-23T04:24" not in await page(driver)


async def test_a_page_may_change_in_more_rows_than_a_command_of_a_script_takes(settings: Settings) -> None:
    """Minutes may be kept for as long as one likes, and whoever catches up writes days of them together."""
    patient = replace(settings, windows=Windows.parse("1m:7d,1h:8d,1d:90d"))
    redis, outlet = open_redis(patient), Outlet(patient)
    driver = Driver(patient, redis, outlet)
    await driver.open()
    minutes = range(9_000)
    driver.write(*(like(i, time_ms=NOON_MS - 20 * DAY_MS - i * 60_000) for i in minutes))
    await driver.take()
    assert sum(name.startswith("1m:") for name in await page(driver)) == len(minutes)
    driver.write(like(-1, time_ms=NOON_MS))
    await driver.take()
    assert sum(name.startswith("1m:") for name in await page(driver)) == 1
    assert await driver.differences() == []
    await outlet.stop()
    await driver.decoding.aclose()
    await redis.aclose()


async def test_polled_totals_stand_beside_the_counts_and_the_newest_wins(driver: Driver) -> None:
    """Numbers that the platform gave when asked never change what was counted."""
    totals = {"kind": "totals", "actor": None, "id": f"{BRAND}_1"}
    driver.write(
        like(1), like(2, **totals, likes=90, time_ms=NOON_MS), like(3, **totals, likes=80, time_ms=NOON_MS - 9)
    )
    driver.write(make_interaction(account=BRAND, kind="totals", post=None, id=BRAND, followers=5_000))
    await driver.take()
    found = await page(driver)
    assert (found["likes"], found["polled:likes"]) == ("1", f"90,{NOON_MS}")
    assert await driver.differences() == []


async def test_everything_written_but_the_checkpoint_has_a_lifetime(driver: Driver) -> None:
    """A post's page and what belongs to it go 90 days (and a day of slack) after its last event, texts after 30."""
    driver.write(like(1), comment("c1"), comment("c2", parent="c1"), comment("r1", parent="c1", own=True))
    await driver.take()
    await driver.publish()
    lifetimes = {}
    async for key in driver.redis.scan_iter(match=f"{driver.settings.key_prefix}:*"):
        lifetimes[key.decode().removeprefix(driver.settings.key_prefix)] = await driver.redis.ttl(key)
    forever = {key for key, seconds in lifetimes.items() if seconds == -1}
    assert all(key.endswith((":applied", ":open", ":watch", ":alerts", ":lengths")) for key in forever)
    days = {re.sub(r"^:({\d+}:)?", "", key).split(":")[0]: s / 86_400 for key, s in lifetimes.items() if s != -1}
    assert {kind: round(number) for kind, number in days.items()} == {
        "post": 91, "account": 91, "members": 91, "posts": 91, "threads": 91, "unanswered": 91, "engaged": 91,
        "engaged-post": 91, "texts": 31,
    }  # fmt: skip


async def test_a_page_in_memory_has_its_lifetime_renewed_every_day(driver: Driver) -> None:
    """A post that is busy for months must not run out in Redis while the worker remembers it."""
    driver.write(like(1))
    await driver.take()
    await driver.publish()
    key = Keys(driver.settings.key_prefix).post(SLOT, "facebook", f"{BRAND}_1")
    await driver.redis.expire(key, 1_000)
    driver.now_ms += DAY_MS
    driver.write(like(2))
    await driver.take()
    await driver.publish()
    driver.write(like(3))
    await driver.take()
    assert await driver.redis.ttl(key) > 90 * 86_400
    assert await driver.differences() == []


async def test_a_zombie_that_wakes_is_fenced_and_changes_nothing(driver: Driver) -> None:
    """A worker frozen past its session believes that it still owns the partition."""
    driver.write(like(1), like(2))
    zombie = driver.table
    await driver.open()
    await driver.take()
    before = await page(driver)
    driver.table, owner = zombie, driver.table
    with pytest.raises(FencedError, match=r"slot \d+ of partition 0 is at offset and version"):
        await driver.take()
    assert await page(driver) == before
    driver.table = owner
    assert await driver.differences() == []


async def test_rows_of_a_slice_that_was_not_applied_are_not_published(settings: Settings) -> None:
    """The publisher waited for the lock while the slice before was fenced: what is in memory never was in Redis."""
    small = replace(settings, slice_events=1)
    redis, outlet = open_redis(small), Outlet(small)
    driver = Driver(small, redis, outlet)
    driver.write(like(1), like(2))
    await driver.open()
    zombie = driver.table
    await driver.open()
    await driver.take(1)
    driver.table = zombie
    with pytest.raises(FencedError):
        await driver.take()
    with pytest.raises(FencedError):
        await driver.publish()
    assert read_topic(small, POSTS) == []
    await outlet.stop()
    await driver.decoding.aclose()
    await redis.aclose()


async def test_a_slice_that_failed_as_its_table_was_given_up_is_nothing_unexpected(driver: Driver) -> None:
    """Its error went to nobody: a rebalance, or another error, had closed the table; the worker ended of it later."""
    unexpected: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: unexpected.append(context))
    driver.write(like(1), like(2))
    await driver.open()
    zombie = driver.table
    await driver.open()
    await driver.take(1)
    await zombie.take(Batch(PARTITION, driver.log, len(driver.log)))
    await zombie.close()
    del zombie
    gc.collect()
    assert unexpected == []


async def test_rows_that_a_crash_kept_from_being_published_are_published_after_it(driver: Driver) -> None:
    """Applied, not published, killed: the commit lies before them: read again, they are published and not counted."""
    driver.write(like(1), like(2, action="edit"), like(3))
    await driver.take()
    assert published(driver, "all") == []
    await driver.open()
    await driver.take()
    await driver.publish()
    assert [update.likes for update in published(driver, "all")] == [3]
    assert (await page(driver))["likes"] == "3"


async def test_an_add_that_moved_a_count_is_published_for_both_windows_after_a_crash(driver: Driver) -> None:
    """The later add took the count out of an earlier minute, whose published row would stay wrong for ever."""
    driver.write(like(1, time_ms=NOON_MS - 120_000))
    await driver.take()
    await driver.publish()
    driver.write(like(1, time_ms=NOON_MS))
    await driver.take()
    await driver.open()
    await driver.take()
    await driver.publish()
    newest = {update.start_ms: update.likes for update in published(driver, "1m")}
    assert newest == {NOON_MS - 120_000: 0, NOON_MS: 1}


async def test_a_window_is_published_final_once_it_closed_even_by_another_worker(driver: Driver) -> None:
    """What is still to be closed stands in Redis: a restart forgets none."""
    driver.write(like(1))
    await driver.take()
    driver.now_ms = NOON_MS + 30_000
    await driver.publish()
    assert [update.final for update in published(driver, "1m")] == [False]
    await driver.open()
    driver.now_ms = NOON_MS + 60_000 + driver.settings.grace_s * 1000 + 3_000
    driver.table.progress.last_taken_ms = 0
    await driver.publish()
    first, second = published(driver, "1m")
    assert second.final
    assert second.revision > first.revision
    assert (second.likes, second.start_ms) == (1, NOON_MS)


async def test_a_late_event_publishes_a_final_row_again_with_a_higher_revision(driver: Driver) -> None:
    """Final means closed, not frozen."""
    driver.write(like(1, time_ms=NOON_MS - 600_000))
    driver.write(like(2, time_ms=NOON_MS))
    await driver.take()
    await driver.publish()
    driver.write(like(3, time_ms=NOON_MS - 600_000))
    await driver.take()
    await driver.publish()
    closed = [update for update in published(driver, "1m") if update.start_ms == NOON_MS - 600_000]
    assert [(update.likes, update.final) for update in closed] == [(1, True), (2, True)]
    assert closed[1].revision > closed[0].revision


async def test_a_window_that_the_clock_closed_stays_closed_for_events_that_come_late(driver: Driver) -> None:
    """Also where they are the newest of the partition, and whoever counts them."""
    driver.write(like(1))
    await driver.take()
    driver.now_ms = NOON_MS + 60_000 + driver.settings.grace_s * 1000 + 3_000
    driver.table.progress.last_taken_ms = 0
    await driver.publish()
    for number in (2, 3):
        driver.write(like(number, time_ms=NOON_MS + number))
        await driver.take()
        await driver.publish()
        await driver.open()
    assert [(update.likes, update.final) for update in published(driver, "1m")] == [(1, True), (2, True), (3, True)]


async def test_the_accounts_rows_are_published_too(driver: Driver) -> None:
    """The sum of its posts, under its own key."""
    driver.write(like(1), like(2, post=f"{BRAND}_2"))
    await driver.take()
    await driver.publish()
    updates = [decode_engagement(value) for value in read_topic(driver.settings, ACCOUNTS)]
    assert {(update.window, update.likes) for update in updates} == {(w, 2) for w in ("1m", "1h", "1d", "all")}


async def test_a_small_cache_counts_the_same(settings: Settings) -> None:
    """Pages that had to be let go are loaded again."""
    small = replace(settings, cache_entries=1_000, slice_events=50)
    redis, outlet = open_redis(small), Outlet(small)
    driver = Driver(small, redis, outlet)
    await driver.open()
    for round_ in range(6):
        driver.write(*(like(round_, post=f"{BRAND}_{i}", time_ms=NOON_MS + round_) for i in range(300)))
        await driver.take()
        await driver.publish()
    assert driver.table.shelf.entries <= 1_000
    assert len(driver.table.shelf.pages) < 300
    assert await driver.differences() == []
    await outlet.stop()
    await driver.decoding.aclose()
    await redis.aclose()


async def test_members_are_compacted_when_most_entries_are_overwritten(driver: Driver) -> None:
    """Somebody who likes and unlikes all day does not fill Redis."""
    for i in range(100):
        driver.write(like(1, action="add" if i % 2 == 0 else "remove", time_ms=NOON_MS - 1000 + i))
        await driver.take()
    blob = await driver.redis.get(Keys(driver.settings.key_prefix).members(SLOT, "facebook", f"{BRAND}_1"))
    assert len(blob) // 16 <= 20
    await driver.open()
    driver.write(like(1, time_ms=NOON_MS))
    await driver.take()
    assert await driver.differences() == []


async def test_a_post_claimed_by_another_account_is_refused(driver: Driver) -> None:
    """A post belongs to the account that it was first seen with, where both lie in one slot."""
    names = [f"{BRAND}x{i}" for i in range(50_000)]
    twin = next(name for name in names if slot_of("facebook", name) == SLOT)
    driver.write(like(1), like(2, account=twin))
    await driver.take()
    assert (await page(driver))["likes"] == "1"
    assert await driver.differences() == []


async def test_a_post_of_a_platform_called_like_a_slot_is_no_account(driver: Driver) -> None:
    """Platform `238`, account `facebook:p2`, and post p2 of slot 238 once met on the shelf."""
    numeric = str(SLOT)
    post = next(p for p in (f"p{i}" for i in range(100)) if slot_of(numeric, f"facebook:{p}") % 4 == 0)
    driver.write(like(1, post=post))
    driver.write(make_interaction(platform=numeric, account=f"facebook:{post}", post="q"))
    driver.write(like(2, post=post))
    await driver.take()
    assert (await page(driver, post))["likes"] == "2"
    assert await driver.differences() == []


async def test_a_layout_of_another_version_stops_the_worker(driver: Driver) -> None:
    """State that we cannot read is not counted upon."""
    await driver.redis.hset(Keys(driver.settings.key_prefix).applied[0], "layout", "99")
    with pytest.raises(StateError, match="has layout 99; expected 3"):
        await driver.open()


async def test_an_event_from_the_future_is_refused_by_the_time_of_its_receipt(driver: Driver) -> None:
    """Ten minutes ahead is a clock that is off; more is refused, and a replay years later decides the same."""
    driver.write(like(1, time_ms=RECEIVED_MS + 600_000), like(2, time_ms=RECEIVED_MS + 600_001))
    driver.now_ms += 400 * DAY_MS
    await driver.take()
    assert (await page(driver))["likes"] == "1"
