"""Replies of the brand: what they answer, who still waits, what is kept of texts, and what other programs are told."""

from __future__ import annotations

import orjson
import pytest

from pipeline.counting.members import hash_id
from pipeline.slots import slot_of
from pipeline.store.keys import Keys
from pipeline.store.texts import decode_text, mark_of
from schemas.interaction import Interaction
from schemas.topics import UNANSWERED
from schemas.unanswered import Unanswered, decode_unanswered
from tests.driver import Driver, accounts_of
from tests.factories import NOON_MS, make_interaction
from tests.gateways import records

pytestmark = pytest.mark.servers

(BRAND,) = accounts_of(0, 1)
POST = f"{BRAND}_1"
SLOT = slot_of("facebook", BRAND)
MINUTE_MS = 60_000


def comment(comment_id: str, minute: int = -30, **changes: object) -> Interaction:
    """A comment at a minute from noon."""
    fields = {"account": BRAND, "post": POST, "kind": "comment", "id": comment_id, "text": f"text of {comment_id}"}
    return make_interaction(**(fields | {"time_ms": NOON_MS + minute * MINUTE_MS} | changes))


def reply(reply_id: str, to: str, minute: int, **changes: object) -> Interaction:
    """The brand's reply."""
    return comment(reply_id, minute, own=True, parent=to, actor="brand", **changes)


async def page(driver: Driver) -> dict[str, str]:
    hash_ = await driver.redis.hgetall(Keys(driver.settings.key_prefix).post(SLOT, "facebook", POST))
    return {name.decode(): text.decode() for name, text in hash_.items()}


async def waiting(driver: Driver) -> list[str]:
    """The marks of the comments in the queue, oldest first."""
    key = Keys(driver.settings.key_prefix).unanswered(SLOT, "facebook", BRAND)
    return [member.decode().partition(":")[0] for member in await driver.redis.zrange(key, 0, -1)]


def marks(*comments: str) -> list[str]:
    return [mark_of(hash_id(one)) for one in comments]


async def text(driver: Driver, comment_id: str, day: str = "2026-11-23") -> Unanswered | None:
    key = Keys(driver.settings.key_prefix).texts(SLOT, "facebook", BRAND, day)
    value = await driver.redis.hget(key, mark_of(hash_id(comment_id)))
    return None if value is None else decode_text(value)


def told(driver: Driver) -> dict[str, Unanswered | None]:
    """What a subscriber of the topic knows: by key the last value, None for a tombstone."""
    last = {}
    for record in records(driver.settings, UNANSWERED.name):
        last[record.key.decode()] = decode_unanswered(record.value) if record.value else None
    return last


async def test_a_comment_is_answered_by_a_reply_to_it_or_further_down_its_thread(driver: Driver) -> None:
    """c1 <- c2 <- the brand: both are answered, each after its own time. c3 still waits."""
    driver.write(comment("c1", -30), comment("c2", -20, parent="c1"), comment("c3", -10), reply("r", "c2", -18))
    await driver.take()
    found = await page(driver)
    assert (found["comments"], found["answered"]) == ("3", "2")
    # 2 minutes and 12 minutes: the buckets that end at 120 s and 900 s.
    assert found["reply_times"] == "0,0,0,1,0,0,1"
    assert found["1d:2026-11-23"] == "0,3,0,1,0,2,0,0,0,1,0,0,1"
    assert await waiting(driver) == marks("c3")
    assert await driver.differences() == []


async def test_a_reply_that_comes_before_its_comment_answers_it_all_the_same(driver: Driver) -> None:
    """And one that is dated before its comment came at once."""
    driver.write(reply("r", "c1", -20), reply("s", "c2", -25))
    await driver.take()
    assert "answered" not in await page(driver)
    driver.write(comment("c1", -21), comment("c2", -24))
    await driver.take()
    assert (await page(driver))["reply_times"] == "1,0,1"
    assert await waiting(driver) == []
    assert await driver.differences() == []


async def test_a_removed_reply_answers_no_more_and_its_comment_waits_again(driver: Driver) -> None:
    """Also for a worker that did not see the comment come: it knows no more than Redis does."""
    driver.write(comment("c1", -30), reply("r", "c1", -20))
    await driver.take()
    assert await waiting(driver) == []
    await driver.publish()
    await driver.open()
    driver.write(reply("r", "c1", -5, action="remove"))
    await driver.take()
    assert (await page(driver))["answered"] == "0"
    assert await waiting(driver) == marks("c1")
    await driver.publish()
    assert [(entry.id, entry.text) for entry in told(driver).values() if entry] == [("c1", "text of c1")]
    assert await driver.differences() == []


