"""What is measured as it grows: the points of each series, their records, and what they must add up to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from bench.events import SEED, SPAN_MS, interaction_of
from pipeline.settings import Settings
from schemas.interaction import encode_interaction

KINDS, SHARES = ("like", "comment", "share"), (0.85, 0.10, 0.05)
ZIPF = 1.3
#: As much as a worker keeps by default.
CACHE_ENTRIES = Settings.cache_entries
#: Trickle into the viral post after it has grown.
LATER_S, LATER_PER_S = 20, 100


@dataclass(frozen=True)
class Point:
    """One run. Each post gets one event at least, the others follow Zipf's law; post p belongs to account
    `p % accounts`, so `accounts` must not exceed `posts`. `later`: further events that come one after the other when
    all others are counted."""

    series: str
    events: int
    posts: int
    accounts: int
    partitions: int = 4
    workers: int = 1
    cache_entries: int = CACHE_ENTRIES
    later: int = 0

    def __post_init__(self) -> None:
        if not 1 <= self.accounts <= self.posts <= self.events:
            raise ValueError(
                f"{self.events} events, {self.posts} posts, {self.accounts} accounts; "
                "expected an event a post and a post an account at least"
            )

    @property
    def label(self) -> str:
        """What differs from the other points of its series."""
        if self.series == "viral":
            return f"{self.cache_entries:,} entries kept"
        if self.series == "partitions":
            return f"{_number(self.partitions, 'partition')}, {_number(self.workers, 'worker')}"
        return f"{self.accounts:,} accounts" if self.series == "accounts" else f"{self.posts:,} posts"

    @property
    def pages(self) -> int:
        """Pages of posts and accounts that must be in Redis at the end."""
        return self.posts + self.accounts


def points(events: int, viral: int) -> dict[str, list[Point]]:
    """All series. A point with more posts than `events` takes an event for each post. The viral post grows twice: its
    members outgrow what the worker keeps (four million, where they are five), or never do (ten, as by default)."""
    many = max(events, 10_000)
    return {
        "posts": [Point("posts", max(events, posts), posts, 1_000) for posts in (10_000, 100_000, 1_000_000)],
        "accounts": [Point("accounts", max(events, 100_000), 100_000, count) for count in (1_000, 10_000, 100_000)],
        "viral": [
            Point("viral", viral, 1, 1, cache_entries=max(1_000, kept), later=LATER_S * LATER_PER_S)
            for kept in (viral * 4 // 5, viral * 2)
        ],
        "partitions": [
            *(Point("partitions", many, 10_000, 1_000, count) for count in (1, 2, 4, 8)),
            *(Point("partitions", many, 10_000, 1_000, 8, count) for count in (2, 4, 8)),
        ],
    }


def records(point: Point, end_ms: int) -> Iterator[tuple[bytes, bytes]]:
    """Key and value of each record, later ones last: no repeats, in order of event time over 2 h 47 min."""
    rng = np.random.default_rng(SEED)
    count = point.events + point.later
    drawn = (rng.zipf(ZIPF, count - point.posts) - 1) % point.posts
    posts = rng.permutation(np.concatenate([np.arange(point.posts), drawn])).tolist()
    kinds = rng.choice(KINDS, count, p=SHARES).tolist()
    for number in range(count):
        post, account = posts[number], posts[number] % point.accounts
        time_ms = end_ms - SPAN_MS + number * SPAN_MS // count
        made = interaction_of(number, account, post, kinds[number], time_ms)
        yield made.key.encode(), encode_interaction(made)


def names(point: Point) -> Iterator[tuple[str, str]]:
    """Account and post of every post."""
    for post in range(point.posts):
        account = f"{100_000 + post % point.accounts}"
        yield account, f"{account}_{post}"


def _number(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
