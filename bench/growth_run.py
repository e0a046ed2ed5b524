"""One point of growth: fills a topic of its own, lets workers count it, and looks at processor time and memory."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any

import psutil
import redis

from bench.counting import environment
from bench.events import fill
from bench.growth_points import Point, names, records
from bench.machine import Others
from bench.programs import Program, Progress
from pipeline.settings import Settings
from pipeline.slots import slot_of
from pipeline.store.keys import Keys
from pipeline.topic_admin import create_topics

LOOK_S = 0.5
PAGES_AT_ONCE = 5_000
#: Commands of Redis that are told, the costliest first.
COMMANDS = 6
_COUNTS = ("likes", "comments", "shares")


@dataclass(frozen=True)
class Look:
    """What was counted at a moment, and what it had cost: CPU-seconds, bytes."""

    applied: int
    worker_s: float
    redis_s: float
    rss: int
    used: int


@dataclass
class Grown:
    """A point's figures. `empty`: bytes of workers and Redis before the first event. `commands`: CPU-us of Redis."""

    point: Point
    looks: list[Look]
    empty_rss: int
    empty_used: int
    others_cores: float = 0.0
    proof: str = ""
    commands: dict[str, float] = field(default_factory=dict)
    viral_bytes: dict[str, int] = field(default_factory=dict)

    @property
    def worker_us(self) -> float:
        """CPU-us of all workers for an event, from the first slice seen applied."""
        return cost(self.looks[0], self.looks[-1])[0]

    @property
    def redis_us(self) -> float:
        """CPU-us of Redis for an event."""
        return cost(self.looks[0], self.looks[-1])[1]

    @property
    def redis_page_bytes(self) -> float:
        """`used_memory` that came for a page, everything beside the page included."""
        return (self.looks[-1].used - self.empty_used) / self.point.pages

    @property
    def worker_page_bytes(self) -> float:
        """Resident bytes that came for a page, buffers of fetches and slices included."""
        return (max(look.rss for look in self.looks) - self.empty_rss) / self.point.pages


def cost(before: Look, after: Look) -> tuple[float, float]:
    """CPU-us for an event between two looks: workers, Redis."""
    events = max(1, after.applied - before.applied)
    return (after.worker_s - before.worker_s) / events * 1e6, (after.redis_s - before.redis_s) / events * 1e6


def run_point(
    point: Point,
    settings: Settings,
    servers: list[int],
    client: redis.Redis,
    folder: Path,
    limit_s: float,
    told: Callable[[int], None],
) -> Grown:
    """Measure one point and prove its totals. `told` gets the number of events counted. Raises ProgramError where a
    worker ends or takes longer than `limit_s`, RuntimeError where a total is wrong."""
    client.flushall()
    create_topics(settings)
    fill(settings, point.events, records(point, int(time.time() * 1000)))
    client.config_resetstat()
    used = _used(client)
    told_env = {"TWOWAY_TOPIC_PREFIX": settings.topic_prefix, "TWOWAY_GROUP": settings.group}
    env = {**environment(replace(settings, worker_port=0)), **told_env}
    command = [sys.executable, "-m", "pipeline", "worker"]
    with ExitStack() as stack:
        progress = stack.enter_context(Progress(settings, client))
        workers = [
            stack.enter_context(Program("worker", command, env, folder / f"worker{number}.log", limit_s))
            for number in range(point.workers)
        ]
        empty = 0
        while progress.applied_about() == 0:
            for worker in workers:
                worker.must_run()
            # What it holds before the first fetch: the least that is seen late, and the most before an event.
            empty = max(empty, sum(psutil.Process(worker.pid).memory_info().rss for worker in workers))
            if client.dbsize() > 1_000:
                break
            time.sleep(0.05)
        others = Others(servers)
        grown = Grown(point, [], empty, used)
        grown.looks = list(_looks(point, progress, workers, client, told))
        grown.others_cores = others.cores(grown.looks[-1].worker_s - grown.looks[0].worker_s)
    grown.commands = _commands(client)
    grown.proof = check_totals(point, client, Keys(settings.key_prefix))
    if point.series == "viral":
        grown.viral_bytes = _sizes(client)
    return grown


def _looks(
    point: Point, progress: Progress, workers: list[Program], client: redis.Redis, told: Callable[[int], None]
) -> Iterator[Look]:
    """Until all is counted; a last one when all rows are published as well."""
    counted = False
    while True:
        for worker in workers:
            worker.must_run()
        applied = progress.applied_exactly()
        counted = applied >= point.events
        if not counted or progress.committed() >= point.events:
            told(applied)
            rss = sum(psutil.Process(worker.pid).memory_info().rss for worker in workers)
            worker_s = sum(worker.cpu_seconds() for worker in workers)
            yield Look(applied, worker_s, _redis_seconds(client), rss, _used(client))
            if counted:
                return
        time.sleep(LOOK_S)


def check_totals(point: Point, client: redis.Redis, keys: Keys) -> str:
    """Every page is there, and posts and accounts both add up to the events. Raises RuntimeError otherwise."""
    accounts = {account for account, _ in names(point)}
    pages = {
        "posts": (keys.post(slot_of("facebook", account), "facebook", post) for account, post in names(point)),
        "accounts": (keys.account(slot_of("facebook", account), "facebook", account) for account in accounts),
    }
    for kind, some in pages.items():
        total = there = 0
        while batch := list(islice(some, PAGES_AT_ONCE)):
            pipe = client.pipeline(transaction=False)
            for key in batch:
                pipe.hmget(key, *_COUNTS)
            sums = [sum(int(count or 0) for count in counts) for counts in pipe.execute()]
            total, there = total + sum(sums), there + sum(found > 0 for found in sums)
        expected = point.posts if kind == "posts" else point.accounts
        if total != point.events or there != expected:
            raise RuntimeError(
                f"{point.label}: {there:,} {kind} sum up to {total:,}; expected {expected:,} and {point.events:,}"
            )
    return "totals"


def _redis_seconds(client: redis.Redis) -> float:
    info: Any = client.info("cpu")
    return float(info["used_cpu_user"]) + float(info["used_cpu_sys"])


def _used(client: redis.Redis) -> int:
    info: Any = client.info("memory")
    return int(info["used_memory"])


def _commands(client: redis.Redis) -> dict[str, float]:
    stats: Any = client.info("commandstats")
    taken = {name.removeprefix("cmdstat_"): float(one["usec"]) for name, one in stats.items()}
    return dict(sorted(taken.items(), key=lambda one: -one[1])[:COMMANDS])


def _sizes(client: redis.Redis) -> dict[str, int]:
    """`MEMORY USAGE` of each key of any size, by the kind of the key."""
    found: dict[str, int] = {}
    for key in client.scan_iter(match="tw:{*", count=1_000):
        size = int(client.memory_usage(key, samples=0) or 0)
        kind = key.decode().split(":")[2]
        if size > 10_000:
            found[kind] = found.get(kind, 0) + size
    return found
