"""Subscribing to the queue of unanswered comments, on a real Kafka."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from pipeline.counting.members import hash_id
from pipeline.settings import Settings
from pipeline.store.texts import mark_of
from pipeline.subscribe import QueueChange, QueueChanges, read_change, subscribe_unanswered
from schemas.unanswered import Unanswered, encode_unanswered, unanswered_key
from tests.driver import Driver, accounts_of
from tests.factories import make_interaction, make_unanswered
from tests.published import Published
from tests.waiting import DEADLINE_S

pytestmark = pytest.mark.servers
IDLE_S = 1.5
MARK = "0123456789abcdef"


@pytest.fixture
def published(settings: Settings) -> Iterator[Published]:
    """Writes into this test's topics."""
    published = Published(settings)
    yield published
    published.close()


def subscribed(settings: Settings, **options: Any) -> QueueChanges:
    """A subscription from the beginning that ends once it is idle."""
    given: dict[str, Any] = {"start": "beginning", "idle_s": IDLE_S, **options}
    return subscribe_unanswered(settings.kafka_servers, topic_prefix=settings.topic_prefix, **given)


def waiting(comment: str, account: str = "acme", platform: str = "facebook", post: str = "p1") -> Unanswered:
    """A comment that waits."""
    return make_unanswered(id=comment, account=account, platform=platform, post=post)


async def test_the_queue_is_what_has_no_tombstone(driver: Driver) -> None:
    """Written by the real table: one comment is answered, one removed, one still waits."""
    (brand,) = accounts_of(0, 1)
    fields = {"account": brand, "post": f"{brand}|1", "kind": "comment"}
    driver.write(*(make_interaction(**fields, id=name, text=f"text of {name}") for name in ("c1", "c2", "c3")))
    await driver.take()
    await driver.publish()
    driver.write(
        make_interaction(**fields, id="r", parent="c1", own=True), make_interaction(**fields, id="c2", action="remove")
    )
    await driver.take()
    await driver.publish()
    queue: dict[str, Unanswered] = {}
    with subscribed(driver.settings) as changes:
        for change in changes:
            if change.comment is None:
                del queue[change.key]
            else:
                queue[change.key] = change.comment
    key = unanswered_key("facebook", f"{brand}|1", mark_of(hash_id("c3")))
    assert [(name, one.id, one.text) for name, one in queue.items()] == [(key, "c3", "text of c3")]


def test_platforms_and_accounts_choose_and_every_tombstone_comes(settings: Settings, published: Published) -> None:
    """A tombstone tells its platform, and not whose comment it was."""
    published.queue(f"facebook:p1|{MARK}", waiting("c1"))
    published.queue(f"facebook:p2|{MARK}", waiting("c2", account="other"))
    published.queue(f"x:p3|{MARK}", waiting("c3", platform="x"))
    published.queue(f"facebook:p2|{MARK}", None)
    published.queue(f"x:p3|{MARK}", None)
    with subscribed(settings, platforms=["facebook"], accounts=["acme"]) as changes:
        found = {change.post: change.comment and change.comment.id for change in changes}
    assert found == {"p1": "c1", "p2": None}


def test_a_group_goes_on_after_what_it_was_given(settings: Settings, published: Published) -> None:
    """As with rows: what was given last comes again unless the next was asked for."""
    for comment in ("c1", "c2", "c3"):
        published.queue(f"facebook:p1|{mark_of(hash_id(comment))}", waiting(comment, post="p1"))
    given: list[str] = []
    for _ in range(2):
        with subscribed(settings, group=f"{settings.group}-queue", idle_s=DEADLINE_S) as changes:
            given += [change.comment.id for change in (next(changes), next(changes)) if change.comment]
    assert len(given) == 4
    assert given[1] == given[2]
    assert set(given) == {"c1", "c2", "c3"}


def test_poison_is_counted_and_passed_over(settings: Settings, published: Published) -> None:
    """A key of another form, a value that is no comment."""
    published.queue("facebook:p1", None)
    published.queue(f"facebook:p1|{MARK}", b"{poison")
    published.queue(f"facebook:p1|{MARK}", waiting("c1"))
    with subscribed(settings) as changes:
        assert [change.mark for change in changes] == [MARK]
        assert changes.unreadable == 2


@pytest.mark.parametrize("post", ["1_2", "a|b:c", "https://ü.example/p 1\n|2", f"p|{MARK}"])
def test_a_key_names_one_comment_whatever_the_post_is_called(post: str) -> None:
    """It is read from both ends."""
    key, comment = unanswered_key("facebook", post, MARK), waiting("c1", post=post)
    assert read_change(key.encode(), None) == QueueChange(key, "facebook", post, MARK, None)
    assert read_change(key.encode(), encode_unanswered(comment)).comment == comment
