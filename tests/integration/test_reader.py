"""The Reader and the Client on a real Redis, over pages written as docs/redis.md describes them."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from pipeline.errors import NotFoundError, UnavailableError
from pipeline.local.redis import RedisServer
from pipeline.reading import Client, Reader
from pipeline.settings import Secret, Settings
from tests.written import NOON_MS, Written

pytestmark = pytest.mark.servers


@pytest.fixture
def written(settings: Settings) -> Written:
    """Writes pages of this test's installation."""
    return Written(settings)


@pytest.fixture
async def reader(settings: Settings) -> AsyncIterator[Reader]:
    """A reader half a minute after noon."""
    async with Reader.connect(settings, clock=lambda: NOON_MS + 30_000) as reader:
        yield reader


async def test_account_gives_all_numbers_with_their_time_and_source(written: Written, reader: Reader) -> None:
    """Ratios, the Wilson bound, and polled totals each as of their own time."""
    written.account((8, 2, 0, 1, 3), polled={"likes": (10, 5), "comments": (4, 6)}, first_ms=7, last_ms=9)
    numbers = await reader.account("facebook", "acme")
    assert (numbers.likes, numbers.comments, numbers.shares, numbers.replies, numbers.posts) == (8, 2, 0, 1, 3)
    assert (numbers.comment_to_like, numbers.conversation_share) == (0.25, 0.2)
    assert numbers.conversation_rank == pytest.approx(0.0567, abs=1e-4)
    assert numbers.polled["comments"].as_of_ms == 6
    assert numbers.polled_comment_to_like == 0.4
    assert (numbers.first_ms, numbers.as_of_ms, numbers.source) == (7, 9, "both")
    assert numbers.denominators.comment_to_like == "likes"


async def test_post_is_found_by_its_id_alone(written: Written, reader: Reader) -> None:
    """The directory names its account, whatever the ids hold."""
    written.post("https://ü.example/a b{1}:2", (0, 2, 0, 0, 1), account="we:{ir}\n")
    numbers = await reader.post("facebook", "https://ü.example/a b{1}:2")
    assert (numbers.account, numbers.comments, numbers.comment_to_like) == ("we:{ir}\n", 2, None)
    assert numbers == await reader.post("facebook", "https://ü.example/a b{1}:2", "we:{ir}\n")


async def test_unknown_is_an_error_and_never_zeros(written: Written, reader: Reader) -> None:
    """The message names what was looked for and the nearest that is there."""
    with pytest.raises(NotFoundError, match="nothing has arrived yet"):
        await reader.account("facebook", "acme")
    written.account((1, 1, 0, 0, 0))
    with pytest.raises(NotFoundError, match="no post '1' on facebook"):
        await reader.post("facebook", "1")
    with pytest.raises(NotFoundError, match="no post '1' on facebook"):
        await reader.post("facebook", "1", "acme")
    with pytest.raises(NotFoundError, match="no account"):
        await reader.posts("facebook", "nobody")


async def test_while_nothing_was_counted_a_list_of_a_platform_is_empty(reader: Reader) -> None:
    """Nobody knows yet which platforms there will be."""
    assert (await reader.accounts(platform="x")).items == []
    assert (await reader.alerts("x")).alerts == []


async def test_lists_of_an_unknown_platform_name_the_known_ones(written: Written, reader: Reader) -> None:
    """A misspelt platform must not look like a silent one."""
    written.account((1, 1, 0, 0, 0))
    written.account((1, 1, 0, 0, 0), platform="x")
    for ask in (reader.accounts(platform="nope"), reader.top_posts(platform="nope"), reader.alerts("nope")):
        with pytest.raises(NotFoundError) as raised:
            await ask
        assert str(raised.value) == (
            "no account on 'nope': nothing of it was counted; platforms with counts: facebook, x"
        )


async def test_alerts_of_an_account_that_nobody_knows_are_an_error(written: Written, reader: Reader) -> None:
    """Of one that is known and calm they are an empty list."""
    written.account((1, 1, 0, 0, 0))
    assert (await reader.alerts("facebook", "acme")).alerts == []
    with pytest.raises(NotFoundError, match=r"no account 'acm' on facebook: .* near it are 'acme'"):
        await reader.alerts("facebook", "acm")


