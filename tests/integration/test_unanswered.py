"""The queue of unanswered comments as it is read: in Python, over HTTP, and through the real table."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import httpx
import pytest

from pipeline.api.server import serving
from pipeline.clock import wall_clock
from pipeline.errors import NotFoundError, QueryError
from pipeline.reading import Client, Reader, UnansweredQueue
from pipeline.settings import Settings
from pipeline.store.texts import DAY_MS
from tests.driver import Driver, accounts_of
from tests.factories import make_interaction
from tests.waiting import DEADLINE_S
from tests.written import NOON_MS, Written

pytestmark = pytest.mark.servers
MINUTE_MS = 60_000


@pytest.fixture
def written(settings: Settings) -> Written:
    """An account of this test's installation of which something was counted."""
    written = Written(settings)
    written.account((1, 3, 0, 0, 1))
    return written


@pytest.fixture
async def reader(settings: Settings) -> AsyncIterator[Reader]:
    """A reader at noon."""
    async with Reader.connect(settings, clock=lambda: NOON_MS) as reader:
        yield reader


async def all_pages(reader: Reader, limit: int) -> list[str | None]:
    """The ids of the whole queue, page by page."""
    ids: list[str | None] = []
    page = await reader.unanswered("facebook", "acme", limit)
    while True:
        ids += [one.id for one in page.comments]
        if page.next is None:
            return ids
        page = await reader.unanswered("facebook", "acme", limit, page.next)


async def test_the_oldest_comes_first_with_its_post_age_and_text(written: Written, reader: Reader) -> None:
    """And what waits altogether is said whatever the limit."""
    written.waiting("c2", NOON_MS - MINUTE_MS)
    mark = written.waiting("c1", NOON_MS - DAY_MS, post="https://ü/1 2", text="Is it vegan?")
    queue = await reader.unanswered("facebook", "acme", 1)
    assert (queue.waiting, queue.oldest_ms, queue.oldest_waits_ms) == (2, NOON_MS - DAY_MS, DAY_MS)
    (oldest,) = queue.comments
    assert (oldest.id, oldest.post, oldest.mark, oldest.actor) == ("c1", "https://ü/1 2", mark, "ann")
    assert (oldest.time_ms, oldest.waits_ms, oldest.text) == (NOON_MS - DAY_MS, DAY_MS, "Is it vegan?")


async def test_an_empty_queue_is_an_answer_and_an_unknown_account_is_none(written: Written, reader: Reader) -> None:
    """Nobody waits, or nothing is known: two answers."""
    queue = await reader.unanswered("facebook", "acme")
    assert (queue.waiting, queue.oldest_ms, queue.comments, queue.next) == (0, None, [], None)
    with pytest.raises(NotFoundError, match="near it are 'acme'"):
        await reader.unanswered("facebook", "acm")


@pytest.mark.parametrize("limit", [1, 2, 3, 7])
async def test_pages_give_each_comment_once_in_order(written: Written, reader: Reader, limit: int) -> None:
    """Also several of the same millisecond."""
    moments = [-9, -5, -5, -5, -5, -3, 0]
    for number, minute in enumerate(moments):
        written.waiting(f"c{number}", NOON_MS + minute * MINUTE_MS)
    ids = await all_pages(reader, limit)
    assert len(ids) == 7
    assert (ids[0], sorted(map(str, ids[1:5])), ids[5:]) == ("c0", ["c1", "c2", "c3", "c4"], ["c5", "c6"])


async def test_a_cursor_holds_when_its_own_comment_is_answered(written: Written, reader: Reader) -> None:
    """Of the same millisecond and later ones none is passed over and none comes again."""
    for number in range(6):
        written.waiting(f"c{number}", NOON_MS - MINUTE_MS)
    whole = await all_pages(reader, 1_000)
    page = await reader.unanswered("facebook", "acme", 3)
    for one in whole[:3]:
        written.answered(str(one))
    written.waiting("new", NOON_MS)
    rest = await reader.unanswered("facebook", "acme", 10, page.next)
    assert [one.id for one in rest.comments] == [*whole[3:], "new"]
    assert (rest.waiting, rest.next) == (4, None)


async def test_what_is_gone_of_a_comment_is_null_and_it_waits_all_the_same(written: Written, reader: Reader) -> None:
    """An erased actor, and a text that Redis does not hold."""
    written.waiting("c1", NOON_MS - 2, text=None, actor=None)
    mark = written.waiting("c2", NOON_MS - 1, kept=False)
    erased, gone = (await reader.unanswered("facebook", "acme")).comments
    assert (erased.id, erased.actor, erased.text) == ("c1", None, None)
    assert (gone.mark, gone.post, gone.id, gone.actor, gone.text) == (mark, "p1", None, None, None)


