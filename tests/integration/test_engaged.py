"""Engaged actors on their way into HyperLogLogs: all of them, into the sets of their post and their account."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from pipeline.counting.live import LivePage
from pipeline.local.redis import RedisServer
from pipeline.store import engaged
from pipeline.store.engaged import Engaged

pytestmark = pytest.mark.servers
SCRIPT = Path(engaged.__file__).with_name("engage.lua").read_text(encoding="utf-8")


@pytest.fixture
def redis(redis_server: RedisServer) -> Iterator[Redis]:
    with Redis.from_url(redis_server.url) as client:
        client.flushdb()
        yield client


def actors(first: int, number: int) -> bytes:
    """As a page gives them."""
    page = LivePage("post", "facebook", "p1", 0, "key")
    for one in range(first, first + number):
        page.engage(0, f"actor {one}")
    return page.take_engaged()[0]


def run(redis: Redis, change: Engaged) -> int:
    """How many calls it took."""
    calls = list(change.packed())
    for part in calls:
        assert redis.eval(SCRIPT, 2, "any", "never", part) == 1
    return len(calls)


def test_each_actor_counts_once_on_post_and_account(redis: Redis) -> None:
    """Also when the script is repeated; a post's lifetime of 0 leaves the one that it has."""
    change = Engaged()
    change.posts = [("post 1", 100, actors(0, 5)), ("post 2", 0, actors(3, 4))]
    change.by_account = {("day", 200, "week", 300): [actors(0, 5), actors(3, 4)]}
    for _ in range(2):
        assert run(redis, change) == 1
        assert [redis.pfcount(name) for name in ("post 1", "post 2", "day", "week")] == [5, 4, 7, 7]
        assert [redis.ttl(name) for name in ("post 1", "post 2", "day", "week")] == [100, -1, 200, 300]
    assert redis.keys("never") == []


@pytest.mark.parametrize(("number", "calls"), [(1, 1), (499, 1), (500, 1), (501, 2), (9_000, 18)])
def test_a_post_of_many_actors_takes_several_calls(redis: Redis, number: int, calls: int) -> None:
    """None of them is lost where one call ends and the next begins."""
    change, whole = Engaged(), Engaged()
    change.posts = [("post", 100, actors(0, number))]
    assert run(redis, change) == calls
    for first in range(0, number, 100):
        whole.posts.append(("whole", 100, actors(first, min(100, number - first))))
    run(redis, whole)
    assert redis.pfcount("post", "whole") == redis.pfcount("post") == redis.pfcount("whole")
    assert abs(int(redis.pfcount("post")) - number) <= number * 0.03
