"""The subscriber's helper on a real Kafka."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from threading import Timer
from typing import Any

import pytest

from pipeline.errors import TopicsError, UnavailableError
from pipeline.local.kafka import KafkaServer
from pipeline.settings import Settings
from pipeline.subscribe import Updates, subscribe
from schemas.engagement import Engagement
from tests.conftest import new_installation
from tests.factories import make_update
from tests.published import Published
from tests.waiting import DEADLINE_S

pytestmark = pytest.mark.servers
IDLE_S = 1.5


@pytest.fixture
def published(settings: Settings) -> Iterator[Published]:
    """Writes updates into this test's topics."""
    published = Published(settings)
    yield published
    published.close()


def subscribed(settings: Settings, **options: Any) -> Updates:
    """A subscription from the beginning that ends once it is idle."""
    options = {"start": "beginning", "idle_s": IDLE_S} | options
    return subscribe(settings.kafka_servers, topic_prefix=settings.topic_prefix, **options)


def revisions(updates: list[Engagement]) -> list[tuple[str, int]]:
    """What came, by id."""
    return sorted((update.id, update.revision) for update in updates)


def test_the_newest_revision_of_each_row(settings: Settings, published: Published) -> None:
    """Lower and equal revisions are dropped and counted."""
    published.updates(*(make_update(revision=revision) for revision in (2, 5, 3, 5)), make_update(id="p2", revision=1))
    with subscribed(settings) as updates:
        assert revisions(list(updates)) == [("p1", 2), ("p1", 5), ("p2", 1)]
        assert updates.repeated == 2


def test_filters_choose_what_is_given(settings: Settings, published: Published) -> None:
    """By entity, platform, account, window, and only closed windows."""
    published.updates(
        make_update(id="wanted", final=True),
        make_update(id="open"),
        make_update(id="hour", window="1h", final=True),
        make_update(id="other", account="a2", final=True),
        make_update(id="x", platform="x", final=True),
        make_update(id="a1", entity="account", final=True),
    )
    filters = {"entity": "post", "platforms": ["facebook"], "accounts": ["a1"], "windows": ["1m"], "only_final": True}
    with subscribed(settings, **filters) as updates:
        assert [update.id for update in updates] == ["wanted"]


def test_from_now_begins_where_subscribe_was_called(settings: Settings, published: Published) -> None:
    """Not at the first read: what comes between the two is given."""
    published.updates(make_update(id="before"))
    with subscribed(settings, start="now") as updates:
        published.updates(make_update(id="after"))
        assert [update.id for update in updates] == ["after"]


def test_a_group_goes_on_after_what_it_was_given(settings: Settings, published: Published) -> None:
    """The update given last counts as done only once the next was asked for: it comes again, none is lost."""
    published.updates(*(make_update(revision=revision) for revision in (1, 2, 3)))
    with subscribed(settings, group=f"{settings.group}-sub", idle_s=DEADLINE_S) as updates:
        assert [next(updates).revision, next(updates).revision] == [1, 2]
    with subscribed(settings, group=f"{settings.group}-sub", idle_s=DEADLINE_S) as updates:
        assert [next(updates).revision, next(updates).revision] == [2, 3]


def test_a_broker_that_stands_still_is_no_lull(own_kafka: KafkaServer, redis_url: str) -> None:
    """`idle_s` counts once all is read: what lies there comes however long the broker takes."""
    settings = new_installation((own_kafka.servers,), redis_url)
    published = Published(settings)
    published.updates(make_update(revision=1, id="p1"), make_update(revision=1, id="p2"))
    with subscribed(settings, idle_s=0.2) as updates:
        own_kafka.pause()
        Timer(2, own_kafka.resume).start()
        assert sorted(update.id for update in updates) == ["p1", "p2"]
    published.close()


def test_poison_is_counted_and_reported_once(
    settings: Settings, published: Published, caplog: pytest.LogCaptureFixture
) -> None:
    """The stream goes on; a deletion is no poison."""
    published.raw(b"{poison")
    published.raw(b'{"entity": "post"}')
    published.raw(None)
    published.updates(make_update())
    with caplog.at_level(logging.WARNING), subscribed(settings) as updates:
        assert len(list(updates)) == 1
        assert updates.unreadable == 2
    assert len([line for line in caplog.messages if "cannot be read" in line]) == 1


def test_missing_topics_and_missing_kafka_are_errors_of_their_own(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Instead of a silence without end, also in a group."""
    monkeypatch.setattr("pipeline.subscription.START_S", 3.0)
    for group in (None, settings.group):
        with pytest.raises(TopicsError, match="twoway topics create"):
            subscribe(settings.kafka_servers, topic_prefix="nobody.", group=group)
    with pytest.raises(UnavailableError, match=r"Kafka does not answer at 127.0.0.1:1; expected it there"):
        subscribe("127.0.0.1:1")
