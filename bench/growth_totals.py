"""What Redis holds when a point is counted: whether all of it is there, which commands it took, and how large it is."""

from __future__ import annotations

from itertools import islice
from typing import Any

import redis

from bench.growth_points import Point, names
from pipeline.slots import slot_of
from pipeline.store.keys import Keys

PAGES_AT_ONCE = 5_000
#: Commands of Redis that are told, the costliest first.
COMMANDS = 6
#: Smaller keys are not told.
TOLD_BYTES = 10_000
_COUNTS = ("likes", "comments", "shares")


def check_totals(point: Point, client: redis.Redis, keys: Keys) -> str:
    """Every page is there, and posts and accounts both add up to all events, later ones too. Else RuntimeError."""
    accounts = {account for account, _ in names(point)}
    pages = {
        "posts": (keys.post(slot_of("facebook", account), "facebook", post) for account, post in names(point)),
        "accounts": (keys.account(slot_of("facebook", account), "facebook", account) for account in accounts),
    }
    events = point.events + point.later
    for kind, some in pages.items():
        total = there = 0
        while batch := list(islice(some, PAGES_AT_ONCE)):
            pipe = client.pipeline(transaction=False)
            for key in batch:
                pipe.hmget(key, *_COUNTS)
            sums = [sum(int(count or 0) for count in counts) for counts in pipe.execute()]
            total, there = total + sum(sums), there + sum(found > 0 for found in sums)
        expected = point.posts if kind == "posts" else point.accounts
        if total != events or there != expected:
            raise RuntimeError(
                f"{point.label}: {there:,} {kind} sum up to {total:,}; expected {expected:,} and {events:,}"
            )
    return "totals"


def commands_of(client: redis.Redis) -> dict[str, float]:
    """CPU-us of the costliest commands since the statistics were set back; a script's are in those of `EVALSHA` too."""
    stats: Any = client.info("commandstats")
    taken = {name.removeprefix("cmdstat_"): float(one["usec"]) for name, one in stats.items()}
    return dict(sorted(taken.items(), key=lambda one: -one[1])[:COMMANDS])


def sizes_of(client: redis.Redis) -> dict[str, int]:
    """`MEMORY USAGE` of each key of any size, by the kind of the key."""
    found: dict[str, int] = {}
    for key in client.scan_iter(match="tw:{*", count=1_000):
        size = int(client.memory_usage(key, samples=0) or 0)
        kind = key.decode().split(":")[2]
        if size > TOLD_BYTES:
            found[kind] = found.get(kind, 0) + size
    return found
