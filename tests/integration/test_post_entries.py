"""Whose a post is in the directory where two accounts name it: a record of one takes nothing from the other."""

from __future__ import annotations

import pytest

from pipeline.settings import Settings
from pipeline.slots import slot_of
from pipeline.store.keys import Keys
from tests.clusters import RedisCluster
from tests.conftest import new_installation
from tests.driver import PARTITION, Driver, accounts_of
from tests.factories import NOON_MS, make_interaction

pytestmark = pytest.mark.servers

OWNER, OTHER = list({slot_of("facebook", brand): brand for brand in accounts_of(PARTITION, 50)}.values())[:2]
HOUR = 1 / 24


def like(account: str, number: int = 1) -> object:
    return make_interaction(account=account, post="p1", actor=f"u{number}", time_ms=NOON_MS + number)


async def name_it(driver: Driver, account: str, number: int = 1) -> None:
    """One like, by a worker that has just started: it loads its pages, and enters them."""
    driver.write(like(account, number))
    await driver.open()
    await driver.take()
    await driver.publish()


async def entered(driver: Driver) -> tuple[str, int]:
    """The account of the post's entry, and the days that the entry has left."""
    key = Keys(driver.settings.key_prefix).post_entry("facebook", "p1")
    return await driver.decoding.get(key), round(await driver.decoding.ttl(key) / 86_400)


async def test_a_post_that_another_account_names_stays_its_owners(driver: Driver) -> None:
    """The last to name it was the one that was read, until the owner's page was loaded again."""
    await name_it(driver, OWNER)
    _, days = await entered(driver)
    await driver.age(1)
    for number in range(2, 4):
        await name_it(driver, OTHER, number)
        assert await entered(driver) == (OWNER, days - 1)
    await name_it(driver, OWNER, 4)
    assert await entered(driver) == (OWNER, days)
    assert await driver.differences() == []


async def test_the_first_of_one_slice_keeps_the_post(driver: Driver) -> None:
    driver.write(like(OWNER), like(OTHER, 2))
    await driver.open()
    await driver.take()
    assert (await entered(driver))[0] == OWNER


async def test_a_post_whose_owners_page_ran_out_is_the_next_ones(driver: Driver) -> None:
    """Its entry may live longer: it is renewed whenever the page is loaded, the page only where it changes."""
    await name_it(driver, OWNER)
    _, days = await entered(driver)
    await driver.age(1)
    keys = Keys(driver.settings.key_prefix)
    await driver.redis.delete(keys.post(slot_of("facebook", OWNER), "facebook", "p1"))
    await name_it(driver, OTHER, 2)
    assert await entered(driver) == (OTHER, days)


async def test_an_entry_whose_page_is_still_to_be_written_is_not_taken_over(driver: Driver) -> None:
    """Its worker writes the entry first, and then waits for a Redis that is full, or dies and begins again."""
    keys = Keys(driver.settings.key_prefix)
    await name_it(driver, OWNER)
    await driver.redis.delete(keys.post(slot_of("facebook", OWNER), "facebook", "p1"))
    await driver.age(HOUR / 2)
    await name_it(driver, OTHER, 2)
    assert (await entered(driver))[0] == OWNER
    await driver.age(HOUR)
    await name_it(driver, OTHER, 3)
    assert (await entered(driver))[0] == OTHER


async def test_entries_are_written_anew_where_redis_lost_them(driver: Driver) -> None:
    """By whoever counts again first: what is counted stays apart in any case."""
    await name_it(driver, OWNER)
    await name_it(driver, OTHER, 2)
    await driver.lose_everything()
    await driver.open()
    await driver.take()
    assert (await entered(driver))[0] == OWNER
    assert await driver.differences() == []


class TestOnACluster:
    """Where the entry lies on another node than either page."""

    @pytest.fixture
    def settings(self, kafka_servers: tuple[str, ...], redis_cluster: RedisCluster) -> Settings:
        return new_installation(kafka_servers, redis_cluster.url)

    async def test_a_post_stays_its_owners_until_the_owners_page_ran_out(self, driver: Driver) -> None:
        keys = Keys(driver.settings.key_prefix)
        await name_it(driver, OWNER)
        await name_it(driver, OTHER, 2)
        assert (await entered(driver))[0] == OWNER
        await driver.age(1)
        await driver.redis.delete(keys.post(slot_of("facebook", OWNER), "facebook", "p1"))
        await name_it(driver, OTHER, 3)
        assert (await entered(driver))[0] == OTHER