async def test_the_first_of_two_replies_counts_and_the_second_stands_in_when_it_is_removed(driver: Driver) -> None:
    """Whatever the order in which they come."""
    driver.write(comment("c1", -30), reply("second", "c1", -20), reply("first", "c1", -29))
    await driver.take()
    assert (await page(driver))["reply_times"] == "0,0,1"
    driver.write(reply("first", "c1", 0, action="remove"))
    await driver.take()
    assert (await page(driver))["reply_times"] == "0,0,0,0,0,1"
    assert await driver.differences() == []


async def test_replies_of_others_and_comments_of_the_brand_answer_nothing(driver: Driver) -> None:
    """Only the account itself, and only to a comment."""
    driver.write(comment("c1"), comment("c2", -20, parent="c1"), comment("own", -10, own=True))
    await driver.take()
    assert await waiting(driver) == marks("c1", "c2")
    assert "answered" not in await page(driver)


async def test_subscribers_learn_who_waits_and_get_a_tombstone_when_it_is_over(driver: Driver) -> None:
    """Answered and removed comments are over."""
    driver.write(comment("c1", -30, actor="ann"), comment("c2", -29), comment("c3", -28))
    await driver.take()
    await driver.publish()
    key = f"facebook:{POST}|{mark_of(hash_id('c1'))}"
    assert told(driver)[key] == Unanswered(
        platform="facebook", account=BRAND, post=POST, id="c1", actor="ann", parent=None,
        time_ms=NOON_MS - 30 * MINUTE_MS, text="text of c1",
    )  # fmt: skip
    driver.write(reply("r", "c1", -20), comment("c2", -10, action="remove"))
    await driver.take()
    await driver.publish()
    assert sorted(entry.id for entry in told(driver).values() if entry) == ["c3"]
    assert len(told(driver)) == 3


async def test_what_was_counted_and_not_yet_told_is_told_after_a_crash(driver: Driver) -> None:
    """The committed offset means published."""
    driver.write(comment("c1", -30), comment("c2", -29), reply("r", "c1", -20))
    await driver.take()
    await driver.open()
    await driver.take()
    await driver.publish()
    assert sorted((entry.id if entry else "") for entry in told(driver).values()) == ["", "c2"]


async def test_the_newest_text_is_kept_whatever_the_order_and_goes_with_its_comment(driver: Driver) -> None:
    """280 characters of it."""
    driver.write(comment("c1", -20, action="edit", text="newer"), comment("c1", -30, text="older"))
    driver.write(comment("c2", -30, text="x" * 300))
    await driver.take()
    first, second = await text(driver, "c1"), await text(driver, "c2")
    assert first is not None
    assert second is not None
    assert (first.text, first.time_ms, second.text) == ("newer", NOON_MS - 30 * MINUTE_MS, "x" * 280)
    driver.write(comment("c1", -10, action="remove"))
    await driver.take()
    assert await text(driver, "c1") is None
    driver.write(comment("c1", -20, action="edit", text="newer"))
    await driver.take()
    assert await text(driver, "c1") is None


async def test_an_edit_that_stood_in_for_its_comment_leaves_no_text_behind_on_its_own_day(driver: Driver) -> None:
    """The comment turns out to be of the day before."""
    driver.write(comment("c1", -20, action="edit"))
    await driver.take()
    assert await text(driver, "c1") is not None
    driver.write(comment("c1", -1440))
    await driver.take()
    assert await text(driver, "c1") is None
    assert await text(driver, "c1", "2026-11-22") is not None
    assert await driver.differences() == []


@pytest.mark.parametrize("minute", [-30, -1440])
async def test_what_an_edit_said_before_its_comment_came_is_kept_where_the_comment_stands(
    driver: Driver, minute: int
) -> None:
    """On the same day or on the one before; what it said last, at its own time, also for subscribers."""
    driver.write(comment("c1", -20, action="edit", text='newer "time_ms":5'))
    await driver.take()
    driver.write(comment("c1", minute, text="older"))
    await driver.take()
    await driver.publish()
    found = await text(driver, "c1", "2026-11-23" if minute == -30 else "2026-11-22")
    assert found is not None
    assert (found.text, found.time_ms) == ('newer "time_ms":5', NOON_MS + minute * MINUTE_MS)
    assert list(told(driver).values()) == [found]
    keys = Keys(driver.settings.key_prefix)
    days = [keys.texts(SLOT, "facebook", BRAND, day) for day in ("2026-11-22", "2026-11-23")]
    assert sorted([await driver.redis.ttl(key) for key in days])[0] == -2
    assert sorted([await driver.redis.ttl(key) for key in days])[1] > 30 * 86_400