async def test_what_waits_longer_than_texts_are_kept_is_left_out(written: Written, settings: Settings) -> None:
    """Redis drops it when the account is touched next; a reader does not wait for that."""
    written.waiting("old", NOON_MS - 2 * DAY_MS - 1)
    written.waiting("new", NOON_MS - 2 * DAY_MS)
    async with Reader.connect(replace(settings, text_ttl_days=2), clock=lambda: NOON_MS) as reader:
        queue = await reader.unanswered("facebook", "acme")
        assert ([one.id for one in queue.comments], queue.waiting, queue.kept_days) == (["new"], 1, 2)
        old = f"{NOON_MS - 3 * DAY_MS}:{'0' * 16}:p1"
        assert [one.id for one in (await reader.unanswered("facebook", "acme", after=old)).comments] == ["new"]


@pytest.mark.parametrize("limit", [0, 1_001])
async def test_a_limit_out_of_range_is_refused(written: Written, reader: Reader, limit: int) -> None:
    """The message names the range."""
    with pytest.raises(QueryError, match="expected 1 to 1000"):
        await reader.unanswered("facebook", "acme", limit)


@pytest.mark.parametrize(
    "after", ["", "1", "x:0123456789abcdef:p", "1:0123:p", "999999999999999:0123456789abcdef:p", "1:0123456789abcdef:"]
)
async def test_a_cursor_that_is_none_is_refused(written: Written, reader: Reader, after: str) -> None:
    """It says where cursors come from."""
    with pytest.raises(QueryError, match="expected `next` of an answer before"):
        await reader.unanswered("facebook", "acme", after=after)


async def test_the_address_gives_the_same_pages(written: Written, settings: Settings) -> None:
    """`next` goes back as `after`; what is wrong is 400, who is unknown 404."""
    for number in range(3):
        written.waiting(f"c{number}", wall_clock() - number * 1_000, post="a/b:{c}|d")
    path = "/v1/accounts/facebook/acme/unanswered"
    async with serving(settings) as address, httpx.AsyncClient(base_url=address, timeout=DEADLINE_S) as api:
        first = (await api.get(path, params={"limit": 2})).json()
        assert ([one["id"] for one in first["comments"]], first["waiting"]) == (["c2", "c1"], 3)
        second = (await api.get(path, params={"limit": 2, "after": first["next"]})).json()
        assert ([one["post"] for one in second["comments"]], second["next"]) == (["a/b:{c}|d"], None)
        assert (await api.get(f"{path}?after=1")).status_code == 400
        assert (await api.get(f"{path}?limit=1001")).status_code == 400
        assert (await api.get("/v1/accounts/facebook/nobody/unanswered")).status_code == 404


def test_the_client_gives_the_queue_without_await(written: Written, settings: Settings) -> None:
    """As in a notebook."""
    written.waiting("c1", wall_clock())
    with Client(settings) as client:
        assert [one.id for one in client.unanswered("facebook", "acme", 5).comments] == ["c1"]


async def test_the_queue_is_what_the_table_counted(driver: Driver) -> None:
    """Answered and removed comments wait no more; numbers and rows tell the rest."""
    (brand,) = accounts_of(0, 1)
    fields = {"account": brand, "post": f"{brand}_1", "kind": "comment"}
    for number in range(4):
        time_ms = NOON_MS - (30 - number) * MINUTE_MS
        driver.write(make_interaction(**fields, id=f"c{number}", time_ms=time_ms, text=f"text {number}"))
    driver.write(
        make_interaction(**fields, id="r", parent="c1", own=True, time_ms=NOON_MS - 20 * MINUTE_MS),
        make_interaction(**fields, id="c2", action="remove", time_ms=NOON_MS),
    )
    await driver.take()
    async with Reader.connect(driver.settings, clock=lambda: NOON_MS) as reader:
        queue: UnansweredQueue = await reader.unanswered("facebook", brand)
        assert [(one.id, one.text) for one in queue.comments] == [("c0", "text 0"), ("c3", "text 3")]
        numbers = await reader.account("facebook", brand)
        assert (numbers.answered, numbers.unanswered, numbers.reply_rate) == (1, 2, 1 / 3)
        series = await reader.series("post", "facebook", f"{brand}_1", "1m", 60)
        # Nine minutes: in the bucket from 5 to 10.
        assert (series.replying.comments, series.replying.reply_times) == (3, (0, 0, 0, 0, 0, 1))
        assert series.replying.reply_median_ms == numbers.reply_median_ms == 600_000
