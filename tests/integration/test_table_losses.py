"""What a table does over a Redis that was emptied or fell back, step by step, on the real servers."""

from __future__ import annotations

import pytest

from pipeline.errors import FencedError
from pipeline.store.keys import Keys
from schemas.engagement import decode_engagement
from schemas.topics import POSTS, UNANSWERED
from tests.driver import Driver
from tests.factories import NOON_MS
from tests.gateways import records
from tests.integration.test_table import BRAND, SLOT, comment, like, published
from tests.topics import read_topic

pytestmark = pytest.mark.servers


async def test_revisions_go_on_growing_over_an_emptied_redis(driver: Driver) -> None:
    """Otherwise subscribers would hold the rows counted anew for old ones."""
    driver.write(like(1))
    await driver.take()
    await driver.publish()
    await driver.lose_everything()
    driver.committed, driver.now_ms = 0, driver.now_ms + 5_000
    await driver.open()
    await driver.take()
    await driver.publish()
    first, second = (update.revision for update in published(driver, "all"))
    assert second > first


async def test_what_a_redis_lost_while_it_was_read_again_is_told_only_as_it_is_counted_anew(driver: Driver) -> None:
    """There is nothing to tell of a page that is not there: not even whose post it is."""
    driver.write(like(1))
    await driver.take()
    await driver.open()
    await driver.lose_everything()
    await driver.take()
    with pytest.raises(FencedError):
        await driver.publish()
    assert published(driver, "all") == []
    await driver.open()
    await driver.take()
    await driver.publish()
    assert [(update.account, update.likes) for update in published(driver, "all")] == [(BRAND, 1)]


@pytest.mark.parametrize("lost", [False, True])
async def test_what_moved_to_another_window_is_taken_back_also_where_both_records_are_counted_anew_together(
    driver: Driver, lost: bool
) -> None:
    """The first window was published, and says 0 at last: also by an owner who sees both records in one slice."""
    driver.write(like(1, time_ms=NOON_MS - 300_000))
    await driver.take()
    await driver.publish()
    driver.write(like(1, time_ms=NOON_MS))
    if lost:
        await driver.lose_everything()
    driver.now_ms += 5_000
    await driver.open()
    await driver.take()
    await driver.publish()
    newest: dict[int | None, tuple[int, int]] = {}
    for update in map(decode_engagement, read_topic(driver.settings, POSTS)):
        if update.window == "1m":
            newest[update.start_ms] = max(newest.get(update.start_ms, (0, 0)), (update.revision, update.likes))
    assert sorted(likes for _, likes in newest.values()) == [0, 1]


async def test_a_redis_that_fell_back_is_noticed_although_nothing_arrives(driver: Driver) -> None:
    """No script is to run that could be fenced: a publication with nothing to write asks instead."""
    driver.write(like(1))
    await driver.take()
    await driver.publish()
    await driver.publish()
    applied = Keys(driver.settings.key_prefix).applied[SLOT]
    await driver.redis.hset(applied, mapping={"0": 0, "version": 1})
    with pytest.raises(FencedError, match=r"slot \d+ of partition 0 is at Mark\(offset=0, version=1\); expected"):
        await driver.publish()


@pytest.mark.parametrize("over", [{"action": "remove"}, {"kind": "like"}])
async def test_a_comment_that_waited_is_told_to_be_over_also_where_all_its_records_are_counted_anew_together(
    driver: Driver, over: dict[str, str]
) -> None:
    """It was removed, or its id said to be something else, after subscribers were told of it and Redis lost it."""
    driver.write(comment("c1"))
    await driver.take()
    await driver.publish()
    await driver.lose_everything()
    driver.write(comment("c1", time_ms=NOON_MS + 1, **over))
    driver.now_ms += 5_000
    await driver.open()
    await driver.take()
    await driver.publish()
    told = [record.value for record in records(driver.settings, UNANSWERED.name)]
    assert (len(told), told[-1]) == (2, None)
