"""The directory's walk on a real Redis: bounded steps that go on where the last one stopped."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from pipeline.reading import directory
from pipeline.reading.directory import FRESH_MS, AccountRef, Directory
from pipeline.settings import Settings
from pipeline.store.keys import Keys
from tests.redises import open_redis
from tests.written import Written

pytestmark = pytest.mark.servers


@pytest.fixture
async def client(settings: Settings) -> AsyncIterator[Any]:
    """A connection to Redis."""
    client: Any = open_redis(settings, decode=True)
    yield client
    await client.aclose()


async def test_a_step_is_bounded_and_the_next_goes_on(
    settings: Settings, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With one round of one key a step, 50 accounts take many steps, and none is lost between them."""
    monkeypatch.setattr(directory, "ROUND_KEYS", 1)
    monkeypatch.setattr(directory, "STEP_KEYS", 1)
    written = Written(settings)
    for number in range(50):
        written.account((1, 0, 0, 0, 0), account=f"a {number}")
    walked = Directory(client, written.keys, lambda: 10_000)
    found = [len(await walked.accounts())]
    while not walked.complete:
        found.append(len(await walked.accounts()))
    assert len(found) > 10
    assert found == sorted(found)
    assert set(await walked.accounts()) == {AccountRef("facebook", f"a {number}") for number in range(50)}


async def test_a_fresh_walk_is_not_repeated(settings: Settings, client: Any) -> None:
    """Within FRESH_MS the accounts come from memory; then later ones are there, and those gone are gone."""
    written, now = Written(settings), [10_000]
    written.account((1, 0, 0, 0, 0), account="first")
    walked = Directory(client, written.keys, lambda: now[0])
    assert await walked.accounts() == [AccountRef("facebook", "first")]
    written.redis.delete(written.keys.account_entry("facebook", "first"))
    written.account((1, 0, 0, 0, 0), account="second")
    assert await walked.accounts() == [AccountRef("facebook", "first")]
    now[0] += FRESH_MS
    assert await walked.accounts() == [AccountRef("facebook", "second")]


async def test_glob_characters_of_a_prefix_are_no_pattern(settings: Settings, client: Any) -> None:
    """The prefix `t[1]*` finds its own keys, and none of `t1`."""
    keys = Keys(f"{settings.key_prefix}[1]*")
    await client.hset(keys.account_entry("x", "mine"), "slot", 1)
    await client.hset(Keys(f"{settings.key_prefix}1").account_entry("x", "other"), "slot", 1)
    assert await Directory(client, keys, lambda: 10_000).accounts() == [AccountRef("x", "mine")]