async def test_a_comment_that_moves_by_a_newer_add_has_the_newest_text(driver: Driver) -> None:
    """It may say less than what was said before: a text is newer than none."""
    driver.write(comment("c1", -1440, text="older"))
    await driver.take()
    driver.write(comment("c1", -20, text=None))
    await driver.take()
    found = await text(driver, "c1")
    assert found is not None
    assert (found.text, found.time_ms, await text(driver, "c1", "2026-11-22")) == (
        "older", NOON_MS - 20 * MINUTE_MS, None,
    )  # fmt: skip


async def test_what_an_erased_actor_said_moves_with_its_comment_without_text_and_actor(driver: Driver) -> None:
    """The erasure may have looked at the other day already."""
    driver.write(comment("c1", -20, action="edit", actor="ann"), comment("c2", -20, action="edit", actor="bob"))
    await driver.take()
    await driver.redis.sadd(Keys(driver.settings.key_prefix).erased[SLOT], "facebook:ann")
    driver.write(comment("c1", -1440, actor="ann"), comment("c2", -1440, actor="bob", text="older"))
    await driver.take()
    found = [await text(driver, one, "2026-11-22") for one in ("c1", "c2")]
    assert [(one.text, one.actor, one.time_ms) for one in found if one] == [
        (None, None, NOON_MS - 1440 * MINUTE_MS), ("text of c2", "bob", NOON_MS - 1440 * MINUTE_MS),
    ]  # fmt: skip


async def test_what_an_erased_actor_says_is_counted_and_queued_without_text_and_actor(driver: Driver) -> None:
    """Also when it is read again from Kafka."""
    await driver.redis.sadd(Keys(driver.settings.key_prefix).erased[SLOT], "facebook:ann")
    driver.write(comment("c1", actor="ann"), comment("c2", actor="bob"))
    await driver.take()
    await driver.publish()
    first, second = await text(driver, "c1"), await text(driver, "c2")
    assert first is not None
    assert second is not None
    assert (first.id, first.text, first.actor) == ("c1", None, None)
    assert (second.text, second.actor) == ("text of c2", "bob")
    assert sorted(str(entry.text) for entry in told(driver).values() if entry) == ["None", "text of c2"]
    assert await driver.differences() == []


async def test_a_long_queue_of_one_slice_fits_the_scripts_limits(driver: Driver) -> None:
    """More comments, actors and texts than one command of a script takes arguments."""
    driver.write(*(comment(f"c{number}", -5, actor=f"u{number}") for number in range(9_000)))
    await driver.take()
    assert len(await waiting(driver)) == 9_000
    assert await driver.differences() == []


async def test_labels_are_those_of_the_newest_record_and_the_hour_that_of_the_first(driver: Driver) -> None:
    """In whatever order they come."""
    post = {"account": BRAND, "post": POST, "kind": "post", "own": True, "actor": None}
    driver.write(
        make_interaction(**post, action="edit", time_ms=NOON_MS, text="What would you cook? #soup", media="image"),
        make_interaction(**post, time_ms=NOON_MS - 90 * MINUTE_MS, text="Soup."),
    )
    await driver.take()
    found = await page(driver)
    labels = orjson.loads(found["labels"])
    assert (labels["question"], labels["media"], labels["hashtags"], labels["hour"]) == (True, "image", ["soup"], 7)
    assert found["published_ms"] == str(NOON_MS - 90 * MINUTE_MS)
    assert await driver.differences() == []


async def test_distinct_actors_are_counted_per_post_per_day_and_for_all_time(driver: Driver) -> None:
    """Repeats, removals and the brand itself add nobody."""
    driver.write(comment("c1", actor="ann"), comment("c2", actor="ann"), comment("c3", actor="bob"))
    driver.write(comment("c4", -1440, actor="cid"), reply("r", "c1", -1))
    driver.write(comment("d1", actor="dan", post=f"{BRAND}_2"), comment("c1", actor="eve", action="remove"))
    await driver.take()
    keys = Keys(driver.settings.key_prefix)
    place = (SLOT, "facebook", BRAND)
    counts = [
        await driver.redis.pfcount(key)
        for key in (
            keys.engaged(*place, "all"), keys.engaged(*place, "1d:2026-11-23"), keys.engaged(*place, "1d:2026-11-22"),
            keys.engaged_post(SLOT, "facebook", POST),
        )
    ]  # fmt: skip
    assert counts == [4, 3, 1, 3]
    assert await driver.differences() == []