async def test_an_unknown_post_is_answered_with_the_nearest_of_its_account(written: Written, reader: Reader) -> None:
    """Of the account that was named, else of all on that platform; or with the account that it does belong to."""
    written.account((1, 1, 0, 0, 0))
    written.account((1, 1, 0, 0, 0), account="other")
    written.post("acme_42", (1, 1, 0, 0, 0))
    written.post("other_43", (1, 1, 0, 0, 0), account="other")
    for account, near in ((None, "near it are 'acme_42', 'other_43'"), ("acme", "near it are 'acme_42'$")):
        with pytest.raises(NotFoundError, match=f"nothing of it was counted; {near}"):
            await reader.post("facebook", "acme_43", account)
    with pytest.raises(NotFoundError, match="no post 'other_43' of this account on facebook: it belongs to 'other'"):
        await reader.post("facebook", "other_43", "acme")


async def test_posts_by_recent_and_by_conversation(written: Written, reader: Reader) -> None:
    """Recent needs only the newest pages; other sorts compare them all. A page that has expired is left out."""
    written.account((9, 9, 0, 0, 0))
    written.post("old", (1, 8, 0, 0, 0), last_ms=NOON_MS - 2)
    written.post("new", (8, 1, 0, 0, 0), last_ms=NOON_MS - 1)
    written.post("expired", (8, 1, 0, 0, 0))
    written.redis.delete(written.keys.post(written.keys.slot("facebook", "acme"), "facebook", "expired"))
    recent = await reader.posts("facebook", "acme")
    assert [post.id for post in recent.items] == ["new", "old"]
    talk = await reader.posts("facebook", "acme", "conversation", limit=1)
    assert ([post.id for post in talk.items], talk.considered, talk.complete) == (["old"], 2, True)


async def test_top_ranks_over_all_accounts_and_platforms(written: Written, reader: Reader) -> None:
    """Accounts and posts, or those of one platform."""
    written.account((10, 1, 0, 0, 0), account="quiet")
    written.account((10, 9, 0, 0, 0), account="loud", platform="x")
    written.post("1", (10, 9, 0, 0, 0), account="loud", platform="x")
    ranking = await reader.accounts()
    assert [account.id for account in ranking.items] == ["loud", "quiet"]
    assert (ranking.considered, ranking.complete) == (2, True)
    assert [account.id for account in (await reader.accounts(platform="facebook")).items] == ["quiet"]
    assert [post.id for post in (await reader.top_posts()).items] == ["1"]


async def test_series_fills_gaps_and_marks_the_open_window(written: Written, reader: Reader) -> None:
    """Three minutes up to now: the newest is still open."""
    rows = {"1m:2026-11-23T09:22": "4,1,0,0,0", "1m:2026-11-23T09:24": "0,2,0,0,0"}
    written.account((4, 3, 0, 0, 0), rows, first_ms=NOON_MS - 120_000)
    series = await reader.series("account", "facebook", "acme", "1m", 60)
    assert [(row.comments, row.comment_to_like, row.partial) for row in series.rows] == [
        (1, 0.25, False),
        (0, None, False),
        (2, None, True),
    ]
    (again,) = await reader.series_of([await reader.account("facebook", "acme")], "1m", 60)
    assert again == series


async def test_series_of_an_expired_page_has_no_rows(written: Written, reader: Reader) -> None:
    """The order of the answers stays that of the items."""
    written.account((1, 1, 0, 0, 0))
    numbers = await reader.account("facebook", "acme")
    written.redis.delete(written.keys.account(written.keys.slot("facebook", "acme"), "facebook", "acme"))
    (series,) = await reader.series_of([numbers])
    assert (series.id, series.rows) == ("acme", [])


async def test_redis_away_is_an_error_of_its_own(settings: Settings, own_redis: RedisServer) -> None:
    """It is neither an empty answer nor a not-found; once Redis is back the same reader goes on."""
    away = Settings(redis_url=Secret(own_redis.url), key_prefix=settings.key_prefix)
    Written(away).account((1, 1, 0, 0, 0))
    async with Reader.connect(away) as reader:
        assert (await reader.account("facebook", "acme")).likes == 1
        own_redis.kill()
        with pytest.raises(UnavailableError):
            await reader.account("facebook", "acme")
        with pytest.raises(UnavailableError):
            await reader.accounts()


async def test_client_answers_inside_a_running_loop(settings: Settings, written: Written) -> None:
    """As in a notebook: a loop is running, and there is no await."""
    written.account((8, 2, 0, 0, 0))
    written.post("1", (8, 2, 0, 0, 0))
    with Client(settings) as client:
        assert client.account("facebook", "acme").comment_to_like == 0.25
        assert client.post("facebook", "1").account == "acme"
        assert [post.id for post in client.posts("facebook", "acme").items] == ["1"]
        assert [account.id for account in client.accounts().items] == ["acme"]
        assert [post.id for post in client.top_posts().items] == ["1"]
        assert client.series("account", "facebook", "acme", "1d", 1).window == "1d"
