"""The points of the growth benchmark: each post has an event at least, and the records add up to what is checked."""

from __future__ import annotations

import pytest

from bench.growth_points import Point, names, points, records
from pipeline.settings import Settings
from schemas.interaction import decode_interaction
from tests.factories import NOON_MS


def test_each_post_of_a_point_has_an_event_and_its_account() -> None:
    """Else pages would be missing at the end, whatever the worker did."""
    point = Point("posts", events=500, posts=100, accounts=10)
    made = [decode_interaction(value) for _, value in records(point, NOON_MS)]
    assert len(made) == len({one.id for one in made}) == 500
    assert {(one.account, one.post) for one in made} == set(names(point))
    assert len({one.account for one in made}) == 10


@pytest.mark.parametrize(("events", "posts", "accounts"), [(10, 20, 1), (10, 5, 6), (10, 5, 0)])
def test_a_point_that_cannot_be_is_refused(events: int, posts: int, accounts: int) -> None:
    """The message says what there is and what must be."""
    with pytest.raises(ValueError, match="expected an event a post and a post an account"):
        Point("posts", events, posts, accounts)


def test_a_point_with_more_posts_than_events_takes_an_event_a_post() -> None:
    """A million posts need a million events."""
    assert [point.events for point in points(1_000, 1_000)["posts"]] == [10_000, 100_000, 1_000_000]


def test_five_million_members_outgrow_what_a_worker_keeps_and_by_default_they_do_not() -> None:
    """The second run shows what the first one pays for keeping less."""
    viral = points(1_000_000, 5_000_000)["viral"]
    assert [(point.events, point.cache_entries) for point in viral] == [
        (5_000_000, 4_000_000),
        (5_000_000, Settings().cache_entries),
    ]


def test_partitions_and_workers_double_up_to_eight() -> None:
    """Each number of partitions with one worker, each number of workers with eight partitions."""
    some = points(1_000_000, 1)["partitions"]
    assert [(point.partitions, point.workers) for point in some] == [
        (1, 1), (2, 1), (4, 1), (8, 1), (8, 2), (8, 4), (8, 8),
    ]  # fmt: skip
    assert {(point.events, point.posts, point.accounts) for point in some} == {(1_000_000, 10_000, 1_000)}


def test_later_events_come_after_the_others_and_repeat_none() -> None:
    """What trickles into the grown post is new to it."""
    point = Point("viral", 100, 1, 1, later=20)
    made = [decode_interaction(value) for _, value in records(point, NOON_MS)]
    assert len(made) == len({one.id for one in made}) == 120
    assert [one.time_ms for one in made] == sorted(one.time_ms for one in made)
