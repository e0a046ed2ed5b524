"""The points of the growth benchmark: each post has an event at least, and the records add up to what is checked."""

from __future__ import annotations

import pytest

from bench.growth_points import Point, names, points, records
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
